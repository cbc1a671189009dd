"""A bracket told event by event, for the tests of the machine: the words of a story, nothing decided.

Every word goes through `machine.step`, checks all invariants afterwards, and says the same event a
second time, which must change nothing and send nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from brackets.core.effects import Cancel, Effect, Place
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
from brackets.core.orders import Bracket, BracketOrder, Plan
from brackets.core.states import ExitReason, OrderStatus, Role, State

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
D = Decimal


def a_plan(**changes: object) -> Plan:
    """One coin bought near 100, stop 95, target at two R: 110."""
    values: dict[str, object] = {
        "uid": UUID(int=1),
        "symbol": "ETH/USD",
        "quantity": D(1),
        "stop_price": D(95),
        "target_price": D(110),
        "tick_size": D("0.01"),
        "lot_step": D("0.0001"),
        "minimum_quantity": D("0.01"),
        "target_r_multiple": D(2),
    }
    return Plan(**{**values, **changes})  # type: ignore[arg-type]


class Story:
    """`sent` and `alarms` are those of the last event; `log` is every effect ever, as words."""

    def __init__(self, **plan: object) -> None:
        self.bracket = Bracket(plan=a_plan(**plan))
        self.now = BEGIN
        self.sent: tuple[Effect, ...] = ()
        self.alarms: tuple[str, ...] = ()
        self.log: list[str] = []

    # --- reading ---------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        return self.bracket.state

    @property
    def words(self) -> list[str]:
        return [effect_words(self.bracket, effect) for effect in self.sent]

    @property
    def newest(self) -> str:
        """The key of the order intended last."""
        return self.bracket.orders[-1].key

    def order(self, key: str) -> BracketOrder:
        return next(o for o in self.bracket.orders if key in (o.key, o.venue_order_id))

    # --- telling ---------------------------------------------------------------------------------

    def say(self, event: Event) -> Outcome:
        outcome = step(self.bracket, event)
        self.bracket, self.sent, self.alarms = outcome.bracket, outcome.effects, outcome.alarms
        self.log += self.words
        assert violations(self.bracket) == ()
        try:
            again = step(self.bracket, event)
        except RefusedEvent:
            return outcome
        assert again == Outcome(bracket=self.bracket), f"said twice, {type(event).__name__} acted twice"
        return outcome

    def enter(self) -> str:
        self.say(EntryRequested(at=self.now))
        return self.newest

    def accept(self, key: str, venue_order_id: str) -> None:
        self.say(OrderAccepted(at=self.now, key=key, venue_order_id=venue_order_id))

    def refuse(self, key: str, reason: str) -> None:
        self.say(OrderRefused(at=self.now, key=key, reason=reason, message="said so"))

    def unknown(self, key: str) -> None:
        self.say(OrderUnknown(at=self.now, key=key, message="timed out"))

    def absent(self, key: str) -> None:
        self.say(OrderAbsent(at=self.now, key=key))

    def withdraw(self, key: str) -> None:
        self.say(OrderWithdrawn(at=self.now, key=key, reason="paused"))

    def report(
        self,
        venue_order_id: str,
        status: OrderStatus,
        filled: str = "0",
        *,
        of: str = "1",
        price: str | None = None,
        key: str | None = None,
        parent: str | None = None,
        triggered: bool = False,
        role: Role | None = Role.STOP,
    ) -> None:
        average = D(price or "100") if D(filled) else None
        self.say(
            OrderReported(
                at=self.now,
                venue_order_id=venue_order_id,
                client_order_id=key,
                parent_venue_order_id=parent,
                role_if_new=role if parent else None,
                status=status,
                quantity=D(of),
                filled=D(filled),
                average_price=average,
                trigger_price=D(95) if parent else None,
                triggered=triggered,
                opened_at=BEGIN,
                ended_at=None if status is OrderStatus.OPEN else self.now,
            )
        )

    def book(self, venue_order_id: str, quantity: str, trade: str | None = None) -> None:
        self.say(
            FillBooked(
                at=self.now,
                venue_order_id=venue_order_id,
                venue_trade_id=trade or f"T{venue_order_id}",
                quantity=D(quantity),
            )
        )

    def touch(self, price: str = "110") -> None:
        self.say(TargetTouched(at=self.now, price=D(price)))

    def close(self, reason: ExitReason = ExitReason.MANUAL) -> None:
        self.say(CloseRequested(at=self.now, reason=reason))

    def hold(self) -> None:
        self.say(HoldRequested(at=self.now, reason="somebody wants to look"))

    def wait(self, seconds: int, price: str | None = "100") -> None:
        """Let time pass, and the machine see it once, at the end."""
        self.now += timedelta(seconds=seconds)
        self.say(Tick(at=self.now, price=None if price is None else D(price)))

    # --- chapters --------------------------------------------------------------------------------

    def filled_entry(self) -> Story:
        """The entry (E) bought the whole coin at 100; its secondary was not seen yet."""
        self.accept(self.enter(), "E")
        self.report("E", OrderStatus.FILLED, "1")
        return self

    def protected(self) -> Story:
        """… and its secondary (S) rests."""
        self.filled_entry()
        self.report("S", OrderStatus.OPEN, parent="E")
        return self

    def leaving_by_target(self) -> Story:
        """… the target was touched, and the cancel of S is under way."""
        self.protected()
        self.touch()
        return self

    def selling_at_target(self) -> Story:
        """… S is gone, and the sell is intended."""
        self.leaving_by_target()
        self.report("S", OrderStatus.CANCELED, parent="E")
        return self


def effect_words(bracket: Bracket, effect: Effect) -> str:
    """`place entry 1`, `cancel stop S`: what an effect is about."""
    order = next(o for o in bracket.orders if o.key == effect.key)
    if isinstance(effect, Cancel):
        return f"cancel {order.role} {order.venue_order_id or 'unsent'}"
    assert isinstance(effect, Place)
    at = "" if effect.trigger_price is None else f" at {effect.trigger_price}"
    return f"place {effect.role} {effect.quantity.normalize():f}{at}"
