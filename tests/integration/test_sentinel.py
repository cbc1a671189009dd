"""The sentinel's round: verdicts stored with their brackets, repairs spaced, alerts raised and resolved."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from brackets import accounts, counting, leases, sentinel
from brackets.core.events import CloseRequested, HoldRequested, ReleaseRequested
from brackets.core.states import ExitReason, State
from brackets.models import Account, Bracket, Order
from brackets.venue.paper.orders import Amendment
from brackets.venue.port import Reason, Refused
from brackets.watch import Watch
from brackets.watch.jobs import QUIET_SECONDS
from risk import alerts
from risk.models import Alert, AuditRow
from tests.integration.engine_world import QUANTITY, STOP, TARGET, World, fresh
from tests.integration.test_watch_pace import let_it_live
from trading.models import Trade

pytest_plugins = ["tests.integration.worlds"]
BITCOIN: dict[str, Any] = {
    "symbol": "BTC/USD",
    "quantity": Decimal("0.005"),
    "stop": Decimal(59_000),
    "target": Decimal(62_000),
}


def turn(world: World, count: int = 1, *, seconds: int = 1) -> None:
    """Turns in which a watch is alive."""
    for _ in range(count):
        world.clock.pass_seconds(seconds - 1)
        take_watch(world)
        world.turn()


def take_watch(world: World) -> None:
    name = accounts.watch_lease_name(world.account)
    leases.take(name, "a watch", now=world.clock(), seconds=5)


def standing(world: World) -> Trade:
    """A trade that stands, with a watch over it."""
    world.watched = True
    trade = world.open_active()
    turn(world)
    return trade


def cancel_stop(world: World) -> None:
    world.venue.cancel_by_hand(world.stop_at_venue().txid)


def open_codes(world: World) -> set[str]:
    return set(alerts.open_alerts(world.account.name).values_list("code", flat=True))


def verdicts(world: World, trade: Trade) -> tuple[str, str]:
    row = world.bracket(trade)
    return row.stop_verdict, row.target_verdict


# --- verdicts ------------------------------------------------------------------------------------------


def test_both_legs_are_judged_and_a_quiet_bracket_is_left_alone(world: World) -> None:
    trade = standing(world)
    before = Bracket.objects.values().get(pk=trade.bracket_id)
    turn(world, 3)
    assert (before["stop_verdict"], before["target_verdict"]) == ("RESTING", "WATCHED")
    assert Bracket.objects.values().get(pk=trade.bracket_id) == before
    account = fresh(world.account)
    assert account.verified_at == account.reconciled_at
    assert open_codes(world) == set()


def test_a_resting_target_leaves_the_stop_to_the_watch(world: World) -> None:
    world.configure(execution_mode="LIMIT_BRACKET", leg_policy="nearest")
    trade = standing(world)
    world.price(TARGET - 3)
    turn(world, 4)
    assert verdicts(world, trade) == ("WATCHED", "RESTING")
    unstopped = world.bracket(trade).unstopped_seconds
    turn(world, 5)
    assert world.bracket(trade).unstopped_seconds == unstopped + 5  # nothing happened, and it grew
    assert open_codes(world) == set()


def test_where_nobody_watches_it_is_one_alert_and_not_one_a_bracket(world: World) -> None:
    trades = [world.open_active(), world.open_active(**BITCOIN)]
    world.turns(3)
    assert [verdicts(world, trade) for trade in trades] == [("RESTING", "MISSING")] * 2
    (alert,) = alerts.open_alerts(world.account.name)
    assert (alert.code, alert.subject) == (sentinel.NOBODY_WATCHES, f"account {world.account.name}")
    turn(world)
    assert [verdicts(world, trade) for trade in trades] == [("RESTING", "WATCHED")] * 2
    assert open_codes(world) == set()


def test_a_stream_that_lives_counts_as_a_comparison_now_and_then(world: World) -> None:
    watch = Watch(account=fresh(world.account), venue=world.venue, clock=world.clock)
    watch.take_lease()
    before = fresh(world.account).cycles
    watch.verify()
    assert fresh(world.account).cycles == before  # nobody tells anything
    let_it_live(watch)
    for _ in range(2 * QUIET_SECONDS["starter"]):
        watch.verify()
        world.clock.pass_seconds(1)
    assert fresh(world.account).cycles == before + 2


# --- repairs -------------------------------------------------------------------------------------------


def test_a_stop_canceled_by_hand_is_back_within_two_turns(world: World) -> None:
    trade = standing(world)
    cancel_stop(world)
    turn(world, 2)
    assert world.stops_at_venue() == [QUANTITY]
    turn(world)
    row = world.bracket(trade)
    assert (row.state, row.repairs, row.repairing) == ("BRACKET_ACTIVE", 1, False)
    assert row.unprotected_seconds <= 3
    assert open_codes(world) == set()


def test_a_stop_canceled_again_and_again_is_placed_once_a_minute(world: World) -> None:
    standing(world)
    for _ in range(42):
        for order in world.at_venue(live=True):
            world.venue.cancel_by_hand(order.txid)
        turn(world, seconds=3)
    stops = [order for order in world.at_venue() if order.trigger_price is not None]
    assert len(stops) == 4  # the venue's own, and ours after about 3, 63 and 123 s
    assert world.sold_at_venue() == 0
    said = Alert.objects.filter(code=sentinel.REPAIR_WAITS)
    assert 1 <= sum(alert.times for alert in said) <= 4  # counted each minute, not each second
    raised = AuditRow.objects.filter(action="alert.raised", payload__code=sentinel.REPAIR_WAITS)
    assert raised.count() == said.count()
    assert Alert.objects.filter(code=sentinel.NO_STOP, severity="critical").exists()


def test_a_price_at_the_stop_meanwhile_is_acted_on_by_us(world: World) -> None:
    trade = standing(world)
    for _ in range(2):
        cancel_stop(world)
        turn(world, 3)
    assert verdicts(world, trade) == ("WATCHED", "WATCHED")
    world.price(STOP - 1)
    world.until_closed(trade)
    assert trade.exit_reason == "stop_loss"
    world.assert_sound()


def test_a_stop_that_its_owner_moved_goes_back(world: World) -> None:
    trade = standing(world)
    turn(world, 11)
    moved = Amendment(txid=world.stop_at_venue().txid, trigger_price=Decimal(2300))
    world.venue.engine.amend(moved, now=world.venue._now())
    turn(world, 3)
    assert world.stop_at_venue().trigger_price == STOP
    assert world.bracket(trade).repairs == 1


def test_while_the_owner_holds_the_coins_nothing_is_asked_again(bare_world: World) -> None:
    world = bare_world
    trade = standing(world)
    cancel_stop(world)
    order_id = world.venue.sell_by_hand("ETH/USD", QUANTITY, limit=Decimal(5000))
    for _ in range(17):
        turn(world, seconds=3)
        counting.count_coins(world.account, world.venue, world.clock.now)
    row = world.bracket(trade)
    assert (row.funds_awaited, row.repairs_refused, row.state) == (True, 1, "ENTRY_FILLED")
    assert Order.objects.filter(bracket=row, status="REJECTED").count() == 1
    (alert,) = alerts.open_alerts(world.account.name)  # one of the stop, and why it lasts is told with it
    assert alert.code == sentinel.NO_STOP
    assert "do not suffice for the stop" in alert.message
    world.venue.cancel_by_hand(order_id)
    for _ in range(7):
        turn(world, seconds=3)
        counting.count_coins(world.account, world.venue, world.clock.now)
    assert world.bracket(trade).state == "BRACKET_ACTIVE"
    assert world.stops_at_venue() == [QUANTITY]
    assert open_codes(world) == set()


# --- alerts --------------------------------------------------------------------------------------------


def held(world: World) -> Trade:
    trade = standing(world)
    world.ask(trade, HoldRequested(at=world.clock(), reason="somebody wants to look"))
    return trade


def held_without_stop(world: World) -> Trade:
    """Its stop was canceled by hand, and the venue takes no other."""
    trade = held(world)
    cancel_stop(world)
    world.venue.script("place", Refused(reason=Reason.PERMISSION, message="EGeneral:Permission denied"))
    return trade


def test_a_held_bracket_gets_its_stop_back_when_somebody_cancels_it(world: World) -> None:
    trade = held(world)
    cancel_stop(world)
    turn(world, 3)
    assert (world.bracket(trade).state, world.stops_at_venue()) == ("HELD", [QUANTITY])
    assert world.bracket(trade).stop_custody == "RESTING"


def test_held_is_an_alert_with_its_reason_until_it_is_released(world: World) -> None:
    trade = held(world)
    turn(world)
    alert = alerts.open_alerts(world.account.name).get(code=sentinel.HELD)
    assert (alert.severity, alert.subject) == ("warning", f"bracket {trade.bracket_id}")
    assert alert.message == "ETH/USD: held, an operator must look: somebody wants to look"
    world.clock.pass_seconds(10)
    world.turns(3)  # nobody watches, and nothing changes
    assert sentinel.HELD in open_codes(world)
    world.ask(trade, ReleaseRequested(at=world.clock(), reason="looked"))
    turn(world, 2)
    assert sentinel.HELD not in open_codes(world)


def test_held_without_a_stop_is_one_alert_and_it_tells_that_the_coins_are_bare(world: World) -> None:
    trade = held_without_stop(world)
    turn(world)
    warned = alerts.open_alerts(world.account.name).get(code=sentinel.HELD)
    alerts.acknowledge(warned.pk, actor="somebody", at=world.clock())
    turn(world, 4)
    (alert,) = alerts.open_alerts(world.account.name)
    assert (alert.pk, alert.code, alert.severity) == (warned.pk, sentinel.HELD, "critical")
    assert alert.acknowledged_at is None, "what was acknowledged was a position with its stop"
    assert "0 have a stop at the venue" in alert.message
    assert "somebody wants to look" in alert.message
    assert "s no order at all" in alert.message
    turn(world, 5)  # bare for longer than any threshold, and it is still one
    assert alerts.open_alerts(world.account.name).get().subject == f"bracket {trade.bracket_id}"


def test_a_held_bracket_whose_stop_came_back_is_a_warning_again(world: World) -> None:
    held_without_stop(world)
    turn(world, 5)
    turn(world, 20, seconds=6)
    (alert,) = alerts.open_alerts(world.account.name)
    assert world.stops_at_venue() == [QUANTITY]
    assert (alert.code, alert.severity) == (sentinel.HELD, "warning")


def test_no_stop_for_more_than_two_comparisons_is_critical_until_there_is_one(world: World) -> None:
    trade = standing(world)
    world.configure(unprotected_alarm_seconds=600)
    for turns in (3, 2):  # the second one waits for its minute
        cancel_stop(world)
        turn(world, turns)
    assert sentinel.NO_STOP not in open_codes(world)
    turn(world, 2)
    (alert,) = alerts.open_alerts(world.account.name).filter(subject=f"bracket {trade.bracket_id}")
    assert (alert.severity, alert.code) == ("critical", sentinel.NO_STOP)
    assert "somebody cancels or alters the leg" in alert.message
    world.ask(trade, CloseRequested(at=world.clock(), reason=ExitReason.MANUAL))
    world.until(trade, State.EXIT_COMPLETE)
    turn(world)
    assert open_codes(world) == set()
    assert Alert.objects.get(pk=alert.pk).resolved_at is not None


def test_bare_coins_are_an_alert_while_the_venue_does_not_answer(world: World) -> None:
    trade = standing(world)
    world.configure(unprotected_alarm_seconds=4)
    cancel_stop(world)
    world.read()  # told by one reading; then the cable is pulled
    world.venue.set_down(True)
    for _ in range(4):
        turn(world)
        sentinel.measure(world.account, at=world.clock())
    assert sentinel.UNPROTECTED not in open_codes(world)
    turn(world)
    sentinel.measure(world.account, at=world.clock())
    assert alerts.open_alerts(world.account.name).get(code=sentinel.UNPROTECTED).severity == "critical"
    stored = world.bracket(trade).unprotected_seconds
    assert stored >= 5
    world.venue.set_down(False)
    world.until(trade, State.BRACKET_ACTIVE)
    turn(world)
    assert open_codes(world) == set()


def test_a_defect_in_one_bracket_keeps_no_other_from_its_verdict(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, sound = standing(world), world.open_active(**BITCOIN)
    Account.objects.filter(pk=world.account.pk).update(verified_watched=None)
    Bracket.objects.update(stop_verdict="", target_verdict="")
    load = sentinel.records.load

    def limp(row: Bracket) -> object:
        if row.pk == broken.bracket_id:
            raise ArithmeticError("a row that cannot be loaded")
        return load(row)

    monkeypatch.setattr(sentinel.records, "load", limp)
    take_watch(world)
    sentinel.verify(world.account, at=world.clock())
    assert [verdicts(world, trade) for trade in (broken, sound)] == [("", ""), ("RESTING", "WATCHED")]
