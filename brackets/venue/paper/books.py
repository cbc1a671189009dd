"""The engine's records: open orders, the account, the counters behind ids, and what a step changed.

Stands under the engine, which alone decides; here a decision becomes an order's new state, a trade with
its two ledger entries, or a reservation, each written down in the changes of the present step.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from brackets.venue.paper import holds
from brackets.venue.paper.account import Account
from brackets.venue.paper.ids import venue_id
from brackets.venue.paper.orders import (
    ZERO,
    Changes,
    Entry,
    Event,
    EventKind,
    Kind,
    NewOrder,
    Order,
    Side,
    Status,
    Trade,
)
from brackets.venue.paper.pairs import ASSETS, PAIRS, Pair, earn_code


class Books:
    """Everything the engine remembers of orders and money. `seed` makes the ids of this world its own."""

    def __init__(self, *, seed: str) -> None:
        self.seed = seed
        self.counters: dict[str, int] = {}
        self.open_orders: dict[str, Order] = {}  # by txid, oldest first
        self._by_symbol: dict[str, dict[str, Order]] = {}
        self._by_client_id: dict[str, str] = {}  # cl_ord_id -> txid
        self._expiring: dict[str, Order] = {}
        self.changes = Changes()
        self.account = Account(
            balances={},
            new_id=lambda number: venue_id(seed=self.seed, letter="L", number=number),
            number=lambda: self._next("L"),
            write=lambda entry: self._write(entry),
        )

    # --- orders ------------------------------------------------------------------------------------

    def draft(self, request: NewOrder, *, now: Decimal, refid: str | None = None) -> Order:
        """The order a request would become, under the next id; nothing is counted or stored yet."""
        number = self.counters.get("O", 0) + 1
        return Order(
            txid=venue_id(seed=self.seed, letter="O", number=number),
            number=number,
            symbol=request.symbol,
            side=request.side,
            kind=request.kind,
            volume=request.volume,
            price=None if request.kind is Kind.MARKET else request.price,
            price2=request.price2 if request.kind.waits and request.kind.ends_as_limit else None,
            post_only=request.post_only,
            fee_in_base=request.fee_in_base,
            time_in_force=request.time_in_force,
            expires_at=request.expires_at,
            cl_ord_id=request.cl_ord_id,
            userref=request.userref,
            close=request.close,
            refid=refid,
            opened_at=now,
        )

    def place(self, order: Order, *, reserved: Decimal, now: Decimal) -> Order:
        """A draft becomes an open order."""
        self.counters["O"] = order.number
        placed = self.put(replace(order, reserved=reserved))
        self.tell(EventKind.PLACED, placed, now)
        return placed

    def put(self, order: Order) -> Order:
        """Store an order's new state and move its reservation with it."""
        before = self.open_orders.get(order.txid)
        self.account.reserve(pays_with(order), order.reserved - (before.reserved if before else ZERO))
        self._index(order)
        self.changes.orders[order.txid] = order
        return order

    def restore(self, order: Order) -> None:
        """Take an open order up again that was stored before."""
        self.account.reserve(pays_with(order), order.reserved)
        self._index(order)

    def of_symbol(self, symbol: str) -> dict[str, Order]:
        """The open orders of one pair, by txid."""
        return self._by_symbol.get(symbol, {})

    def in_turn(self, symbols: Iterable[str]) -> list[Order]:
        """The open orders of these symbols: what takes before what rests, better prices first, then age."""

        def turn(order: Order) -> tuple[bool, Decimal, int]:
            limit = order.limit_price if order.resting else None
            better = ZERO if limit is None else (-limit if order.side is Side.BUY else limit)
            return order.resting, better, order.number

        return sorted((o for symbol in symbols for o in self.of_symbol(symbol).values()), key=turn)

    def by_client_id(self, cl_ord_id: str) -> Order | None:
        txid = self._by_client_id.get(cl_ord_id)
        return None if txid is None else self.open_orders[txid]

    def expired(self, now: Decimal) -> list[Order]:
        """The open orders whose time is over, oldest first."""
        over = [o for o in self._expiring.values() if o.expires_at is not None and o.expires_at <= now]
        return sorted(over, key=lambda order: order.number)

    def _index(self, order: Order) -> None:
        """Make an order's new state the one that is found."""
        if order.status is Status.OPEN:
            self.open_orders[order.txid] = order
            self._by_symbol.setdefault(order.symbol, {})[order.txid] = order
            if order.cl_ord_id is not None:
                self._by_client_id[order.cl_ord_id] = order.txid
            if order.expires_at is not None:
                self._expiring[order.txid] = order
            return
        self.open_orders.pop(order.txid, None)
        self._by_symbol.get(order.symbol, {}).pop(order.txid, None)
        self._expiring.pop(order.txid, None)
        if order.cl_ord_id is not None and self._by_client_id.get(order.cl_ord_id) == order.txid:
            del self._by_client_id[order.cl_ord_id]

    def end(self, order: Order, status: Status, reason: str, now: Decimal) -> Order:
        """Close, cancel or expire an order; what it reserved is free."""
        ended = self.put(replace(order, status=status, reason=reason, closed_at=now, reserved=ZERO))
        self.tell(EventKind.ENDED, ended, now)
        return ended

    def tell(self, kind: EventKind, order: Order, now: Decimal, trade: Trade | None = None) -> None:
        self.changes.events.append(Event(kind=kind, at=now, order=order, trade=trade))

    def latest(self, order: Order) -> Order:
        """The order as the present step left it."""
        return self.changes.orders.get(order.txid) or self.open_orders[order.txid]

    # --- fills and money -----------------------------------------------------------------------------

    def fill(
        self, order: Order, *, price: Decimal, quantity: Decimal, maker: bool, ask: Decimal, now: Decimal
    ) -> Order:
        """Book one fill: its trade, its two ledger entries, and what the order reserves after it."""
        pair = PAIRS[order.symbol]
        worth = holds.price_of_fill(pair=pair, price=price, volume=quantity, maker=maker)
        trade = self._trade(order, worth, price=price, quantity=quantity, maker=maker, now=now)
        spent = self._exchange(order, pair, worth, quantity=quantity, refid=trade.trade_id, now=now)
        filled = replace(
            order,
            filled=order.filled + quantity,
            notional=order.notional + worth.gross,
            cost=order.cost + worth.cost,
            fee=order.fee + worth.fee,
            trades=(*order.trades, trade.trade_id),
        )
        # A market buy keeps what it has not spent: its price is not known before it is paid.
        priced = order.side is Side.SELL or order.limit_price is not None
        wanted = holds.reservation(filled, ask=ask, untriggered_hold=True) if priced else None
        reserved = holds.reserved_after_fill(order, spent=spent, wanted=wanted)
        filled = self.put(replace(filled, reserved=reserved))
        self.changes.trades.append(trade)
        self.tell(EventKind.FILLED, filled, now, trade)
        return filled

    def transfer(self, *, asset: str, amount: Decimal, kind: str, now: Decimal) -> None:
        """Book a deposit or a withdrawal. Raises ValueError for what cannot be booked."""
        if asset not in ASSETS or not amount.is_finite() or amount == 0 or amount % ASSETS[asset].unit:
            raise ValueError(f"{amount} {asset} cannot be booked")
        self._call_in(asset, -amount, now)
        refid = venue_id(seed=self.seed, letter="Q", number=self._next("Q"))
        self.account.book(asset=asset, amount=amount, fee=ZERO, kind=kind, refid=refid, at=now)

    def earn(self, *, asset: str, amount: Decimal, now: Decimal) -> None:
        """Move `amount` of an asset into its earning wallet; a negative one comes back. Raises ValueError
        where the wallet it leaves does not hold so much."""
        if asset not in ASSETS or not amount.is_finite() or amount == 0 or amount % ASSETS[asset].unit:
            raise ValueError(f"{amount} {asset} cannot be moved")
        wallet = asset if amount > 0 else earn_code(asset)
        if abs(amount) > self.account.balance(wallet):
            raise ValueError(f"only {self.account.balance(wallet)} {wallet} is there")
        refid = venue_id(seed=self.seed, letter="Q", number=self._next("Q"))
        for code, moved in ((asset, -amount), (earn_code(asset), amount)):
            self.account.book(asset=code, amount=moved, fee=ZERO, kind="earn", refid=refid, at=now)

    def _call_in(self, asset: str, needed: Decimal, now: Decimal) -> None:
        """Bring back from the earning wallet what the asset's own one lacks of what is to be spent."""
        lacking = min(needed - self.account.balance(asset), self.account.earning(asset))
        if lacking > 0:
            self.earn(asset=asset, amount=-lacking, now=now)

    def amend_id(self) -> str:
        """An amendment's id looks like a trade's, and is counted apart."""
        return venue_id(seed=f"{self.seed}:amend", letter="T", number=self._next("A"))

    def _trade(
        self,
        order: Order,
        worth: holds.Worth,
        *,
        price: Decimal,
        quantity: Decimal,
        maker: bool,
        now: Decimal,
    ) -> Trade:
        number = self._next("T")
        return Trade(
            trade_id=venue_id(seed=self.seed, letter="T", number=number),
            number=number,
            txid=order.txid,
            symbol=order.symbol,
            side=order.side,
            kind=order.kind,
            price=price,
            volume=quantity,
            cost=worth.cost,
            fee=worth.fee,  # in quote currency also where it was taken in coins, as Kraken's docs say
            maker=maker,
            at=now,
        )

    def _exchange(
        self, order: Order, pair: Pair, worth: holds.Worth, *, quantity: Decimal, refid: str, now: Decimal
    ) -> Decimal:
        """Move coins and money of one fill; how much of what the order pays with was spent."""
        buys = order.side is Side.BUY
        # fcib is a preference: a sell that has no coins left for the fee pays it in quote currency.
        spare = self.account.available(pair.base.code)
        in_base = order.fee_in_base and (buys or spare >= worth.base_fee)
        fee, base_fee = (ZERO, worth.base_fee) if in_base else (worth.fee, ZERO)
        base, quote = (quantity, -worth.cost) if buys else (-quantity, worth.cost)
        self._call_in(pair.quote.code, fee - quote, now)
        self._call_in(pair.base.code, base_fee - base, now)
        book = self.account.book
        book(asset=pair.base.code, amount=base, fee=base_fee, kind="trade", refid=refid, at=now)
        book(asset=pair.quote.code, amount=quote, fee=fee, kind="trade", refid=refid, at=now)
        return worth.cost + fee if buys else quantity

    # --- small things ------------------------------------------------------------------------------

    def _write(self, entry: Entry) -> None:
        self.changes.entries.append(entry)

    def _next(self, letter: str) -> int:
        self.counters[letter] = self.counters.get(letter, 0) + 1
        return self.counters[letter]


def pays_with(order: Order) -> str:
    """The asset an order spends, and reserves: quote currency of a buy, coins of a sell."""
    pair = PAIRS[order.symbol]
    return pair.quote.code if order.side is Side.BUY else pair.base.code
