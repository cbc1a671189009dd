"""Recovery: from a start until every open bracket was compared with the venue. Until then nothing is bought.

`reconcile.cycle` reads as always; as long as the account is not recovered it asks here (`judge`) what is
still missing for the comparison to be whole:

- every order we hold for open was shown by a reading of this cycle, open or ended;
- every placement has a certain answer (an Unknown is waited for as long as it can still be proven);
- every amendment that was sent is settled;
- every fill of an entry has its stop, open or ended, or the looks at the venue's orders have proven that
  there is none (`core/looks.py`).

What keeps it waiting is kept in one sentence, and said aloud after a minute. One bracket must not keep the
house shut for ever: what comparison after comparison did not clear up is put on hold and alarmed, and counts
as compared.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from brackets import looks, operations, reports
from brackets.core.events import HoldRequested
from brackets.core.machine import RefusedEvent
from brackets.core.states import AmendStatus, OrderStatus, Role, State
from brackets.models import Account, Bracket, Effect, Order
from risk import alerts
from risk.core.plain import text

log = logging.getLogger("backstop.recovery")
ACTOR = "recovery"
ALARM_SECONDS = 60  # a recovery that lasts longer is said aloud
PATIENCE_SECONDS = 120  # longer than any Unknown takes to be proven; then an operator must look
LOST_SIGHT_SECONDS = 150  # without a comparison for so long, the patience begins anew
QUIET_SECONDS = 300  # without a reading that could not be taken in
BECAUSE_LENGTH = Account._meta.get_field("recovering_because").max_length or 300
WAITING, ODD = "recovery_waits", "not_compared"
"""Codes of the alerts: of the whole account, and of one bracket."""
FIELDS = ["recovered_at", "recovering_since", "recovering_because"]
HOLDABLE = frozenset({State.ENTRY_PLACED, State.ENTRY_FILLED, State.BRACKET_ACTIVE})
"""States that are put on hold; one that is leaving goes on leaving, and is alarmed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wait:
    """One thing that is not compared yet, in a sentence."""

    bracket_id: int
    sentence: str


def begin(name: str) -> None:
    """Forget that book and venue of the account `name` were compared: it is to be done anew."""
    Account.objects.filter(name=name).update(recovered_at=None, recovering_since=None, recovering_because="")


@contextmanager
def saying_why(account: Account) -> Iterator[None]:
    """Keep what a comparison failed for, while the account is not recovered."""
    try:
        yield
    except Exception as error:
        if account.recovered_at is None:
            note(account, f"the comparison with the venue failed: {error or type(error).__name__}")
        raise


def note(account: Account, sentence: str) -> None:
    """What recovery waits for; written only where it changed."""
    account.recovering_because = sentence[:BECAUSE_LENGTH]
    rows = Account.objects.filter(pk=account.pk, recovered_at=None)
    rows.exclude(recovering_because=account.recovering_because).update(
        recovering_because=account.recovering_because
    )


def judge(account: Account, shown: Iterable[str], now: datetime) -> None:
    """After one whole comparison: recovered, or what is waited for. `shown` are the venue's ids of our orders
    that the readings of this comparison told of. The account's row is changed here; `account` follows."""
    waits = tuple(waits_of(account, frozenset(shown)))
    lost_sight = account.reconciled_at is None or now - account.reconciled_at > timedelta(
        seconds=LOST_SIGHT_SECONDS
    )
    since = now if account.recovering_since is None or lost_sight else account.recovering_since
    if waits and now - since >= timedelta(seconds=PATIENCE_SECONDS):
        give_up(account, waits, now)
        waits = ()
    if waits:
        account.recovering_since, more = since, f" (and {len(waits) - 1} more)" if len(waits) > 1 else ""
        account.recovering_because = f"{waits[0].sentence}{more}"[:BECAUSE_LENGTH]
        if now - since >= timedelta(seconds=ALARM_SECONDS):
            alarm(account, account.recovering_because, now)
    else:
        account.recovered_at, account.recovering_since, account.recovering_because = now, None, ""
        alerts.resolve_alert(account=account.name, code=WAITING, subject=account.name, at=now)
    account.save(update_fields=FIELDS)


def alarm(account: Account, sentence: str, now: datetime) -> None:
    alerts.raise_alert(
        account=account.name,
        severity=alerts.Severity.WARNING,
        code=WAITING,
        subject=account.name,
        message=f"No entry is let through yet: {sentence}",
        at=now,
    )


# --- what is waited for ------------------------------------------------------------------------------


def waits_of(account: Account, shown: frozenset[str]) -> Iterator[Wait]:
    yield from unanswered(account)
    yield from unsettled(account)
    yield from unshown(account, shown)
    yield from without_their_stops(account)


def unanswered(account: Account) -> Iterator[Wait]:
    """Placements that left and of which no certain answer is recorded."""
    sent = Effect.objects.filter(account=account, kind=Effect.Kind.PLACE, done_at=None).exclude(sent_at=None)
    uncertain = sent.filter(outcome__in=["", Effect.Outcome.UNKNOWN]).select_related("order", "bracket")
    for effect in uncertain.order_by("pk"):
        yield Wait(
            bracket_id=effect.bracket_id,
            sentence=f"whether {spoken(effect.order)} of bracket {effect.bracket_id} "
            f"({effect.bracket.symbol}) reached the venue is being looked up",
        )


