"""What may be done to a bracket: open it from an approved plan, apply one event to it.

The shell around the pure machine. Each operation is one transaction that loads, steps and saves the
bracket with its orders, outbox rows, event row and audit row. Nothing here talks to a network.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import IntegrityError, transaction

from brackets import models, records
from brackets.core import machine
from brackets.core.events import EntryRequested, Event, HoldRequested, ProtectRequested
from brackets.core.invariants import violations
from brackets.core.machine import RefusedEvent
from brackets.core.orders import Bracket, BracketOrder, EntryTerms, Rules
from brackets.core.states import Policy, Refusal, State
from risk import journal
from risk.core.gate import ApprovedPlan

log = logging.getLogger("backstop.brackets")
RULES = Rules()
LEAVING = frozenset({State.EXITING, State.SL_FILLED})
NEVER_CHANGED = frozenset({"id", "account", "uid", "symbol", "leverage"})
"""Columns that no step writes: what a position is, from plan to end."""


class Superseded(Exception):
    """Somebody else changed the bracket in between; load it again and repeat."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """How a bracket is entered and how its legs stand, beyond what the gate approved. A distance (quote
    currency) or multiple says that a leg follows the entry's price; None: it was given and stays."""

    policy: Policy = Policy.STOP_RESTS
    swap_in_bps: Decimal = Decimal(20)
    swap_out_bps: Decimal = Decimal(50)
    stop_distance: Decimal | None = None
    target_distance: Decimal | None = None
    target_r_multiple: Decimal | None = None
    entry: EntryTerms | None = None  # None: at market
    attach_stop: bool = True  # the venue makes the stop of each fill; False: we place our own
    leverage: int = 1  # of every leg, never changed afterwards


def open_bracket(
    plan: ApprovedPlan,
    *,
    account: models.Account,
    instrument: models.Instrument,
    shape: Shape,
    source: str,
    actor: str,
    at: datetime,
) -> models.Bracket:
    """Store a bracket with the intent of its entry. Must run inside the door's transaction."""
    row = new_row(plan, account=account, instrument=instrument, shape=shape, source=source, at=at)
    row.attach_stop = shape.attach_stop
    row.entry_terms = None if shape.entry is None else records.plain(shape.entry)
    row.save(force_insert=True)
    step_row(row, EntryRequested(at=at), actor=actor)
    return row


def protect_coins(
    plan: ApprovedPlan,
    *,
    account: models.Account,
    instrument: models.Instrument,
    shape: Shape,
    held_price: Decimal,
    source: str,
    actor: str,
    at: datetime,
) -> models.Bracket:
    """Store a bracket around coins that are in the account already, all of the plan's quantity, reckoned
    at `held_price`. Nothing is bought. Must run inside the door's transaction."""
    row = new_row(plan, account=account, instrument=instrument, shape=shape, source=source, at=at)
    row.attach_stop = False  # there is no entry to attach it to
    row.held_quantity, row.held_price = plan.request.quantity, held_price
    row.save(force_insert=True)
    step_row(row, ProtectRequested(at=at), actor=actor)
    return row


def new_row(
    plan: ApprovedPlan,
    *,
    account: models.Account,
    instrument: models.Instrument,
    shape: Shape,
    source: str,
    at: datetime,
) -> models.Bracket:
    """What both ways to begin have in common, not saved yet."""
    request = plan.request
    return models.Bracket(
        account=account,
        uid=uuid.uuid4(),
        symbol=request.symbol,
        base=instrument.base,
        quote=instrument.quote,
        source=source,
        policy=shape.policy,
        planned_quantity=request.quantity,
        planned_stop_price=request.stop_price,
        planned_target_price=request.target_price,
        planned_entry_price=request.expected_price,
        tick_size=instrument.tick_size,
        lot_step=instrument.lot_step,
        minimum_quantity=instrument.minimum_quantity,
        most_cost=plan.most_cost,
        stop_distance=shape.stop_distance,
        target_distance=shape.target_distance,
        target_r_multiple=shape.target_r_multiple,
        swap_in_bps=shape.swap_in_bps,
        swap_out_bps=shape.swap_out_bps,
        leverage=shape.leverage,
        stop_price=request.stop_price,
        target_price=request.target_price,
        created_at=at,
        updated_at=at,
    )


