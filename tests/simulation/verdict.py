"""Judging a world that has ended: by the venue's own log, by the product's rules, by comparing both.

Called with the store still open. The auditor knows nothing of the product; what it needs of the book is
handed over as plain rows.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from brackets import records
from brackets.core.invariants import violations
from brackets.models import Bracket
from risk import journal
from tests.simulation import store

if TYPE_CHECKING:
    from tests.simulation.world import World


def judge(world: World) -> None:
    """Add what is wrong to the world's violations."""
    for row in Bracket.objects.order_by("pk").prefetch_related("orders", "fills"):
        for sentence in violations(records.load(row)):
            world.violate("invariant", f"bracket {row.pk}: {sentence}")
        if row.state == "EXIT_COMPLETE":
            world.tally.ends[row.exit_reason] += 1
    broken = journal.first_broken_row()
    if broken is not None:
        world.violate("journal", broken)


def lifetimes() -> int:
    """Brackets that lived from their intent to their end."""
    return Bracket.objects.filter(state="EXIT_COMPLETE").count()


def digest(world: World) -> str:
    """One number for all that happened and all that is written: the same seed, the same digest."""
    content = repr((world.story, store.contents(), [repr(record) for record in world.venue.log.records]))
    return hashlib.sha256(content.encode()).hexdigest()
