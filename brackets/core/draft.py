"""A bracket on its way to its next state, collecting what must be sent and said.

Pure. `machine.step` makes one, `facts.py` and `decisions.py` pass it on, each in a newer version; its
effects are applied once, at the end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from brackets.core.effects import Amend, Cancel, Effect, Place
from brackets.core.orders import Amendment, Bracket, BracketOrder, Rules
from brackets.core.states import CLOSED_MARKETS, AmendStatus, OrderStatus, Role, State


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A bracket on its way to its next state, with what must be sent and said."""

    bracket: Bracket
    at: datetime
    rules: Rules
    price: Decimal | None = None  # the bid, when it is known and fresh
    last: Decimal | None = None
    fresh: bool = True
    looked: bool = False  # the event told how the world looks: what follows below is known
    watched: bool = False
    cycle: int | None = None  # the comparisons with the venue so far
    entries_allowed: bool = True
    effects: tuple[Effect, ...] = ()
    alarms: tuple[str, ...] = ()

    @property
    def market_closed(self) -> bool:
        """Whether nothing can be sold at once in this market."""
        return self.bracket.market in CLOSED_MARKETS

    def to(self, state: State, **changes: object) -> Step:
        return self.having(state=state, **changes)

    def having(self, **changes: object) -> Step:
        return replace(self, bracket=replace(self.bracket, **changes))  # type: ignore[arg-type]

    def alarm(self, message: str) -> Step:
        return replace(self, alarms=(*self.alarms, message))

    def placing(
        self,
        role: Role,
        quantity: Decimal,
        *,
        trigger: Decimal | None = None,
        limit: Decimal | None = None,
        post_only: bool = False,
        close: Decimal | None = None,
        expires_at: datetime | None = None,
    ) -> Step:
        """Intend one more order: a new order of the bracket and the effect that sends it."""
        bracket = self.bracket
        key = bracket.next_client_order_id()
        order = BracketOrder(
            key=key,
            role=role,
            quantity=quantity,
            status=OrderStatus.INTENDED,
            created_at=self.at,
            trigger_price=trigger,
            limit_price=limit,
            post_only=post_only,
        )
        place = Place(
            key=key,
            role=role,
            quantity=quantity,
            trigger_price=trigger,
            limit_price=limit,
            post_only=post_only,
            expires_at=expires_at,
            close_stop_price=close,
        )
        return replace(
            self,
            bracket=replace(bracket, orders=(*bracket.orders, order), sequence=bracket.sequence + 1),
            effects=(*self.effects, place),
        )

    def amending(
        self,
        order: BracketOrder,
        *,
        quantity: Decimal | None = None,
        trigger: Decimal | None = None,
        limit: Decimal | None = None,
    ) -> Step:
        """Intend new terms for an open order. One amendment of an order at a time."""
        number = order.amends + 1
        amendment = Amendment(
            number=number,
            status=AmendStatus.INTENDED,
            asked_at=self.at,
            quantity=quantity,
            trigger_price=trigger,
            limit_price=limit,
        )
        changed = replace(order, amendment=amendment, amends=number, amend_refused="")
        effect = Amend(
            key=order.key, number=number, quantity=quantity, trigger_price=trigger, limit_price=limit
        )
        return replace(self, bracket=self.bracket.replacing(changed), effects=(*self.effects, effect))

    def canceling(self, orders: tuple[BracketOrder, ...]) -> Step:
        """Want these orders gone; each is asked for once, the outbox repeats it until it ended."""
        step = self
        for order in orders:
            if not order.cancel_wanted:
                bracket = step.bracket.replacing(replace(order, cancel_wanted=True))
                step = replace(step, bracket=bracket, effects=(*step.effects, Cancel(key=order.key)))
        return step
