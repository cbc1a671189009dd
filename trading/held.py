"""What is told of a held bracket, for REST and admin: the core's sentences, with what led to the hold."""

from __future__ import annotations

from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery

from brackets import records
from brackets.core.held import Held, explain
from brackets.core.orders import Bracket as CoreBracket
from brackets.core.states import State
from brackets.models import Bracket, BracketEvent


def with_reason(rows: QuerySet[Bracket]) -> QuerySet[Bracket]:
    """The brackets with what `told` needs, in the same query."""
    holds = BracketEvent.objects.filter(bracket=OuterRef("pk"), to_state=State.HELD)
    newest = holds.exclude(from_state=State.HELD).order_by("-pk").values("payload")[:1]
    return rows.select_related("account").annotate(hold=Subquery(newest))


def told(row: Bracket, value: CoreBracket | None = None) -> Held | None:
    """What an operator is told of this bracket, a row of `with_reason`; None where it is not held."""
    if row.state != State.HELD:
        return None
    return explain(
        value or records.load(row),
        why=reason_of(row.hold) or row.alarm,
        compared_at=row.account.reconciled_at,
    )


def reason_of(payload: dict[str, Any] | None) -> str:
    """What was said when the bracket was put on hold."""
    said = (payload or {}).get("alarms", [])
    return ". ".join(str(alarm) for alarm in said)
