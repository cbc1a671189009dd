"""Attached close terms: one independent order per fill, with the coins behind it."""

from decimal import Decimal

from brackets.venue.paper.orders import Close, Kind, Side, Status
from tests.unit.paper_desk import Desk, stop


def test_it_attaches_a_stop_of_the_filled_size_to_a_market_buy():
    desk = Desk()
    entry = desk.buy(Kind.MARKET, "0.5", close=stop("1900"), cl_ord_id="entry")
    (attached,) = desk.secondaries(entry)
    assert (attached.side, attached.kind, attached.volume, attached.price) == (
        Side.SELL,
        Kind.STOP_LOSS,
        Decimal("0.5"),
        Decimal(1900),
    )
    assert (attached.refid, attached.cl_ord_id, attached.status) == (entry.txid, None, Status.OPEN)
    assert desk.available("XETH") == 0


def test_it_attaches_one_stop_to_each_fill():
    desk = Desk(depth="0.1", levels=2)
    entry = desk.buy(Kind.MARKET, "0.35", close=stop("1900"))
    desk.move("2000", depth="0.1")
    sizes = [order.volume for order in desk.secondaries(entry)]
    assert sizes == [Decimal("0.1"), Decimal("0.1"), Decimal("0.1"), Decimal("0.05")]
    assert sum(sizes) == desk.latest(entry).filled


def test_it_leaves_a_fill_below_the_minimum_without_a_stop():
    desk = Desk(depth="0.001", levels=1)  # below the 0.002 of the pair
    entry = desk.buy(Kind.MARKET, "0.002", close=stop("1900"))
    assert entry.filled == Decimal("0.001")
    assert desk.secondaries(entry) == []


def test_it_can_be_told_to_attach_to_small_fills_too():
    desk = Desk(depth="0.001", levels=1, small_fills_close=True)
    entry = desk.buy(Kind.MARKET, "0.002", close=stop("1900"))
    assert [order.volume for order in desk.secondaries(entry)] == [Decimal("0.001")]


def test_it_triggers_an_attached_stop_at_once_that_is_above_the_market():
    desk = Desk()
    entry = desk.buy(Kind.MARKET, "0.5", close=stop("2100"))
    (attached,) = desk.secondaries(entry)
    assert (attached.status, attached.misc) == (Status.CLOSED, "stopped")
    assert desk.engine.account.balance("XETH") == 0


def test_it_attaches_a_target_as_limit_and_fills_it_as_maker():
    desk = Desk()
    entry = desk.buy(Kind.MARKET, "0.5", close=Close(kind=Kind.LIMIT, price=Decimal(2100)))
    desk.move("2110")
    (attached,) = desk.secondaries(entry)
    assert (attached.status, attached.average_price) == (Status.CLOSED, Decimal(2100))
    assert desk.changes.trades[0].maker


def test_it_leaves_the_attached_stop_alone_when_the_primary_is_canceled():
    desk = Desk(depth="0.2", levels=1)
    entry = desk.buy(Kind.LIMIT, "0.5", price="2000.01", close=stop("1900"))
    desk.cancel(entry)
    (attached,) = desk.secondaries(entry)
    assert attached.status is Status.OPEN
    assert desk.latest(entry).filled == Decimal("0.2")


def test_it_fills_what_it_can_and_cancels_an_attached_stop_short_of_coins():
    desk = Desk()
    entry = desk.buy(Kind.MARKET, "0.5", close=stop("1900"), fee_in_base=True)  # 0.002 ETH went as the fee
    assert desk.engine.account.balance("XETH") == Decimal("0.498")
    desk.move("1890")
    (attached,) = desk.secondaries(entry)
    assert (attached.status, attached.filled) == (Status.CANCELED, Decimal("0.498"))
    assert attached.reason == "Insufficient funds"
    assert desk.engine.account.balance("XETH") == 0
