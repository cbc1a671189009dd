"""The machine was off while things happened: every bracket is rebuilt before a new entry is let through."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from brackets import operations, reconcile, recovery
from brackets.core.events import HoldRequested
from brackets.core.states import OrderStatus, State
from brackets.models import Order
from brackets.venue import port
from brackets.venue.paper.orders import Side
from brackets.watch import Watch
from risk import alerts
from tests.integration.engine_venue import Fault, SenderKilled
from tests.integration.engine_world import ETH, QUANTITY, STOP, TARGET, World, fresh
from trading import door
from trading.models import Trade
from trading.status import read_status

pytest_plugins = ["tests.integration.worlds"]
DAY = 24 * 60 * 60


def switch_off(world: World, seconds: int = DAY) -> None:
    """Nobody runs for so long; then a start, as the supervisor begins one."""
    world.clock.pass_seconds(seconds)
    recovery.begin(world.account.name)
    world.account = fresh(world.account)


def is_recovered(world: World) -> bool:
    return fresh(world.account).recovered_at is not None


def why(world: World) -> str:
    return read_status(fresh(world.account))["recovering_because"]


def until_recovered(world: World, *, seconds: int = 1) -> int:
    """Turns it took."""
    for turn in range(40):
        if is_recovered(world):
            return turn
        world.turn(seconds)
    raise AssertionError(why(world))


def entry_is_let_through(world: World, symbol: str = "SOL/USD") -> bool:
    try:
        world.open(symbol=symbol, quantity=Decimal(1), stop=Decimal(140), target=Decimal(160))
    except door.Recovering:
        return False
    return True


def bought_and_killed(world: World) -> Trade:
    """The venue took the entry, and the sender died before it read the answer."""
    trade = world.open()
    world.venue.script("place", Fault.KILLED)
    with pytest.raises(SenderKilled):
        world.send()
    return trade


# --- what happened while it was off ----------------------------------------------------------------------


def test_a_stop_that_filled_a_day_ago_is_settled(world: World) -> None:
    trade = world.open_active()
    world.price(2400)
    world.price(2700)
    switch_off(world)

    assert until_recovered(world) == 1

    world.until_closed(trade)
    world.assert_over(trade, "stop_loss")


def test_a_stop_that_filled_in_part_and_was_taken_away_sells_the_rest(world: World) -> None:
    trade = world.open_active()
    world.price(2440, depth=Decimal("0.03"))
    world.venue.cancel_by_hand(world.stop_at_venue().txid)
    world.price(2440, depth=Decimal(1000))
    switch_off(world)

    until_recovered(world)
    world.until_closed(trade)

    world.assert_over(trade, "stop_loss")


def test_a_stop_that_was_canceled_comes_back(world: World) -> None:
    trade = world.open_active()
    world.venue.cancel_by_hand(world.stop_at_venue().txid)
    switch_off(world)

    until_recovered(world)
    world.until(trade, State.BRACKET_ACTIVE)

    assert world.stop_at_venue().volume == QUANTITY
    world.assert_sound()


def test_a_target_that_is_still_passed_is_taken_after_the_start(world: World) -> None:
    trade = world.open_active()
    world.price(TARGET + 10)
    switch_off(world)
    world.until_closed(trade)
    world.assert_over(trade, "take_profit")


def test_an_entry_of_which_only_the_venue_knows_is_found_with_its_stop(world: World) -> None:
    trade = bought_and_killed(world)
    switch_off(world)

    until_recovered(world)
    world.until(trade, State.BRACKET_ACTIVE)

    assert len(world.venue.sent) == 1
    world.assert_sound()


def test_an_entry_that_was_bought_and_stopped_out_unseen_is_found_a_day_later(world: World) -> None:
    trade = bought_and_killed(world)
    world.price(2400)
    switch_off(world)

    until_recovered(world)
    world.until_closed(trade)

    world.assert_over(trade, "stop_loss")
    assert len(world.venue.sent) == 1


def test_a_stop_that_was_never_seen_and_filled_is_found_long_after_its_entry(world: World) -> None:
    """The entry was read as filled, then everything went down before its stop was seen."""
    trade = world.open()
    world.send()
    (entry,) = world.at_venue(side=Side.BUY)
    reconcile.read_orders(world.account, world.venue, [entry.txid], world.clock)
    assert world.bracket(trade).state == State.ENTRY_FILLED
    world.price(2400)
    switch_off(world)

    until_recovered(world)
    world.until_closed(trade)

    world.assert_over(trade, "stop_loss")
    assert len(world.venue.sent) == 1


def test_the_same_where_only_the_venue_was_away(world: World) -> None:
    """Without a restart: the search for the stop is not given up while nobody could look."""
    trade = world.open()
    world.send()
    (entry,) = world.at_venue(side=Side.BUY)
    reconcile.read_orders(world.account, world.venue, [entry.txid], world.clock)
    world.price(2400)
    world.venue.set_down(True)
    world.turns(4, seconds=20)
    world.venue.set_down(False)

    world.until_closed(trade)

    world.assert_over(trade, "stop_loss")


def test_coins_that_are_gone_keep_nobody_waiting(bare_world: World) -> None:
    world = bare_world
    world.open_active()
    world.venue.cancel_by_hand(world.stop_at_venue().txid)
    world.venue.sell_by_hand(ETH, QUANTITY)
    switch_off(world)

    until_recovered(world)

    assert entry_is_let_through(world)


# --- until it is whole, nothing is bought ----------------------------------------------------------------


def test_an_entry_waits_as_long_as_an_unknown_can_still_be_proven(world: World) -> None:
    trade = world.open()
    world.venue.script("place", Fault.LOST_REQUEST)
    world.send()
    switch_off(world, seconds=1)

    world.turn()

    assert not is_recovered(world)
    assert "is being looked up" in why(world)
    assert not entry_is_let_through(world)
    until_recovered(world, seconds=3)
    world.until_closed(trade)
    assert trade.bracket.orders.get().status == OrderStatus.ABSENT
    assert entry_is_let_through(world)


def test_the_watch_asks_again_as_the_rate_budget_allows(world: World, settings: Any) -> None:
    """At once until one comparison was made, then every few seconds until it is whole."""
    settings.KRAKEN_TIER = "starter"
    world.open()
    world.venue.script("place", Fault.LOST_REQUEST)
    world.send()
    watch = Watch(account=fresh(world.account), venue=world.venue, clock=world.clock)
    watch.take_lease()
    world.venue.set_down(True)
    with pytest.raises(port.VenueUnavailable):
        watch.read()
    assert watch.reading_is_due(world.clock.now)
    world.venue.set_down(False)

    watch.read()

    assert not is_recovered(world)
    later = [seconds for seconds in range(6) if watch.reading_is_due(after(world, seconds))]
    assert later == [4, 5]


def after(world: World, seconds: int) -> datetime:
    return world.clock.now + timedelta(seconds=seconds)


def test_exits_pass_meanwhile(world: World) -> None:
    trade = world.open_active()
    world.open(symbol="SOL/USD", quantity=Decimal(1), stop=Decimal(140), target=Decimal(160))
    world.venue.script("place", Fault.LOST_REQUEST)
    world.send()
    switch_off(world, seconds=1)
    world.turn()
    assert not is_recovered(world)

    door.close_position(trade.pk)
    world.turns(4)

    assert not is_recovered(world)
    assert world.sold_at_venue() == QUANTITY


def test_an_amendment_of_uncertain_fate_is_waited_for(world: World) -> None:
    trade = world.open_active()
    world.venue.script("amend", Fault.LOST_REQUEST)
    door.edit_position(trade.pk, stop_loss_price=Decimal(2460))
    world.send()
    switch_off(world, seconds=1)

    world.turn()

    assert not is_recovered(world)
    assert "new terms" in why(world)
    until_recovered(world, seconds=4)
    world.turns(4)
    assert world.stop_at_venue().trigger_price == 2460


def hide(world: World, hidden: Callable[[port.OrderReport], bool]) -> None:
    """From here on the venue's readings leave these orders out."""
    for name in ("open_orders", "orders", "closed_orders"):
        answer = getattr(world.venue, name)

        def lacking(
            *args: Any, answer: Callable[..., Any] = answer, **options: Any
        ) -> list[port.OrderReport]:
            return [report for report in answer(*args, **options) if not hidden(report)]

        setattr(world.venue, name, lacking)


