"""What is told of a held bracket, for REST and admin: the core's sentences, with what led to the hold.

A bid that is fresh goes along: by it the acts say whether they sell at once.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from brackets import holds, records
from brackets.core.held import Held, explain
from brackets.core.orders import Bracket as CoreBracket
from brackets.core.states import State
from brackets.models import Bracket, Quote

BID_IS_KNOWN_FOR = timedelta(seconds=30)
"""An older one says nothing of what a sell brings now."""


def with_reason(rows: QuerySet[Bracket]) -> QuerySet[Bracket]:
    """The brackets with what `told` needs, in the same query."""
    quotes = Quote.objects.filter(account=OuterRef("account"), symbol=OuterRef("symbol"))
    with_bid = rows.annotate(
        last_bid=Subquery(quotes.values("bid")[:1]), last_bid_at=Subquery(quotes.values("read_at")[:1])
    )
    return holds.with_reason(with_bid).select_related("account")


def told(row: Bracket, value: CoreBracket | None = None) -> Held | None:
    """What an operator is told of this bracket, a row of `with_reason`; None where it is not held."""
    if row.state != State.HELD:
        return None
    return explain(
        value or records.load(row),
        why=holds.reason_of(row.hold, row.alarm),
        compared_at=row.account.reconciled_at,
        bid=bid_of(row),
    )


def bid_of(row: Bracket) -> Decimal | None:
    """What is offered for a coin now, as far as it is known; `row` is one of `with_reason`."""
    known = row.last_bid_at is not None and timezone.now() - row.last_bid_at <= BID_IS_KNOWN_FOR
    return row.last_bid if known else None
