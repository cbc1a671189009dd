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
from brackets.models import Bracket, Fill, Order, Stranger
from risk import journal
from risk.models import Alert, AuditRow
from tests.simulation import auditor, store
from tests.simulation.auditor.quiet import Span, merged
from tests.simulation.venue.options import Fault
from trading.models import Trade

if TYPE_CHECKING:
    from tests.simulation.world import World

AWAKE_AGAIN = timedelta(seconds=20)  # leases and claims of who was away have lapsed, the book is compared
GIVEN_UP = timedelta(seconds=7)  # so long it may keep the key's turn, or the watch over the others


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
    judged = auditor.judged(world.venue.log, circumstances(world), book=book(world), bounds=bounds)
    world.tally.attention.add(judged.attention)
    for complaint in sorted(judged.complaints, key=lambda complaint: complaint.at):
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
    watches = [name for name in world.slots if name.startswith("watch")]
    return auditor.Circumstances(
        ended_at=end,
        finished=world.is_over(),
        deaths=world.deaths,
        blind=list(blind_spans(world, end)),
        dark=common([away(world, name, end) for name in world.slots if name != "web"]),
        watched=between(common([away(world, name, end) for name in watches]), world.began_at, end),
        net_away=away(world, "cluster", end),
        handed_over=list(world.handed_over),
        starts=list(world.lease_taken),
        asleep={name: away(world, name, end) for name in world.slots},
        reads_only=not world.options.house.streams,
        clocks_true=clocks_are_true(world),
        pauses=auditor.spans_between(world.switches, end=end),
        both_rest=world.options.venue.both_rest,
        held={symbol: held_spans(world, symbol, end) for symbol in world.options.symbols},
        wishes=[
            auditor.Wish(at=at, symbol=symbol, taken_back_at=held_after(world, at, symbol))
            for at, symbol in world.wishes
        ],
    )


def blind_spans(world: World, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """When those who act could not. Whoever is only one of several is missed until what it held has lapsed;
    the web sends nothing."""
    alone = world.options.house.watches == 1
    for absence in world.absences:
        if absence.slot == "web":
            continue
        until = absence.until or end
        if absence.is_gone and not (absence.slot == "watch" and alone):
            until = min(until, absence.began + GIVEN_UP)
        yield absence.began, until + AWAKE_AGAIN


def away(world: World, name: str, end: datetime) -> list[Span]:
    """When a process was not there at all."""
    return merged((a.began, a.until or end) for a in world.absences if a.slot == name and a.is_gone)


def common(spans_of_each: list[list[Span]]) -> list[Span]:
    """The times that are in all of them; each in order."""
    found = spans_of_each[0]
    for spans in spans_of_each[1:]:
        found = [(max(a, c), min(b, d)) for a, b in found for c, d in spans if max(a, c) < min(b, d)]
    return found


def between(spans: list[Span], begin: datetime, end: datetime) -> list[Span]:
    """The times that are in none of them; they are in order and do not touch."""
    edges = [begin, *(moment for span in spans for moment in span), end]
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]


def clocks_are_true(world: World) -> bool:
    options = world.options
    jumps = any(incident.kind == "jump" for incident in options.incidents)
    stepped = world.venue.faults[Fault.CLOCK_STEP]
    return not (options.skews or options.venue.skew_seconds or jumps or stepped)


def held_after(world: World, at: datetime, symbol: str) -> datetime | None:
    """When a pair that was to be left was put on hold by a person: from then on leaving is theirs to ask."""
    return next((when for when, what in world.holds if what == symbol and when >= at), None)


def held_spans(world: World, symbol: str, end: datetime) -> list[Span]:
    """When a person had put the pair's position on hold."""
    switches = [(at, True) for at, what in world.holds if what == symbol]
    switches += [(at, False) for at, what in world.let_go if what == symbol]
    return auditor.spans_between(sorted(switches), end=end)


def book(world: World) -> auditor.Book:
    """The rows of the account. A bracket made by a process whose clock is wrong bears the true time here:
    the auditor knows but one clock."""
    made = world.protected_at
    return auditor.Book(
        brackets=[{**row, "created_at": made.get(row["id"], row["created_at"])} for row in rows(Bracket)],
        orders=rows(Order),
        fills=rows(Fill),
        trades=rows(Trade),
        alerts=rows(Alert),
        strangers=rows(Stranger),
        snapshots=world.snapshots,
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
