"""Judging a world that has ended: by the venue's own log, by the product's rules, by comparing both.

Called with the store still open. The auditor knows nothing of the product; what it needs of the book is
handed over as plain rows.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from brackets import records
from brackets.core.invariants import violations
from brackets.models import Bracket, Fill, Order
from risk import journal
from risk.models import AuditRow
from tests.simulation import auditor, store
from trading.models import Trade

if TYPE_CHECKING:
    from tests.simulation.world import World

AWAKE_AGAIN_SECONDS = 20.0  # after a start: leases and claims of the dead have lapsed, the book is compared


def judge(world: World) -> None:
    """Add what is wrong to the world's violations."""
    for row in Bracket.objects.order_by("pk").prefetch_related("orders", "fills"):
        for sentence in violations(records.load(row)):
            world.violate("invariant", f"bracket {row.pk}: {sentence}")
        if row.state == "EXIT_COMPLETE":
            world.tally.ends[row.exit_reason] += 1
    for sentence in broken_records():
        world.violate("journal", sentence)
    bounds = auditor.Bounds.at_latency(world.options.venue.latency[1])
    for complaint in auditor.audit(world.venue.log, circumstances(world), book=book(world), bounds=bounds):
        world.violate(f"audit: {complaint.kind}", str(complaint))


def broken_records() -> Iterator[str]:
    """The journal is whole, and tells every change of every bracket: as many as its row went through, the
    last of them to where it stands."""
    broken = journal.first_broken_row()
    if broken is not None:
        yield broken
    told: dict[str, list[str]] = defaultdict(list)
    for row in AuditRow.objects.order_by("seq"):
        if "to" in row.payload:
            told[row.subject].append(row.payload["to"])
    for row in Bracket.objects.order_by("pk"):
        states = told[f"bracket {row.pk}"]
        if len(states) != row.version:
            yield f"bracket {row.pk} was changed {row.version} times, {len(states)} of them are told"
        elif states and states[-1] != row.state:
            yield f"bracket {row.pk} is {row.state}, and was left as {states[-1]}"


def circumstances(world: World) -> auditor.Circumstances:
    end = world.clockwork.now()
    return auditor.Circumstances(
        ended_at=end,
        finished=world.is_over(),
        deaths=world.deaths,
        blind=[(began, until + timedelta(seconds=AWAKE_AGAIN_SECONDS)) for began, until in world.blind],
        pauses=auditor.spans_between(world.switches, end=end),
        both_rest=world.options.venue.both_rest,
        wishes=[
            auditor.Wish(at=at, symbol=symbol, taken_back_at=held_after(world, at, symbol))
            for at, symbol in world.wishes
        ],
    )


def held_after(world: World, at: datetime, symbol: str) -> datetime | None:
    """When a pair that was to be left was put on hold by a person: from then on leaving is theirs to ask."""
    return next((when for when, what in world.holds if what == symbol and when >= at), None)


def book(world: World) -> auditor.Book:
    """The rows of the account. A bracket made by a process whose clock is wrong bears the true time here:
    the auditor knows but one clock."""
    made = world.protected_at
    return auditor.Book(
        brackets=[{**row, "created_at": made.get(row["id"], row["created_at"])} for row in rows(Bracket)],
        orders=rows(Order),
        fills=rows(Fill),
        trades=rows(Trade),
    )


def rows(model: Any) -> list[dict[str, Any]]:
    return list(model.objects.order_by("pk").values())


def lifetimes() -> int:
    """Brackets that lived from their intent to their end."""
    return Bracket.objects.filter(state="EXIT_COMPLETE").count()


def digest(world: World) -> str:
    """One number for all that happened and all that is written: the same seed, the same digest."""
    log = [repr(record) for record in world.venue.log.records]
    return hashlib.sha256(repr((world.story, store.contents(), log)).encode()).hexdigest()
