"""Reservations, funds, fees and the ledger of the paper venue's engine."""

from decimal import Decimal

import pytest

from brackets.venue.paper.orders import Kind, Refused, Status
from tests.unit.paper_desk import Desk, stop

FUNDS = r"^EOrder:Insufficient funds$"


def test_it_reserves_notional_and_fee_of_a_resting_buy():
    desk = Desk()
    desk.buy(Kind.LIMIT, "1", price="1990")
    assert desk.engine.account.hold("ZUSD") == Decimal("1994.975")  # the maker's 0.25 %
    desk.move("1980")
    assert desk.engine.account.hold("ZUSD") == 0


def test_it_refuses_a_buy_whose_fee_cannot_be_paid():
    desk = Desk()
    with pytest.raises(Refused, match=FUNDS):
        desk.buy(Kind.LIMIT, "5", price="2000")  # 10,000 for the coins, nothing for the fee
    assert not desk.engine.take_changes()


@pytest.mark.parametrize(
    ("kind", "price", "price2"),
    [
        (Kind.LIMIT, "2100", None),
        (Kind.STOP_LOSS, "1900", None),
        (Kind.STOP_LOSS_LIMIT, "1900", "1890"),
        (Kind.TAKE_PROFIT, "2100", None),
        (Kind.TAKE_PROFIT_LIMIT, "2100", "2090"),
    ],
)
def test_it_reserves_the_coins_of_every_sell_so_that_a_second_is_refused(kind, price, price2):
    desk = Desk(coins="1")
    first = desk.sell(kind, "1", price=price, price2=price2)
    assert desk.available("XETH") == 0
    with pytest.raises(Refused, match=FUNDS):
        desk.sell(Kind.LIMIT, "0.5", price="2200")
    desk.cancel(first)
    assert desk.available("XETH") == 1


def test_it_can_leave_untriggered_stops_without_a_reservation():
    desk = Desk(coins="1", untriggered_hold=False)
    sl = desk.sell(Kind.STOP_LOSS, "1", price="1900")
    desk.sell(Kind.LIMIT, "1", price="2100")
    desk.move("1890")  # the limit order holds the coins: the stop gets none
    assert (desk.latest(sl).status, desk.latest(sl).filled) == (Status.CANCELED, Decimal(0))
    assert desk.latest(sl).reason == "Insufficient funds"


def test_it_fills_a_trigger_as_far_as_the_coins_go_and_cancels_the_rest():
    desk = Desk(coins="1", untriggered_hold=False)
    sl = desk.sell(Kind.STOP_LOSS, "1", price="1900")
    desk.engine.withdraw(asset="XETH", amount=Decimal("0.6"), now=desk.later())
    desk.move("1890")
    assert (desk.latest(sl).status, desk.latest(sl).filled) == (Status.CANCELED, Decimal("0.4"))


def test_it_does_not_let_reserved_coins_be_withdrawn():
    desk = Desk(coins="1")
    desk.sell(Kind.STOP_LOSS, "1", price="1900")
    with pytest.raises(ValueError, match="only 0"):
        desk.engine.withdraw(asset="XETH", amount=Decimal("0.1"), now=desk.later())


def test_it_writes_two_entries_of_a_trade_that_explain_the_balances():
    desk = Desk()
    desk.buy(Kind.MARKET, "0.123")
    (trade,) = desk.changes.trades
    base, quote = desk.changes.entries
    assert (base.refid, quote.refid) == (trade.trade_id, trade.trade_id)
    assert (base.asset, base.amount, base.fee, base.balance) == (
        "XETH",
        Decimal("0.123"),
        Decimal(0),
        Decimal("0.123"),
    )
    # 0.123 x 2000.01 = 246.00123, truncated; 0.4 % of it = 0.98400492, truncated.
    assert (quote.asset, quote.amount, quote.fee) == ("ZUSD", Decimal("-246.0012"), Decimal("0.9840"))
    assert quote.balance == Decimal(10_000) - Decimal("246.0012") - Decimal("0.9840")
    assert (trade.cost, trade.fee) == (-quote.amount, quote.fee)


