"""Between rows and values: load a bracket for the pure machine, store what a step made of it.

The only code that knows both shapes. `store` writes only what changed: a step costs two queries to load,
one for each changed order, and one for all new ones, whatever the bracket has behind it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from uuid import UUID

from django.db.models import Q

from brackets import models
from brackets.core.effects import Amend, Cancel, Effect, Place
from brackets.core.exposure import Exposure, exposure
from brackets.core.legs import legs
from brackets.core.orders import Amendment, Bracket, BracketOrder, EntryTerms, Plan
from brackets.core.states import (
    AmendStatus,
    Choice,
    EntryNext,
    ExitReason,
    OrderStatus,
    Policy,
    Role,
    State,
)

PRICE_PLACES = Decimal("1E-10")
SAME_NAME = (
    "stop_price",
    "target_price",
    "initial_stop_price",
    "prices_final",
    "sequence",
    "entry_began_at",
    "entry_over",
    "reprices",
    "swap_began_at",
    "swap_after",
    "reduce_quantity",
    "reduce_began_at",
    "tidy_after",
    "market",
    "protect_from",
    "secondaries_due_at",
    "unprotected_since",
    "bare_since",
    "bare_told",
    "funds_refused_since",
    "retry_after",
    "exit_began_at",
    "restoring",
    "dust",
    "missing",
    "shortage",
    "shortage_since",
    "repairing",
    "repair_key",
    "repaired_at",
    "repair_cycle",
    "repairs",
    "repairs_refused",
    "funds_awaited",
)
"""Fields of the core bracket that are columns of the same name."""
WORDS: dict[str, type[ExitReason] | type[EntryNext]] = {
    "exit_reason": ExitReason,
    "entry_end": ExitReason,
    "close_again": ExitReason,
    "entry_next": EntryNext,
}
"""Words that may be missing: None in the core, empty in the row."""
PLAN_COLUMNS = {
    "uid": "uid",
    "symbol": "symbol",
    "quantity": "planned_quantity",
    "stop_price": "planned_stop_price",
    "target_price": "planned_target_price",
    "tick_size": "tick_size",
    "lot_step": "lot_step",
    "minimum_quantity": "minimum_quantity",
    "attach_stop": "attach_stop",
    "most_cost": "most_cost",
    "stop_distance": "stop_distance",
    "target_distance": "target_distance",
    "target_r_multiple": "target_r_multiple",
    "held_quantity": "held_quantity",
    "held_price": "held_price",
    "swap_in_bps": "swap_in_bps",
    "swap_out_bps": "swap_out_bps",
    "leverage": "leverage",
}
"""Fields of the plan, and their columns."""
ORDER_COLUMNS = {
    "quantity": "quantity",
    "created_at": "created_at",
    "venue_order_id": "venue_order_id",
    "filled": "filled_quantity",
    "average_price": "average_price",
    "trigger_price": "trigger_price",
    "limit_price": "limit_price",
    "post_only": "post_only",
    "triggered": "triggered",
    "read_back": "read_back",
    "cancel_wanted": "cancel_wanted",
    "refused_reason": "refused_reason",
    "end_reason": "end_reason",
    "amends": "amends",
    "amend_refused": "amend_refused",
    "opened_at": "opened_at",
    "touched_at": "touched_at",
    "first_filled_at": "first_filled_at",
    "ended_at": "ended_at",
    "amiss_at": "amiss_at",
    "amiss_agreed": "amiss_agreed",
    "first_quantity": "first_quantity",
}
"""Fields of an order that are columns without translation, and their columns."""
LIMITED = {"refused_reason": 40, "end_reason": 120, "amend_refused": 40}
"""Texts of the venue are cut to their columns."""


def to_price(value: Decimal | None) -> Decimal | None:
    """An average price fitted to the column's ten places."""
    return None if value is None else value.quantize(PRICE_PLACES, rounding=ROUND_HALF_EVEN)


# --- from rows -----------------------------------------------------------------------------------