def test_a_fill_without_a_stop_is_known_to_have_none_once_the_looks_prove_it(world: World) -> None:
    trade = world.open()
    hide(world, lambda report: report.parent_venue_order_id is not None)
    world.send()
    switch_off(world, seconds=1)

    world.turn()
    assert not is_recovered(world)
    assert "were not all seen" in why(world)

    assert until_recovered(world, seconds=3) <= 8
    world.until(trade, State.BRACKET_ACTIVE)
    assert len(world.venue.sent) == 2  # the entry, and a stop of ours


def test_a_venue_that_does_not_answer_is_said(world: World) -> None:
    world.open_active()
    world.venue.set_down(True)
    switch_off(world)

    world.turn()

    assert not is_recovered(world)
    assert why(world)
    world.venue.set_down(False)
    assert until_recovered(world) == 1
    assert why(world) is None


def test_a_defect_in_the_comparison_is_said_too(world: World) -> None:
    switch_off(world)

    def broken(**options: object) -> list[port.OrderReport]:
        raise port.UnknownWord("Kraken says 'sideways'")

    world.venue.open_orders = broken  # type: ignore[method-assign]
    with pytest.raises(port.UnknownWord):
        world.read()
    assert "sideways" in why(world)


# --- one odd bracket does not keep the house shut --------------------------------------------------------


