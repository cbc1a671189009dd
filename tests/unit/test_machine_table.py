"""Every (state, event) pair against a table written by hand: the answer, or the named refusal.

Each state is a real bracket, reached by events from FLAT. The order events speak of the entry, the
one order every state has; what they do to stops and exits is told in the stories beside this file.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from brackets.core.events import (
    EVENT_TYPES,
    AmendAnswered,
    CancelKeptBack,
    CloseRequested,
    CoinsCounted,
    EditRequested,
    EntryRequested,
    Event,
    FillBooked,
    HoldRequested,
    OrderAbsent,
    OrderAccepted,
    OrderRefused,
    OrderReported,
    OrderUnknown,
    OrderValidated,
    OrderWithdrawn,
    ProtectRequested,
    ReduceRequested,
    ReleaseRequested,
    TargetTouched,
    Tick,
)
from brackets.core.invariants import violations
from brackets.core.machine import Outcome, RefusedEvent, step
from brackets.core.states import Answer, ExitReason, OrderStatus, Refusal, State
from tests.unit.machine_story import BEGIN, Story

D = Decimal


def flat() -> Story:
    return Story()


def entry_placed() -> Story:
    story = Story()
    story.enter()
    return story


def entry_filled() -> Story:
    return Story().filled_entry()


def bracket_active() -> Story:
    return Story().protected()


def exiting() -> Story:
    return Story().leaving_by_target()


def tp_filled() -> Story:
    story = Story().selling_at_target()
    story.accept(story.newest, "X")
    story.report("X", OrderStatus.FILLED, "1", price="110")
    return story


def sl_filled() -> Story:
    """The stop triggered and sold a part; the rest of it is still executing."""
    story = Story().protected()
    story.report("S", OrderStatus.OPEN, "0.4", parent="E", triggered=True)
    return story


def held() -> Story:
    story = Story().protected()
    story.hold()
    return story


def exit_complete() -> Story:
    story = tp_filled()
    story.book("E", "1", "TE")
    story.book("X", "1", "TX")
    return story


SCENES = {
    State.FLAT: flat,
    State.ENTRY_PLACED: entry_placed,
    State.ENTRY_FILLED: entry_filled,
    State.BRACKET_ACTIVE: bracket_active,
    State.EXITING: exiting,
    State.TP_FILLED: tp_filled,
    State.SL_FILLED: sl_filled,
    State.HELD: held,
    State.EXIT_COMPLETE: exit_complete,
}


def scene(state: State, event_type: type[Event]) -> Story:
    """A bracket in this state; one that shall only protect was planned around a coin that is there."""
    if (state, event_type) == (State.FLAT, ProtectRequested):
        return Story(held_quantity=D(1), held_price=D(100))
    return SCENES[state]()


def representative(event_type: type[Event], story: Story) -> Event:
    """The event of this type that the table's rows are about; the entry is its order."""
    at = story.now
    key = story.bracket.orders[0].key if story.bracket.orders else "no such order"
    events: dict[type[Event], Event] = {
        EntryRequested: EntryRequested(at=at),
        ProtectRequested: ProtectRequested(at=at),
        OrderAccepted: OrderAccepted(at=at, key=key, venue_order_id="E"),
        OrderRefused: OrderRefused(at=at, key=key, reason="insufficient_funds", message="no"),
        OrderUnknown: OrderUnknown(at=at, key=key, message="timed out"),
        OrderAbsent: OrderAbsent(at=at, key=key),
        OrderWithdrawn: OrderWithdrawn(at=at, key=key, reason="paused"),
        OrderValidated: OrderValidated(at=at, key=key),
        CancelKeptBack: CancelKeptBack(at=at, key=key, market="online"),
        AmendAnswered: AmendAnswered(at=at, key=key, number=1, answer=Answer.ACCEPTED, provable_from=at),
        OrderReported: OrderReported(
            at=at,
            venue_order_id="E",
            client_order_id=key,
            parent_venue_order_id=None,
            role_if_new=None,
            status=OrderStatus.FILLED,
            quantity=D(1),
            filled=D(1),
            average_price=D(100),
            opened_at=BEGIN,
            ended_at=BEGIN,
        ),
        FillBooked: FillBooked(at=at, venue_order_id="E", venue_trade_id="TE", quantity=D(1)),
        CoinsCounted: CoinsCounted(at=at, total=D(1)),
        TargetTouched: TargetTouched(at=at, price=D(110)),
        CloseRequested: CloseRequested(at=at, reason=ExitReason.MANUAL),
        EditRequested: EditRequested(at=at, stop_price=D(96), target_price=D(112)),
        ReduceRequested: ReduceRequested(at=at, quantity=D("0.4")),
        Tick: Tick(at=at, price=D(100)),
        HoldRequested: HoldRequested(at=at, reason="look"),
        ReleaseRequested: ReleaseRequested(at=at, reason="looked"),
    }
    return events[event_type]


