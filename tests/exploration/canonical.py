"""One bracket for all that decide alike: the exploration's abstraction of a bracket.

Two histories lead to the same place when no decision of the machine could tell them apart. `canonical` brings
a bracket into the one form of its place: times are counted from now in units and end at a bound, ids are the
positions of the orders, and what no decision reads any more is dropped. `tests/exploration/test_canonical.py`
holds it to that: a bracket and its canonical form are stepped side by side.

Time. All events of one unit happen at `NOW`; a unit is ten seconds, so that the machine's own bounds of 10 s
keep their length. Of moments within a unit only their order is kept, and only where it is asked for:
whether an order is older than the exit, the swap or the part that is being sold.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from brackets.core.entry import crossed
from brackets.core.orders import Bracket, BracketOrder, Rules
from brackets.core.sentinel import NO_FUNDS
from brackets.core.states import OrderStatus, Policy, Role, State

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
NOW = BEGIN + timedelta(microseconds=900)
UNIT = timedelta(seconds=10)
OLDEST = BEGIN - 2 * UNIT
"""No rule of the exploration is longer: what is older is as old as this."""
CYCLE = 100
OLDEST_CYCLE = CYCLE - 1
"""The venue is compared once in a unit; so many comparisons ago."""

RULES = Rules(
    funds_retry_seconds=10,
    retry_spacing_seconds=1,  # from one unit to the next
    most_retry_spacing_seconds=1,
    refused_exit_pause_seconds=10,
    most_refused_exit_pause_seconds=10,  # not more with each round: no refusal of long ago is counted
    bare_exit_seconds=20,
    protect_timeout_seconds=20,
    bare_retry_seconds=5,
    unread_exit_seconds=20,
    repair_spacing_seconds=10,
    repair_spacing_cycles=1,
    most_stops=2,
    merge_age_seconds=10,
    swap_cooldown_seconds=10,
    swap_patience_seconds=10,
    reduce_patience_seconds=20,
    expiry_margin_seconds=10,
)
"""The machine's rules, with its long pauses shortened to units; the others are the product's own."""

PLAIN = frozenset({State.FLAT, State.ENTRY_PLACED, State.ENTRY_FILLED, State.BRACKET_ACTIVE})
SELLING = frozenset({State.TP_FILLED, State.SL_FILLED, State.EXITING})
NEVER_THERE = frozenset({OrderStatus.REJECTED, OrderStatus.DENIED, OrderStatus.ABSENT})
NOTHING: frozenset[str] = frozenset()


def canonical(bracket: Bracket, *, may_be_held: bool = True) -> Bracket:
    """The bracket as it decides from now on, with its orders named by their places. `may_be_held` is whether
    somebody may still put it on hold: that reads since when coins of an exit are bare."""
    bracket = without_idle_wishes(bracket)
    begins = Begins(bracket)
    repaired = next((i for i, o in enumerate(bracket.orders) if o.key == bracket.repair_key), None)
    keeps_wait = may_be_held or bracket.state not in SELLING
    return having(
        bracket,
        orders=tuple(canonical_order(bracket, begins, place) for place in range(len(bracket.orders))),
        sequence=0,
        exit_began_at=begins.marked(bracket.exit_began_at),
        swap_began_at=begins.marked(bracket.swap_began_at),
        reduce_began_at=begins.marked(bracket.reduce_began_at),
        entry_began_at=since(bracket.entry_began_at),
        unprotected_since=since(bracket.unprotected_since) if keeps_wait else None,
        protect_from=until(bracket.protect_from) if keeps_wait else None,
        funds_refused_since=since(bracket.funds_refused_since),
        shortage_since=since(bracket.shortage_since),
        swap_after=to_come(bracket.swap_after),
        tidy_after=to_come(bracket.tidy_after),
        retry_after=to_come(bracket.retry_after),
        secondaries_due_at=due(bracket),
        repair_key="" if repaired is None else name_of(bracket.orders[repaired], repaired),
        repaired_at=since(bracket.repaired_at),
        repair_cycle=bracket.repair_cycle and max(bracket.repair_cycle, OLDEST_CYCLE),
        repairs=0,  # of this and the next three only alarms and reports are made
        repairs_refused=0,
        bare_since=None,
        bare_told=False,
    )


def without_idle_wishes(bracket: Bracket) -> Bracket:
    """Beginnings that nothing is measured from any more are dropped."""
    swapping = bracket.resting is Role.TARGET or bracket.policy is Policy.BOTH_REST
    refused = was_refused(list(bracket.having(Role.STOP))) or bracket.reduce_quantity > 0
    follows = bracket.plan.entry is not None and not bracket.entry_over
    return having(
        bracket,
        swap_began_at=bracket.swap_began_at if swapping else None,
        reduce_began_at=bracket.reduce_began_at if bracket.reduce_quantity > 0 else None,
        exit_began_at=None if bracket.state in PLAIN and not refused else bracket.exit_began_at,
        entry_began_at=bracket.entry_began_at if follows else None,
    )


class Begins:
    """What has begun (exit, swap, part), in order: an order was made before or after each of them."""

    def __init__(self, bracket: Bracket) -> None:
        moments = (bracket.exit_began_at, bracket.swap_began_at, bracket.reduce_began_at)
        self.moments = sorted({moment for moment in moments if moment is not None})
        self.oldest = BEGIN - UNIT if exit_is_patient(bracket) else OLDEST

    def marked(self, moment: datetime | None) -> datetime | None:
        return None if moment is None else self.at_mark(moment, 10 * (self.moments.index(moment) + 1))

    def at_mark(self, moment: datetime, mark: int) -> datetime:
        return at_mark(max(moment, self.oldest), mark)

    def count(self, moment: datetime) -> int:
        """How many had begun by then."""
        return sum(1 for began in self.moments if began <= moment)

    def after(self, count: int) -> datetime:
        """A moment after the first `count` of them, as early as can be."""
        if not count:
            return OLDEST
        began = self.marked(self.moments[count - 1])
        assert began is not None
        return began + timedelta(microseconds=5)


def exit_is_patient(bracket: Bracket) -> bool:
    """Whether of an exit's beginning nothing is asked but whether it was in this unit: no stop executes, and
    none can that is known or awaited."""
    stops = bracket.having(Role.STOP)
    if bracket.state is not State.EXITING or bracket.secondaries_due_at is not None or bracket.live_entries:
        return False
    return not any(stop.live or stop.triggered or stop.filled for stop in stops)


def having[Value: Bracket | BracketOrder](value: Value, **wanted: object) -> Value:
    """As `replace`, and the same value where nothing changes: most of it is canonical already."""
    changed = {name: new for name, new in wanted.items() if getattr(value, name) != new}
    return replace(value, **changed) if changed else value  # type: ignore[arg-type]


def canonical_order(bracket: Bracket, begins: Begins, place: int) -> BracketOrder:
    """An order named by its place, without what is asked of living ones only, or not at all."""
    order = bracket.orders[place]
    at_venue = None if order.venue_order_id is None else f"v{place}"
    touched = order.touched_at if order.live else None
    if touched is not None and max(touched, order.created_at) < BEGIN:
        touched = None
    ended = order.ended_at if is_last_entry(bracket, order) or order.ended_at is None else OLDEST
    amendment = order.amendment
    if amendment is not None:
        provable = until(amendment.provable_from)
        amendment = replace(amendment, number=1, asked_at=BEGIN, provable_from=provable)
    return having(
        order,
        key=name_of(order, place),
        venue_order_id=at_venue,
        created_at=created_at(bracket, begins, order),
        touched_at=since(touched),
        amiss_at=amiss_at(order),
        amiss_agreed=order.amiss_agreed and amiss_at(order) is not None,
        ended_at=since(ended),
        cancel_wanted=cancel_wanted(order),
        end_reason=order.end_reason if tells_why(order) else "",
        post_only=order.post_only and (order.live or crossed(order)),
        limit_price=order.limit_price if order.live or is_recent(begins, order) else None,
        read_back=order.read_back or not (order.live or order.status in NEVER_THERE),
        triggered=order.triggered or (order.role is Role.STOP and order.filled > 0),
        opened_at=None,
        first_filled_at=None,
        amendment=amendment,
        amends=0 if amendment is None else 1,
        trade_ids=NOTHING,
        booked_trade_ids=NOTHING,
    )


def name_of(order: BracketOrder, place: int) -> str:
    """Its id: `v…` of a secondary, which the venue made and named; `k…` of an order of ours."""
    return f"v{place}" if order.key == order.venue_order_id else f"k{place}"


def amiss_at(order: BracketOrder) -> datetime | None:
    """When a leg was harmed; nothing where it executed or could not rest, which is nobody's doing."""
    executed = order.triggered or order.filled > 0
    if not order.live and (executed or crossed(order)):
        return None
    return until(order.amiss_at)


