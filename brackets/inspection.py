"""The hourly inspection: what must always be true of a bracket, asked of what is stored.

Every step is judged when it is saved; this finds what no step of ours made: a row changed by hand, a
database brought back from a copy, a defect in what loads and stores. A scheduled task calls it
(`tasks.inspect_brackets`). It changes nothing but the alarm people see, and says it in log and journal.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from brackets import operations, records
from brackets.core.invariants import violations
from brackets.models import Account, Bracket
from risk import journal

log = logging.getLogger("backstop.inspection")
ACTOR = "inspection"
FINISHED_WITHIN = timedelta(hours=2)  # twice the time between two inspections
PREFIX = "INVARIANT: "


def inspect(account: Account, now: datetime) -> int:
    """Judge every open bracket and those that finished not long ago; how many break a rule. Six queries,
    and some for each that does."""
    suspects = [row.pk for rows in (open_rows(account), finished_rows(account, now)) for row in broken(rows)]
    return sum(judge_again(pk, now) for pk in suspects)


def open_rows(account: Account) -> Iterable[Bracket]:
    return operations.open_brackets(account)


def finished_rows(account: Account, now: datetime) -> Iterable[Bracket]:
    finished = Bracket.objects.filter(account=account, completed_at__gte=now - FINISHED_WITHIN)
    return finished.filter(state="EXIT_COMPLETE").prefetch_related("orders", "fills")


def broken(rows: Iterable[Bracket]) -> Iterable[Bracket]:
    return (row for row in rows if violations(records.load(row)))


def judge_again(bracket_id: int, now: datetime) -> bool:
    """Whether it breaks a rule when nobody changes it meanwhile: row, orders and fills were read one after
    the other before. The alarm is raised once for the same words."""
    with transaction.atomic():
        row = Bracket.objects.select_for_update().get(pk=bracket_id)
        sentences = violations(records.load(row))
        alarm = (PREFIX + "; ".join(sentences))[: Bracket._meta.get_field("alarm").max_length]
        if sentences and row.alarm != alarm:
            journal.write(
                at=now,
                actor=ACTOR,
                action="bracket.invariant",
                subject=f"bracket {row.pk}",
                payload={"violations": list(sentences), "state": row.state},
            )
            Bracket.objects.filter(pk=row.pk).update(alarm=alarm, alarm_at=now)
    for sentence in sentences:
        log.error("INVARIANT bracket %s (%s): %s", bracket_id, row.symbol, sentence)
    return bool(sentences)
