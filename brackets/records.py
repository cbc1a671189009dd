"""Between rows and values: load a bracket for the pure machine, store what a step made of it.

The only code that knows both shapes. `store` writes only what changed.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from uuid import UUID

from brackets import models
from brackets.core.effects import Cancel, Effect, Place
from brackets.core.exposure import exposure
from brackets.core.orders import Bracket, BracketOrder, Plan
from brackets.core.states import ExitReason, OrderStatus, Role, State

PRICE_PLACES = Decimal("1E-10")
REMEMBERED = (
    "stop_price",
    "target_price",
    "sequence",
    "protect_from",
    "unprotected_since",
    "funds_refused_since",
    "retry_after",
    "exit_began_at",
    "restoring",
    "dust",
)
"""Fields of the core bracket that are columns of the same name."""


def to_price(value: Decimal | None) -> Decimal | None:
    """An average price fitted to the column's ten places."""
    return None if value is None else value.quantize(PRICE_PLACES, rounding=ROUND_HALF_EVEN)


def load(row: models.Bracket) -> Bracket:
    """The bracket as a value, with its orders and booked fills (two queries, or prefetched)."""
    fills: dict[int, list[models.Fill]] = {}
    for fill in row.fills.all():
        fills.setdefault(fill.order_id, []).append(fill)
    orders = sorted(row.orders.all(), key=lambda order: order.pk)
    return Bracket(
        plan=plan_of(row),
        state=State(row.state),
        orders=tuple(load_order(order, fills.get(order.pk, [])) for order in orders),
        exit_reason=ExitReason(row.exit_reason) if row.exit_reason else None,
        **{name: getattr(row, name) for name in REMEMBERED},
    )


def plan_of(row: models.Bracket) -> Plan:
    return Plan(
        uid=row.uid,
        symbol=row.symbol,
        quantity=row.planned_quantity,
        stop_price=row.planned_stop_price,
        target_price=row.planned_target_price,
        tick_size=row.tick_size,
        lot_step=row.lot_step,
        minimum_quantity=row.minimum_quantity,
        attach_stop=row.attach_stop,
        target_distance=row.target_distance,
        target_r_multiple=row.target_r_multiple,
    )


def load_order(row: models.Order, fills: list[models.Fill]) -> BracketOrder:
    return BracketOrder(
        key=row.key,
        role=Role(row.role),
        quantity=row.quantity,
        status=OrderStatus(row.status),
        created_at=row.created_at,
        venue_order_id=row.venue_order_id,
        filled=row.filled_quantity,
        average_price=row.average_price,
        trigger_price=row.trigger_price,
        triggered=row.triggered,
        read_back=row.read_back,
        cancel_wanted=row.cancel_wanted,
        refused_reason=row.refused_reason,
        opened_at=row.opened_at,
        ended_at=row.ended_at,
        trade_ids=frozenset(row.trade_ids),
        booked_trade_ids=frozenset(fill.venue_trade_id for fill in fills),
        booked=sum((fill.quantity for fill in fills), Decimal(0)),
    )


def store(row: models.Bracket, before: Bracket, after: Bracket, at: datetime) -> None:
    """Write the changed orders and the bracket row (without its version, which the caller swaps)."""
    old = {order.key: order for order in before.orders}
    for order in after.orders:
        if old.get(order.key) != order:
            store_order(row, order, at)
    row.state = after.state
    row.exit_reason = after.exit_reason or ""
    for name in REMEMBERED:
        setattr(row, name, getattr(after, name))
    measured = exposure(after.orders, at)
    row.unprotected_seconds = measured.unprotected_seconds
    row.unstopped_seconds = measured.unstopped_seconds
    row.updated_at = at
    if after.state is State.EXIT_COMPLETE and row.completed_at is None:
        row.completed_at = at


def store_order(row: models.Bracket, order: BracketOrder, at: datetime) -> None:
    values = {
        "bracket_id": row.pk,
        "account_id": row.account_id,
        "role": order.role,
        "status": order.status,
        "venue_order_id": order.venue_order_id,
        "quantity": order.quantity,
        "filled_quantity": order.filled,
        "average_price": to_price(order.average_price),
        "trigger_price": order.trigger_price,
        "triggered": order.triggered,
        "read_back": order.read_back,
        "cancel_wanted": order.cancel_wanted,
        "refused_reason": order.refused_reason,
        "trade_ids": sorted(order.trade_ids),
        "created_at": order.created_at,
        "opened_at": order.opened_at,
        "ended_at": order.ended_at,
        "updated_at": at,
    }
    found = find(row, order)
    if found.exists():
        found.update(**values)
    else:
        client_order_id = UUID(order.key) if order.key != order.venue_order_id else None
        models.Order.objects.create(client_order_id=client_order_id, **values)


def find(row: models.Bracket, order: BracketOrder):  # type: ignore[no-untyped-def]
    if order.key == order.venue_order_id:
        return models.Order.objects.filter(account=row.account_id, venue_order_id=order.key)
    return models.Order.objects.filter(client_order_id=order.key)


def store_effects(row: models.Bracket, effects: tuple[Effect, ...], after: Bracket, at: datetime) -> None:
    """Put what must be sent into the outbox."""
    orders = {order.key: order for order in after.orders}
    for effect in effects:
        order_pk = find(row, orders[effect.key]).values_list("pk", flat=True).get()
        kind = models.Effect.Kind.PLACE if isinstance(effect, Place) else models.Effect.Kind.CANCEL
        models.Effect.objects.create(
            account_id=row.account_id,
            bracket_id=row.pk,
            order_id=order_pk,
            kind=kind,
            close_stop_price=effect.close_stop_price if isinstance(effect, Place) else None,
            created_at=at,
            next_attempt_at=at,
        )


def describe(event: object) -> dict[str, object]:
    """An event's content as JSON: texts for Decimals and times."""
    return {
        field.name: jsonable(getattr(event, field.name))
        for field in fields(event)  # type: ignore[arg-type]
        if field.name != "at" and getattr(event, field.name) not in (None, "", frozenset())
    }


def describe_effect(effect: Effect) -> str:
    if isinstance(effect, Cancel):
        return f"cancel {effect.key}"
    kind = f"stop at {effect.trigger_price}" if effect.trigger_price is not None else "market"
    attached = f", stop attached at {effect.close_stop_price}" if effect.close_stop_price is not None else ""
    return f"place {effect.role} {effect.quantity} {kind}{attached} as {effect.key}"


def jsonable(value: object) -> object:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, bool | int | float) or value is None:
        return value
    return str(value)
