"""Orders at the paper venue's engine: how each kind fills, waits, rests and ends."""

from decimal import Decimal

import pytest

from brackets.venue.paper.orders import EventKind, Kind, Refused, Side, Status, System, TimeInForce
from tests.unit.paper_desk import Desk, request, stop


def test_it_fills_a_market_buy_at_the_ask_as_taker():
    desk = Desk()
    order = desk.buy(Kind.MARKET, "0.5")
    assert (order.status, order.filled, order.average_price) == (
        Status.CLOSED,
        Decimal("0.5"),
        Decimal("2000.01"),
    )
    (trade,) = desk.changes.trades
    assert (trade.cost, trade.fee, trade.maker) == (Decimal("1000.0050"), Decimal("4.0000"), False)


def test_it_rests_a_limit_buy_below_the_market_and_fills_it_as_maker_at_its_price():
    desk = Desk()
    order = desk.buy(Kind.LIMIT, "0.5", price="1990")
    assert order.status is Status.OPEN
    desk.move("1985")
    order = desk.latest(order)
    assert (order.status, order.average_price) == (Status.CLOSED, Decimal(1990))
    assert desk.changes.trades[0].fee == Decimal("2.4875")  # 0.25 % of 995
    assert desk.changes.trades[0].maker


def test_it_does_not_fill_a_resting_order_that_was_only_touched():
    desk = Desk()
    order = desk.buy(Kind.LIMIT, "0.5", price="1990")
    desk.move("1990.00", spread="0.02")  # last at the limit, ask a cent above: others stood before us
    assert desk.latest(order).filled == 0


def test_it_takes_the_crossing_part_of_a_limit_and_rests_the_remainder():
    desk = Desk(depth="0.2", levels=1)
    order = desk.buy(Kind.LIMIT, "0.5", price="2000.01")
    assert (order.status, order.filled) == (Status.OPEN, Decimal("0.2"))
    assert not desk.changes.trades[0].maker
    desk.move("1999", depth="0.2")
    assert desk.changes.trades[0].maker
    assert desk.latest(order).filled == Decimal("0.4")


def test_it_fills_what_exceeds_the_depth_at_worse_prices_and_the_rest_a_tick_later():
    desk = Desk(depth="0.1", levels=3)
    order = desk.buy(Kind.MARKET, "0.35")
    prices = [trade.price for trade in desk.changes.trades]
    assert prices == [Decimal("2000.01"), Decimal("2002.02"), Decimal("2004.02")]  # 0, 10, 20 bps, rounded up
    assert (order.status, order.leaves) == (Status.OPEN, Decimal("0.05"))
    desk.move("2000", depth="0.1")
    assert desk.latest(order).status is Status.CLOSED


def test_it_shares_a_ticks_liquidity_between_orders_of_a_side():
    desk = Desk(depth="0.1", levels=1)
    desk.buy(Kind.MARKET, "0.1")
    second = desk.buy(Kind.MARKET, "0.1")
    assert second.filled == 0


def test_it_gives_the_older_order_at_a_price_the_liquidity_first():
    desk = Desk()
    older = desk.buy(Kind.LIMIT, "0.1", price="1990")
    younger = desk.buy(Kind.LIMIT, "0.1", price="1990")
    better = desk.buy(Kind.LIMIT, "0.1", price="1991")
    desk.move("1985", depth="0.15")
    assert [desk.latest(order).filled for order in (better, older, younger)] == [
        Decimal("0.1"),
        Decimal("0.05"),
        Decimal(0),
    ]


def test_it_cancels_the_rest_of_an_ioc_order():
    desk = Desk(depth="0.1", levels=1)
    order = desk.buy(Kind.LIMIT, "0.3", price="2000.01", time_in_force=TimeInForce.IOC)
    assert (order.status, order.filled) == (Status.CANCELED, Decimal("0.1"))
    assert desk.engine.account.hold("ZUSD") == 0


def test_it_expires_a_gtd_order_at_its_time():
    desk = Desk()
    order = desk.buy(Kind.LIMIT, "0.1", price="1990", time_in_force=TimeInForce.GTD, expires_at=desk.now + 3)
    desk.move("2000")
    assert desk.latest(order).status is Status.OPEN
    desk.move("1980")
    assert (desk.latest(order).status, desk.latest(order).filled) == (Status.EXPIRED, Decimal(0))


def test_it_cancels_a_crossing_post_only_order_after_accepting_it():
    desk = Desk()
    order = desk.buy(Kind.LIMIT, "0.1", price="2000.01", post_only=True)
    assert (order.status, order.reason, order.filled) == (Status.CANCELED, "Post only order", Decimal(0))


def test_it_refuses_a_crossing_post_only_order_in_the_error_form():
    desk = Desk(post_only_cancels=False)
    with pytest.raises(Refused, match=r"^EOrder:Post only order$"):
        desk.buy(Kind.LIMIT, "0.1", price="2000.01", post_only=True)
    assert not desk.engine.take_changes()


