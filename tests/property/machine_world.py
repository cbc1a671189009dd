"""A small venue and a careless world around one bracket, for the property tests of the machine.

The venue knows holds, attached stops per fill, triggers, partial fills and late visibility, and it
only ever has the bracket's own coins: whatever would sell more is refused. Between it and the machine
stands a world that delays, repeats, reorders and loses answers and readings. Every fact is told by
what is true at the venue; nothing here decides anything for the machine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from brackets.core.effects import Cancel, Place
from brackets.core.events import (
    CloseRequested,
    EntryRequested,
    Event,
    FillBooked,
    HoldRequested,
    OrderAbsent,
    OrderAccepted,
    OrderRefused,
    OrderReported,
    OrderUnknown,
    OrderWithdrawn,
    TargetTouched,
    Tick,
)
from brackets.core.invariants import violations
from brackets.core.machine import Outcome, RefusedEvent, step
from brackets.core.orders import Bracket, Plan
from brackets.core.states import ExitReason, OrderStatus, Refusal, Role, State

D = Decimal
ZERO = D(0)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
STOP, TARGET, CALM = D(95), D(110), D(100)
LOT = D("0.0001")
RESOLVED_AFTER = 16  # seconds until an Unknown is looked up for good: deadline plus margin
PUNCTUAL = 6  # seconds within which a punctual world has read every secondary
NEEDS_PUNCTUALITY = ("on sale", "live or unknown together")


@dataclass
class VenueOrder:
    id: str
    key: str | None
    parent: str | None
    buys: bool
    quantity: Decimal
    trigger: Decimal | None
    created: int
    visible: int
    attached: Decimal | None = None
    filled: Decimal = ZERO
    triggered: bool = False
    status: OrderStatus = OrderStatus.OPEN
    ended: int | None = None
    held_until: int = 0  # after a cancel the hold may be released late
    trades: list[tuple[str, Decimal]] = field(default_factory=list)

    @property
    def open(self) -> bool:
        return self.status is OrderStatus.OPEN

    @property
    def leaves(self) -> Decimal:
        return self.quantity - self.filled


@dataclass
class World:
    """`facts` are events on their way to the machine, `outbox` effects on their way to the venue."""

    attach: bool = True
    punctual: bool = True
    now: int = 0
    price: Decimal = CALM
    orders: list[VenueOrder] = field(default_factory=list)
    outbox: list[Place | Cancel] = field(default_factory=list)
    facts: list[Event] = field(default_factory=list)
    unknown: dict[str, int] = field(default_factory=dict)  # key → when it was sent
    refused_for_good: bool = False
    hold_wished: bool = False
    events: int = 0
    bracket: Bracket = field(init=False)

    def __post_init__(self) -> None:
        self.bracket = Bracket(
            plan=Plan(
                uid=UUID(int=7),
                symbol="ETH/USD",
                quantity=D(1),
                stop_price=STOP,
                target_price=TARGET,
                tick_size=D("0.01"),
                lot_step=LOT,
                minimum_quantity=D("0.01"),
                attach_stop=self.attach,
                target_r_multiple=D(2),
            )
        )

    # --- the machine ---------------------------------------------------------------------------

    @property
    def at(self) -> datetime:
        """The time of the next event; no two have the same."""
        self.events += 1
        return BEGIN + timedelta(seconds=self.now, microseconds=self.events)

    def tell(self, event: Event) -> None:
        """One event, then all that is always true; then the same event again, which must do nothing."""
        outcome = step(self.bracket, event)
        self.bracket = outcome.bracket
        self.outbox += outcome.effects
        broken = violations(self.bracket)
        if not self.punctual:  # a stop seen only after its coins were put on sale cannot be unmade
            broken = tuple(s for s in broken if not any(word in s for word in NEEDS_PUNCTUALITY))
        assert broken == ()
        try:
            again = step(self.bracket, event)
        except RefusedEvent:
            return
        assert again == Outcome(bracket=self.bracket)

    def fact(self, event: Event) -> None:
        """A fact of an order the bracket cannot know yet is left for later, as the shell does."""
        try:
            self.tell(event)
        except RefusedEvent as refused:
            assert refused.refusal is Refusal.UNKNOWN_ORDER, refused

    def wish(self, event: Event) -> None:
        before = self.bracket
        try:
            self.tell(event)
        except RefusedEvent:
            assert self.bracket == before

    # --- the venue -----------------------------------------------------------------------------

    @property
    def coins(self) -> Decimal:
        bought = sum((o.filled for o in self.orders if o.buys), ZERO)
        return bought - sum((o.filled for o in self.orders if not o.buys), ZERO)

    @property
    def available(self) -> Decimal:
        held = sum(
            (o.leaves for o in self.orders if not o.buys and (o.open or o.held_until > self.now)), ZERO
        )
        return self.coins - held

    def take(self, place: Place, delay: int) -> VenueOrder | None:
        """The venue takes an order, or refuses it for lack of coins."""
        buys = place.role is Role.ENTRY
        if not buys and place.quantity > self.available:
            return None
        order = VenueOrder(
            id=f"V{len(self.orders) + 1}",
            key=place.key,
            parent=None,
            buys=buys,
            quantity=place.quantity,
            trigger=place.trigger_price,
            created=self.now,
            visible=self.now + delay,
            attached=place.close_stop_price,
        )
        self.orders.append(order)
        self.run_triggers()
        return order

    def run_triggers(self) -> None:
        for order in self.orders:
            if order.open and order.trigger is not None and self.price <= order.trigger:
                order.triggered = True

    def execute(self, order: VenueOrder, quantity: Decimal, delay: int) -> None:
        """A fill; a buy with an attached stop makes one of the same size."""
        quantity = min(quantity, order.leaves)
        if not order.open or quantity <= 0 or (order.trigger is not None and not order.triggered):
            return
        order.filled += quantity
        order.trades.append((f"T{order.id}.{len(order.trades)}", quantity))
        if order.leaves == 0:
            order.status, order.ended = OrderStatus.FILLED, self.now
        if order.buys and order.attached is not None:
            secondary = VenueOrder(
                id=f"V{len(self.orders) + 1}",
                key=None,
                parent=order.id,
                buys=False,
                quantity=quantity,
                trigger=order.attached,
                created=self.now,
                visible=self.now + delay,
            )
            self.orders.append(secondary)
            self.run_triggers()

    def end(self, order: VenueOrder, lag: int) -> None:
        if order.open:
            order.status, order.ended, order.held_until = OrderStatus.CANCELED, self.now, self.now + lag

    def reading(self, order: VenueOrder) -> OrderReported:
        return OrderReported(
            at=self.at,
            venue_order_id=order.id,
            client_order_id=order.key,
            parent_venue_order_id=order.parent,
            role_if_new=Role.STOP if order.parent else None,
            status=order.status,
            quantity=order.quantity,
            filled=order.filled,
            average_price=CALM if order.filled else None,
            trigger_price=order.trigger,
            triggered=order.triggered,
            opened_at=BEGIN + timedelta(seconds=order.created),
            ended_at=None if order.ended is None else BEGIN + timedelta(seconds=order.ended),
            trade_ids=frozenset(name for name, _ in order.trades),
        )

    def booking(self, order: VenueOrder, number: int) -> FillBooked:
        name, quantity = order.trades[number % len(order.trades)]
        return FillBooked(at=self.at, venue_order_id=order.id, venue_trade_id=name, quantity=quantity)

    # --- sending -------------------------------------------------------------------------------

    def send(self, number: int, luck: int) -> None:
        """Send one effect. `luck`: 0 all well, 1 answer late, 2 answer lost, 3 request lost, 4 refused for
        now, 5 refused for good."""
        if not self.outbox:
            return
        effect = self.outbox.pop(number % len(self.outbox))
        if isinstance(effect, Cancel):
            self.send_cancel(effect, luck)
        else:
            self.send_place(effect, luck)

    def send_cancel(self, effect: Cancel, luck: int) -> None:
        booked = next(o for o in self.bracket.orders if o.key == effect.key)
        if not booked.live:
            return
        unsent = next((e for e in self.outbox if isinstance(e, Place) and e.key == effect.key), None)
        if unsent is not None:
            self.outbox.remove(unsent)
            self.fact(OrderWithdrawn(at=self.at, key=effect.key, reason="canceled before it was sent"))
            return
        self.outbox.append(effect)  # asked again until a reading shows the end
        for order in self.orders:
            if effect.key in (order.key, order.id) and luck in (0, 1, 2):
                self.end(order, lag=luck * 2)

    def send_place(self, place: Place, luck: int) -> None:
        booked = next(o for o in self.bracket.orders if o.key == place.key)
        if booked.cancel_wanted:
            self.fact(OrderWithdrawn(at=self.at, key=place.key, reason="canceled before it was sent"))
            return
        if luck in (4, 5):
            self.refused_for_good = self.refused_for_good or luck == 5
            reason = "rate_limited" if luck == 4 else "permission"
            self.fact(OrderRefused(at=self.at, key=place.key, reason=reason, message="no"))
            return
        order = None if luck == 3 else self.take(place, delay=luck)
        if luck in (2, 3):
            self.unknown[place.key] = self.now
            self.fact(OrderUnknown(at=self.at, key=place.key, message="timed out"))
            return
        answer: Event = (
            OrderAccepted(at=self.at, key=place.key, venue_order_id=order.id)
            if order
            else OrderRefused(at=self.at, key=place.key, reason="insufficient_funds", message="no")
        )
        if luck == 1:
            self.facts.append(answer)
        else:
            self.fact(answer)

    def resolve_unknown(self) -> None:
        """Look up what is old enough: found by its key, or proven absent."""
        for key, sent in list(self.unknown.items()):
            if self.now - sent < RESOLVED_AFTER:
                continue
            del self.unknown[key]
            order = next((o for o in self.orders if o.key == key), None)
            self.fact(self.reading(order) if order else OrderAbsent(at=self.at, key=key))

    # --- time and readings ---------------------------------------------------------------------

    def wait(self, seconds: int) -> None:
        self.now += seconds
        self.resolve_unknown()
        for order in self.orders:
            if self.punctual and order.parent and self.now - order.created >= PUNCTUAL:
                self.read(order)
        self.fact(Tick(at=self.at, price=self.price))

    def read(self, order: VenueOrder) -> None:
        if order.visible <= self.now:
            if order.parent:  # a secondary is found by its parent
                self.fact(self.reading(next(o for o in self.orders if o.id == order.parent)))
            self.fact(self.reading(order))

    def enter(self) -> None:
        self.wish(EntryRequested(at=self.at))

    def touch(self) -> None:
        self.wish(TargetTouched(at=self.at, price=TARGET))

    def close(self) -> None:
        self.wish(CloseRequested(at=self.at, reason=ExitReason.MANUAL))

    def hold(self) -> None:
        self.hold_wished = True
        self.wish(HoldRequested(at=self.at, reason="look"))

    def calm_down(self, rounds: int = 150) -> None:
        """No more faults: everything is sent, executed, read and booked, second by second."""
        self.price = CALM
        for _ in range(rounds):
            before = self.bracket
            for fact in self.facts:
                self.fact(fact)
            self.facts.clear()
            for _ in range(len(self.outbox)):
                self.send(0, luck=0)
            for order in list(self.orders):
                if order.trigger is None or order.triggered:
                    self.execute(order, order.leaves, delay=0)
            for order in list(self.orders):
                self.read(order)
                for number in range(len(order.trades)):
                    self.fact(self.booking(order, number))
            self.wait(1)
            resting = self.bracket.state in {State.EXIT_COMPLETE, State.BRACKET_ACTIVE, State.HELD}
            visible = all(order.visible < self.now for order in self.orders)
            if resting and visible and self.bracket == before and not self.outbox and not self.unknown:
                return