def is_recent(begins: Begins, order: BracketOrder) -> bool:
    """Whether what is decided next may look at this order as the last try."""
    return order.role is Role.ENTRY or begins.count(order.created_at) > 0


def tells_why(order: BracketOrder) -> bool:
    """Whether the reason of an order's end is asked for: it would have crossed, or lacked coins."""
    return crossed(order) or NO_FUNDS in order.end_reason.lower()


def cancel_wanted(order: BracketOrder) -> bool:
    """Of an order that ended only those ends are told apart that say why."""
    if order.live or tells_why(order) or is_harmed(order):
        return order.cancel_wanted
    return order.status is OrderStatus.CANCELED


def created_at(bracket: Bracket, begins: Begins, order: BracketOrder) -> datetime:
    """When an order was made, as far as that is asked for: its age, up to a unit, of an order that works or
    was the last try; and whether it was before what has begun since."""
    count, recent = begins.count(order.created_at), max(order.created_at, BEGIN - UNIT)
    if order.role is Role.ENTRY:
        young = order.status is OrderStatus.INTENDED or (order.live and bracket.plan.entry is not None)
        return since(recent if young or is_last_entry(bracket, order) else OLDEST) or OLDEST
    refused = any(o.status is OrderStatus.REJECTED and o.role is order.role for o in bracket.orders)
    if order.role is Role.STOP and not refused:
        return since(recent if order.live else OLDEST) or OLDEST
    if order.limit_price is None:
        return begins.after(count)
    return begins.at_mark(order.created_at, 10 * count + 5) if count or order.live else OLDEST


