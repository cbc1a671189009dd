"""Why brackets are held: what was said when each was put on hold, found again in its events.

The event row of the step that led to HELD keeps its alarms; `Bracket.alarm` is only the last one, and may be
of something that came later.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery

from brackets.core.states import State
from brackets.models import Bracket, BracketEvent


def with_reason(rows: QuerySet[Bracket]) -> QuerySet[Bracket]:
    """The brackets with the event that put them on hold as `hold`, for `reason_of`, in the same query."""
    holds = BracketEvent.objects.filter(bracket=OuterRef("pk"), to_state=State.HELD)
    newest = holds.exclude(from_state=State.HELD).order_by("-pk").values("payload")[:1]
    return rows.annotate(hold=Subquery(newest))


def reason_of(payload: dict[str, Any] | None, alarm: str = "") -> str:
    """What was said when the bracket was put on hold, as `hold` keeps it; else its last alarm."""
    said = (payload or {}).get("alarms", [])
    return ". ".join(str(sentence) for sentence in said) or alarm


def reasons(rows: Iterable[Bracket]) -> dict[int, str]:
    """Why these are held, by id; one that is not held is not named. One query, none where none is held."""
    held = {row.pk: row for row in rows if row.state == State.HELD}
    if not held:
        return {}
    holds = BracketEvent.objects.filter(bracket__in=list(held), to_state=State.HELD)
    told = dict(holds.exclude(from_state=State.HELD).order_by("pk").values_list("bracket_id", "payload"))
    return {key: reason_of(told.get(key), row.alarm) for key, row in held.items()}