NOTHING = "nothing changes"
Row = tuple[State, type[Event], object, tuple[str, ...]]
"""state, event, then: the next state and what is sent; or NOTHING; or the refusal."""

ROWS: list[Row] = [
    # FLAT: nothing was asked of the venue, so it can have nothing to say
    (State.FLAT, EntryRequested, State.ENTRY_PLACED, ("place entry 1",)),
    (State.FLAT, ProtectRequested, State.ENTRY_FILLED, ("place stop 1 at 95",)),
    (State.FLAT, OrderAccepted, Refusal.UNKNOWN_ORDER, ()),
    (State.FLAT, OrderRefused, Refusal.UNKNOWN_ORDER, ()),
    (State.FLAT, OrderUnknown, Refusal.UNKNOWN_ORDER, ()),
    (State.FLAT, OrderAbsent, Refusal.UNKNOWN_ORDER, ()),
    (State.FLAT, OrderWithdrawn, Refusal.UNKNOWN_ORDER, ()),
    (State.FLAT, OrderValidated, Refusal.UNKNOWN_ORDER, ()),
    (State.FLAT, CancelKeptBack, Refusal.UNKNOWN_ORDER, ()),
    (State.FLAT, AmendAnswered, Refusal.UNKNOWN_ORDER, ()),
    (State.FLAT, OrderReported, Refusal.UNKNOWN_ORDER, ()),
    (State.FLAT, FillBooked, Refusal.UNKNOWN_ORDER, ()),
    (State.FLAT, CoinsCounted, Refusal.NOT_OPENED, ()),
    (State.FLAT, TargetTouched, Refusal.NOT_OPENED, ()),
    (State.FLAT, CloseRequested, Refusal.NOT_OPENED, ()),
    (State.FLAT, EditRequested, Refusal.NOT_OPENED, ()),
    (State.FLAT, ReduceRequested, Refusal.NOT_OPENED, ()),
    (State.FLAT, Tick, NOTHING, ()),
    (State.FLAT, HoldRequested, Refusal.NOT_OPENED, ()),
    (State.FLAT, ReleaseRequested, Refusal.NOT_OPENED, ()),
    # ENTRY_PLACED: the entry is intended
    (State.ENTRY_PLACED, EntryRequested, Refusal.ALREADY_OPENED, ()),
    (State.ENTRY_PLACED, ProtectRequested, Refusal.ALREADY_OPENED, ()),
    (State.ENTRY_PLACED, OrderAccepted, State.ENTRY_PLACED, ()),
    (State.ENTRY_PLACED, OrderRefused, State.EXIT_COMPLETE, ()),
    (State.ENTRY_PLACED, OrderUnknown, State.ENTRY_PLACED, ()),
    (State.ENTRY_PLACED, OrderAbsent, State.EXIT_COMPLETE, ()),
    (State.ENTRY_PLACED, OrderWithdrawn, State.EXIT_COMPLETE, ()),
    (State.ENTRY_PLACED, OrderValidated, State.EXIT_COMPLETE, ()),
    (State.ENTRY_PLACED, CancelKeptBack, NOTHING, ()),  # nothing of an entry is ever amended
    (State.ENTRY_PLACED, AmendAnswered, NOTHING, ()),  # nothing of an entry is ever amended
    (State.ENTRY_PLACED, OrderReported, State.ENTRY_FILLED, ()),
    (State.ENTRY_PLACED, FillBooked, Refusal.UNKNOWN_ORDER, ()),  # a fill of an id nobody told us
    (State.ENTRY_PLACED, CoinsCounted, NOTHING, ()),
    (State.ENTRY_PLACED, TargetTouched, Refusal.NOT_PROTECTED, ()),
    (State.ENTRY_PLACED, CloseRequested, State.EXITING, ("cancel entry unsent",)),
    (State.ENTRY_PLACED, EditRequested, Refusal.NOT_PROTECTED, ()),
    (State.ENTRY_PLACED, ReduceRequested, Refusal.NOT_PROTECTED, ()),
    (State.ENTRY_PLACED, Tick, NOTHING, ()),
    (State.ENTRY_PLACED, HoldRequested, State.HELD, ("cancel entry unsent",)),
    (State.ENTRY_PLACED, ReleaseRequested, Refusal.NOT_HELD, ()),
    # ENTRY_FILLED: one coin bought, its secondary not seen
    (State.ENTRY_FILLED, EntryRequested, Refusal.ALREADY_OPENED, ()),
    (State.ENTRY_FILLED, ProtectRequested, Refusal.ALREADY_OPENED, ()),
    (State.ENTRY_FILLED, OrderAccepted, NOTHING, ()),
    (State.ENTRY_FILLED, OrderRefused, NOTHING, ()),
    (State.ENTRY_FILLED, OrderUnknown, NOTHING, ()),
    (State.ENTRY_FILLED, OrderAbsent, NOTHING, ()),
    (State.ENTRY_FILLED, OrderWithdrawn, NOTHING, ()),
    (State.ENTRY_FILLED, OrderValidated, NOTHING, ()),
    (State.ENTRY_FILLED, CancelKeptBack, NOTHING, ()),
    (State.ENTRY_FILLED, AmendAnswered, NOTHING, ()),
    (State.ENTRY_FILLED, OrderReported, NOTHING, ()),
    (State.ENTRY_FILLED, FillBooked, State.ENTRY_FILLED, ()),
    (State.ENTRY_FILLED, CoinsCounted, NOTHING, ()),
    (State.ENTRY_FILLED, TargetTouched, Refusal.NOT_PROTECTED, ()),
    (State.ENTRY_FILLED, CloseRequested, State.EXITING, ()),  # sells once the secondary was seen and canceled
    (State.ENTRY_FILLED, EditRequested, State.ENTRY_FILLED, ()),  # the stop, once it is seen, follows
    (
        State.ENTRY_FILLED,
        ReduceRequested,
        State.ENTRY_FILLED,
        (),
    ),  # the unseen stop is waited for
    (State.ENTRY_FILLED, Tick, NOTHING, ()),
    (State.ENTRY_FILLED, HoldRequested, State.HELD, ()),
    (State.ENTRY_FILLED, ReleaseRequested, Refusal.NOT_HELD, ()),
    # BRACKET_ACTIVE: the stop rests
    (State.BRACKET_ACTIVE, EntryRequested, Refusal.ALREADY_OPENED, ()),
    (State.BRACKET_ACTIVE, ProtectRequested, Refusal.ALREADY_OPENED, ()),
    (State.BRACKET_ACTIVE, OrderAccepted, NOTHING, ()),
    (State.BRACKET_ACTIVE, OrderRefused, NOTHING, ()),
    (State.BRACKET_ACTIVE, OrderUnknown, NOTHING, ()),
    (State.BRACKET_ACTIVE, OrderAbsent, NOTHING, ()),
    (State.BRACKET_ACTIVE, OrderWithdrawn, NOTHING, ()),
    (State.BRACKET_ACTIVE, OrderValidated, NOTHING, ()),
    (State.BRACKET_ACTIVE, CancelKeptBack, NOTHING, ()),
    (State.BRACKET_ACTIVE, AmendAnswered, NOTHING, ()),
    (State.BRACKET_ACTIVE, OrderReported, NOTHING, ()),
    (State.BRACKET_ACTIVE, FillBooked, State.BRACKET_ACTIVE, ()),
    (State.BRACKET_ACTIVE, CoinsCounted, NOTHING, ()),
    (State.BRACKET_ACTIVE, TargetTouched, State.EXITING, ("cancel stop S",)),
    (State.BRACKET_ACTIVE, CloseRequested, State.EXITING, ("cancel stop S",)),
    (State.BRACKET_ACTIVE, EditRequested, State.BRACKET_ACTIVE, ("amend stop S trigger 96",)),
    (State.BRACKET_ACTIVE, ReduceRequested, State.ENTRY_FILLED, ("amend stop S quantity 0.6",)),
    (State.BRACKET_ACTIVE, Tick, NOTHING, ()),
    (State.BRACKET_ACTIVE, HoldRequested, State.HELD, ()),
    (State.BRACKET_ACTIVE, ReleaseRequested, Refusal.NOT_HELD, ()),
    # EXITING: the target was touched, the stop is being canceled
    (State.EXITING, EntryRequested, Refusal.ALREADY_OPENED, ()),
    (State.EXITING, ProtectRequested, Refusal.ALREADY_OPENED, ()),
    (State.EXITING, OrderAccepted, NOTHING, ()),
    (State.EXITING, OrderRefused, NOTHING, ()),
    (State.EXITING, OrderUnknown, NOTHING, ()),
    (State.EXITING, OrderAbsent, NOTHING, ()),
    (State.EXITING, OrderWithdrawn, NOTHING, ()),
    (State.EXITING, OrderValidated, NOTHING, ()),
    (State.EXITING, CancelKeptBack, NOTHING, ()),
    (State.EXITING, AmendAnswered, NOTHING, ()),
    (State.EXITING, OrderReported, NOTHING, ()),
    (State.EXITING, FillBooked, State.EXITING, ()),
    (State.EXITING, CoinsCounted, NOTHING, ()),
    (State.EXITING, TargetTouched, Refusal.ALREADY_EXITING, ()),
    (State.EXITING, CloseRequested, Refusal.ALREADY_EXITING, ()),
    (State.EXITING, EditRequested, Refusal.ALREADY_EXITING, ()),
    (State.EXITING, ReduceRequested, Refusal.ALREADY_EXITING, ()),
    (State.EXITING, Tick, NOTHING, ()),
    (State.EXITING, HoldRequested, State.HELD, ()),
    (State.EXITING, ReleaseRequested, Refusal.NOT_HELD, ()),
    # TP_FILLED: everything sold at the target, the books open
    (State.TP_FILLED, EntryRequested, Refusal.ALREADY_OPENED, ()),
    (State.TP_FILLED, ProtectRequested, Refusal.ALREADY_OPENED, ()),
    (State.TP_FILLED, OrderAccepted, NOTHING, ()),
    (State.TP_FILLED, OrderRefused, NOTHING, ()),
    (State.TP_FILLED, OrderUnknown, NOTHING, ()),
    (State.TP_FILLED, OrderAbsent, NOTHING, ()),
    (State.TP_FILLED, OrderWithdrawn, NOTHING, ()),
    (State.TP_FILLED, OrderValidated, NOTHING, ()),
    (State.TP_FILLED, CancelKeptBack, NOTHING, ()),
    (State.TP_FILLED, AmendAnswered, NOTHING, ()),
    (State.TP_FILLED, OrderReported, NOTHING, ()),
    (State.TP_FILLED, FillBooked, State.TP_FILLED, ()),  # the exit's fill is still to be booked
    (State.TP_FILLED, CoinsCounted, NOTHING, ()),
    (State.TP_FILLED, TargetTouched, Refusal.ALREADY_EXITING, ()),
    (State.TP_FILLED, CloseRequested, Refusal.ALREADY_EXITING, ()),
    (State.TP_FILLED, EditRequested, Refusal.ALREADY_EXITING, ()),
    (State.TP_FILLED, ReduceRequested, Refusal.ALREADY_EXITING, ()),
    (State.TP_FILLED, Tick, NOTHING, ()),
    (State.TP_FILLED, HoldRequested, State.HELD, ()),
    (State.TP_FILLED, ReleaseRequested, Refusal.NOT_HELD, ()),
    # SL_FILLED: the stop triggered and is selling
    (State.SL_FILLED, EntryRequested, Refusal.ALREADY_OPENED, ()),
    (State.SL_FILLED, ProtectRequested, Refusal.ALREADY_OPENED, ()),
    (State.SL_FILLED, OrderAccepted, NOTHING, ()),
    (State.SL_FILLED, OrderRefused, NOTHING, ()),
    (State.SL_FILLED, OrderUnknown, NOTHING, ()),
    (State.SL_FILLED, OrderAbsent, NOTHING, ()),
    (State.SL_FILLED, OrderWithdrawn, NOTHING, ()),
    (State.SL_FILLED, OrderValidated, NOTHING, ()),
    (State.SL_FILLED, CancelKeptBack, NOTHING, ()),
    (State.SL_FILLED, AmendAnswered, NOTHING, ()),
    (State.SL_FILLED, OrderReported, NOTHING, ()),
    (State.SL_FILLED, FillBooked, State.SL_FILLED, ()),
    (State.SL_FILLED, CoinsCounted, NOTHING, ()),
    (State.SL_FILLED, TargetTouched, Refusal.ALREADY_EXITING, ()),
    (State.SL_FILLED, CloseRequested, State.EXITING, ("cancel stop S",)),
    (State.SL_FILLED, EditRequested, Refusal.ALREADY_EXITING, ()),
    (State.SL_FILLED, ReduceRequested, Refusal.ALREADY_EXITING, ()),
    (State.SL_FILLED, Tick, NOTHING, ()),
    (State.SL_FILLED, HoldRequested, State.HELD, ()),
    (State.SL_FILLED, ReleaseRequested, Refusal.NOT_HELD, ()),
    # HELD: an operator looks, the stop rests
    (State.HELD, EntryRequested, Refusal.ALREADY_OPENED, ()),
    (State.HELD, ProtectRequested, Refusal.ALREADY_OPENED, ()),
    (State.HELD, OrderAccepted, NOTHING, ()),
    (State.HELD, OrderRefused, NOTHING, ()),
    (State.HELD, OrderUnknown, NOTHING, ()),
    (State.HELD, OrderAbsent, NOTHING, ()),
    (State.HELD, OrderWithdrawn, NOTHING, ()),
    (State.HELD, OrderValidated, NOTHING, ()),
    (State.HELD, CancelKeptBack, NOTHING, ()),
    (State.HELD, AmendAnswered, NOTHING, ()),
    (State.HELD, OrderReported, NOTHING, ()),
    (State.HELD, FillBooked, State.HELD, ()),
    (State.HELD, CoinsCounted, NOTHING, ()),
    (State.HELD, TargetTouched, Refusal.ALREADY_EXITING, ()),
    (State.HELD, CloseRequested, State.EXITING, ("cancel stop S",)),
    (State.HELD, EditRequested, Refusal.ALREADY_EXITING, ()),
    (State.HELD, ReduceRequested, Refusal.ALREADY_EXITING, ()),
    (State.HELD, Tick, NOTHING, ()),
    (State.HELD, HoldRequested, NOTHING, ()),
    (State.HELD, ReleaseRequested, State.BRACKET_ACTIVE, ()),
    # EXIT_COMPLETE: sold at the target, every fill booked
    (State.EXIT_COMPLETE, EntryRequested, Refusal.ALREADY_OPENED, ()),
    (State.EXIT_COMPLETE, ProtectRequested, Refusal.ALREADY_OPENED, ()),
    (State.EXIT_COMPLETE, OrderAccepted, NOTHING, ()),
    (State.EXIT_COMPLETE, OrderRefused, NOTHING, ()),
    (State.EXIT_COMPLETE, OrderUnknown, NOTHING, ()),
    (State.EXIT_COMPLETE, OrderAbsent, NOTHING, ()),
    (State.EXIT_COMPLETE, OrderWithdrawn, NOTHING, ()),
    (State.EXIT_COMPLETE, OrderValidated, NOTHING, ()),
    (State.EXIT_COMPLETE, CancelKeptBack, NOTHING, ()),
    (State.EXIT_COMPLETE, AmendAnswered, NOTHING, ()),
    (State.EXIT_COMPLETE, OrderReported, NOTHING, ()),
    (State.EXIT_COMPLETE, FillBooked, NOTHING, ()),
    (State.EXIT_COMPLETE, CoinsCounted, Refusal.OVER, ()),
    (State.EXIT_COMPLETE, TargetTouched, Refusal.OVER, ()),
    (State.EXIT_COMPLETE, CloseRequested, Refusal.OVER, ()),
    (State.EXIT_COMPLETE, EditRequested, Refusal.OVER, ()),
    (State.EXIT_COMPLETE, ReduceRequested, Refusal.OVER, ()),
    (State.EXIT_COMPLETE, Tick, NOTHING, ()),
    (State.EXIT_COMPLETE, HoldRequested, Refusal.OVER, ()),
    (State.EXIT_COMPLETE, ReleaseRequested, Refusal.OVER, ()),
]


