"""A bracket told event by event, for the tests of the machine: the words of a story, nothing decided.

Every word goes through `machine.step`, checks all invariants afterwards, and says the same event a
second time, which must change nothing and send nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from brackets.core.effects import Amend, Cancel, Effect, Place
from brackets.core.events import (
    AmendAnswered,
    CloseRequested,
    EditRequested,
    EntryRequested,
    Event,
    FillBooked,
    HoldRequested,
    OrderAbsent,
    OrderAccepted,
    OrderRefused,
    OrderReported,
    OrderUnknown,
    OrderValidated,
    OrderWithdrawn,
    ProtectRequested,
    ReduceRequested,
    TargetTouched,
    Tick,
)
from brackets.core.invariants import violations
from brackets.core.machine import Outcome, RefusedEvent, step
from brackets.core.orders import Bracket, BracketOrder, EntryTerms, Plan
from brackets.core.states import Answer, ExitReason, OrderStatus, Policy, Role, State

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
D = Decimal
SETTLING = 20
"""Seconds after which a reading that shows the old terms proves that an amendment was not done."""


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


def a_limit(**changes: object) -> EntryTerms:
    """A first limit at 100, 10 bps below the bid when it follows; it has five minutes."""
    values: dict[str, object] = {"limit_price": D(100), "offset_bps": D(10)}
    return EntryTerms(**{**values, **changes})  # type: ignore[arg-type]


def limit_story(**terms: object) -> Story:
    """A limit at 100, the stop 5 below the entry, the target at two R."""
    return Story(entry=a_limit(**terms), stop_distance=D(5))


class Story:
    """`sent` and `alarms` are those of the last event; `log` is every effect ever, as words. `market`,
    `watched` and `entries_allowed` are the world as every tick shows it."""

    def __init__(self, *, policy: Policy = Policy.STOP_RESTS, **plan: object) -> None:
        self.bracket = Bracket(plan=a_plan(**plan), policy=policy)
        self.now = BEGIN
        self.market = "online"
        self.watched = True
        self.compared = True  # every look at the world follows a complete look at the venue's orders
        self.entries_allowed = True
        self.cycle: int | None = None  # comparisons with the venue; None: one every two seconds
        self.sent: tuple[Effect, ...] = ()
        self.alarms: tuple[str, ...] = ()
        self.log: list[str] = []
        self.said: list[str] = []  # every alarm ever

    # --- reading ---------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        return self.bracket.state

    @property
    def words(self) -> list[str]:
        return [effect_words(self.bracket, effect) for effect in self.sent]

    @property
    def newest(self) -> str:
        """The key of the order intended last; the venue's own stops are not among them."""
        return [o.key for o in self.bracket.orders if o.key != o.venue_order_id][-1]

    def order(self, key: str) -> BracketOrder:
        return next(o for o in self.bracket.orders if key in (o.key, o.venue_order_id))

    # --- telling ---------------------------------------------------------------------------------

    def say(self, event: Event) -> Outcome:
        outcome = step(self.bracket, event)
        self.bracket, self.sent, self.alarms = outcome.bracket, outcome.effects, outcome.alarms
        self.log += self.words
        self.said += self.alarms
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

    def validate(self, key: str) -> None:
        self.say(OrderValidated(at=self.now, key=key))

    def withdraw(self, key: str) -> None:
        self.say(OrderWithdrawn(at=self.now, key=key, reason="paused"))

    def report(
        self,
        venue_order_id: str,
        status: OrderStatus,
        filled: str = "0",
        *,
        of: str | None = None,
        price: str | None = None,
        key: str | None = None,
        parent: str | None = None,
        trigger: str | None = None,
        limit: str | None = None,
        triggered: bool = False,
        reason: str = "",
        role: Role | None = Role.STOP,
        states_terms: bool = True,
        priced: bool = True,
    ) -> None:
        """A reading of one order. Terms that are not given are those the bracket knows of it; a new
        secondary is of one coin, at the stop's price. `priced`: whether it says what the fills cost."""
        known = next((o for o in self.bracket.orders if o.key in (venue_order_id, key)), None)
        known = known or next((o for o in self.bracket.orders if o.venue_order_id == venue_order_id), None)
        stop = known.trigger_price if known else (self.bracket.stop_price if parent else None)
        self.say(
            OrderReported(
                at=self.now,
                venue_order_id=venue_order_id,
                client_order_id=key,
                parent_venue_order_id=parent,
                role_if_new=role if parent else None,
                status=status,
                quantity=D(of) if of else known.quantity if known else D(1),
                filled=D(filled),
                average_price=D(price or "100") if D(filled) and priced else None,
                trigger_price=D(trigger) if trigger else stop,
                limit_price=D(limit) if limit else known.limit_price if known else None,
                triggered=triggered,
                reason=reason,
                states_terms=states_terms,
                opened_at=(known.opened_at or known.created_at) if known else self.now,
                ended_at=None if status is OrderStatus.OPEN else self.now,
            )
        )

    def lose(self, venue_order_id: str, **said: str) -> None:
        """Somebody else canceled it: a reading tells, and the next one agrees."""
        for _ in range(2):
            self.report(venue_order_id, OrderStatus.CANCELED, **said)  # type: ignore[arg-type]
            self.now += timedelta(milliseconds=200)

    def answer_amend(self, venue_order_id: str, answer: Answer, reason: str = "") -> None:
        """The venue's answer to the newest amendment of an order."""
        order = self.order(venue_order_id)
        self.say(
            AmendAnswered(
                at=self.now,
                key=order.key,
                number=order.amends,
                answer=answer,
                provable_from=self.now + timedelta(seconds=SETTLING),
                reason=reason,
                message="said so" if reason else "",
            )
        )

    def amended(self, venue_order_id: str) -> None:
        """The venue took the amendment, and a reading shows the new terms."""
        asked = self.order(venue_order_id).amendment
        assert asked is not None, f"no amendment of {venue_order_id} was asked for"
        self.answer_amend(venue_order_id, Answer.ACCEPTED)
        self.report(
            venue_order_id,
            OrderStatus.OPEN,
            str(self.order(venue_order_id).filled),
            of=None if asked.quantity is None else str(asked.quantity),
            trigger=None if asked.trigger_price is None else str(asked.trigger_price),
            limit=None if asked.limit_price is None else str(asked.limit_price),
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

    def edit(self, *, stop: str | None = None, target: str | None = None) -> None:
        self.say(
            EditRequested(
                at=self.now,
                stop_price=None if stop is None else D(stop),
                target_price=None if target is None else D(target),
            )
        )

    def reduce(self, quantity: str) -> None:
        self.say(ReduceRequested(at=self.now, quantity=D(quantity)))

    def protect(self) -> str:
        self.say(ProtectRequested(at=self.now))
        return self.newest

    def wait(
        self, seconds: int, price: str | None = "100", *, last: str | None = None, fresh: bool = True
    ) -> None:
        """Let time pass, and the machine see it once, at the end."""
        self.now += timedelta(seconds=seconds)
        self.say(
            Tick(
                at=self.now,
                price=None if price is None else D(price),
                last=None if last is None else D(last),
                fresh=fresh,
                market=self.market,
                watched=self.watched,
                entries_allowed=self.entries_allowed,
                compared_at=self.now if self.compared else None,
                cycle=(self.now - BEGIN) // timedelta(seconds=2) if self.cycle is None else self.cycle,
            )
        )

    def see(self, price: str | None, *, last: str | None = None, fresh: bool = True) -> None:
        """A price, this moment."""
        self.wait(0, price, last=last, fresh=fresh)

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

    def filled_in_parts(self, *parts: str) -> Story:
        """The entry (E) bought the coin in parts, each with its secondary (S1, S2, …) resting."""
        self.accept(self.enter(), "E")
        for number, part in enumerate(parts, start=1):
            self.report(f"S{number}", OrderStatus.OPEN, of=part, parent="E")
        self.report("E", OrderStatus.FILLED, "1")
        return self

    def resting_limit(self) -> Story:
        """The limit entry (E) rests at the venue."""
        key = self.enter()
        self.accept(key, "E")
        self.report("E", OrderStatus.OPEN)
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

    def book_all(self) -> None:
        """Every fill that is known is booked with its money."""
        for order in self.bracket.orders:
            if order.filled > order.booked:
                booked = len(order.booked_trade_ids)
                missing = str(order.filled - order.booked)
                self.book(order.venue_order_id or "", missing, f"T{order.venue_order_id}.{booked}")


def effect_words(bracket: Bracket, effect: Effect) -> str:
    """`place entry 1 limit 99 post-only`, `amend stop S quantity 1.5`, `cancel stop S`: what an effect is
    about."""
    order = next(o for o in bracket.orders if o.key == effect.key)
    name = f"{order.role} {order.venue_order_id or 'unsent'}"
    if isinstance(effect, Cancel):
        return f"cancel {name}"
    if isinstance(effect, Amend):
        terms = (
            ("quantity", effect.quantity),
            ("trigger", effect.trigger_price),
            ("limit", effect.limit_price),
        )
        return " ".join([f"amend {name}", *(f"{term} {plain(to)}" for term, to in terms if to is not None)])
    assert isinstance(effect, Place)
    at = "" if effect.trigger_price is None else f" at {plain(effect.trigger_price)}"
    limit = "" if effect.limit_price is None else f" limit {plain(effect.limit_price)}"
    return (
        f"place {effect.role} {plain(effect.quantity)}{at}{limit}{' post-only' if effect.post_only else ''}"
    )


def plain(value: Decimal) -> str:
    """`1.5`, `100`: neither trailing zeros nor an exponent."""
    return f"{value.normalize():f}"
