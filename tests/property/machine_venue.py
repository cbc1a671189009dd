"""A small venue around one bracket's coins, for the property tests of the machine.

It knows holds, attached stops per fill, triggers, partial fills, post-only orders, expiry, amendments,
markets that are closed or take limit orders only, fees taken in coins, and readings that lag. It only
ever has the bracket's own coins: whatever would sell more is refused, or ends with what there is. It
keeps no opinion on how it is used; that is the world's (`machine_world.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal

from brackets.core.effects import Amend, Place
from brackets.core.prices import round_down
from brackets.core.states import OrderStatus, Role

D = Decimal
ZERO = D(0)
LOT, TICK, MINIMUM = D("0.0001"), D("0.01"), D("0.01")
CALM = D(100)  # a price between the legs
MATCHING = frozenset({"online", "limit_only"})
POST_ONLY_REASON = "Post only order"


@dataclass(frozen=True, kw_only=True)
class Trade:
    id: str
    quantity: Decimal
    price: Decimal
    base_fee: Decimal = ZERO


@dataclass(kw_only=True)
class VenueOrder:
    id: str
    key: str | None
    parent: str | None
    buys: bool
    quantity: Decimal
    created: int
    visible: int  # from when on readings show it
    trigger: Decimal | None = None
    limit: Decimal | None = None
    post_only: bool = False
    attached: Decimal | None = None
    expires: float | None = None
    filled: Decimal = ZERO
    triggered: bool = False
    status: OrderStatus = OrderStatus.OPEN
    ended: int | None = None
    reason: str = ""
    held_until: int = 0  # after a cancel the hold may be released late
    trades: tuple[Trade, ...] = ()

    @property
    def open(self) -> bool:
        return self.status is OrderStatus.OPEN

    @property
    def leaves(self) -> Decimal:
        return self.quantity - self.filled

    @property
    def average_price(self) -> Decimal | None:
        cost = sum((trade.quantity * trade.price for trade in self.trades), ZERO)
        return cost / self.filled if self.filled else None


@dataclass(kw_only=True)
class Venue:
    stops_hold: bool = True  # whether an untriggered stop reserves its coins
    post_only_errors: bool = False  # how a crossing post-only order is refused: at once, or canceled
    tiny_secondaries: bool = True  # whether a fill below the minimum gets its stop
    fee_rate: Decimal = ZERO  # of a buy, taken in coins
    held_coins: Decimal = ZERO  # in the account before
    now: int = 0
    bid: Decimal = CALM
    last: Decimal = CALM
    market: str = "online"
    orders: list[VenueOrder] = field(default_factory=list)
    past: list[tuple[int, VenueOrder]] = field(default_factory=list)  # every order as it once was

    # --- coins ---------------------------------------------------------------------------------

    @property
    def bought(self) -> Decimal:
        return sum((o.filled for o in self.orders if o.buys), ZERO)

    @property
    def spent(self) -> Decimal:
        """On what was bought, before fees."""
        return sum((t.quantity * t.price for o in self.orders if o.buys for t in o.trades), ZERO)

    @property
    def coins(self) -> Decimal:
        fees = sum((trade.base_fee for o in self.orders for trade in o.trades), ZERO)
        sold = sum((o.filled for o in self.orders if not o.buys), ZERO)
        return self.held_coins + self.bought - fees - sold

    @property
    def available(self) -> Decimal:
        return self.coins - sum((o.leaves for o in self.orders if self.holds(o)), ZERO)

    def holds(self, order: VenueOrder) -> bool:
        if order.buys or not (order.open or order.held_until > self.now):
            return False
        return order.trigger is None or order.triggered or self.stops_hold

    # --- what it is asked ----------------------------------------------------------------------

    def place(self, place: Place, *, delay: int, expires: float | None) -> VenueOrder | str:
        """The order it took, or why it did not."""
        order = VenueOrder(
            id=f"V{len(self.orders) + 1}",
            key=place.key,
            parent=None,
            buys=place.role is Role.ENTRY,
            quantity=place.quantity,
            created=self.now,
            visible=self.now + delay,
            trigger=place.trigger_price,
            limit=place.limit_price,
            post_only=place.post_only,
            attached=place.close_stop_price,
            expires=expires,
        )
        refusal = self.refusal_of(order)
        if refusal:
            return refusal
        self.orders.append(order)
        if order.post_only and self.crosses(order):
            self.end(order, reason=POST_ONLY_REASON)
        self.changed(order)
        self.run_triggers()
        return order

    def refusal_of(self, order: VenueOrder) -> str:
        if self.market in ("cancel_only", "maintenance"):
            return "market_limited"
        if (self.market == "post_only" and not order.post_only) or (
            self.market == "limit_only" and order.limit is None
        ):
            return "market_limited"
        if order.quantity < MINIMUM:
            return "below_minimum"
        if not order.buys and order.quantity > self.available:
            return "insufficient_funds"
        return "post_only" if order.post_only and self.crosses(order) and self.post_only_errors else ""

    def crosses(self, order: VenueOrder) -> bool:
        if order.limit is None:
            return False
        return order.limit > self.bid if order.buys else order.limit <= self.bid

    def amend(self, order: VenueOrder, amend: Amend) -> str:
        """Change its terms in place; else why it did not. A quantity at or below what is filled ends it."""
        refusal = self.refusal_to_amend(order, amend)
        if refusal:
            return refusal
        order.quantity = order.quantity if amend.quantity is None else max(amend.quantity, order.filled)
        order.trigger = amend.trigger_price or order.trigger
        order.limit = amend.limit_price or order.limit
        if order.leaves == 0:
            self.end(order, reason="amended down")
        self.changed(order)
        self.run_triggers()
        return ""

    def refusal_to_amend(self, order: VenueOrder, amend: Amend) -> str:
        if not order.open:
            return "unknown_order"
        if self.market in ("cancel_only", "maintenance"):
            return "market_limited"
        if order.attached is not None or (amend.trigger_price and order.triggered):
            return "invalid_arguments"
        if amend.quantity is not None:
            if order.filled < amend.quantity < MINIMUM:
                return "below_minimum"
            more = amend.quantity - order.quantity
            if more > 0 and self.holds(order) and more > self.available:
                return "insufficient_funds"
        wanted = replace(order, limit=amend.limit_price or order.limit)
        return "post_only" if amend.limit_price and order.post_only and self.crosses(wanted) else ""

    def end(self, order: VenueOrder, *, lag: int = 0, reason: str = "User requested") -> None:
        if order.open:
            order.status, order.ended, order.reason = OrderStatus.CANCELED, self.now, reason
            order.held_until = self.now + lag
            self.changed(order)

    # --- what happens there --------------------------------------------------------------------

    def price(self, bid: Decimal, last: Decimal | None = None) -> None:
        self.bid, self.last = bid, bid if last is None else last
        self.run_triggers()

    def run_triggers(self) -> None:
        for order in self.orders:
            if order.open and order.trigger is not None and self.last <= order.trigger:
                order.triggered = True
                self.changed(order)

    def executable(self, order: VenueOrder) -> bool:
        if not order.open or self.market not in MATCHING:
            return False
        if order.trigger is not None:
            return order.triggered
        if order.limit is None:
            return True
        return self.bid <= order.limit if order.buys else self.bid >= order.limit

    def execute(self, order: VenueOrder, quantity: Decimal, *, delay: int = 0) -> None:
        """A fill; a buy with an attached stop makes one of the same size. A sell that finds no coins
        is ended."""
        if not self.executable(order):
            return
        quantity = min(quantity, order.leaves)
        if not order.buys:
            quantity = min(quantity, round_down(max(self.coins, ZERO), LOT))
            if quantity == 0:
                self.end(order, reason="Insufficient funds")
                return
        price = self.bid if order.limit is None else order.limit
        fee = quantity * self.fee_rate if order.buys else ZERO
        trade = Trade(id=f"T{order.id}.{len(order.trades)}", quantity=quantity, price=price, base_fee=fee)
        order.trades += (trade,)
        order.filled += quantity
        if order.leaves == 0:
            order.status, order.ended = OrderStatus.FILLED, self.now
        self.changed(order)
        if order.buys and order.attached is not None and (self.tiny_secondaries or quantity >= MINIMUM):
            self.make_secondary(order, quantity, delay)

    def make_secondary(self, parent: VenueOrder, quantity: Decimal, delay: int) -> None:
        secondary = VenueOrder(
            id=f"V{len(self.orders) + 1}",
            key=None,
            parent=parent.id,
            buys=False,
            quantity=quantity,
            created=self.now,
            visible=self.now + delay,
            trigger=parent.attached,
        )
        self.orders.append(secondary)
        self.changed(secondary)
        self.run_triggers()

    def pass_time(self, seconds: int) -> None:
        self.now += seconds
        for order in self.orders:
            if order.open and order.expires is not None and order.expires <= self.now:
                order.status, order.ended = OrderStatus.EXPIRED, self.now
                self.changed(order)

    # --- what it shows -------------------------------------------------------------------------

    def changed(self, order: VenueOrder) -> None:
        self.past.append((self.now, replace(order)))

    def as_of(self, order: VenueOrder, seconds: int) -> VenueOrder | None:
        """The order as a reading shows it that lags so many seconds behind; None: not shown yet."""
        if order.visible > self.now:
            return None
        if seconds == 0:
            return order
        known = [old for at, old in self.past if old.id == order.id and at <= self.now - seconds]
        return known[-1] if known else None
