"""A matching engine at a desk: ticks by hand, orders in a line. What the tests of the paper venue share."""

from decimal import Decimal
from typing import Any

from brackets.venue.paper.engine import Engine
from brackets.venue.paper.market import Tick
from brackets.venue.paper.orders import Amendment, Changes, Close, Kind, NewOrder, Order, Side
from brackets.venue.paper.rules import Options

ETH = "ETH/USD"
START = Decimal(1_700_000_000)
PRICE_FIELDS = ("price", "price2", "volume")


def tick(last: str, *, depth: str = "100", spread: str = "0.02", symbol: str = ETH) -> Tick:
    half = Decimal(spread) / 2
    return Tick(
        symbol=symbol,
        bid=Decimal(last) - half,
        ask=Decimal(last) + half,
        last=Decimal(last),
        depth=Decimal(depth),
    )


def request(side: Side, kind: Kind, volume: str, **terms: Any) -> NewOrder:
    for name in PRICE_FIELDS:
        if isinstance(terms.get(name), str):
            terms[name] = Decimal(terms[name])
    return NewOrder(symbol=terms.pop("symbol", ETH), side=side, kind=kind, volume=Decimal(volume), **terms)


def stop(price: str) -> Close:
    return Close(kind=Kind.STOP_LOSS, price=Decimal(price))


class Desk:
    """One engine with 10,000 USD at ETH 2000; every call is a second later than the one before."""

    def __init__(self, *, last: str = "2000.00", depth: str = "100", coins: str = "", **options: Any) -> None:
        self.now = START
        self.engine = Engine(seed="desk", ticks=[tick(last, depth=depth)], options=Options(**options))
        self.engine.deposit(asset="ZUSD", amount=Decimal(10_000), now=START)
        if coins:
            self.engine.deposit(asset="XETH", amount=Decimal(coins), now=START)
        self.engine.take_changes()
        self.orders: dict[str, Order] = {}
        self.changes = Changes()

    def buy(self, kind: Kind, volume: str, **terms: Any) -> Order:
        return self.add(request(Side.BUY, kind, volume, **terms))

    def sell(self, kind: Kind, volume: str, **terms: Any) -> Order:
        return self.add(request(Side.SELL, kind, volume, **terms))

    def add(self, new: NewOrder) -> Order:
        placed = self.engine.add(new, now=self.later())
        assert placed is not None
        self.remember()
        return self.orders[placed.txid]

    def move(self, last: str, **terms: str) -> Changes:
        """The market moves; what that changed."""
        self.engine.advance([tick(last, **terms)], now=self.later())
        return self.remember()

    def cancel(self, order: Order) -> None:
        self.engine.cancel(txid=order.txid, now=self.later())
        self.remember()

    def amend(self, order: Order, **terms: str) -> None:
        amounts = {name: Decimal(value) for name, value in terms.items()}
        self.engine.amend(Amendment(txid=order.txid, **amounts), now=self.later())
        self.remember()

    def later(self) -> Decimal:
        self.now += 1
        return self.now

    def remember(self) -> Changes:
        self.changes = self.engine.take_changes()
        self.orders |= self.changes.orders
        return self.changes

    def latest(self, order: Order) -> Order:
        return self.orders[order.txid]

    def secondaries(self, primary: Order) -> list[Order]:
        return [order for order in self.orders.values() if order.refid == primary.txid]

    def available(self, asset: str) -> Decimal:
        return self.engine.account.available(asset)
