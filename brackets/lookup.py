"""Resolving Unknown: was the order placed or not?

A placement without a certain answer is looked up by its client order id among the open and the
closed orders. Found: the report says the rest. Absent counts only after the deadline (by the venue's
clock) plus the visibility margin, and only twice; then it is proven that it never was. A proof is doubted
once more some minutes later: what had not become visible by then would be found.

Looks cost rate budget that the exit behind an Unknown will want, so none is made that can prove nothing:
one at once, for an answer that was lost on its way back; one a little later, for an order that became
visible late; then the proofs, each at its moment (`next_look`, kept as the effect's `next_attempt_at`).

No look is bounded by a time: our clock may be off by minutes, and an order that was sent before it was set is
as old as it is. The id alone finds it.

An amendment is never looked up: the order it was of is read, and its terms tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from brackets import operations, reports
from brackets.core.events import OrderAbsent
from brackets.core.states import OrderStatus
from brackets.core.timers import is_awaited
from brackets.models import Account, Bracket, Effect
from brackets.venue.port import (
    OrderReport,
    Venue,
)

ACTOR = "lookup"
VISIBILITY_SECONDS = 10
SECOND_LOOK_SECONDS = 3  # after the first, while an absence proves nothing yet
PROOFS_NEEDED = 2
PROOF_SPACING_SECONDS = 2
NO_DEADLINE_SECONDS = 30  # how long a request sent without a deadline may still arrive
RECHECK_SECONDS = 240  # after a proof of absence
LONGEST_PATIENCE = timedelta(seconds=NO_DEADLINE_SECONDS + VISIBILITY_SECONDS)  # from one look to the next


def unresolved(account: Account, now: datetime) -> list[Effect]:
    """Placements that were sent (or claimed by a process that ended) and have no certain answer."""
    return list(
        Effect.objects.filter(account=account, kind=Effect.Kind.PLACE, done_at=None)
        .exclude(sent_at=None)
        .filter(Q(outcome=Effect.Outcome.UNKNOWN) | Q(outcome="", claim_expires_at__lt=now))
        .select_related("order")
    )


def next_at(account: Account, now: datetime) -> datetime | None:
    """When the next look is due; None while nothing is Unknown."""
    return min((look_at(effect, now) for effect in unresolved(account, now)), default=None)


def due(effects: list[Effect], now: datetime) -> list[Effect]:
    """Those to be looked up now."""
    return [effect for effect in effects if look_at(effect, now) <= now]


def look_at(effect: Effect, now: datetime) -> datetime:
    """When it is looked up next."""
    return effect.next_attempt_at if is_awaited(effect.next_attempt_at, now, LONGEST_PATIENCE) else now


def next_look(effect: Effect, asked_at: datetime, offset: timedelta | None) -> datetime:
    """When to look again after a look at `asked_at` that did not show the order."""
    provable = provable_from(effect, offset)
    if asked_at >= provable:
        return asked_at + timedelta(seconds=PROOF_SPACING_SECONDS)
    soon = asked_at + timedelta(seconds=SECOND_LOOK_SECONDS)
    return min(soon, provable) if effect.last_lookup_at is None else provable


def resolve(
    account: Account,
    venue: Venue,
    effect: Effect,
    open_reports: Sequence[OrderReport],
    *,
    asked_at: datetime,
) -> bool:
    """One conclusive look for one order, among the open orders read at `asked_at` and the closed ones.
    True when it is resolved. Raises VenueUnavailable (a look that failed is no look)."""
    found = [*open_reports, *venue.closed_orders(client_order_id=effect.order.key, urgent=True)]
    reports.absorb(account, found, asked_at=asked_at)
    if any(report.client_order_id == effect.order.key for report in found):
        return True
    return note_absence(effect, venue, asked_at)


def note_absence(effect: Effect, venue: Venue, asked_at: datetime) -> bool:
    offset = venue.clock_offset()
    absences = effect.absences + 1 if asked_at >= provable_from(effect, offset) else 0
    Effect.objects.filter(pk=effect.pk).update(
        last_lookup_at=asked_at, absences=absences, next_attempt_at=next_look(effect, asked_at, offset)
    )
    if absences < PROOFS_NEEDED:
        return False
    with transaction.atomic():
        bracket = Bracket.objects.select_for_update().get(pk=effect.bracket_id)
        effect.order.refresh_from_db()
        if effect.order.status not in (OrderStatus.INTENDED, OrderStatus.UNKNOWN):
            return True
        Effect.objects.filter(pk=effect.pk).update(outcome=Effect.Outcome.ABSENT, done_at=asked_at)
        operations.step_row(bracket, OrderAbsent(at=asked_at, key=effect.order.key), actor=ACTOR)
    return True


def provable_from(effect: Effect, offset: timedelta | None) -> datetime:
    """From when on an absence proves something, by our clock. `offset` is the venue's clock minus ours."""
    margin = timedelta(seconds=VISIBILITY_SECONDS)
    if effect.deadline_at is None:
        return effect.sent_at + timedelta(seconds=NO_DEADLINE_SECONDS) + margin
    return effect.deadline_at - (offset or timedelta(0)) + margin


def doubted(account: Account, now: datetime) -> Effect | None:
    """The oldest proof of absence that is to be checked once more; one at a time, they are rare."""
    proven = Effect.objects.filter(
        account=account,
        outcome=Effect.Outcome.ABSENT,
        rechecked_at=None,
        done_at__lte=now - timedelta(seconds=RECHECK_SECONDS),
    )
    return proven.select_related("order").order_by("done_at").first()


def recheck(account: Account, venue: Venue, effect: Effect, now: datetime) -> None:
    """Look for an order once more that was proven absent: among the closed ones, for the open ones are read
    all the time. Raises VenueUnavailable (then it is asked again)."""
    found = venue.closed_orders(client_order_id=effect.order.key)
    reports.absorb(account, found, asked_at=now)
    Effect.objects.filter(pk=effect.pk).update(rechecked_at=now)