def load(row: models.Bracket) -> Bracket:
    """The bracket as a value, with its orders and booked fills (two queries, or prefetched)."""
    fills: dict[int, list[models.Fill]] = {}
    for fill in row.fills.all():
        fills.setdefault(fill.order_id, []).append(fill)
    orders = sorted(row.orders.all(), key=lambda order: order.pk)
    words = {name: word(getattr(row, name)) if getattr(row, name) else None for name, word in WORDS.items()}
    return Bracket(
        plan=plan_of(row),
        state=State(row.state),
        orders=tuple(load_order(order, fills.get(order.pk, [])) for order in orders),
        policy=Policy(row.policy),
        resting=Role(row.resting),
        **words,
        **{name: getattr(row, name) for name in SAME_NAME},
    )


def plan_of(row: models.Bracket) -> Plan:
    entry = None if row.entry_terms is None else entry_of(row.entry_terms)
    return Plan(entry=entry, **{name: getattr(row, column) for name, column in PLAN_COLUMNS.items()})


def load_order(row: models.Order, fills: list[models.Fill]) -> BracketOrder:
    return BracketOrder(
        key=row.key,
        role=Role(row.role),
        status=OrderStatus(row.status),
        amendment=None if row.amendment is None else amendment_of(row.amendment),
        trade_ids=frozenset(row.trade_ids),
        booked_trade_ids=frozenset(fill.venue_trade_id for fill in fills),
        booked=sum((fill.quantity for fill in fills), Decimal(0)),
        base_fees=sum((fill.base_fee for fill in fills), Decimal(0)),
        **{name: getattr(row, column) for name, column in ORDER_COLUMNS.items()},
    )


def entry_of(stored: dict[str, Any]) -> EntryTerms:
    terms = {**stored}
    for name in ("limit_price", "offset_bps", "reprice_bps", "runaway_bps"):
        terms[name] = Decimal(terms[name])
    for name in ("on_timeout", "on_runaway"):
        terms[name] = Choice(terms[name])
    return EntryTerms(**terms)


def amendment_of(stored: dict[str, Any]) -> Amendment:
    prices = {name: decimal(stored[name]) for name in ("quantity", "trigger_price", "limit_price")}
    return Amendment(
        number=stored["number"],
        status=AmendStatus(stored["status"]),
        asked_at=datetime.fromisoformat(stored["asked_at"]),
        provable_from=stored["provable_from"] and datetime.fromisoformat(stored["provable_from"]),
        **prices,
    )


def decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


# --- to rows -------------------------------------------------------------------------------------


def store(row: models.Bracket, before: Bracket, after: Bracket, at: datetime) -> None:
    """Write the changed orders and set the bracket row's columns (saved by the caller, who swaps its
    version)."""
    store_orders(row, before, after, at)
    row.state, row.policy, row.resting = after.state, after.policy, after.resting
    for name in WORDS:
        setattr(row, name, getattr(after, name) or "")
    for name in SAME_NAME:
        setattr(row, name, getattr(after, name))
    stop, target = legs(after)
    row.stop_custody, row.target_custody = stop.custody or "", target.custody or ""
    measured = measure(row, after, at)
    row.unprotected_seconds = measured.unprotected_seconds
    row.unstopped_seconds = measured.unstopped_seconds
    row.updated_at = at
    if after.state is State.EXIT_COMPLETE and row.completed_at is None:
        row.completed_at = at


def measure(row: models.Bracket, bracket: Bracket, until: datetime) -> Exposure:
    """How long the bracket's coins were without protection, and without a stop, up to `until`."""
    held = bracket.plan.held_quantity
    return exposure(bracket.orders, until, held_quantity=held, held_since=row.created_at)


def store_orders(row: models.Bracket, before: Bracket, after: Bracket, at: datetime) -> None:
    old = {order.key: order for order in before.orders}
    fresh = []
    for order in after.orders:
        if order.key not in old:
            client_order_id = UUID(order.key) if order.key != order.venue_order_id else None
            values = {"bracket_id": row.pk, "account_id": row.account_id, "client_order_id": client_order_id}
            fresh.append(models.Order(**values, **order_values(order, at)))
        elif old[order.key] != order:
            find(row, [order.key]).update(**order_values(order, at))
    models.Order.objects.bulk_create(fresh)


def order_values(order: BracketOrder, at: datetime) -> dict[str, Any]:
    values = {column: getattr(order, name) for name, column in ORDER_COLUMNS.items()}
    values |= {name: values[name][:length] for name, length in LIMITED.items()}
    values["average_price"] = to_price(order.average_price)
    return {
        **values,
        "role": order.role,
        "status": order.status,
        "amendment": None if order.amendment is None else plain(order.amendment),
        "trade_ids": sorted(order.trade_ids),
        "updated_at": at,
    }