def unsettled(account: Account) -> Iterator[Wait]:
    """Amendments that left and that no reading has shown or disproved."""
    amended = Order.objects.filter(account=account, status=OrderStatus.OPEN, amendment__isnull=False)
    for order in amended.select_related("bracket").order_by("pk"):
        if order.amendment["status"] == AmendStatus.INTENDED:
            continue  # it did not leave
        yield Wait(
            bracket_id=order.bracket_id,
            sentence=f"whether {spoken(order)} of bracket {order.bracket_id} ({order.bracket.symbol}) has "
            "its new terms is not known yet",
        )


def unshown(account: Account, shown: frozenset[str]) -> Iterator[Wait]:
    """Orders we hold for open that no reading of this comparison told of."""
    live = Order.objects.filter(account=account, status=OrderStatus.OPEN).exclude(venue_order_id=None)
    for order in live.exclude(venue_order_id__in=shown).select_related("bracket").order_by("pk"):
        yield Wait(
            bracket_id=order.bracket_id,
            sentence=f"the venue does not show {spoken(order)} ({order.venue_order_id}) of bracket "
            f"{order.bracket_id} ({order.bracket.symbol})",
        )


def without_their_stops(account: Account) -> Iterator[Wait]:
    """Filled entries whose stops were not all seen, before the looks have proven that there are none."""
    for bracket in brackets_awaiting_stops(account):
        due = bracket.secondaries_due_at
        if not looks.is_proven(account, due) and lacks_stops(bracket):
            yield Wait(
                bracket_id=bracket.pk,
                sentence=f"the stops the venue made of the fills of bracket {bracket.pk} ({bracket.symbol}) "
                "were not all seen yet",
            )


def brackets_awaiting_stops(account: Account):  # type: ignore[no-untyped-def]
    """Brackets of which it was neither seen nor proven what the venue made of their fills."""
    waiting = Bracket.objects.filter(account=account, secondaries_due_at__isnull=False, attach_stop=True)
    return waiting.exclude(state=State.EXIT_COMPLETE).prefetch_related("orders").order_by("pk")


def lacks_stops(bracket: Bracket) -> bool:
    """Whether the venue's own stops that were seen stand for less than was bought."""
    orders = bracket.orders.all()
    seen = (order for order in orders if order.role == Role.STOP and not order.client_order_id)
    made = sum(max(order.quantity, order.first_quantity or 0) for order in seen)
    return made < sum(order.filled_quantity for order in orders if order.role == Role.ENTRY)


def spoken(order: Order) -> str:
    return f"the {order.role} of {text(order.quantity)}"


# --- what cannot be cleared up ---------------------------------------------------------------------------


def give_up(account: Account, waits: Iterable[Wait], now: datetime) -> None:
    """Put on hold and alarm what stayed unclear in every comparison, each bracket once."""
    for wait in {wait.bracket_id: wait for wait in waits}.values():
        why = f"After a start, comparison after comparison: {wait.sentence}."
        log.error("bracket %s is not compared: %s", wait.bracket_id, why)
        alerts.raise_alert(
            account=account.name,
            severity=alerts.Severity.CRITICAL,
            code=ODD,
            subject=f"bracket {wait.bracket_id}",
            message=f"{why} An operator must look.",
            at=now,
        )
        if Bracket.objects.filter(pk=wait.bracket_id, state__in=HOLDABLE).exists():
            put_on_hold(wait.bracket_id, why, now)


def put_on_hold(bracket_id: int, why: str, now: datetime) -> None:
    """A defect in one bracket must not keep the others waiting."""
    try:
        operations.apply(bracket_id, HoldRequested(at=now, reason=why), actor=ACTOR)
    except (RefusedEvent, operations.Superseded):
        pass  # it moved on
    except Exception:
        log.exception("bracket %s cannot be put on hold", bracket_id)


def resolve_alerts(account: Account, now: datetime) -> None:
    """What was not compared at a start is over when its bracket is over or was released; a reading that could
    not be taken in when none was refused for a while."""
    trouble = alerts.open_alerts(account.name)
    odd = set(trouble.filter(code=ODD).values_list("subject", flat=True))
    if odd:
        busy = Bracket.objects.filter(account=account).exclude(state__in=[*HOLDABLE, State.EXIT_COMPLETE])
        odd -= {f"bracket {pk}" for pk in busy.values_list("pk", flat=True)}
    quiet = trouble.filter(code=reports.NOT_TAKEN_IN, last_at__lt=now - timedelta(seconds=QUIET_SECONDS))
    over = [(ODD, subject) for subject in odd]
    over += [(reports.NOT_TAKEN_IN, subject) for subject in quiet.values_list("subject", flat=True)]
    for code, subject in over:
        alerts.resolve_alert(account=account.name, code=code, subject=subject, at=now)
