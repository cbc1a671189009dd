"""Sending what the outbox holds: claim, send, record. Exactly once for placements and amendments.

claim   one transaction (`claims.py`): `sent_at`, the deadline and the fence are committed.
send    the network, outside any transaction.
record  one transaction: the answer becomes an event of the machine.

A cancel is sent again until a reading shows that the order ended. A write that our own rate budget did
not let out ("not sent") is put off, never repeated in a storm.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from brackets import operations, urgency
from brackets.claims import (
    ACTOR,
    CLAIM_SECONDS,
    DEADLINE_SECONDS,
    Claim,
    is_put_off,
    outlived,
    release_dead_claims,
    take_claim,
    withdraw,
)
from brackets.core.events import (
    AmendAnswered,
    Event,
    OrderAccepted,
    OrderRefused,
    OrderUnknown,
    OrderValidated,
)
from brackets.core.states import Answer, Role
from brackets.lookup import VISIBILITY_SECONDS
from brackets.models import Account, Bracket, Effect, Order
from brackets.modes import Modes, is_kept_back, is_of_a_sell
from brackets.venue.port import (
    Accepted,
    AmendRequest,
    OrderRequest,
    Outcome,
    Reason,
    Refused,
    Unknown,
    Venue,
)
from brackets.venue.treatments import Treatment, Write, treatment

__all__ = [
    "CLAIM_SECONDS",
    "DEADLINE_SECONDS",
    "Claim",
    "dispatch_due",
    "due",
    "record",
    "release_dead_claims",
    "send",
    "take_claim",
]
log = logging.getLogger("backstop.dispatch")
CANCEL_REPEAT_SECONDS = {"ACCEPTED": 5, "REFUSED": 3, "UNKNOWN": 1}
RATE_LIMITED_SECONDS = 1
ROUND = timedelta(seconds=1)
NOT_SENT = "not sent"  # so the adapter begins to say what it kept back
PASSING = frozenset({Reason.DEADLINE, Reason.INVALID_NONCE})
VISIBLE = timedelta(seconds=VISIBILITY_SECONDS)
WORDS = {Accepted: "ACCEPTED", Refused: "REFUSED", Unknown: "UNKNOWN"}
ANSWERS = {Accepted: Answer.ACCEPTED, Refused: Answer.REFUSED, Unknown: Answer.UNKNOWN}
Clock = Callable[[], datetime]


def due(account: Account, now: datetime) -> list[Effect]:
    """Effects that may be sent now, the most urgent first and each kind in order of age."""
    once = Q(kind__in=[Effect.Kind.PLACE, Effect.Kind.AMEND])
    effects = (
        Effect.objects.filter(account=account, done_at=None)
        .filter(Q(claim_expires_at=None) | Q(claim_expires_at__lt=now))
        .exclude(once & ~Q(outcome=""))
        .select_related("order", "bracket")
    )
    effects = [effect for effect in effects if not is_put_off(effect, now)]
    return sorted(effects, key=lambda effect: (urgency.rank(effect.bracket, effect), effect.pk))


def dispatch_due(
    account: Account, venue: Venue, clock: Clock = timezone.now, modes: Modes | None = None
) -> list[str]:
    """Send everything that is due. Returns the venue ids of orders that should be read now: what follows
    waits for the end of the canceled, the terms of the amended, the sight of what protects. Where the venue
    is slow, the coins of the first cancels wait neither for those of the last nor for what only makes things
    nicer: after `ROUND` no further order is taken from its coins, and nothing is bought, before what was
    canceled is read. `modes` is what this process knows of the markets; without, the modes are read when they
    matter."""
    to_read: list[str] = []
    began = clock()
    modes, effects = modes or Modes(), due(account, began)
    leaving = {effect.bracket.symbol for effect in effects if is_of_a_sell(effect)}
    freshen = partial(modes.freshen, account, venue, leaving, clock)
    for effect in effects:
        if to_read and clock() - began >= ROUND and urgency.can_wait(effect):
            continue
        if is_kept_back(effect, account, freshen, clock):
            continue
        claim = take_claim(effect.pk, venue, clock())
        if claim is None:
            continue
        outcome = send(claim, venue, clock)
        record(claim, outcome, clock())
        modes.hear(account, venue, claim.symbol, outcome, clock)
        wanted = wanted_reading(claim, outcome)
        if wanted is not None:
            to_read.append(wanted)
    return to_read


def wanted_reading(claim: Claim, outcome: Outcome) -> str | None:
    """The order to be read right after this answer. A reading costs a third of what the starter tier
    earns in a second: what protects nothing and bares nothing waits for the next cycle."""
    match outcome:
        case Accepted(venue_order_id=venue_order_id) if claim.kind == Effect.Kind.PLACE:
            return venue_order_id if claim.read_at_once else None
        case Accepted() | Refused(reason=Reason.UNKNOWN_ORDER):
            return claim.venue_order_id if claim.kind != Effect.Kind.PLACE else None
        case Refused() if claim.kind == Effect.Kind.CANCEL and outcome.reason is not Reason.RATE_LIMITED:
            return claim.venue_order_id
    return None


# --- send --------------------------------------------------------------------------------------


def send(claim: Claim, venue: Venue, clock: Clock) -> Outcome:
    """Let it leave. A claim that slept past its lease is not sent: nobody knows what happened since."""
    if clock() >= claim.claimed_at + timedelta(seconds=DEADLINE_SECONDS):
        return Unknown(message="the claim was too old to be sent when its turn came")
    match claim.request:
        case OrderRequest() as request:
            return venue.place(request, urgent=claim.urgent)
        case AmendRequest() as request:
            return venue.amend(request, urgent=claim.urgent)
    if claim.venue_order_id is None:
        return venue.cancel_by_client_id(
            claim.order_key, symbol=claim.symbol, touched_at=claim.touched_at, urgent=claim.urgent
        )
    return venue.cancel(
        claim.venue_order_id, symbol=claim.symbol, touched_at=claim.touched_at, urgent=claim.urgent
    )


# --- record ------------------------------------------------------------------------------------


def record(claim: Claim, outcome: Outcome, now: datetime) -> None:
    """Store the answer. What the venue said is a fact also when the claim was lost meanwhile."""
    if claim.kind == Effect.Kind.CANCEL:
        record_cancel(claim, outcome, now)
    elif claim.role is Role.ENTRY and claim.kind == Effect.Kind.PLACE and never_left(outcome):
        put_off(claim, outcome, now)
    else:
        event = amend_event(claim, outcome, now)
        record_event(claim, outcome, event if event is not None else placement_event(claim, outcome, now))


def record_event(claim: Claim, outcome: Outcome, event: Event) -> None:
    unknown = isinstance(event, OrderUnknown) or getattr(event, "answer", None) is Answer.UNKNOWN
    word = "UNKNOWN" if unknown else WORDS[type(outcome)]
    message = getattr(outcome, "message", "")[:300]
    with transaction.atomic():
        bracket = Bracket.objects.select_for_update().get(pk=claim.bracket_id)
        Effect.objects.filter(pk=claim.effect_id, fence=claim.fence).update(
            outcome=word,
            message=message,
            claim_expires_at=None,
            next_attempt_at=event.at,  # of an Unknown: from now on it is looked up
        )
        if message:
            Order.objects.filter(effects__pk=claim.effect_id).update(message=message)
        operations.step_row(bracket, event, actor=ACTOR)
    if not isinstance(outcome, Accepted):
        log.warning("bracket %s: %s of %s: %s %s", claim.bracket_id, claim.kind, claim.role, word, message)


def placement_event(claim: Claim, outcome: Outcome, now: datetime) -> Event:
    validates = isinstance(claim.request, OrderRequest) and claim.request.validate_only
    match outcome:
        case Accepted(venue_order_id=str() as venue_order_id):
            return OrderAccepted(at=now, key=claim.order_key, venue_order_id=venue_order_id)
        case Accepted() if validates:
            return OrderValidated(at=now, key=claim.order_key)
        case Refused(reason=reason, message=message) if not is_doubtful(outcome, Write.PLACE):
            return OrderRefused(at=now, key=claim.order_key, reason=reason, message=message)
        case _:
            message = getattr(outcome, "message", "accepted without an id")
            return OrderUnknown(at=now, key=claim.order_key, message=message)


def amend_event(claim: Claim, outcome: Outcome, now: datetime) -> AmendAnswered | None:
    """None for what is no amendment. A reading asked for from `provable_from` on, which still shows the
    old terms, proves that it was not done."""
    if claim.kind != Effect.Kind.AMEND:
        return None
    answer = Answer.UNKNOWN if is_doubtful(outcome, Write.AMEND) else ANSWERS[type(outcome)]
    return AmendAnswered(
        at=now,
        key=claim.order_key,
        number=claim.amend_number,
        answer=answer,
        provable_from=max(claim.provable_from, now) if answer is Answer.UNKNOWN else now + VISIBLE,
        reason=outcome.reason if isinstance(outcome, Refused) else "",
        message=getattr(outcome, "message", ""),
    )


def is_doubtful(outcome: Outcome, write: Write) -> bool:
    """Whether the venue refused it and has it all the same, perhaps: an open order bears its very id, or the
    nonce was used by the same request, delivered twice on its way. What never left is not in doubt."""
    if not isinstance(outcome, Refused) or outcome.message.startswith(NOT_SENT):
        return False
    return treatment(write, outcome.reason) is Treatment.AMBIGUOUS


def is_limited(outcome: Outcome) -> bool:
    return isinstance(outcome, Refused) and outcome.reason is Reason.RATE_LIMITED


def never_left(outcome: Outcome) -> bool:
    """Whether the adapter itself kept the order back, for a reason that passes: its budget, a deadline that
    came too near while it waited for its turn. What the venue said is another matter, and final."""
    said_so = isinstance(outcome, Refused) and outcome.message.startswith(NOT_SENT)
    return is_limited(outcome) or (said_so and outcome.reason in PASSING)


def put_off(claim: Claim, outcome: Outcome, now: datetime) -> None:
    """An entry that did not leave: certainly not placed, so the same one may leave a little later, until it
    has outlived its price. That it has where it waited longer for its turn than its claim lasts, and somebody
    else called it Unknown meanwhile: that it never left is certain all the same."""
    message = getattr(outcome, "message", "")[:300]
    with transaction.atomic():
        bracket = Bracket.objects.select_for_update().get(pk=claim.bracket_id)
        effect = Effect.objects.select_related("order").get(pk=claim.effect_id)
        if effect.fence != claim.fence or effect.done_at is not None:
            return
        if effect.outcome:
            withdraw(bracket, effect, outlived(message), now)
            return
        Effect.objects.filter(pk=effect.pk).update(
            sent_at=None,
            deadline_at=None,
            claim_expires_at=None,
            absences=0,  # what was looked for until now had not left
            last_lookup_at=None,
            message=message,
            next_attempt_at=now + timedelta(seconds=RATE_LIMITED_SECONDS),
        )
    log.info("entry of bracket %s put off: %s", claim.bracket_id, message)


def record_cancel(claim: Claim, outcome: Outcome, now: datetime) -> None:
    """A cancel is finished by a reading of the order's end alone; until then it is asked again. Where its
    claim was lost meanwhile, that is for whoever took it over to say: theirs may still be on its way."""
    word = WORDS[type(outcome)]
    wait = CANCEL_REPEAT_SECONDS[word]
    if is_limited(outcome) and claim.urgent:
        wait = RATE_LIMITED_SECONDS
    Effect.objects.filter(pk=claim.effect_id, fence=claim.fence, done_at=None).update(
        outcome=word,
        message=getattr(outcome, "message", "")[:300],
        claim_expires_at=None,
        next_attempt_at=now + timedelta(seconds=wait),
    )
    if word != "ACCEPTED":
        log.warning("cancel of %s: %s %s", claim.order_key, word, getattr(outcome, "message", ""))