def apply(bracket_id: int, event: Event, *, actor: str) -> models.Bracket | None:
    """Apply one event in one transaction. Returns the changed row, or None when nothing changed.

    Raises RefusedEvent when the machine does not take it (nothing was written). A contradiction of
    facts, or one of a fact with what the database lets be true, puts the bracket on hold instead, with an
    alarm: it is never swallowed, and never keeps other brackets from their facts.
    """
    try:
        with transaction.atomic():
            row = models.Bracket.objects.select_for_update().get(pk=bracket_id)
            return step_row(row, event, actor=actor)
    except RefusedEvent as refused:
        if refused.refusal is not Refusal.CONTRADICTION:
            raise
        why = str(refused)
    except IntegrityError as broken:
        if isinstance(event, HoldRequested):
            raise
        why = f"{type(event).__name__} cannot be true beside what is known: {broken}"
    log.error("bracket %s: %s", bracket_id, why)
    return apply(bracket_id, HoldRequested(at=event.at, reason=why), actor=actor)


def step_row(row: models.Bracket, event: Event, *, actor: str) -> models.Bracket | None:
    """Step a locked row and save everything that follows from it."""
    before = records.load(row)
    outcome = machine.step(before, event, RULES)
    after = outcome.bracket
    if after == before and not outcome.effects:
        return None
    journal.write(
        at=event.at,
        actor=actor,
        action=f"bracket.{type(event).__name__}",
        subject=f"bracket {row.pk}",
        payload={
            "event": records.describe(event),
            "from": before.state,
            "to": after.state,
            "effects": [records.describe_effect(effect) for effect in outcome.effects],
            "alarms": list(outcome.alarms),
        },
    )
    save_step(row, before, outcome, event)
    return row


def save_step(row: models.Bracket, before: Bracket, outcome: machine.Outcome, event: Event) -> None:
    after, version = outcome.bracket, row.version
    records.store(row, before, after, event.at)
    row.version = version + 1
    if outcome.alarms:
        row.alarm, row.alarm_at = outcome.alarms[-1][:300], event.at
    names = [field.name for field in row._meta.concrete_fields if field.name not in NEVER_CHANGED]
    changed = models.Bracket.objects.filter(pk=row.pk, version=version).update(
        **{name: getattr(row, name) for name in names}
    )
    if not changed:
        raise Superseded(f"bracket {row.pk} was changed by somebody else")
    records.store_effects(row, outcome.effects, event.at)
    settle_outbox(row, after, event.at)
    if after.state in LEAVING and before.state not in LEAVING:
        hurry(row, event.at)
    models.BracketEvent.objects.create(
        account_id=row.account_id,
        bracket_id=row.pk,
        version=row.version,
        kind=type(event).__name__,
        from_state=before.state,
        to_state=after.state,
        payload={"event": records.describe(event), "alarms": list(outcome.alarms)},
        at=event.at,
    )
    for alarm in outcome.alarms:
        log.error("ALARM bracket %s (%s): %s", row.pk, row.symbol, alarm)
    for sentence in violations(after):
        log.error("INVARIANT bracket %s: %s", row.pk, sentence)


def settle_outbox(row: models.Bracket, after: Bracket, at: datetime) -> None:
    """Close the outbox rows of orders that need nothing more: a cancel when the order ended or shall stay,
    a placement when the order is known to be on the venue or to have ended, an amendment when it was
    settled."""
    orders = {order.key: order for order in after.orders}
    pending = models.Effect.objects.filter(bracket=row, done_at=None).select_related("order")
    over = [effect.pk for effect in pending if is_over(effect, orders[effect.order.key])]
    if over:
        models.Effect.objects.filter(pk__in=over).update(done_at=at)


def hurry(row: models.Bracket, at: datetime) -> None:
    """An exit does not wait for the next attempt of a cancel that was refused while it could wait."""
    refused = models.Effect.objects.filter(bracket=row, done_at=None, outcome=models.Effect.Outcome.REFUSED)
    refused.filter(kind=models.Effect.Kind.CANCEL).update(next_attempt_at=at)


def is_over(effect: models.Effect, order: BracketOrder) -> bool:
    if not order.live or effect.kind == models.Effect.Kind.CANCEL:
        return not (order.live and order.cancel_wanted)
    if effect.kind == models.Effect.Kind.PLACE:
        return order.venue_order_id is not None
    return order.amendment is None or order.amendment.number != effect.amend_number


def open_brackets(account: models.Account):  # type: ignore[no-untyped-def]
    """The brackets that still have work, with orders and fills loaded (three queries)."""
    return (
        models.Bracket.objects.filter(account=account)
        .exclude(state=State.EXIT_COMPLETE)
        .prefetch_related("orders", "fills")
        .order_by("pk")
    )
