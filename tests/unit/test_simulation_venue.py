"""The faulty venue: each fault is what its name says, for the product's own adapter, and is counted."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from brackets.venue import port
from brackets.venue.paper.rules import DEADLINE_ELAPSED
from brackets.venue.port import Accepted, Reason, Refused, Unknown, VenueUnavailable
from tests.simulation.auditor.records import Filled, Requested, Troubled
from tests.simulation.venue import EVERY, Fault, drawn_rates
from tests.simulation.venue.options import OF_OWNER, OF_PUBLIC, OF_READS, OF_WRITES
from tests.simulation.venue.set_clock import SetClock
from tests.unit.sim_desk import ETH, NOON, QUANTITY, SimDesk

DONE_AND_TOLD = {Fault.LATE_ANSWER, Fault.TWICE}
DONE_IN_DOUBT = {fault for fault in OF_WRITES if fault.name.endswith("_AFTER")} | {
    Fault.LOST_ANSWER,
    Fault.WARNED,
    Fault.NAMELESS,
}
REFUSED = {
    Fault.NONCE: Reason.INVALID_NONCE,
    Fault.KEY_RATE: Reason.RATE_LIMITED,
    Fault.PAIR_RATE: Reason.RATE_LIMITED,
    Fault.NO_BUDGET: Reason.RATE_LIMITED,
}


def only(fault: Fault, **options: Any) -> SimDesk:
    return SimDesk({fault: 1.0}, late_seconds=(6.0, 6.0), **options)


# --- requests ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [*OF_WRITES, Fault.NO_BUDGET])
def test_each_fault_of_a_placement_comes_to_what_the_adapter_makes_of_it(fault: Fault) -> None:
    desk = only(fault)
    outcome = desk.buy()
    assert desk.count.pop(fault) == 1
    done = fault in DONE_AND_TOLD | DONE_IN_DOUBT | {Fault.TWICE_REFUSED}
    assert len(desk.placed()) == done
    if fault in DONE_AND_TOLD:
        assert outcome == Accepted(venue_order_id=desk.placed()[0].txid)
    elif fault is Fault.TWICE_REFUSED:
        assert isinstance(outcome, Refused)
        assert outcome.reason is Reason.INVALID_NONCE
    elif fault in REFUSED:
        assert isinstance(outcome, Refused)
        assert outcome.reason is REFUSED[fault]
    else:
        assert isinstance(outcome, Unknown), outcome


@pytest.mark.parametrize("fault", [*OF_WRITES, Fault.NO_BUDGET])
def test_each_fault_of_a_cancel_never_says_that_the_order_lives(fault: Fault) -> None:
    desk = SimDesk(late_seconds=(6.0, 6.0))
    desk.buy()
    desk.port.wire.calm({fault: 1.0})
    desk.venue.house.mischief.rates.update({fault: 1.0})
    stop = desk.stop()
    outcome = desk.cancel_stop()
    ended = desk.venue.house.still_open(stop.txid) is None
    assert not isinstance(outcome, Accepted) or ended
    if isinstance(outcome, Refused):
        assert outcome.reason in set(REFUSED.values())
        assert not ended or fault is Fault.TWICE_REFUSED


@pytest.mark.parametrize("fault", [*OF_READS, Fault.NO_BUDGET])
def test_a_read_that_is_not_answered_whole_raises(fault: Fault) -> None:
    desk = only(fault)
    if fault is Fault.LATE_ANSWER:
        before = desk.now
        assert desk.port.open_orders() == []
        assert desk.now - before > timedelta(seconds=0.5)
    else:
        with pytest.raises(VenueUnavailable):
            desk.port.open_orders()
    assert desk.count[fault] == 1


@pytest.mark.parametrize("fault", OF_PUBLIC)
def test_public_reads_fail_in_the_same_ways(fault: Fault) -> None:
    desk = only(fault)
    if fault is Fault.LATE_ANSWER:
        assert desk.port.quotes([ETH])[0].last == 2500
    else:
        with pytest.raises(VenueUnavailable):
            desk.port.quotes([ETH])


def test_a_late_request_is_refused_after_its_deadline_and_taken_without_one() -> None:
    for deadline, said in ((NOON + timedelta(seconds=4), "refused for its deadline"), (None, "taken")):
        desk = only(Fault.LATE_REQUEST)
        assert isinstance(desk.buy(deadline_at=deadline), Unknown)
        assert desk.placed() == []
        desk.advance(8)
        assert desk.count[f"late request {said}"] == 1
        assert len(desk.placed()) == (deadline is None)


def test_a_late_request_has_an_old_nonce_unless_the_key_has_a_window() -> None:
    for window, taken in ((0.0, False), (20.0, True)):
        desk = only(Fault.LATE_REQUEST, nonce_window_seconds=window)
        desk.buy(deadline_at=None)
        desk.port.wire.calm()
        desk.port.open_orders()
        desk.advance(8)
        assert bool(desk.placed()) is taken
        assert ("nonce refused: another came first" in desk.count) is not taken


def test_no_two_processes_send_at_once() -> None:
    desk = SimDesk()
    other = desk.connect("cluster")
    slot = desk.port._calls._slot
    with slot.turn(cost=0, urgent=True) as first:
        began = desk.now
        other.open_orders()
        assert desk.now - began > timedelta(seconds=6), "the turn's lease ran out first"
    with slot.turn(cost=0, urgent=True) as second:
        assert second.nonce > first.nonce + 1


def test_what_is_urgent_takes_its_turn_before_what_waits_longer() -> None:
    desk = SimDesk()
    key = desk.port._calls._slot._key
    key.urgent = 1  # somebody waits with an exit
    with pytest.raises(VenueUnavailable):
        desk.port.open_orders()
    assert desk.port.open_orders(urgent=True) == []
    key.urgent = 0
    assert desk.port.open_orders() == []


def test_whoever_was_frozen_with_a_nonce_in_hand_is_refused() -> None:
    frozen = 30.0

    def freeze(place: str) -> None:
        if place == "before send" and not desk.placed():
            desk.wait(frozen)
            other.open_orders()

    desk = SimDesk(boundary=freeze)
    other = desk.connect("cluster")
    outcome = desk.buy(deadline_at=None)
    assert isinstance(outcome, Refused)
    assert outcome.reason is Reason.INVALID_NONCE
    sent = [r for r in desk.venue.log.records if isinstance(r, Requested) and r.method == "AddOrder"]
    assert sent[0].sent_at >= NOON + timedelta(seconds=frozen)


class Killed(BaseException):
    pass


@pytest.mark.parametrize(("where", "placed"), [("before send", 0), ("after send", 1)])
def test_a_process_may_die_on_either_side_of_a_send(where: str, placed: int) -> None:
    def die(place: str) -> None:
        if place == where:
            raise Killed

    desk = SimDesk(boundary=die)
    with pytest.raises(Killed):
        desk.buy()
    assert len(desk.placed()) == placed
    desk.boundary = lambda place: None
    assert isinstance(desk.buy(), Accepted), "the turn was given back"


def test_both_sides_of_a_write_are_passed_and_none_of_a_read() -> None:
    desk = only(Fault.LOST_ANSWER)
    desk.buy()
    assert desk.passed == ["before send", "after send"]
    desk.port.wire.calm()
    desk.port.open_orders()
    assert len(desk.passed) == 2


# --- readings ------------------------------------------------------------------------------------------


def test_a_stale_reading_shows_what_was() -> None:
    desk = SimDesk({Fault.STALE_ORDERS: 1.0, Fault.STALE_BALANCES: 1.0}, stale_seconds=(5.0, 5.0))
    desk.buy()
    assert desk.port.open_orders() == []
    assert [reading.asset for reading in desk.port.balances()] == ["ZUSD"]
    desk.advance(6)
    (stop,) = desk.port.open_orders()
    desk.cancel_stop()
    assert [report.status for report in desk.port.orders([stop.venue_order_id])] == ["open"]
    desk.advance(6)
    assert [report.status for report in desk.port.orders([stop.venue_order_id])] == ["canceled"]
    assert desk.count[Fault.STALE_ORDERS] == 4


def test_closed_orders_may_lag_behind() -> None:
    desk = SimDesk({Fault.STALE_CLOSED: 1.0}, stale_seconds=(5.0, 5.0))
    desk.buy()
    assert desk.port.closed_orders(since=NOON) == []
    desk.advance(6)
    assert len(desk.port.closed_orders(since=NOON)) == 1


def test_books_may_lag_behind() -> None:
    desk = SimDesk({Fault.STALE_BOOKS: 1.0}, stale_seconds=(5.0, 5.0))
    desk.buy()
    assert desk.port.trades_since(NOON) == []
    desk.advance(6)
    (trade,) = desk.port.trades_since(NOON)
    moved = [entry for entry in desk.port.ledgers(since=NOON) if entry.reference == trade.venue_trade_id]
    assert len(moved) == 2
    assert desk.port.trades([trade.venue_trade_id]) == [trade]


def test_an_order_may_be_left_out_of_an_answer() -> None:
    desk = SimDesk({Fault.OMITTED: 1.0})
    desk.buy()
    assert desk.port.orders([desk.stop().txid]) == []
    assert desk.count[Fault.OMITTED] == 1
    assert len(desk.port.open_orders()) == 1, "only an answer about named orders leaves one out"


@pytest.mark.parametrize("fault", [Fault.SEEN_LATE, Fault.SECONDARY_LATE])
def test_a_new_order_may_become_visible_late(fault: Fault) -> None:
    desk = SimDesk({fault: 1.0})
    desk.buy()
    shown = [*desk.port.open_orders(), *desk.port.closed_orders(since=NOON)]
    assert len(shown) == 1
    assert (shown[0].parent_venue_order_id is None) is (fault is Fault.SECONDARY_LATE)
    desk.advance(10)
    assert len([*desk.port.open_orders(), *desk.port.closed_orders(since=NOON)]) == 2


# --- orders --------------------------------------------------------------------------------------------


def test_a_hold_may_be_released_late() -> None:
    desk = SimDesk({Fault.LATE_RELEASE: 1.0}, release_seconds=(5.0, 5.0))
    desk.buy()
    assert isinstance(desk.cancel_stop(), Accepted)
    refused = desk.sell()
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.INSUFFICIENT_FUNDS
    desk.advance(6)
    assert isinstance(desk.sell(), Accepted)


def test_a_stop_may_fill_while_it_is_canceled() -> None:
    desk = SimDesk({Fault.FILLED_DURING_CANCEL: 1.0})
    desk.buy()
    stop = desk.stop()
    outcome = desk.cancel_stop()
    now = desk.venue.house.history.order_at(stop.txid, None)
    assert now is not None
    assert now.filled > 0
    assert now.triggered
    assert isinstance(outcome, Refused if now.status == "closed" else Accepted)


def test_an_order_may_fill_while_it_is_amended() -> None:
    desk = SimDesk({Fault.FILLED_DURING_AMEND: 1.0})
    desk.buy()
    stop = desk.stop()
    request = port.AmendRequest(
        venue_order_id=stop.txid, symbol=ETH, touched_at=desk.now, trigger_price=Decimal(2440)
    )
    desk.port.amend(request, urgent=True)
    assert desk.count[Fault.FILLED_DURING_AMEND] == 1


@pytest.mark.parametrize("cancels", [True, False])
def test_a_post_only_order_may_be_crossed_on_its_way_in_both_forms(cancels: bool) -> None:
    desk = SimDesk({Fault.CROSSED_POST_ONLY: 1.0}, post_only_cancels=cancels)
    outcome = desk.bid()
    if cancels:
        assert isinstance(outcome, Accepted)
        (report,) = desk.port.closed_orders(since=NOON)
        assert (report.status, report.reason) == ("canceled", "Post only order")
        assert desk.count["post-only accepted and canceled"] == 1
    else:
        assert isinstance(outcome, Refused)
        assert outcome.reason is Reason.POST_ONLY
        assert desk.count["post-only refused in words"] == 1


def test_a_fee_may_be_taken_in_coins() -> None:
    desk = SimDesk({Fault.FEE_IN_COINS: 1.0})
    desk.buy()
    coins = {reading.asset: reading.total for reading in desk.port.balances()}
    assert coins["XETH"] == QUANTITY * (1 - Decimal("0.004"))


def test_a_fill_below_the_minimum_makes_no_stop() -> None:
    desk = SimDesk()
    desk.bid(post_only=False, close_stop_price=Decimal(2450))
    desk.price("2489", depth="0.001")
    assert desk.venue.house.open_stops(ETH) == []
    assert desk.count["secondary missing: fill below the minimum"] == 1
    assert desk.count["partial fill"] == 1


# --- the market and the venue --------------------------------------------------------------------------


def test_a_gap_jumps_over_a_stop() -> None:
    desk = SimDesk({Fault.GAP: 1.0}, gap_bps=(100.0, 100.0))
    desk.buy()
    stop = desk.stop()
    desk.advance()
    fills = [r for r in desk.venue.log.records if isinstance(r, Filled) and r.txid == stop.txid]
    assert fills[0].price < Decimal(2450) * Decimal("0.99")
    assert desk.count[Fault.GAP] == 1


def test_both_prices_may_come_in_one_tick() -> None:
    desk = SimDesk({Fault.BOTH_PRICES: 1.0})
    desk.buy()
    desk.advance()
    assert desk.venue.house.open_stops(ETH) == []
    assert desk.count[Fault.BOTH_PRICES] == 1


def test_a_thin_market_fills_in_parts_down_to_one_lot() -> None:
    desk = SimDesk({Fault.THIN: 1.0})
    desk.advance()
    for _ in range(12):
        desk.buy(close_stop_price=None)
        desk.advance()
    assert desk.count[Fault.ONE_LOT] >= 1
    assert desk.count["partial fill"] >= 1


@pytest.mark.parametrize("fault", [Fault.MAINTENANCE, Fault.CANCEL_ONLY, Fault.POST_ONLY, Fault.LIMIT_ONLY])
def test_a_mode_keeps_orders_out_until_it_is_over(fault: Fault) -> None:
    desk = SimDesk({fault: 1.0}, phase_seconds=(3.0, 3.0))
    desk.advance()
    assert not isinstance(desk.buy(), Accepted)
    desk.venue.calm()
    assert isinstance(desk.buy(), Accepted)
    assert desk.count[fault] >= 1


def test_nothing_passes_a_cut_wire() -> None:
    desk = SimDesk({Fault.CUT: 1.0}, phase_seconds=(30.0, 30.0))
    desk.advance()
    assert isinstance(desk.buy(), Unknown)
    with pytest.raises(VenueUnavailable):
        desk.port.open_orders()
    assert desk.placed() == []
    desk.venue.calm()
    assert isinstance(desk.buy(), Accepted)


def test_the_venue_s_clock_may_be_set_and_the_adapter_finds_out() -> None:
    desk = SimDesk()
    desk.venue.set_clock_step(3)
    refused = desk.buy(deadline_at=desk.now + timedelta(seconds=4))
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.DEADLINE
    offset = desk.port.clock_offset()
    assert offset is not None
    assert abs(offset - timedelta(seconds=3)) < timedelta(seconds=1)


def test_what_a_set_clock_refuses_is_told_once_for_each_process_that_could_not_know() -> None:
    desk = SimDesk()

    desk.venue.set_clock_step(5)
    outcomes = [desk.buy(), desk.buy()]
    assert [outcome.message for outcome in outcomes] == ["EService:Deadline elapsed"] * 2
    (trouble,) = [r for r in desk.venue.log.records if isinstance(r, Troubled)]
    assert (trouble.symbol, trouble.until - trouble.at) == (ETH, timedelta(seconds=16))


def test_who_asked_for_the_time_is_misled_by_no_clock() -> None:
    clock = SetClock()
    assert not clock.has_misled("watch", DEADLINE_ELAPSED)
    clock.step()
    clock.tell("watch")
    assert not clock.has_misled("watch", DEADLINE_ELAPSED)
    assert not clock.has_misled("cluster", "EService:Busy")
    assert clock.has_misled("cluster", "EGeneral:Invalid arguments:deadline")
    assert not clock.has_misled("cluster", DEADLINE_ELAPSED), "it heard of it"


def test_a_lead_brings_the_price_to_either_end() -> None:
    desk = SimDesk()
    desk.venue.lead(ETH, "target")
    desk.advance(10)
    (quote,) = desk.port.quotes([ETH])
    assert quote.last > 2530
    desk.venue.lead(ETH, "stop")
    desk.advance(20)
    (quote,) = desk.port.quotes([ETH])
    assert quote.last < 2500


def test_calm_ends_every_fault() -> None:
    desk = SimDesk(dict.fromkeys(Fault, 0.04), depth="1")
    desk.advance(20)
    desk.venue.calm()
    before = sum(desk.count.values())
    port_of_later = desk.connect("cluster")
    for _ in range(20):
        desk.advance()
        assert isinstance(desk.buy(deadline_at=None), Accepted)
        port_of_later.open_orders()
    assert sum(desk.count.values()) == before


def test_one_seed_is_one_world() -> None:
    def lived(seed: int) -> str:
        desk = SimDesk(dict.fromkeys(Fault, 0.02), seed=seed)
        for _ in range(30):
            desk.advance()
            desk.buy()
        return repr((desk.venue.log.records, desk.count))

    assert lived(5) == lived(5)
    assert lived(5) != lived(6)


# --- drawing -------------------------------------------------------------------------------------------


def test_drawn_rates_leave_most_requests_alone() -> None:
    for seed in range(50):
        rates = drawn_rates(Random(seed), share=1.0, heat=2.0)
        assert sum(rate for fault, rate in rates.items() if fault in OF_WRITES) <= 0.41
        assert not set(rates) & set(OF_OWNER)
    assert drawn_rates(Random(1), share=0.0) == {}


def test_every_name_that_is_counted_is_listed() -> None:
    desk = SimDesk(dict.fromkeys(Fault, 0.05), owner_coins={"XETH": "2"})
    for _ in range(60):
        desk.advance()
        desk.buy()
        desk.bid()
        desk.venue.act_as_owner()
    assert set(desk.count) <= set(EVERY)
