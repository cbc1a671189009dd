"""Coins that come back to a bracket get their stop again, and findings do not wait for the next round."""

from __future__ import annotations

from decimal import Decimal

from brackets import tasks
from brackets.core.events import CloseRequested
from brackets.core.states import ExitReason, State
from brackets.core.strangers import Kind, Status
from brackets.models import Bracket, Stranger
from brackets.venue.kraken.stream.news import AssetTotal, BalancesChanged, OpenOrders
from brackets.venue.paper.orders import Kind as OrderKind
from brackets.venue.paper.orders import NewOrder, Side
from brackets.watch import Watch
from risk import alerts
from tests.integration.engine_world import QUANTITY, World, fresh
from trading.models import Trade

pytest_plugins = ["tests.integration.worlds"]
HALF = QUANTITY / 2
D = Decimal


class Desk:
    """A watch without a stream whose jobs are run by hand, turn by turn."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.watch = Watch(account=fresh(world.account), venue=world.venue, clock=world.clock)
        self.watch.take_lease()
        self.turn()

    def turn(self, seconds: int = 1) -> None:
        self.world.clock.pass_seconds(seconds)
        self.watch.renew_lease()
        self.watch.ask_prices()
        self.watch.see_prices()
        self.watch.send()
        self.watch.follow()
        self.watch.read_unclear()
        self.watch.read()
        self.watch.keep_house()

    def turns(self, count: int, *, seconds: int = 1) -> None:
        for _ in range(count):
            self.turn(seconds)

    def until(self, true: object, *, within: int) -> int:
        """Seconds until it is true, in steps of three; more than `within` is a failure."""
        for passed in range(0, within + 1, 3):
            if true():  # type: ignore[operator]
                return passed
            self.turn(3)
        raise AssertionError(f"not within {within} s")

    def balances_read(self) -> int:
        return self.world.venue.asked.count("balances")


def take_all_but(world: World, left: Decimal) -> None:
    """The owner sells by hand what the stop held, and other coins too: so many are left in the account."""
    engine, now = world.venue.engine, world.venue._now()
    engine.cancel(txid=world.stop_at_venue().txid, now=now)
    spare = engine.account.balances["XETH"] - left
    engine.add(NewOrder(symbol="ETH/USD", side=Side.SELL, kind=OrderKind.MARKET, volume=spare), now=now)


def half_is_taken(world: World) -> tuple[Desk, Trade]:
    """Half of the coins is sold by hand and the bracket knows it."""
    trade = world.open_active()
    desk = Desk(world)
    take_all_but(world, HALF)
    desk.until(lambda: world.bracket(trade).missing == HALF, within=60)
    desk.until(lambda: world.bracket(trade).state == State.BRACKET_ACTIVE, within=20)
    assert world.stops_at_venue() == [HALF]
    return desk, trade


def open_codes(world: World) -> set[str]:
    return set(alerts.open_alerts(world.account.name).values_list("code", flat=True))


def test_coins_that_are_back_after_two_minutes_are_stopped_again(bare_world: World) -> None:
    desk, trade = half_is_taken(bare_world)
    desk.turns(6, seconds=20)
    asked = desk.balances_read()
    bare_world.venue.deposit("XETH", HALF)
    took = desk.until(lambda: bare_world.stops_at_venue() == [QUANTITY], within=75)
    bracket = bare_world.bracket(trade)
    assert bracket.missing == 0
    assert desk.balances_read() - asked <= took // 60 + 5
    desk.until(lambda: bare_world.bracket(trade).state == State.BRACKET_ACTIVE, within=20)
    bare_world.turns(3)
    assert not Stranger.objects.filter(kind=Kind.COINS).exclude(status=Status.GONE).exists()


def test_where_the_stream_tells_of_them_it_takes_seconds(bare_world: World) -> None:
    desk, _trade = half_is_taken(bare_world)
    follower = desk.watch.follower
    follower.connecting()
    follower.heard([OpenOrders(updates=())], bare_world.clock.now)
    desk.until(lambda: follower.is_live, within=15)
    desk.turns(2, seconds=20)
    asked = desk.balances_read()
    bare_world.venue.deposit("XETH", HALF)
    told = BalancesChanged(totals=(AssetTotal(asset="ETH", total=QUANTITY),))
    follower.heard([told], bare_world.clock.now)
    desk.until(lambda: bare_world.stops_at_venue() == [QUANTITY], within=21)
    assert desk.balances_read() - asked <= 4


def test_without_a_watch_the_cluster_learns_it(bare_world: World) -> None:
    desk, trade = half_is_taken(bare_world)
    desk.watch.release()
    bare_world.venue.deposit("XETH", HALF)
    for _ in range(3):
        bare_world.clock.pass_seconds(60)
        tasks.reconcile_once(fresh(bare_world.account), bare_world.clock)
    assert bare_world.bracket(trade).missing == 0
    assert bare_world.stops_at_venue() == [QUANTITY]


def test_what_a_reading_told_anew_is_read_again_within_seconds(bare_world: World) -> None:
    desk = Desk(bare_world)
    desk.turns(2)
    bare_world.venue.deposit("XETH", D("0.7"))
    desk.until(lambda: Stranger.objects.filter(status=Status.NOTICED).exists(), within=75)
    asked = desk.balances_read()
    desk.until(lambda: Stranger.objects.filter(status=Status.OPEN).exists(), within=15)
    assert desk.balances_read() == asked + 1


def test_more_than_the_rounds_readings_are_made_once_a_minute_at_most(bare_world: World) -> None:
    """Somebody moves coins to and fro: no two readings agree."""
    desk = Desk(bare_world)
    asked = desk.balances_read()
    for _ in range(30):
        bare_world.venue.deposit("XETH", D("0.1"))
        desk.turn(6)
    assert desk.balances_read() - asked <= 180 // 60 * 2 + 1


def test_coins_that_are_gone_are_an_alert_until_they_are_back(bare_world: World) -> None:
    desk, _trade = half_is_taken(bare_world)
    desk.turns(2, seconds=6)
    alert = alerts.open_alerts(bare_world.account.name).get(code="coins_missing")
    assert (alert.severity, alert.subject) == ("critical", f"bracket {Bracket.objects.get().pk}")
    assert "0.05 ETH" in alert.message
    bare_world.venue.deposit("XETH", HALF)
    desk.until(lambda: bare_world.stops_at_venue() == [QUANTITY], within=75)
    desk.turns(2, seconds=6)
    assert "coins_missing" not in open_codes(bare_world)


def test_the_alert_ends_with_its_bracket(bare_world: World) -> None:
    desk, trade = half_is_taken(bare_world)
    bare_world.ask(trade, CloseRequested(at=bare_world.clock.now, reason=ExitReason.MANUAL))
    desk.until(lambda: bare_world.bracket(trade).state == State.EXIT_COMPLETE, within=60)
    desk.turns(2, seconds=6)
    assert "coins_missing" not in open_codes(bare_world)


def test_what_is_left_below_the_minimum_ends_as_dust_and_nothing_is_read_for_it(bare_world: World) -> None:
    world, crumb = bare_world, D("0.0001")
    trade = world.open_active()
    desk = Desk(world)
    take_all_but(world, crumb)
    desk.until(lambda: world.bracket(trade).state == State.EXIT_COMPLETE, within=60)
    row = world.bracket(trade)
    assert (row.dust, row.exit_reason, world.sold_at_venue()) == (crumb, ExitReason.EXTERNAL, 0)
    asked = desk.balances_read()
    desk.turns(10, seconds=3)
    assert desk.balances_read() - asked <= 1
    assert not open_codes(world)
