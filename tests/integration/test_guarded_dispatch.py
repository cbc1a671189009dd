"""Guards for venues with error numbers, on the real way out: each number, for an entry and for a stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from brackets import readers
from brackets.core.events import CloseRequested, EditRequested
from brackets.core.states import ExitReason, State
from brackets.models import Account, Instrument, Order
from brackets.venue import port
from brackets.venue.guarded import CLOSE_ALL, REDUCE_ONLY, Attempt, Guarded, Send
from brackets.venue.guards import BINANCE
from brackets.venue.throttles import InstrumentThrottles
from brackets.venue.treatments import Write
from tests.integration.engine_venue import EngineVenue
from tests.integration.engine_world import ETH, QUANTITY, World
from tests.integration.engine_world import STOP as STOP_PRICE
from tests.unit.guard_case import binance
from trading.models import Trade

pytest_plugins = ["tests.integration.worlds"]
ENTRY, STOP, EXIT, AMEND = "entry", "stop", "exit", "amend"
MINUTE, STEP = 60, 5  # seconds


class GuardedVenue:
    """An adapter whose writes go through the guards. `refuse` is what the venue says to the next ones."""

    def __init__(self, venue: EngineVenue, account: Account) -> None:
        self.venue, self.account = venue, account
        self.answers: dict[str, list[int]] = {}
        self.attempts: list[tuple[str, Attempt]] = []
        self.start()

    def start(self) -> None:
        """A process begins to send: nothing but the database tells what was before."""
        self.guarded = Guarded(
            "binance",
            throttles=InstrumentThrottles(self.account),
            clock=self.venue.clock,
            pause=lambda seconds: self.venue.clock.pass_seconds(float(seconds)),
            between=lambda least, most: most,
        )

    def refuse(self, what: str, *codes: int) -> None:
        self.answers.setdefault(what, []).extend(codes)

    def tries(self, what: str) -> list[Mapping[str, object]]:
        """The parameters of every attempt that reached the venue."""
        return [attempt.params for name, attempt in self.attempts if name == what]

    def place(self, request: port.OrderRequest, *, urgent: bool) -> port.Outcome:
        reduces = request.side is port.Side.SELL
        what = EXIT if reduces and request.trigger_price is None else STOP if reduces else ENTRY
        attempt = Attempt(
            write=Write.PLACE,
            symbol=request.symbol,
            reduces=reduces,
            quantity=request.quantity,
            params={CLOSE_ALL: True} if reduces else {},
        )
        return self.guarded.send(attempt, self.heard(what, lambda: self.venue.place(request, urgent=urgent)))

    def amend(self, request: port.AmendRequest, *, urgent: bool) -> port.Outcome:
        attempt = Attempt(write=Write.AMEND, symbol=request.symbol, reduces=True)
        return self.guarded.send(attempt, self.heard(AMEND, lambda: self.venue.amend(request, urgent=urgent)))

    def cancel(self, venue_order_id: str, **options: Any) -> port.Outcome:
        """What the venue does not know any more has ended: it was done all the same."""
        order = Order.objects.get(venue_order_id=venue_order_id)
        attempt = Attempt(write=Write.CANCEL, symbol=order.bracket.symbol, reduces=True)
        name = f"cancel {order.role}"
        if self.answers.get(name):
            self.venue.cancel_by_hand(venue_order_id)
        return self.guarded.send(
            attempt, self.heard(name, lambda: self.venue.cancel(venue_order_id, **options))
        )

    def heard(self, what: str, ask: Callable[[], port.Outcome]) -> Send:
        def send(attempt: Attempt) -> str | None:
            self.attempts.append((what, attempt))
            if self.answers.get(what):
                raise binance(self.answers[what].pop(0))
            outcome = ask()
            assert isinstance(outcome, port.Accepted), outcome
            return outcome.venue_order_id

        return send

    def __getattr__(self, name: str) -> Any:
        return getattr(self.venue, name)


@pytest.fixture
def guarded(world: World) -> World:
    """Its stops are placed by us, not attached to the entry."""
    world.venue = GuardedVenue(world.venue, world.account)
    world.configure(entry_stop="own")
    return world


def ended(world: World, trade: Trade) -> str:
    world.until_closed(trade, seconds=STEP)
    return trade.exit_reason


def throttled(symbol: str = ETH) -> Any:
    return Instrument.objects.get(symbol=symbol).throttled_until


# --- entries -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [-2019, -1106, -4164, -2010])
def test_an_entry_that_is_skipped_is_not_tried_again(guarded: World, code: int) -> None:
    guarded.venue.refuse(ENTRY, code)
    assert ended(guarded, guarded.open()) == ExitReason.ENTRY_REJECTED
    assert guarded.venue.tries(ENTRY) == [{}]
    assert (throttled() is not None) == (code == -2010)
    guarded.assert_sound()


def test_an_entry_that_would_trigger_is_tried_once_more(guarded: World) -> None:
    guarded.venue.refuse(ENTRY, -2021)
    guarded.until(guarded.open(), State.BRACKET_ACTIVE)
    assert len(guarded.venue.tries(ENTRY)) == 2


def test_an_entry_that_ended_before_its_cancel_is_read(guarded: World) -> None:
    trade = guarded.open(entry_type="limit")
    guarded.turn()
    guarded.venue.refuse("cancel entry", -2011)
    guarded.configure(system_status="PAUSED")
    assert ended(guarded, trade) == ExitReason.ENTRY_CANCELED
    assert len(guarded.venue.tries("cancel entry")) == 1


# --- stops ---------------------------------------------------------------------------------------------


def refused_stop(world: World, *codes: int) -> Trade:
    """A position whose stop was refused so."""
    world.venue.refuse(STOP, *codes)
    trade = world.open()
    world.turn()
    assert world.bought_at_venue() == QUANTITY
    return trade


@pytest.mark.parametrize("code", [-2019, -2010])
def test_a_stop_that_is_skipped_comes_after_the_pause_and_nothing_is_sold(guarded: World, code: int) -> None:
    trade = refused_stop(guarded, code)
    guarded.turns(MINUTE // STEP - 1, seconds=STEP)
    assert (len(guarded.venue.tries(STOP)), guarded.sold_at_venue()) == (1, 0)
    assert guarded.bracket(trade).state == State.ENTRY_FILLED
    guarded.until(trade, State.BRACKET_ACTIVE, seconds=STEP)
    assert (guarded.stops_at_venue(), guarded.sold_at_venue()) == ([QUANTITY], 0)
    guarded.assert_sound()


@pytest.mark.parametrize("code", [-2019, -2010])
def test_while_the_venue_is_left_alone_its_price_is_watched(guarded: World, code: int) -> None:
    trade = refused_stop(guarded, code)
    guarded.venue.move(ETH, 2440)
    assert ended(guarded, trade) == ExitReason.STOP_LOSS


@pytest.mark.parametrize("code", [-2019, -2010])
def test_a_stop_that_is_skipped_twice_is_refused_for_good(guarded: World, code: int) -> None:
    trade = refused_stop(guarded, code, code)
    assert ended(guarded, trade) == ExitReason.ROLLBACK
    assert len(guarded.venue.tries(STOP)) == 2
    guarded.assert_sound()


def test_a_stop_that_would_trigger_is_tried_once_more(guarded: World) -> None:
    trade = refused_stop(guarded, -2021)
    guarded.until(trade, State.BRACKET_ACTIVE)
    assert len(guarded.venue.tries(STOP)) == 2


def test_a_stop_that_may_not_close_all_is_placed_as_reduce_only(guarded: World) -> None:
    trade = refused_stop(guarded, -1106)
    guarded.until(trade, State.BRACKET_ACTIVE)
    assert guarded.venue.tries(STOP) == [{CLOSE_ALL: True}, {REDUCE_ONLY: True}]


def test_a_stop_that_cannot_be_moved_for_want_of_margin_stays_and_is_moved_later(guarded: World) -> None:
    trade = guarded.open()
    guarded.until(trade, State.BRACKET_ACTIVE)
    stop = guarded.stop_at_venue().txid
    guarded.venue.refuse(AMEND, -2019, -2019)
    guarded.ask(trade, EditRequested(at=guarded.clock.now, stop_price=STOP_PRICE + 10))
    guarded.turns(MINUTE // STEP - 1, seconds=STEP)
    assert len(guarded.venue.tries(AMEND)) == 2
    assert (guarded.stop_at_venue().txid, guarded.venue.tries("cancel stop")) == (stop, [])
    guarded.turns(2, seconds=STEP)
    assert (guarded.stop_at_venue().txid, guarded.stop_at_venue().trigger_price) == (stop, STOP_PRICE + 10)
    guarded.assert_sound()


def test_a_stop_that_ended_before_its_cancel_is_read_and_its_coins_are_sold(guarded: World) -> None:
    trade = guarded.open()
    guarded.until(trade, State.BRACKET_ACTIVE)
    guarded.venue.refuse("cancel stop", -2011)
    guarded.ask(trade, CloseRequested(at=guarded.clock.now, reason=ExitReason.MANUAL))
    assert ended(guarded, trade) == ExitReason.MANUAL
    assert len(guarded.venue.tries("cancel stop")) == 1
    assert guarded.sold_at_venue() == QUANTITY
    guarded.assert_sound()


def test_what_is_too_small_to_be_closed_counts_as_closed(guarded: World) -> None:
    guarded.venue.refuse(EXIT, -4164)
    trade = refused_stop(guarded, -4164)
    guarded.until_closed(trade)
    assert (len(guarded.venue.tries(STOP)), len(guarded.venue.tries(EXIT))) == (1, 1)
    assert guarded.bracket(trade).dust == QUANTITY


# --- the throttle --------------------------------------------------------------------------------------


def test_a_throttled_pair_is_left_alone_by_every_process_and_after_a_restart(guarded: World) -> None:
    until = guarded.clock.now + timedelta(seconds=MINUTE)
    guarded.venue.refuse(ENTRY, -2010)
    ended(guarded, guarded.open())
    assert until <= throttled() <= until + timedelta(seconds=STEP)  # it left with the next turn
    readers.refresh_instruments(guarded.account, guarded.venue)
    guarded.venue.start()
    assert ended(guarded, guarded.open()) == ExitReason.ENTRY_EXPIRED
    assert len(guarded.venue.tries(ENTRY)) == 1, "the second was sent"
    other = guarded.open(symbol="SOL/USD", quantity=Decimal(1), stop=Decimal(130), target=Decimal(200))
    guarded.until(other, State.BRACKET_ACTIVE)
    guarded.turns(MINUTE // STEP, seconds=STEP)
    guarded.until(guarded.open(), State.BRACKET_ACTIVE)


def test_the_later_of_two_throttles_counts(world: World) -> None:
    kept = InstrumentThrottles(world.account)
    now = world.clock.now
    for seconds in (60, 30):
        kept.leave_alone(ETH, until=now + timedelta(seconds=seconds))
    assert kept.until(ETH) == now + timedelta(seconds=60)
    assert kept.until("SOL/USD") is None


def test_every_number_of_the_table_is_tried_here() -> None:
    assert set(BINANCE) == {-2019, -2021, -1106, -2011, -4164, -2010}
