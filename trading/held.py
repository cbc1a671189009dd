"""What is told of a held bracket, for REST and admin: the core's sentences, with what led to the hold."""

from __future__ import annotations

from django.db.models import QuerySet

from brackets import holds, records
from brackets.core.held import Held, explain
from brackets.core.orders import Bracket as CoreBracket
from brackets.core.states import State
from brackets.models import Bracket


def with_reason(rows: QuerySet[Bracket]) -> QuerySet[Bracket]:
    """The brackets with what `told` needs, in the same query."""
    return holds.with_reason(rows).select_related("account")


def told(row: Bracket, value: CoreBracket | None = None) -> Held | None:
    """What an operator is told of this bracket, a row of `with_reason`; None where it is not held."""
    if row.state != State.HELD:
        return None
    return explain(
        value or records.load(row),
        why=holds.reason_of(row.hold, row.alarm),
        compared_at=row.account.reconciled_at,
    )
