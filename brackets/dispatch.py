"""Sending what the outbox holds: claim, send, record. Exactly once for placements.

claim   one transaction, under the bracket's lock: may it still be sent? Then `sent_at`, the deadline
        and the fence are committed, before anything leaves.
send    the network, outside any transaction.
record  one transaction: the answer becomes an event of the machine.

A placement whose claim was committed is never sent again: without a recorded answer it is Unknown and
is looked up (`lookup.py`). A cancel is sent again until a reading shows that the order ended.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.utils import timezone

from brackets import leases, operations
from brackets.core.events import Event, OrderAccepted, OrderRefused, OrderUnknown, OrderWithdrawn
from brackets.core.facts import RefusedEvent
from brackets.core.states import OrderStatus, Role
from brackets.models import Account, Bracket, Effect, Order
from brackets.venue.port import (
    Accepted,
    OrderKind,
    OrderRequest,
    Outcome,
    Reason,
    Refused,
    Side,
    Unknown,
    Venue,
)
from risk.models import SystemConfig

log = logging.getLogger("backstop.dispatch")
ACTOR = "dispatch"
DEADLINE_SECONDS = 5  # the venue must have taken it by then, or never does
ENTRY_AGE_SECONDS = 10  # an entry older than that has outlived its price
CLAIM_SECONDS = 15  # longer than deadline plus HTTP timeout
CANCEL_REPEAT_SECONDS = {"ACCEPTED": 5, "REFUSED": 3, "UNKNOWN": 1}
WORDS = {Accepted: "ACCEPTED", Refused: "REFUSED", Unknown: "UNKNOWN"}
Clock = Callable[[], datetime]


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """The right to send one effect once; `fence` tells a later holder from an earlier one."""

    effect_id: int
    bracket_id: int
    order_key: str
    role: Role
    kind: str
    fence: int
    claimed_at: datetime
    venue_order_id: str | None
    request: OrderRequest | None


def due(account: Account, now: datetime) -> QuerySet[Effect]:
    """Effects that may be sent now: cancels, then sells, then entries; each in order of age."""
    urgency = Case(
        When(kind=Effect.Kind.CANCEL, then=Value(0)),
        When(order__role=Role.ENTRY, then=Value(2)),
        default=Value(1),
        output_field=IntegerField(),
    )
    return (
        Effect.objects.filter(account=account, done_at=None, next_attempt_at__lte=now)
        .filter(Q(claim_expires_at=None) | Q(claim_expires_at__lt=now))
        .exclude(kind=Effect.Kind.PLACE, outcome=Effect.Outcome.UNKNOWN)
        .order_by(urgency, "pk")
    )


def dispatch_due(account: Account, venue: Venue, clock: Clock = timezone.now) -> list[str]:
    """Send everything that is due. Returns the venue ids of orders whose cancel was answered: their
    end must be read before anything follows from it."""
    to_read: list[str] = []
    for effect_id in list(due(account, clock()).values_list("pk", flat=True)):
        claim = take_claim(effect_id, venue, clock())
        if claim is None:
            continue
        outcome = send(claim, venue, clock)
        record(claim, outcome, clock())
        if claim.kind == Effect.Kind.CANCEL and claim.venue_order_id and not isinstance(outcome, Unknown):
            to_read.append(claim.venue_order_id)
    return to_read


def release_dead_claims(account: Account) -> None:
    """Do not wait for the claims of processes of this host that ended: what they sent is looked up now."""
    for effect in Effect.objects.filter(account=account, done_at=None).exclude(claim_expires_at=None):
        if leases.is_gone(effect.claimed_by):
            Effect.objects.filter(pk=effect.pk, fence=effect.fence).update(claim_expires_at=None)


# --- claim -------------------------------------------------------------------------------------


def take_claim(effect_id: int, venue: Venue, now: datetime) -> Claim | None:
    """Commit the right to send; None when there is nothing to send (any more)."""
    deadline = venue_deadline(venue, now)  # outside the transaction: may ask the venue's clock
    try:
        with transaction.atomic():
            bracket_id = Effect.objects.values_list("bracket_id", flat=True).get(pk=effect_id)
            bracket = Bracket.objects.select_for_update().get(pk=bracket_id)
            effect = Effect.objects.select_related("order").get(pk=effect_id)
            if effect.done_at or (effect.claim_expires_at and effect.claim_expires_at > now):
                return None
            if effect.kind == Effect.Kind.CANCEL:
                return claim_cancel(bracket, effect, now)
            return claim_placement(bracket, effect, now, deadline)
    except RefusedEvent as refused:
        log.error("effect %s cannot be claimed: %s", effect_id, refused)
        return None


def venue_deadline(venue: Venue, now: datetime) -> datetime | None:
    """Until when the venue may take the order, by its own clock; None when that clock is not known."""
    offset = venue.clock_offset()
    return None if offset is None else now + offset + timedelta(seconds=DEADLINE_SECONDS)


def claim_placement(
    bracket: Bracket, effect: Effect, now: datetime, deadline: datetime | None
) -> Claim | None:
    order = effect.order
    if effect.sent_at is not None:  # somebody committed the send and never told: it is Unknown
        note_unknown(bracket, effect, "the sender ended before it recorded an answer", now)
        return None
    withdrawn = reason_to_withdraw(bracket, effect, order, now)
    if withdrawn:
        withdraw(bracket, effect, withdrawn, now)
        return None
    effect.sent_at, effect.deadline_at = now, deadline
    return commit_claim(bracket, effect, now, request_of(bracket, effect, deadline))


def reason_to_withdraw(bracket: Bracket, effect: Effect, order: Order, now: datetime) -> str:
    """Why this placement must not leave; empty when it may. Exits always may."""
    if order.cancel_wanted:
        return "canceled before it was sent"
    if order.role != Role.ENTRY:
        return ""
    config = SystemConfig.objects.select_for_update().get(account=bracket.account.name)
    if not config.entries_allowed:
        return "paused before it was sent"
    if now - effect.created_at > timedelta(seconds=ENTRY_AGE_SECONDS):
        return f"older than {ENTRY_AGE_SECONDS} s before it could be sent"
    return ""


def withdraw(bracket: Bracket, effect: Effect, reason: str, now: datetime) -> None:
    Effect.objects.filter(pk=effect.pk).update(outcome=Effect.Outcome.WITHDRAWN, message=reason, done_at=now)
    Order.objects.filter(pk=effect.order_id).update(message=reason)
    operations.step_row(bracket, OrderWithdrawn(at=now, key=effect.order.key, reason=reason), actor=ACTOR)


def note_unknown(bracket: Bracket, effect: Effect, message: str, now: datetime) -> None:
    Effect.objects.filter(pk=effect.pk).update(outcome=Effect.Outcome.UNKNOWN, message=message[:300])
    operations.step_row(bracket, OrderUnknown(at=now, key=effect.order.key, message=message), actor=ACTOR)


def claim_cancel(bracket: Bracket, effect: Effect, now: datetime) -> Claim | None:
    order = effect.order
    if order.status not in (OrderStatus.OPEN, OrderStatus.INTENDED, OrderStatus.UNKNOWN):
        Effect.objects.filter(pk=effect.pk).update(done_at=now)
        return None
    never_sent = Effect.objects.filter(
        order=order, kind=Effect.Kind.PLACE, sent_at=None, done_at=None
    ).first()
    if never_sent is not None:
        withdraw(bracket, never_sent, "canceled before it was sent", now)
        return None
    effect.sent_at = now
    return commit_claim(bracket, effect, now, None)


def commit_claim(bracket: Bracket, effect: Effect, now: datetime, request: OrderRequest | None) -> Claim:
    effect.fence += 1
    effect.attempts += 1
    effect.claimed_by = leases.holder_name()
    effect.claim_expires_at = now + timedelta(seconds=CLAIM_SECONDS)
    effect.save()
    return Claim(
        effect_id=effect.pk,
        bracket_id=bracket.pk,
        order_key=effect.order.key,
        role=Role(effect.order.role),
        kind=effect.kind,
        fence=effect.fence,
        claimed_at=now,
        venue_order_id=effect.order.venue_order_id,
        request=request,
    )


def request_of(bracket: Bracket, effect: Effect, deadline: datetime | None) -> OrderRequest:
    order = effect.order
    return OrderRequest(
        client_order_id=order.key,
        symbol=bracket.symbol,
        side=Side(order.side),
        kind=OrderKind.STOP_LOSS if order.trigger_price is not None else OrderKind.MARKET,
        quantity=order.quantity,
        trigger_price=order.trigger_price,
        close_stop_price=effect.close_stop_price,
        deadline_at=deadline,
    )


# --- send --------------------------------------------------------------------------------------


def send(claim: Claim, venue: Venue, clock: Clock) -> Outcome:
    """Let it leave. A claim that slept past its lease is not sent: nobody knows what happened since."""
    if clock() >= claim.claimed_at + timedelta(seconds=DEADLINE_SECONDS):
        return Unknown(message="the claim was too old to be sent when its turn came")
    if claim.kind == Effect.Kind.CANCEL:
        if claim.venue_order_id is not None:
            return venue.cancel(claim.venue_order_id)
        return venue.cancel_by_client_id(claim.order_key)
    if claim.request is None:
        raise ValueError(f"placement {claim.effect_id} was claimed without a request")
    return venue.place(claim.request, urgent=claim.role is not Role.ENTRY)


# --- record ------------------------------------------------------------------------------------


def record(claim: Claim, outcome: Outcome, now: datetime) -> None:
    """Store the answer. What the venue said is a fact also when the claim was lost meanwhile."""
    if claim.kind == Effect.Kind.CANCEL:
        record_cancel(claim, outcome, now)
        return
    event = placement_event(claim, outcome, now)
    word = "UNKNOWN" if isinstance(event, OrderUnknown) else WORDS[type(outcome)]
    message = getattr(outcome, "message", "")[:300]
    with transaction.atomic():
        bracket = Bracket.objects.select_for_update().get(pk=claim.bracket_id)
        Effect.objects.filter(pk=claim.effect_id, fence=claim.fence).update(
            outcome=word, message=message, claim_expires_at=None
        )
        if message:
            Order.objects.filter(effects__pk=claim.effect_id).update(message=message)
        operations.step_row(bracket, event, actor=ACTOR)
    if not isinstance(outcome, Accepted):
        log.warning("bracket %s %s order: %s %s", claim.bracket_id, claim.role, word, message)


def placement_event(claim: Claim, outcome: Outcome, now: datetime) -> Event:
    match outcome:
        case Accepted(venue_order_id=str() as venue_order_id):
            return OrderAccepted(at=now, key=claim.order_key, venue_order_id=venue_order_id)
        case Refused(reason=Reason.DUPLICATE_ID, message=message):
            # An open order bears this very id: it is there, and a reading will say under which number.
            return OrderUnknown(at=now, key=claim.order_key, message=message)
        case Refused(reason=reason, message=message):
            return OrderRefused(at=now, key=claim.order_key, reason=reason, message=message)
        case _:
            message = getattr(outcome, "message", "accepted without an id")
            return OrderUnknown(at=now, key=claim.order_key, message=message)


def record_cancel(claim: Claim, outcome: Outcome, now: datetime) -> None:
    """A cancel is finished by a reading of the order's end alone; until then it is asked again."""
    word = WORDS[type(outcome)]
    wait = CANCEL_REPEAT_SECONDS[word]
    if isinstance(outcome, Refused) and outcome.reason is Reason.RATE_LIMITED:
        wait = 1
    Effect.objects.filter(pk=claim.effect_id, done_at=None).update(
        outcome=word,
        message=getattr(outcome, "message", "")[:300],
        claim_expires_at=None,
        next_attempt_at=now + timedelta(seconds=wait),
    )
    if word != "ACCEPTED":
        log.warning("cancel of %s: %s %s", claim.order_key, word, getattr(outcome, "message", ""))
