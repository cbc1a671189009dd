"""What the venue's stream says, taken into the book: in whatever portions, twice, late, or not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from brackets import readers, reconcile, records, reports
from brackets.core.events import EditRequested
from brackets.core.invariants import violations
from brackets.core.states import OrderStatus, Role, State
from brackets.models import AssetBalance, Bracket, BracketEvent, Fill, Instrument, Order
from brackets.venue.kraken.stream.news import (
    AssetTotal,
    BalancesChanged,
    OpenOrders,
    OrdersChanged,
    OrderUnclear,
    PairStatusesSaid,
    SystemStatusSaid,
)
from brackets.venue.paper.orders import Order as VenueOrder
from brackets.venue.paper.orders import Side, Status
from brackets.venue.port import OrderUpdate, VenueStatus, VenueUnavailable
from brackets.watch.following import READ_AGAIN_SECONDS, READ_TRIES, Follower, StreamState
from risk.models import SystemConfig
from tests.integration.engine_venue import Fault
from tests.integration.engine_words import report
from tests.integration.engine_world import STOP, TARGET, World, fresh
from trading import door
from trading.models import Trade

pytest_plugins = ["tests.integration.worlds"]
TERMS = ("quantity", "limit_price", "trigger_price")


def whole(order: VenueOrder) -> OrderUpdate:
    """All that may be said of an order, as in a snapshot."""
    said = report(order)
    names = OrderUpdate.__dataclass_fields__.keys() - {"at"}
    at = said.closed_at or said.opened_at or timezone.now()
    return OrderUpdate(at=at, **{name: getattr(said, name) for name in names})


def sparse(order: VenueOrder, **more: Any) -> OrderUpdate:
    """What an update says of an order that was told before: its state, not its terms."""
    told = whole(order)
    return replace(told, **dict.fromkeys(TERMS), **more)


def bought(world: World) -> tuple[Trade, VenueOrder, VenueOrder]:
    """A trade whose entry the venue has filled, and nobody has read anything: entry and its stop there."""
    trade = world.open()
    world.send()
    (entry,) = world.at_venue(side=Side.BUY)
    (stop,) = world.at_venue(side=Side.SELL)
    assert world.bracket(trade).state == State.ENTRY_PLACED
    return trade, entry, stop


def absorb(world: World, *updates: OrderUpdate) -> reports.AbsorbedUpdates:
    return reports.absorb_updates(world.account, updates)


def order_row(order: VenueOrder) -> Order:
    return Order.objects.get(venue_order_id=order.txid)


def history(trade: Trade) -> tuple[int, int]:
    """How often the bracket changed, and how many events it has."""
    return World.bracket(trade).version, BracketEvent.objects.filter(bracket=trade.bracket_id).count()


def follower(world: World) -> Follower:
    made = Follower(
        fresh(world.account),
        world.venue,
        clock=world.clock,
        monotonic=lambda: world.clock.now.timestamp(),
    )
    made.connecting()
    return made


def hear(following: Follower, *news: Any) -> None:
    """What the loops make of news: taken in, read where unclear, and sent what follows."""
    following.heard(news, timezone.now())
    catch_up(following)


def catch_up(following: Follower) -> None:
    changed = following.take()
    if following.wants_reading:
        changed = following.read_unclear() or changed
    if changed:
        reconcile.drive(following.account, following.venue, timezone.now)


# --- updates of orders -------------------------------------------------------------------------------------


def test_a_fill_and_the_stop_made_of_it_protect_at_once(world: World) -> None:
    trade, entry, stop = bought(world)
    absorbed = absorb(world, whole(entry), whole(stop))
    assert (absorbed.changed, absorbed.unclear) == (2, frozenset())
    assert absorbed.seen == {entry.txid, stop.txid}
    assert world.bracket(trade).state == State.BRACKET_ACTIVE
    row = order_row(stop)
    assert (row.role, row.quantity, row.trigger_price) == (Role.STOP, trade.quantity, STOP)
    assert order_row(entry).trade_ids == list(entry.trades)


def test_they_come_in_any_order(world: World) -> None:
    trade, entry, stop = bought(world)
    absorb(world, whole(stop))
    absorb(world, whole(entry))
    assert world.bracket(trade).state == State.BRACKET_ACTIVE


def test_no_money_is_booked_from_them(world: World) -> None:
    _, entry, stop = bought(world)
    absorb(world, whole(entry), whole(stop))
    assert not Fill.objects.exists()


def test_said_twice_they_change_nothing(world: World) -> None:
    trade, entry, stop = bought(world)
    absorb(world, whole(entry), whole(stop))
    before = history(trade)
    again = absorb(world, whole(entry), whole(stop), sparse(entry), sparse(stop))
    assert again.changed == 0
    assert history(trade) == before


def test_a_stop_of_which_too_little_is_said_is_to_be_read(world: World) -> None:
    _, entry, stop = bought(world)
    absorb(world, whole(entry))
    assert absorb(world, sparse(stop)).unclear == {stop.txid}
    assert not Order.objects.filter(venue_order_id=stop.txid).exists()


def test_an_order_nobody_introduced_may_be_ours(world: World) -> None:
    now = timezone.now()
    unknown = OrderUpdate(venue_order_id="OWHOSE", at=now, status=VenueStatus.OPEN)
    assert absorb(world, unknown).unclear == {"OWHOSE"}


def test_an_order_of_the_owner_is_left_alone(world: World) -> None:
    world.venue.sell_by_hand("ETH/USD", Decimal(1))
    (foreign,) = [order for order in world.venue.record.orders.values() if order.cl_ord_id is None]
    absorbed = absorb(world, whole(foreign))
    assert absorbed == reports.AbsorbedUpdates(seen=frozenset(), changed=0, unclear=frozenset())
    assert not Order.objects.exists()


def test_the_end_of_an_order_is_taken_without_its_terms(world: World) -> None:
    trade = world.open_active()
    stop = world.stop_at_venue()
    world.venue.cancel_by_hand(stop.txid)
    canceled = world.venue.record.orders[stop.txid]
    absorb(world, sparse(canceled))
    row = order_row(stop)
    assert (row.status, row.quantity, row.trigger_price) == (OrderStatus.CANCELED, trade.quantity, STOP)
    assert world.bracket(trade).state == State.ENTRY_FILLED


def test_filled_means_all_of_it_also_where_no_sum_is_said(world: World) -> None:
    trade = world.open_active()
    stop = world.stop_at_venue()
    filled = OrderUpdate(venue_order_id=stop.txid, at=timezone.now(), status=VenueStatus.CLOSED)
    absorb(world, filled)
    assert order_row(stop).filled_quantity == trade.quantity
    assert world.bracket(trade).state == State.SL_FILLED


def test_filled_is_read_where_new_terms_may_have_come_before_it(world: World) -> None:
    trade = world.open_active()
    stop = world.stop_at_venue()
    Order.objects.filter(venue_order_id=stop.txid).update(
        amends=1,
        amendment={"number": 1, "status": "UNKNOWN", "asked_at": timezone.now().isoformat(), "quantity": "9"},
    )
    filled = OrderUpdate(venue_order_id=stop.txid, at=timezone.now(), status=VenueStatus.CLOSED)
    assert reports.absorb_updates(world.account, [filled]).unclear == {stop.txid}
    assert world.bracket(trade).state == State.BRACKET_ACTIVE


def test_terms_said_before_newer_ones_were_read_change_nothing(world: World) -> None:
    """News can wait for a minute to be taken in; meanwhile another process amended the order and read it."""
    trade = world.open_active()
    old = whole(world.stop_at_venue())
    world.ask(trade, EditRequested(at=world.clock(), stop_price=STOP - 10))
    world.turns(30)
    assert order_row(world.stop_at_venue()).trigger_price == STOP - 10
    absorbed = absorb(world, old)
    assert absorbed.unclear == {old.venue_order_id}  # read once more, to be sure
    assert order_row(world.stop_at_venue()).trigger_price == STOP - 10


def test_a_fill_is_raised_and_an_older_reading_never_lowers_it(world: World) -> None:
    trade = world.open_active()
    stop = world.stop_at_venue()
    before = world.venue.record.orders[stop.txid]
    world.price(STOP - 1)
    after = world.venue.record.orders[stop.txid]
    assert after.status is Status.CLOSED
    absorb(world, sparse(after))
    assert order_row(stop).status == OrderStatus.FILLED
    events = history(trade)
    reports.absorb(world.account, [report(before)])
    absorb(world, whole(before))
    assert (order_row(stop).status, order_row(stop).filled_quantity) == (OrderStatus.FILLED, trade.quantity)
    assert history(trade) == events
    world.until_closed(trade)
    world.assert_over(trade, "stop_loss")


def test_an_order_whose_answer_was_lost_is_found_by_our_id(world: World) -> None:
    world.venue.script("place", Fault.LOST_ANSWER)
    trade = world.open()
    world.send()
    (entry,) = world.at_venue(side=Side.BUY)
    assert Order.objects.get(role=Role.ENTRY).status == OrderStatus.UNKNOWN
    (stop,) = world.at_venue(side=Side.SELL)
    absorb(world, whole(entry), whole(stop))
    assert order_row(entry).status == OrderStatus.FILLED
    assert world.bracket(trade).state == State.BRACKET_ACTIVE


def test_the_whole_way_of_a_trade_is_the_same_by_updates_alone(world: World) -> None:
    trade, entry, stop = bought(world)
    absorb(world, whole(entry), whole(stop))
    world.price(TARGET + 1)
    world.look()
    world.send()
    for order in world.at_venue():
        absorb(world, sparse(order))
    world.send()
    for order in world.at_venue():
        absorb(world, whole(order))
    reconcile.close_books(world.account, world.venue, world.clock())
    world.settle()
    world.assert_over(trade, "take_profit")


# --- following ---------------------------------------------------------------------------------------------


def test_the_stream_lives_once_its_snapshot_is_in_the_book(world: World) -> None:
    following = follower(world)
    assert not following.is_live
    hear(following, OpenOrders(updates=()))
    assert following.is_live


def test_an_order_the_snapshot_does_not_show_is_read(world: World) -> None:
    world.open_active()
    stop = world.stop_at_venue()
    world.venue.cancel_by_hand(stop.txid)
    following = follower(world)
    hear(following, OpenOrders(updates=()))
    assert order_row(stop).status == OrderStatus.CANCELED
    world.clock.pass_seconds(READ_AGAIN_SECONDS)
    catch_up(following)  # a second reading agrees
    assert world.stop_at_venue().txid != stop.txid  # and replaced in the same breath
    assert following.is_live


def test_it_does_not_live_before_that_reading_succeeded(world: World) -> None:
    world.open_active()
    following = follower(world)
    world.venue.set_down(True)
    with pytest.raises(VenueUnavailable):
        hear(following, OpenOrders(updates=()))
    assert not following.is_live
    world.venue.set_down(False)
    world.clock.pass_seconds(READ_AGAIN_SECONDS)
    catch_up(following)
    assert following.is_live


def test_what_an_earlier_connection_showed_open_is_no_snapshot_of_now(world: World) -> None:
    following = follower(world)
    following.heard([OpenOrders(updates=())], timezone.now())
    following.lost("the venue closed the connection")
    following.take()
    assert following.state is StreamState.LOST
    hear(following, OpenOrders(updates=()))
    assert following.is_live


def test_a_snapshot_adopts_and_ends_what_happened_meanwhile(world: World) -> None:
    trade, _, stop = bought(world)
    hear(follower(world), OpenOrders(updates=(whole(stop),)))
    assert world.bracket(trade).state == State.BRACKET_ACTIVE


def test_what_is_unclear_is_read_at_once(world: World) -> None:
    trade, entry, stop = bought(world)
    following = follower(world)
    hear(following, OpenOrders(updates=()), OrdersChanged(updates=(whole(entry), sparse(stop))))
    assert world.bracket(trade).state == State.BRACKET_ACTIVE


def test_the_last_terms_of_an_order_that_ended_while_it_was_amended_are_read_until_they_show(
    world: World,
) -> None:
    trade = world.open_active()
    following = follower(world)
    world.venue.script("amend", Fault.LOST_ANSWER)
    world.ask(trade, EditRequested(at=world.clock.now, stop_price=STOP - 10))
    world.venue.freeze("orders", calls=2)
    world.send()
    stop = world.stop_at_venue()
    assert (stop.trigger_price, order_row(stop).trigger_price) == (STOP - 10, STOP)
    door.close_position(trade.pk)
    world.send()
    hear(following, OrdersChanged(updates=(sparse(world.venue.record.orders[stop.txid]),)))
    assert order_row(stop).status == OrderStatus.CANCELED
    for _ in range(3):
        world.clock.pass_seconds(3)
        catch_up(following)
    assert (order_row(stop).trigger_price, order_row(stop).amendment) == (STOP - 10, None)


def test_an_order_of_ours_something_unknown_was_said_of_is_read(world: World) -> None:
    world.open_active()
    stop = world.stop_at_venue()
    world.venue.cancel_by_hand(stop.txid)
    hear(
        follower(world), OrderUnclear(venue_order_id=stop.txid, why="order_status is 'odd'", introduced=True)
    )
    assert order_row(stop).status == OrderStatus.CANCELED


def test_an_order_we_are_amending_is_left_to_who_amends_it(world: World) -> None:
    world.open_active()
    stop = world.stop_at_venue()
    unclear = OrderUnclear(venue_order_id=stop.txid, why="amended without the new terms", introduced=True)
    Order.objects.filter(venue_order_id=stop.txid).update(touched_at=world.clock())
    calls = len(world.venue.asked)
    following = follower(world)
    hear(following, unclear)
    assert len(world.venue.asked) == calls
    world.clock.pass_seconds(6)  # by then it is somebody else's amendment
    hear(following, unclear)
    assert world.venue.asked[calls:] == ["orders"]


def test_an_unclear_order_of_the_owners_is_not_read(world: World) -> None:
    calls = len(world.venue.asked)
    hear(follower(world), OrderUnclear(venue_order_id="OFOREIGN", why="amended", introduced=True))
    assert len(world.venue.asked) == calls


def test_an_order_rest_does_not_show_is_asked_for_again_but_not_for_ever(world: World) -> None:
    following = follower(world)
    calls = len(world.venue.asked)
    hear(following, OrderUnclear(venue_order_id="OLATER", why="not legible", introduced=False))
    for _ in range(READ_TRIES * 2):
        world.clock.pass_seconds(READ_AGAIN_SECONDS)
        catch_up(following)
    assert len(world.venue.asked) - calls == READ_TRIES


def test_what_follows_is_sent_in_the_same_breath(world: World) -> None:
    """A stop that somebody canceled is placed anew before anything else has its turn."""
    trade = world.open_active()
    stop = world.stop_at_venue()
    following = follower(world)
    world.venue.cancel_by_hand(stop.txid)
    following.heard([OrdersChanged(updates=(sparse(world.venue.record.orders[stop.txid]),))], timezone.now())
    world.clock.pass_seconds(0.05)
    catch_up(following)  # it is read at once: the reading agrees
    placed = world.stop_at_venue()
    assert placed.txid != stop.txid
    hear(following, OrdersChanged(updates=(whole(placed),)))
    assert world.bracket(trade).state == State.BRACKET_ACTIVE


def test_news_that_cannot_be_taken_in_give_the_connection_up(world: World) -> None:
    world.open_active()
    stop = world.stop_at_venue()
    given_up: list[str] = []
    following = follower(world)
    following.distrust = given_up.append
    hear(following, OpenOrders(updates=(whole(stop),)))
    absurd = sparse(stop, average_price=Decimal("1E+30"), filled_quantity=Decimal("0.05"))
    with pytest.raises(ArithmeticError):
        hear(following, OrdersChanged(updates=(absurd,)))
    assert given_up
    assert not following.take()  # it is not tried for ever
    for row in Bracket.objects.all():
        assert violations(records.load(row)) == ()


def test_statuses_are_kept_where_people_and_the_door_look(world: World) -> None:
    statuses = PairStatusesSaid(statuses=(("ETH/USD", "cancel_only"), ("BTC/USD", "online")))
    hear(follower(world), SystemStatusSaid(status="maintenance"), statuses)
    assert fresh(world.account).venue_system == "maintenance"
    assert Instrument.objects.get(symbol="ETH/USD").status == "cancel_only"


def test_totals_are_kept_and_are_settled_when_no_more_of_them_come(world: World) -> None:
    """Of a trade each asset is told by itself: equity is not reckoned in between."""
    readers.refresh_balances(world.account, world.venue)
    row = AssetBalance.objects.get(asset="ZUSD")
    before, held = SystemConfig.objects.get().equity, row.held
    more = AssetTotal(asset="USD", total=row.total + 50)
    odd = AssetTotal(asset="NOBODY", total=Decimal(1))
    world.clock.pass_seconds(1)
    hear(follower(world), BalancesChanged(totals=(more, odd)))
    row.refresh_from_db()
    assert (row.total, row.held, row.first_total) == (more.total, held, more.total - 50)
    assert SystemConfig.objects.get().equity == before
    told = AssetBalance.objects.get(asset="ZUSD").read_at
    assert not readers.balances_are_settled(world.account, told + timedelta(seconds=2))
    assert readers.balances_are_settled(world.account, told + timedelta(seconds=3))
    assert not AssetBalance.objects.filter(asset="NOBODY").exists()


def test_a_total_larger_than_the_book_holds_hides_no_other_and_ends_no_stream(world: World) -> None:
    """Some coins are held by the hundred million."""
    readers.refresh_balances(world.account, world.venue)
    dollars = AssetBalance.objects.get(asset="ZUSD").total
    many, more = AssetTotal(asset="ETH", total=Decimal(10) ** 8), AssetTotal(asset="USD", total=dollars + 50)
    coins = AssetBalance.objects.get(asset="XETH").total
    hear(follower(world), BalancesChanged(totals=(many, more)))
    assert AssetBalance.objects.get(asset="ZUSD").total == dollars + 50
    assert AssetBalance.objects.get(asset="XETH").total == coins


def test_totals_before_the_first_reading_are_not_taken(world: World) -> None:
    AssetBalance.objects.all().delete()
    type(world.account).objects.update(first_balances_at=None)
    hear(follower(world), BalancesChanged(totals=(AssetTotal(asset="USD", total=Decimal(5)),)))
    assert not AssetBalance.objects.exists()


def test_a_reading_of_an_hour_ago_is_not_what_was_said_now(world: World) -> None:
    """Updates are dated by when they were heard: that is what an amendment is settled by."""
    _, entry, _ = bought(world)
    heard_at = timezone.now() - timedelta(seconds=3)
    reports.absorb_updates(world.account, [whole(entry)], heard_at=heard_at)
    assert BracketEvent.objects.filter(kind="OrderReported").latest("pk").at == heard_at