def row_id(row: Row) -> str:
    return f"{row[0]}-{row[1].__name__}"


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_the_pair_gives_the_expected_answer(row: Row) -> None:
    state, event_type, expected, sent = row
    story = scene(state, event_type)
    before = story.bracket
    event = representative(event_type, story)
    if isinstance(expected, Refusal):
        with pytest.raises(RefusedEvent) as refused:
            step(before, event)
        assert refused.value.refusal is expected
        assert story.bracket == scene(state, event_type).bracket, (
            "a refused event changed the bracket it was given"
        )
        return
    if expected == NOTHING:
        assert step(before, event) == Outcome(bracket=before)
        return
    story.say(event)
    assert story.state is expected
    assert tuple(story.words) == sent
    assert story.bracket != before


def test_the_table_has_every_pair_once() -> None:
    pairs = [(state, event_type) for state, event_type, _, _ in ROWS]
    assert len(pairs) == len(State) * len(EVENT_TYPES) == 180
    assert set(pairs) == {(state, event_type) for state in State for event_type in EVENT_TYPES}


@pytest.mark.parametrize("state", list(State))
def test_the_scene_is_in_its_state(state: State) -> None:
    bracket = SCENES[state]().bracket
    assert bracket.state is state
    assert violations(bracket) == ()


@pytest.mark.parametrize("state", [s for s in State if s is not State.FLAT])
@pytest.mark.parametrize(
    "event",
    [
        OrderAccepted(at=BEGIN, key="stranger", venue_order_id="Q"),
        OrderRefused(at=BEGIN, key="stranger", reason="other", message=""),
        OrderUnknown(at=BEGIN, key="stranger", message=""),
        OrderAbsent(at=BEGIN, key="stranger"),
        OrderWithdrawn(at=BEGIN, key="stranger", reason=""),
        OrderValidated(at=BEGIN, key="stranger"),
        CancelKeptBack(at=BEGIN, key="stranger", market="online"),
        AmendAnswered(at=BEGIN, key="stranger", number=1, answer=Answer.REFUSED, provable_from=BEGIN),
        FillBooked(at=BEGIN, venue_order_id="Q", venue_trade_id="TQ", quantity=D(1)),
    ],
    ids=lambda event: type(event).__name__,
)
def test_an_order_of_somebody_else_is_refused_in_every_state(state: State, event: Event) -> None:
    with pytest.raises(RefusedEvent) as refused:
        step(SCENES[state]().bracket, event)
    assert refused.value.refusal is Refusal.UNKNOWN_ORDER