def is_last_entry(bracket: Bracket, order: BracketOrder) -> bool:
    """Whether what follows this entry is still to be decided."""
    return not bracket.entry_over and order.role is Role.ENTRY and order is bracket.having(Role.ENTRY)[-1]


def is_harmed(order: BracketOrder) -> bool:
    return amiss_at(order) is not None


# --- time ------------------------------------------------------------------------------------------


def unit_of(moment: datetime) -> int:
    """How many units from now a moment lies: 0 in this one, below 0 before."""
    return (moment - BEGIN) // UNIT


def at_mark(moment: datetime, mark: int) -> datetime:
    """The moment's unit, and of its time within the unit only the order."""
    return max(BEGIN + unit_of(moment) * UNIT, OLDEST) + timedelta(microseconds=mark)


def since(moment: datetime | None) -> datetime | None:
    """A moment from which a duration runs."""
    return None if moment is None else at_mark(moment, 0)


def until(moment: datetime | None, bound: int = 1) -> datetime | None:
    """A moment that is waited for, at the first unit that begins after it; when it has come, it has come."""
    if moment is None:
        return None
    return BEGIN + max(-((NOW - moment) // UNIT), -bound) * UNIT


def to_come(moment: datetime | None) -> datetime | None:
    """As `until`, of moments that say nothing once they have come."""
    return None if moment is None or moment <= NOW else until(moment)


def due(bracket: Bracket) -> datetime | None:
    """When unseen stops must have shown; nothing where there can be none."""
    bought_out = bracket.entry_over and not bracket.live_entries
    if bracket.secondaries_due_at is None or (bought_out and not bracket.secondaries_missing):
        return None
    return until(bracket.secondaries_due_at, bound=2)


def aged(bracket: Bracket, *, may_be_held: bool = True) -> Bracket:
    """The bracket one unit later. What is past its bound stays there."""

    def earlier(moment: datetime | None) -> datetime | None:
        return None if moment is None else moment - UNIT

    orders = tuple(
        replace(
            order,
            created_at=order.created_at - UNIT,
            amiss_at=earlier(order.amiss_at),
            touched_at=earlier(order.touched_at),
            ended_at=earlier(order.ended_at),
            amendment=order.amendment
            and replace(order.amendment, provable_from=earlier(order.amendment.provable_from)),
        )
        for order in bracket.orders
    )
    moments = {name: earlier(getattr(bracket, name)) for name in MOMENTS}
    cycle = None if bracket.repair_cycle is None else bracket.repair_cycle - 1
    return canonical(replace(bracket, orders=orders, repair_cycle=cycle, **moments), may_be_held=may_be_held)  # type: ignore[arg-type]


MOMENTS = (
    "entry_began_at",
    "exit_began_at",
    "swap_began_at",
    "reduce_began_at",
    "unprotected_since",
    "repaired_at",
    "funds_refused_since",
    "shortage_since",
    "protect_from",
    "swap_after",
    "tidy_after",
    "retry_after",
    "secondaries_due_at",
)


# --- history ---------------------------------------------------------------------------------------


def may_be_forgotten(bracket: Bracket, place: int) -> bool:
    """Whether no decision reads this order any more: it ended without a fill, and what it was part of (an
    exit, a swap, a wait for stops the venue makes) is over."""
    order = bracket.orders[place]
    if order.live or order.filled or order.role is Role.ENTRY or bracket.secondaries_due_at is not None:
        return False
    if order.triggered:
        return False  # a stop that triggered is never put back
    if not bracket.entry_over or bracket.live_entries:
        return False  # each fill of an entry waits for a stop of its own
    if is_harmed(order) or order.key == bracket.repair_key:
        return False  # repairs are spaced
    if order.role is Role.STOP and not is_answered(bracket, place):
        return False  # the venue's last word on a stop of ours, or what came after it
    begins = (bracket.exit_began_at, bracket.swap_began_at)
    return not any(began is not None and began <= order.created_at for began in begins)


def is_answered(bracket: Bracket, place: int) -> bool:
    """Whether without this stop the last one is refused as it is now: whether a refusal stays the last word,
    or none becomes it."""
    stops = [order for order in bracket.orders if order.role is Role.STOP]
    others = [order for order in stops if order is not bracket.orders[place]]
    return was_refused(stops) == was_refused(others)


def was_refused(orders: list[BracketOrder]) -> bool:
    return bool(orders) and orders[-1].status is OrderStatus.REJECTED


def without(bracket: Bracket, place: int, *, may_be_held: bool = True) -> Bracket:
    shorter = replace(bracket, orders=bracket.orders[:place] + bracket.orders[place + 1 :])
    return canonical(shorter, may_be_held=may_be_held)
