"""Claiming: the right to send one effect once, committed before anything leaves.

First third of the way out (claim → `dispatch.send` → `dispatch.record`). In one transaction, under the
bracket's lock: may it still be sent? Then `sent_at`, the deadline and the fence are committed. A placement
or an amendment that was claimed and never answered is never sent again: it is Unknown, and is looked up
(`lookup.py`) or read.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from brackets import leases, operations, urgency
from brackets.core.events import AmendAnswered, OrderUnknown, OrderWithdrawn
from brackets.core.facts import RefusedEvent
from brackets.core.leaving import OUTLIVED
from brackets.core.states import LIVE, Answer, OrderStatus, Role
from brackets.core.timers import is_awaited
from brackets.lookup import provable_from
from brackets.models import Account, Bracket, Effect, Order
from brackets.venue.port import AmendRequest, OrderKind, OrderRequest, Reason, Side, Venue
from risk.models import SystemConfig

log = logging.getLogger("backstop.dispatch")
ACTOR = "dispatch"
DEADLINE_SECONDS = 4  # the venue must have taken it by then, or never does
ENTRY_AGE_SECONDS = 10  # an entry older than that has outlived its price
RECOVERING = "the book was still being compared with the venue after a start"
RECOVERY_SECONDS = 1  # between two looks whether it was compared
CLAIM_SECONDS = 15  # longer than deadline plus HTTP timeout
MOST_PUT_OFF = timedelta(seconds=10)  # no effect is put off for longer
MOST_WORDS = 300  # of a message that is kept


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """The right to send one effect once; `fence` tells a later holder from an earlier one. `request` is
    what leaves: an order, new terms, or None for a cancel."""

    effect_id: int
    bracket_id: int
    order_key: str
    role: Role
    kind: str
    fence: int
    claimed_at: datetime
    symbol: str
    venue_order_id: str | None
    touched_at: datetime  # when the order was placed or last amended: what it costs depends on it
    urgent: bool
    read_at_once: bool  # what protects, or what fills at once and leaves coins without protection
    provable_from: datetime  # from when on a reading without the new terms proves something
    amend_number: int
    request: OrderRequest | AmendRequest | None


def release_dead_claims(account: Account, now: datetime) -> None:
    """Do not wait for the claims of processes of this host that ended: what they sent is looked up now. Nor
    for longer than for one made now for those that were noted before the clock was set back."""
    latest = now + timedelta(seconds=CLAIM_SECONDS)
    for effect in Effect.objects.filter(account=account, done_at=None).exclude(claim_expires_at=None):
        claim = Effect.objects.filter(pk=effect.pk, fence=effect.fence)
        if leases.is_gone(effect.claimed_by):
            claim.update(claim_expires_at=None)
        elif effect.claim_expires_at is not None and effect.claim_expires_at > latest + leases.MOST_AHEAD:
            claim.update(claim_expires_at=latest)


def take_claim(effect_id: int, venue: Venue, now: datetime) -> Claim | None:
    """Commit the right to send; None when there is nothing to send (any more)."""
    offset = venue.clock_offset()  # outside the transaction: may ask the venue's clock
    try:
        with transaction.atomic():
            bracket_id = Effect.objects.values_list("bracket_id", flat=True).get(pk=effect_id)
            bracket = Bracket.objects.select_for_update().get(pk=bracket_id)
            effect = Effect.objects.select_related("order", "account").get(pk=effect_id)
            if effect.done_at or (effect.claim_expires_at and effect.claim_expires_at > now):
                return None
            if is_put_off(effect, now):  # somebody else was faster
                return None
            match effect.kind:
                case Effect.Kind.CANCEL:
                    return claim_cancel(bracket, effect, now, offset)
                case Effect.Kind.AMEND:
                    return claim_amend(bracket, effect, now, offset)
            return claim_placement(bracket, effect, now, offset)
    except RefusedEvent as refused:
        log.error("effect %s cannot be claimed: %s", effect_id, refused)
        return None


def is_put_off(effect: Effect, now: datetime) -> bool:
    """Whether it waits for its next attempt. What was never tried waits for nothing, whatever the clock of
    the machine that wanted it says."""
    was_tried = effect.sent_at is not None or bool(effect.message)
    return was_tried and is_awaited(effect.next_attempt_at, now, MOST_PUT_OFF)


def commit_claim(
    bracket: Bracket,
    effect: Effect,
    now: datetime,
    offset: timedelta | None,
    request: OrderRequest | AmendRequest | None,
) -> Claim:
    order = effect.order
    effect.sent_at = now
    effect.deadline_at = None if request is None else request.deadline_at
    effect.fence += 1
    effect.attempts += 1
    effect.claimed_by = leases.holder_name()
    effect.claim_expires_at = now + timedelta(seconds=CLAIM_SECONDS)
    effect.save()
    return Claim(
        effect_id=effect.pk,
        bracket_id=bracket.pk,
        order_key=order.key,
        role=Role(order.role),
        kind=effect.kind,
        fence=effect.fence,
        claimed_at=now,
        symbol=bracket.symbol,
        venue_order_id=order.venue_order_id,
        touched_at=order.touched_at or order.opened_at or order.created_at,
        urgent=urgency.is_urgent(bracket, effect),
        read_at_once=is_read_at_once(effect),
        provable_from=provable_from(effect, offset),
        amend_number=effect.amend_number or 0,
        request=request,
    )


def is_read_at_once(effect: Effect) -> bool:
    """Whether a placement is to be read as soon as it was taken: a stop or a limit sell, which protects once
    it was seen; an entry at market without an attached stop, whose coins wait for one of ours. Other entries,
    and sells at market, wait for the next cycle."""
    order = effect.order
    priced = (order.trigger_price or order.limit_price) is not None
    if order.role == Role.ENTRY:
        return not priced and effect.close_stop_price is None
    return priced


def deadline(now: datetime, offset: timedelta | None) -> datetime | None:
    """Until when the venue may take it, by its own clock; None when that clock is not known."""
    return None if offset is None else now + offset + timedelta(seconds=DEADLINE_SECONDS)


# --- placements ------------------------------------------------------------------------------------


def claim_placement(
    bracket: Bracket, effect: Effect, now: datetime, offset: timedelta | None
) -> Claim | None:
    if effect.sent_at is not None:  # somebody committed the send and never told: it is Unknown
        note_unknown(bracket, effect, "the sender ended before it recorded an answer", now)
        return None
    withdrawn = reason_to_withdraw(bracket, effect, effect.order, now)
    if withdrawn:
        withdraw(bracket, effect, withdrawn, now)
        return None
    if effect.order.role == Role.ENTRY and effect.account.recovered_at is None:
        wait_for_recovery(effect, now)
        return None
    return commit_claim(bracket, effect, now, offset, placement_request(bracket, effect, now, offset))


def reason_to_withdraw(bracket: Bracket, effect: Effect, order: Order, now: datetime) -> str:
    """Why this placement must not leave; empty when it may. Exits always may."""
    if order.role == Role.ENTRY:
        config = SystemConfig.objects.select_for_update().get(account=effect.account.name)
        if not config.entries_allowed:
            return "paused before it was sent"
    if order.cancel_wanted:
        return "canceled before it was sent"
    if order.role != Role.ENTRY:
        return ""
    if now - effect.created_at > timedelta(seconds=ENTRY_AGE_SECONDS):
        return outlived(effect.message)
    return ""


def outlived(message: str) -> str:
    """Why an entry has expired that never left; `message` says what it waited for."""
    return f"{OUTLIVED} {ENTRY_AGE_SECONDS} s before it could be sent{': ' if message else ''}{message}"


def wait_for_recovery(effect: Effect, now: datetime) -> None:
    """After a start nothing is bought before book and venue were compared; age ends the waiting."""
    Effect.objects.filter(pk=effect.pk).update(
        message=RECOVERING, next_attempt_at=now + timedelta(seconds=RECOVERY_SECONDS)
    )


def withdraw(bracket: Bracket, effect: Effect, reason: str, now: datetime) -> None:
    words = reason[:MOST_WORDS]
    Effect.objects.filter(pk=effect.pk).update(outcome=Effect.Outcome.WITHDRAWN, message=words, done_at=now)
    Order.objects.filter(pk=effect.order_id).update(message=words)
    operations.step_row(bracket, OrderWithdrawn(at=now, key=effect.order.key, reason=reason), actor=ACTOR)


def note_unknown(bracket: Bracket, effect: Effect, message: str, now: datetime) -> None:
    Effect.objects.filter(pk=effect.pk).update(outcome=Effect.Outcome.UNKNOWN, message=message[:300])
    operations.step_row(bracket, OrderUnknown(at=now, key=effect.order.key, message=message), actor=ACTOR)


def placement_request(
    bracket: Bracket, effect: Effect, now: datetime, offset: timedelta | None
) -> OrderRequest:
    order = effect.order
    kind = OrderKind.MARKET if order.limit_price is None else OrderKind.LIMIT
    expires_at = effect.expires_at
    return OrderRequest(
        client_order_id=order.key,
        symbol=bracket.symbol,
        side=Side(order.side),
        kind=kind if order.trigger_price is None else OrderKind.STOP_LOSS,
        quantity=order.quantity,
        limit_price=order.limit_price,
        trigger_price=order.trigger_price,
        close_stop_price=effect.close_stop_price,
        post_only=order.post_only,
        deadline_at=deadline(now, offset),
        expires_at=None if expires_at is None else expires_at + (offset or timedelta(0)),
        validate_only=effect.account.mode == "validate",
        leverage=bracket.leverage,
    )


# --- amendments --------------------------------------------------------------------------------------


def claim_amend(bracket: Bracket, effect: Effect, now: datetime, offset: timedelta | None) -> Claim | None:
    """New terms leave once. Those of an order that ended were closed with it; those of one that is on its
    way out are dropped."""
    order = effect.order
    if effect.sent_at is not None:
        note_unknown_amend(bracket, effect, now, offset)
        return None
    if order.status != OrderStatus.OPEN or order.venue_order_id is None or order.cancel_wanted:
        drop(effect, "the order cannot be amended any more", now)
        answered = amend_answer(effect, Answer.REFUSED, now, now, reason=Reason.OTHER)
        operations.step_row(bracket, answered, actor=ACTOR)
        return None
    request = AmendRequest(
        venue_order_id=order.venue_order_id,
        symbol=bracket.symbol,
        touched_at=order.touched_at or order.opened_at or order.created_at,
        quantity=effect.quantity,
        limit_price=effect.limit_price,
        trigger_price=effect.trigger_price,
        post_only=order.post_only and effect.limit_price is not None,
        deadline_at=deadline(now, offset),
    )
    return commit_claim(bracket, effect, now, offset, request)


def drop(effect: Effect, why: str, now: datetime) -> None:
    Effect.objects.filter(pk=effect.pk).update(outcome=Effect.Outcome.WITHDRAWN, message=why, done_at=now)


def note_unknown_amend(bracket: Bracket, effect: Effect, now: datetime, offset: timedelta | None) -> None:
    message = "the sender ended before it recorded an answer"
    Effect.objects.filter(pk=effect.pk).update(outcome=Effect.Outcome.UNKNOWN, message=message)
    provable = max(provable_from(effect, offset), now)
    answered = amend_answer(effect, Answer.UNKNOWN, now, provable, message=message)
    operations.step_row(bracket, answered, actor=ACTOR)


def amend_answer(
    effect: Effect, answer: Answer, now: datetime, provable: datetime, *, reason: str = "", message: str = ""
) -> AmendAnswered:
    return AmendAnswered(
        at=now,
        key=effect.order.key,
        number=effect.amend_number or 0,
        answer=answer,
        provable_from=provable,
        reason=reason,
        message=message,
    )


# --- cancels -----------------------------------------------------------------------------------------


def claim_cancel(bracket: Bracket, effect: Effect, now: datetime, offset: timedelta | None) -> Claim | None:
    order = effect.order
    if order.status not in LIVE:
        Effect.objects.filter(pk=effect.pk).update(done_at=now)
        return None
    placements = Effect.objects.filter(order=order, kind=Effect.Kind.PLACE, sent_at=None, done_at=None)
    never_sent = placements.select_related("order", "account").first()
    if never_sent is not None:
        withdraw(bracket, never_sent, reason_to_withdraw(bracket, never_sent, order, now), now)
        return None
    return commit_claim(bracket, effect, now, offset, None)