def find(row: models.Bracket, keys: Iterable[str]):  # type: ignore[no-untyped-def]
    """The bracket's orders of these keys: a client order id, or the venue's own for a secondary."""
    keys = list(keys)
    ours = [key for key in keys if is_uuid(key)]
    theirs = [key for key in keys if not is_uuid(key)]
    by_id = Q(client_order_id__in=ours) | Q(client_order_id=None, venue_order_id__in=theirs)
    return models.Order.objects.filter(by_id, bracket=row)


def is_uuid(key: str) -> bool:
    """Whether a key is a client order id of ours; the venue's ids look different (OABCDE-FGHIJ-KLMNOP)."""
    try:
        UUID(key)
    except ValueError:
        return False
    return True


def store_effects(row: models.Bracket, effects: tuple[Effect, ...], at: datetime) -> None:
    """Put what must be sent into the outbox. A cancel that is wanted anew (its order was given up and
    came back) opens its old row again."""
    if not effects:
        return
    numbers = {order.key: order.pk for order in find(row, {effect.key for effect in effects})}
    fresh = []
    for effect in effects:
        order_pk = numbers[effect.key]
        if isinstance(effect, Cancel) and reopen_cancel(order_pk, at):
            continue
        fresh.append(
            models.Effect(
                account_id=row.account_id,
                bracket_id=row.pk,
                order_id=order_pk,
                created_at=at,
                next_attempt_at=at,
                **effect_values(effect),
            )
        )
    models.Effect.objects.bulk_create(fresh)


def effect_values(effect: Effect) -> dict[str, Any]:
    match effect:
        case Place():
            return {
                "kind": models.Effect.Kind.PLACE,
                "close_stop_price": effect.close_stop_price,
                "expires_at": effect.expires_at,
            }
        case Amend():
            return {
                "kind": models.Effect.Kind.AMEND,
                "amend_number": effect.number,
                "quantity": effect.quantity,
                "trigger_price": effect.trigger_price,
                "limit_price": effect.limit_price,
            }
        case Cancel():
            return {"kind": models.Effect.Kind.CANCEL}


def reopen_cancel(order_pk: int, at: datetime) -> bool:
    cancels = models.Effect.objects.filter(order=order_pk, kind=models.Effect.Kind.CANCEL)
    return bool(cancels.update(done_at=None, outcome="", message="", next_attempt_at=at))


# --- as texts ------------------------------------------------------------------------------------


def plain(value: Any) -> dict[str, Any]:
    """A frozen value of the core as JSON, every field by its name: texts for Decimals and times."""
    return {field.name: jsonable(getattr(value, field.name)) for field in fields(value)}


def describe(event: object) -> dict[str, object]:
    """An event's content as JSON, without its time and what it does not say."""
    return {
        field.name: jsonable(getattr(event, field.name))
        for field in fields(event)  # type: ignore[arg-type]
        if field.name != "at" and getattr(event, field.name) not in (None, "", frozenset())
    }


def describe_effect(effect: Effect) -> str:
    """One sentence for the journal."""
    match effect:
        case Cancel():
            return f"cancel {effect.key}"
        case Amend():
            terms = (
                ("quantity", effect.quantity),
                ("stop", effect.trigger_price),
                ("limit", effect.limit_price),
            )
            said = ", ".join(f"{name} {value}" for name, value in terms if value is not None)
            return f"amend {effect.key} ({effect.number}): {said}"
        case Place():
            return describe_placement(effect)


def describe_placement(effect: Place) -> str:
    if effect.trigger_price is not None:
        kind = f"stop at {effect.trigger_price}"
    elif effect.limit_price is not None:
        kind = f"{'post-only ' if effect.post_only else ''}limit at {effect.limit_price}"
    else:
        kind = "market"
    attached = f", stop attached at {effect.close_stop_price}" if effect.close_stop_price is not None else ""
    until = f", until {effect.expires_at.isoformat()}" if effect.expires_at is not None else ""
    return f"place {effect.role} {effect.quantity} {kind}{attached}{until} as {effect.key}"


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
