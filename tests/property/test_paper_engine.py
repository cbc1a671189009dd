"""Whatever is asked of the paper venue's engine: coins are conserved, holds explained, nothing is random."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from brackets.venue.paper.amending import Edit
from brackets.venue.paper.codec import decode, encode
from brackets.venue.paper.engine import Engine
from brackets.venue.paper.orders import (
    Amendment,
    Changes,
    Close,
    Entry,
    EventKind,
    Kind,
    NewOrder,
    Order,
    Refused,
    Side,
    Status,
    System,
    TimeInForce,
    Trade,
)
from brackets.venue.paper.pairs import MAKER_RATE, PAIRS, TAKER_RATE
from brackets.venue.paper.rules import Options
from tests.unit.paper_desk import ETH, START, tick

BTC = "BTC/USD"
SYMBOLS = (ETH, BTC)
ASSETS = ("ZUSD", "XETH", "XXBT")

prices = st.integers(150_000, 250_000).map(lambda cents: Decimal(cents) / 100)
bitcoin_prices = st.integers(250_000, 350_000).map(lambda tenths: Decimal(tenths) / 10)
volumes = st.one_of(
    st.integers(200_000, 300_000_000).map(lambda lots: Decimal(lots).scaleb(-8)),
    st.sampled_from([Decimal("0.002"), Decimal("0.00200001"), Decimal(1), Decimal(5)]),
)
depths = st.integers(50_000, 200_000_000).map(lambda lots: str(Decimal(lots).scaleb(-8)))
closes = st.none() | st.builds(
    Close,
    kind=st.sampled_from([Kind.STOP_LOSS, Kind.TAKE_PROFIT, Kind.LIMIT]),
    price=prices.map(lambda price: price.quantize(Decimal("0.1"))),
)


@st.composite
def new_orders(draw: st.DrawFn) -> NewOrder:
    symbol = draw(st.sampled_from(SYMBOLS))
    price = prices if symbol == ETH else bitcoin_prices
    kind = draw(st.sampled_from(list(Kind)))
    return NewOrder(
        symbol=symbol,
        side=draw(st.sampled_from(list(Side))),
        kind=kind,
        volume=draw(volumes),
        price=draw(price) if kind is not Kind.MARKET else None,
        price2=draw(price) if kind.waits and kind.ends_as_limit else None,
        post_only=kind is Kind.LIMIT and draw(st.booleans()),
        fee_in_base=draw(st.booleans()),
        time_in_force=TimeInForce.GTC,
        expires_at=draw(st.none() | st.just(START + 20)),
        cl_ord_id=draw(st.none() | st.sampled_from(["a", "b"])),
        close=draw(closes),
    )


amendments = st.builds(
    dict,
    volume=st.none() | volumes,
    limit_price=st.none() | prices,
    trigger_price=st.none() | prices,
)
steps = st.one_of(
    st.tuples(st.just("add"), new_orders()),
    st.tuples(st.just("tick"), st.tuples(st.sampled_from(SYMBOLS), prices, depths)),
    st.tuples(st.just("cancel"), st.integers(0, 20)),
    st.tuples(st.just("amend"), st.tuples(st.integers(0, 20), amendments)),
    st.tuples(st.just("withdraw"), st.tuples(st.sampled_from(ASSETS), st.integers(1, 100))),
    st.tuples(st.just("mode"), st.sampled_from(list(System))),
    st.tuples(st.just("pair_mode"), st.tuples(st.sampled_from(SYMBOLS), st.sampled_from(list(System)))),
    st.tuples(st.just("edit"), st.tuples(st.integers(0, 20), st.none() | volumes, st.none() | prices)),
    st.tuples(st.just("cancel_all_after"), st.integers(0, 5)),
)


def market_tick(symbol: str, price: Decimal, depth: str) -> Any:
    last = price if symbol == ETH else (price * 15).quantize(Decimal("0.1"))
    return tick(str(last), depth=depth, spread="0.2" if symbol == BTC else "0.02", symbol=symbol)


class Run:
    """A life of an engine, step by step, with everything it ever told."""

    def __init__(self, *, options: Options) -> None:
        first = [market_tick(symbol, Decimal(2000), "1") for symbol in SYMBOLS]
        self.engine = Engine(seed="run", ticks=first, options=options)
        for asset, amount in (("ZUSD", "10000"), ("XETH", "2"), ("XXBT", "0.1")):
            self.engine.deposit(asset=asset, amount=Decimal(amount), now=START)
        self.now = START
        self.orders: dict[str, Order] = {}
        self.trades: list[Trade] = []
        self.entries: list[Entry] = []
        self.told: list[Changes] = []
        self.remember()

    def step(self, name: str, what: Any) -> None:
        self.now += 1
        try:
            STEPS[name](self, what)
        except Refused:
            assert not self.engine.take_changes(), "a refusal changed something"
        self.remember()

    def remember(self) -> None:
        changes = self.engine.take_changes()
        self.orders |= changes.orders
        self.trades += changes.trades
        self.entries += changes.entries
        self.told.append(changes)

    def some(self, index: int) -> Order | None:
        orders = list(self.engine.open_orders.values())
        return orders[index % len(orders)] if orders else None

    def cancel(self, index: int) -> None:
        if order := self.some(index):
            self.engine.cancel(txid=order.txid, now=self.now)

    def amend(self, what: tuple[int, dict[str, Decimal | None]]) -> None:
        if order := self.some(what[0]):
            self.engine.amend(Amendment(txid=order.txid, **what[1]), now=self.now)

    def edit(self, what: tuple[int, Decimal | None, Decimal | None]) -> None:
        index, volume, price = what
        if order := self.some(index):
            self.engine.edit(Edit(txid=order.txid, volume=volume, price=price), now=self.now)

    def withdraw(self, what: tuple[str, int]) -> None:
        asset, percent = what
        unit = Decimal("0.0001")
        amount = (self.engine.account.available(asset) * percent / 100 // unit) * unit
        if amount > 0:
            self.engine.withdraw(asset=asset, amount=amount, now=self.now)


def set_mode(run: Run, system: System) -> None:
    run.engine.system = system


def set_pair_mode(run: Run, what: tuple[str, System]) -> None:
    run.engine.modes[what[0]] = what[1]


STEPS: dict[str, Callable[[Run, Any], None]] = {
    "add": lambda run, new: run.engine.add(new, now=run.now),
    "tick": lambda run, what: run.engine.advance([market_tick(*what)], now=run.now),
    "cancel": Run.cancel,
    "amend": Run.amend,
    "withdraw": Run.withdraw,
    "mode": set_mode,
    "pair_mode": set_pair_mode,
    "edit": Run.edit,
    "cancel_all_after": lambda run, seconds: run.engine.cancel_all_after(
        seconds=Decimal(seconds), now=run.now
    ),
}
lives = st.lists(steps, max_size=30)
all_options = st.builds(
    Options,
    untriggered_hold=st.booleans(),
    post_only_cancels=st.booleans(),
    small_fills_close=st.booleans(),
)


def lived(life: list[Any], options: Options) -> Run:
    run = Run(options=options)
    for name, what in life:
        run.step(name, what)
    return run


# --- the laws --------------------------------------------------------------------------------------------


def check_money(run: Run) -> None:
    account = run.engine.account
    for asset in ASSETS:
        booked = sum((e.amount - e.fee for e in run.entries if e.asset == asset), Decimal(0))
        assert account.balance(asset) == booked >= 0
        assert account.available(asset) >= 0, "more is reserved than there is"


def check_holds(run: Run) -> None:
    for asset in ASSETS:
        reserved = sum(
            (
                order.reserved
                for order in run.engine.open_orders.values()
                if (PAIRS[order.symbol].quote if order.side is Side.BUY else PAIRS[order.symbol].base).code
                == asset
            ),
            Decimal(0),
        )
        assert run.engine.account.hold(asset) == reserved
    for order in run.engine.open_orders.values():
        assert order.reserved >= 0
        if order.side is Side.SELL:
            assert order.reserved <= order.leaves


def check_full_reservations(run: Run) -> None:
    """With holds on untriggered stops every limit and stop but an attached one has all of it behind it."""
    for order in run.engine.open_orders.values():
        if order.refid is not None or order.kind is Kind.MARKET or (order.triggered and not order.resting):
            continue
        if order.side is Side.SELL:
            assert order.reserved == order.leaves
            continue
        rate = Decimal(0) if order.fee_in_base else MAKER_RATE
        price = order.limit_price or order.trigger_price
        assert price is not None
        assert price * order.leaves * (1 + rate) <= order.reserved
        assert order.reserved <= price * order.leaves * (1 + TAKER_RATE)


def check_orders(run: Run) -> None:
    for order in run.orders.values():
        trades = [trade for trade in run.trades if trade.txid == order.txid]
        assert tuple(trade.trade_id for trade in trades) == order.trades
        assert sum((trade.volume for trade in trades), Decimal(0)) == order.filled
        assert order.filled <= order.volume or order.amended
        assert sum((trade.cost for trade in trades), Decimal(0)) == order.cost
        assert sum((trade.fee for trade in trades), Decimal(0)) == order.fee
        assert (order.status is Status.OPEN) == (order.txid in run.engine.open_orders)
        assert (order.status is Status.CLOSED) <= (order.filled == order.volume)
        for trade in trades:
            if order.limit_price is not None and not order.amended:
                better = trade.price <= order.limit_price
                assert better if order.side is Side.BUY else trade.price >= order.limit_price


def check_ledger(run: Run) -> None:
    for trade in run.trades:
        base, quote = [entry for entry in run.entries if entry.refid == trade.trade_id]
        sign = 1 if trade.side is Side.BUY else -1
        assert (base.amount, quote.amount) == (sign * trade.volume, -sign * trade.cost)
        assert (quote.fee == trade.fee and base.fee == 0) or (quote.fee == 0 and base.fee >= 0)
    for asset in ASSETS:
        running = Decimal(0)
        for entry in run.entries:
            if entry.asset == asset:
                running += entry.amount - entry.fee
                assert entry.balance == running


def check_secondaries(run: Run) -> None:
    """Attached orders are as large as the fills that made them, one each, and nobody else has a refid."""
    for primary in run.orders.values():
        made = sorted(order.volume for order in run.orders.values() if order.refid == primary.txid)
        wanted = sorted(
            trade.volume
            for trade in run.trades
            if trade.txid == primary.txid
            and primary.close is not None
            and (run.engine.options.small_fills_close or trade.volume >= PAIRS[primary.symbol].order_minimum)
        )
        if all(not run.orders[o.txid].amended for o in run.orders.values() if o.refid == primary.txid):
            assert made == wanted


@settings(max_examples=150, deadline=None)
@given(lives, all_options)
def test_it_keeps_its_laws_through_any_life(life, options):
    run = lived(life, options)
    check_money(run)
    check_holds(run)
    check_orders(run)
    check_ledger(run)
    check_secondaries(run)
    if options.untriggered_hold:
        check_full_reservations(run)


@settings(max_examples=40, deadline=None)
@given(lives, all_options)
def test_it_does_the_same_again(life, options):
    first, second = lived(life, options), lived(life, options)
    assert first.told == second.told
    assert first.engine.snapshot() == second.engine.snapshot()


@settings(max_examples=60, deadline=None)
@given(lives, lives, all_options)
def test_it_goes_on_from_what_was_stored_as_if_nothing_had_happened(before, after, options):
    run, stored = lived(before, options), lived(before, options)
    stored.engine = Engine.restored(
        stored.engine.snapshot(),
        open_orders=[decode(Order, encode(order)) for order in stored.engine.open_orders.values()],
        ticks=stored.engine.ticks.values(),
        options=options,
    )
    for name, what in after:
        run.step(name, what)
        stored.step(name, what)
    assert run.told == stored.told
    assert run.engine.snapshot() == stored.engine.snapshot()
    assert run.engine.account.held.items() >= {(k, v) for k, v in stored.engine.account.held.items() if v}


@settings(max_examples=60, deadline=None)
@given(lives, all_options)
def test_it_tells_every_change_of_an_orders_state(life, options):
    """The events alone rebuild every order: what a WebSocket would tell is the whole truth."""
    run = lived(life, options)
    seen: dict[str, Order] = {}
    for changes in run.told:
        for event in changes.events:
            assert (event.kind is EventKind.PLACED) == (event.order.txid not in seen)
            seen[event.order.txid] = event.order
    for txid, order in run.orders.items():
        told = seen[txid]
        assert (told.status, told.filled, told.triggered, told.volume, told.price) == (
            order.status,
            order.filled,
            order.triggered,
            order.volume,
            order.price,
        )