def test_a_held_bracket_counts_as_compared(world: World) -> None:
    trade = world.open_active()
    world.ask(trade, HoldRequested(at=world.clock.now, reason="look"))
    switch_off(world)
    assert until_recovered(world) == 1
    assert world.bracket(trade).state == State.HELD


def test_an_order_the_venue_does_not_show_is_held_and_alarmed_after_two_minutes(world: World) -> None:
    trade = world.open_active()
    stop = Order.objects.get(role="stop")
    hide(world, lambda report: report.venue_order_id == stop.venue_order_id)
    switch_off(world)

    world.turns(5, seconds=24)

    assert not is_recovered(world)
    assert stop.venue_order_id in why(world)
    assert alerts.open_alerts(world.account.name).filter(code=recovery.WAITING).exists()
    world.turns(2, seconds=24)
    assert is_recovered(world)
    assert world.bracket(trade).state == State.HELD
    (alert,) = alerts.open_alerts(world.account.name).filter(code=recovery.ODD)
    assert alert.subject == f"bracket {trade.bracket_id}"
    assert not alerts.open_alerts(world.account.name).filter(code=recovery.WAITING).exists()
    assert entry_is_let_through(world)


def test_patience_begins_anew_when_the_venue_was_out_of_sight(world: World) -> None:
    trade = world.open_active()
    stop = Order.objects.get(role="stop")
    hide(world, lambda report: report.venue_order_id == stop.venue_order_id)
    switch_off(world)
    world.turn()
    world.venue.set_down(True)
    world.clock.pass_seconds(600)
    world.venue.set_down(False)

    world.turn()

    assert not is_recovered(world)
    assert world.bracket(trade).state == State.BRACKET_ACTIVE


def test_what_was_not_compared_is_over_when_an_operator_released_it(world: World) -> None:
    trade = world.open_active()
    recovery.give_up(
        world.account, [recovery.Wait(bracket_id=trade.bracket_id, sentence="odd")], world.clock.now
    )
    recovery.resolve_alerts(world.account, world.clock.now)
    assert alerts.open_alerts(world.account.name).filter(code=recovery.ODD).exists()
    door.close_position(trade.pk)
    world.until_closed(trade)

    recovery.resolve_alerts(world.account, world.clock.now)

    assert not alerts.open_alerts(world.account.name).filter(code=recovery.ODD).exists()


def test_a_defect_in_one_bracket_keeps_nobody_from_their_readings(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    trade = world.open_active()
    other = world.open_active(symbol="SOL/USD", quantity=Decimal(1), stop=Decimal(140), target=Decimal(160))
    world.price(2400)
    world.price(130, symbol="SOL/USD")
    switch_off(world)
    step_row = operations.step_row

    def stumbling(row: Any, event: Any, *, actor: str) -> Any:
        if row.pk == trade.bracket_id and type(event).__name__ == "OrderReported":
            raise RuntimeError("decisions do not settle")
        return step_row(row, event, actor=actor)

    monkeypatch.setattr(operations, "step_row", stumbling)
    until_recovered(world)

    world.until_closed(other)
    assert alerts.open_alerts(world.account.name).filter(subject=f"bracket {trade.bracket_id}").exists()


def test_where_nothing_happened_nothing_is_sent(world: World) -> None:
    trade = world.open_active()
    switch_off(world)
    assert until_recovered(world) == 1
    world.turns(3)
    assert world.bracket(trade).state == State.BRACKET_ACTIVE
    assert (len(world.venue.sent), world.venue.cancels, world.venue.amends) == (1, [], [])
    assert (world.stop_at_venue().volume, world.stop_at_venue().trigger_price) == (QUANTITY, STOP)