def test_it_takes_the_fee_in_coins_when_that_is_preferred():
    desk = Desk()
    desk.buy(Kind.MARKET, "0.5", fee_in_base=True)
    base, quote = desk.changes.entries
    assert (base.amount, base.fee, base.balance) == (Decimal("0.5"), Decimal("0.002"), Decimal("0.498"))
    assert quote.fee == 0


def test_it_takes_the_quote_fee_of_a_sell_that_has_no_coins_left_for_it():
    desk = Desk(coins="1")
    desk.sell(Kind.MARKET, "1", fee_in_base=True)
    base, quote = desk.changes.entries
    assert (base.balance, base.fee) == (Decimal(0), Decimal(0))
    assert quote.fee == Decimal("7.9999")  # 0.4 % of 1999.99 = 7.99996, truncated


def test_it_gives_unused_reservation_back_when_a_buy_fills_below_its_limit():
    desk = Desk()
    order = desk.buy(Kind.LIMIT, "1", price="2050")
    assert (order.status, order.average_price) == (Status.CLOSED, Decimal("2000.01"))
    assert desk.engine.account.hold("ZUSD") == 0
    assert desk.available("ZUSD") == Decimal(10_000) - Decimal("2000.0100") - Decimal("8.0000")


def test_it_reserves_exactly_what_the_open_part_of_a_buy_can_cost():
    desk = Desk()
    desk.buy(Kind.LIMIT, "1", price="1990")
    desk.move("1980", depth="0.33333333")
    open_part = Decimal("0.66666667")
    assert desk.engine.account.hold("ZUSD") == 1990 * open_part * Decimal("1.0025")


def test_it_ends_a_market_buy_that_slipped_beyond_the_funds():
    desk = Desk(depth="1", levels=5)
    order = desk.buy(Kind.MARKET, "4.979")  # affordable at the ask; the further portions cost more
    assert order.status is Status.CANCELED
    assert order.reason == "Insufficient funds"
    assert Decimal("4.9") < order.filled < Decimal("4.979")
    assert desk.available("ZUSD") >= 0


def test_it_amends_a_stop_up_only_with_coins_behind_it():
    desk = Desk(coins="1")
    order = desk.sell(Kind.STOP_LOSS, "0.4", price="1900")
    desk.amend(order, volume="1", trigger_price="1950")
    after = desk.latest(order)
    assert (after.volume, after.price, after.reserved, after.misc) == (
        Decimal(1),
        Decimal(1950),
        Decimal(1),
        "amended",
    )
    with pytest.raises(Refused, match=FUNDS):
        desk.amend(order, volume="1.1")
    assert desk.engine.open_orders[order.txid] == after


def test_it_cancels_the_rest_when_amended_to_no_more_than_is_filled():
    desk = Desk(depth="0.2", levels=1)
    order = desk.buy(Kind.LIMIT, "0.5", price="2000.01")
    desk.amend(order, volume="0.2")
    assert (desk.latest(order).status, desk.latest(order).filled) == (Status.CANCELED, Decimal("0.2"))


def test_it_triggers_a_stop_that_was_amended_through_the_market():
    desk = Desk(coins="1")
    order = desk.sell(Kind.STOP_LOSS, "1", price="1900")
    desk.amend(order, trigger_price="2100")
    assert (desk.latest(order).status, desk.latest(order).misc) == (Status.CLOSED, "stopped,amended")


@pytest.mark.parametrize(
    ("terms", "error"),
    [
        ({"limit_price": "1900"}, "EGeneral:Invalid arguments:limit_price"),
        ({"trigger_price": "1900.001"}, "EOrder:Tick size check failed"),
        ({"volume": "0.001"}, "EOrder:Order minimum not met"),
        ({}, "EGeneral:Invalid arguments"),
    ],
)
def test_it_refuses_terms_that_do_not_fit_the_order(terms, error):
    desk = Desk(coins="1")
    order = desk.sell(Kind.STOP_LOSS, "1", price="1900")
    with pytest.raises(Refused) as refusal:
        desk.amend(order, **terms)
    assert refusal.value.error == error
    assert desk.engine.open_orders[order.txid] == order


def test_it_amends_no_order_with_close_terms():
    desk = Desk()
    order = desk.buy(Kind.LIMIT, "0.5", price="1900", close=stop("1800"))
    with pytest.raises(Refused, match="conditional close"):
        desk.amend(order, volume="0.4")