@pytest.mark.parametrize(
    ("side", "kind", "trigger", "stays", "fires"),
    [
        (Side.SELL, Kind.STOP_LOSS, "1950", "1950.01", "1950"),
        (Side.SELL, Kind.TAKE_PROFIT, "2050", "2049.99", "2050"),
        (Side.BUY, Kind.STOP_LOSS, "2050", "2049.99", "2050"),
        (Side.BUY, Kind.TAKE_PROFIT, "1950", "1950.01", "1950"),
    ],
)
def test_it_triggers_at_the_price_and_not_before(side, kind, trigger, stays, fires):
    desk = Desk(coins="1")
    order = desk.add(request(side, kind, "0.1", price=trigger))
    desk.move(stays)
    assert not desk.latest(order).triggered
    desk.move(fires)
    after = desk.latest(order)
    assert (after.txid, after.status, after.triggered) == (order.txid, Status.CLOSED, True)
    assert after.misc == ("stopped" if kind is Kind.STOP_LOSS else "touched")
    assert [event.kind for event in desk.changes.events] == [
        EventKind.TRIGGERED,
        EventKind.FILLED,
        EventKind.ENDED,
    ]


def test_it_fills_a_gapped_stop_far_below_its_trigger():
    desk = Desk(coins="1")
    order = desk.sell(Kind.STOP_LOSS, "1", price="1950")
    desk.move("1700")
    assert desk.latest(order).average_price == Decimal("1699.99")


def test_it_triggers_a_stop_at_once_that_is_placed_through_the_market():
    desk = Desk(coins="1")
    order = desk.sell(Kind.STOP_LOSS, "1", price="2100")
    assert (order.status, order.misc) == (Status.CLOSED, "stopped")


def test_it_rests_a_triggered_stop_limit_at_its_limit():
    desk = Desk(coins="1")
    order = desk.sell(Kind.STOP_LOSS_LIMIT, "1", price="1950", price2="1940")
    desk.move("1900")
    assert (desk.latest(order).status, desk.latest(order).misc) == (Status.OPEN, "stopped")
    desk.move("1941")
    after = desk.latest(order)
    assert (after.status, after.average_price) == (Status.CLOSED, Decimal(1940))
    assert desk.changes.trades[0].maker


def test_it_spreads_a_large_triggered_stop_over_several_ticks():
    desk = Desk(coins="1")
    order = desk.sell(Kind.STOP_LOSS, "1", price="1950")
    desk.move("1940", depth="0.1")
    assert desk.latest(order).filled == Decimal("0.5")  # five portions a tick
    assert desk.latest(order).status is Status.OPEN
    desk.move("1930", depth="0.1")
    assert desk.latest(order).status is Status.CLOSED


def test_it_cancels_an_order_once():
    desk = Desk()
    order = desk.buy(Kind.LIMIT, "0.1", price="1990")
    desk.cancel(order)
    assert (desk.latest(order).status, desk.latest(order).reason) == (Status.CANCELED, "User requested")
    with pytest.raises(Refused, match=r"^EOrder:Unknown order$"):
        desk.cancel(order)


def test_it_cancels_all_orders_of_a_userref():
    desk = Desk()
    for userref in (7, 7, 8):
        desk.buy(Kind.LIMIT, "0.1", price="1990", userref=userref)
    assert desk.engine.cancel(userref=7, now=desk.later()) == 2
    assert [order.userref for order in desk.engine.open_orders.values()] == [8]


def test_it_takes_a_client_order_id_again_only_after_its_order_ended():
    desk = Desk()
    order = desk.buy(Kind.LIMIT, "0.1", price="1990", cl_ord_id="mine")
    with pytest.raises(Refused, match=r"^EOrder:Duplicate client order id$"):
        desk.buy(Kind.LIMIT, "0.1", price="1990", cl_ord_id="mine")
    desk.cancel(order)
    assert desk.buy(Kind.LIMIT, "0.1", price="1990", cl_ord_id="mine").status is Status.OPEN


def test_it_validates_without_a_trace():
    desk = Desk()
    before = desk.engine.snapshot()
    new = request(Side.BUY, Kind.MARKET, "0.1", close=stop("1900"))
    assert desk.engine.add(new, now=desk.later(), validate=True) is None
    assert desk.engine.snapshot() == before
    assert not desk.engine.take_changes()


@pytest.mark.parametrize("system", [System.CANCEL_ONLY, System.POST_ONLY, System.MAINTENANCE])
def test_it_neither_triggers_nor_fills_while_the_market_does_not_trade(system):
    desk = Desk(coins="1")
    order = desk.sell(Kind.STOP_LOSS, "1", price="1950")
    desk.engine.system = system
    desk.move("1900")
    assert not desk.latest(order).triggered
    desk.engine.system = System.ONLINE
    desk.move("1890")
    assert desk.latest(order).status is Status.CLOSED


@pytest.mark.parametrize(
    ("system", "kind", "post_only", "error"),
    [
        (System.CANCEL_ONLY, Kind.LIMIT, True, "EService:Market in cancel_only mode"),
        (System.POST_ONLY, Kind.LIMIT, False, "EService:Market in post_only mode"),
        (System.LIMIT_ONLY, Kind.MARKET, False, "EService:Market in limit_only mode"),
        (System.MAINTENANCE, Kind.LIMIT, False, "EService:Unavailable"),
    ],
)
def test_it_names_the_mode_that_keeps_an_order_out(system, kind, post_only, error):
    desk = Desk()
    desk.engine.system = system
    with pytest.raises(Refused) as refusal:
        desk.buy(kind, "0.1", price="1990" if kind is Kind.LIMIT else None, post_only=post_only)
    assert refusal.value.error == error


def test_it_still_cancels_in_cancel_only_mode():
    desk = Desk()
    order = desk.buy(Kind.LIMIT, "0.1", price="1990")
    desk.engine.system = System.CANCEL_ONLY
    desk.cancel(order)
    assert desk.latest(order).status is Status.CANCELED
