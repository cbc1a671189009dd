"""What many runs come to, in lines for people: how often everything occurred, what never did, what failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from tests.simulation import unreachable
from tests.simulation.auditor.attention import Attention
from tests.simulation.boundaries import CRASH_PLACES, INCIDENTS
from tests.simulation.options import Options
from tests.simulation.runs import Ending, Total
from tests.simulation.tally import takable
from tests.simulation.venue import EVERY
from tests.simulation.world import VIOLATION

LEAST_ATTENTION = 0.2  # of the position-seconds with coins; where nearly nothing is quiet nothing is judged
ENOUGH_RUNS = 200  # so many must reach everything
LONGEST_STORY = 80  # lines
AFTERWARDS = 12  # lines after the first violation
WIDEST = 200


def tables(total: Total) -> Iterator[str]:
    """How often each fault, crash and step occurred."""
    tally = total.tally
    yield from table("faults of the venue", {name: tally.faults[name] for name in EVERY})
    yield from table("crashes", {place: tally.crashes[place] for place in CRASH_PLACES})
    yield from table("other incidents", {name: tally.incidents[name] for name in INCIDENTS})
    yield from table("processes started", tally.starts)
    yield from table("steps of the table", {f"{s} {e}": tally.steps[s, e] for s, e in takable()})
    yield from table("ends", tally.ends)
    yield attended(tally.attention)
    yield f"the slowest calm took {tally.converged_after:.0f} virtual seconds until all was closed"


def table(title: str, counts: Mapping[str, int]) -> Iterator[str]:
    yield f"{title}:"
    for name, count in counts.items():
        yield f"  {count:>9}  {name}"


def gaps(total: Total) -> list[str]:
    """What never occurred and should have, what did occur and was said to be unreachable."""
    tally = total.tally
    missing = [f"fault never occurred: {name}" for name in EVERY if not tally.faults[name]]
    missing += [f"never crashed: {place}" for place in CRASH_PLACES if not tally.crashes[place]]
    missing += [f"never occurred: {name}" for name in INCIDENTS if not tally.incidents[name]]
    for pair in takable():
        if not tally.steps[pair] and pair not in unreachable.REASONS:
            missing.append(f"step never taken: {pair[0]} {pair[1]}")
    if tally.attention.share < LEAST_ATTENTION:
        missing.append(f"the auditor slept: {attended(tally.attention)}, {LEAST_ATTENTION:.0%} are needed")
    return missing + surprises(tally.steps)


def attended(attention: Attention) -> str:
    """How much of the time that matters the auditor's bounds were judged in."""
    return f"{attention.share:.1%} of {attention.kept:.0f} position-seconds with coins were quiet and judged"


def surprises(steps: Counter[tuple[str, str]]) -> list[str]:
    """Steps that are listed as unreachable and were taken."""
    return [
        f"step said to be unreachable was taken: {pair[0]} {pair[1]}"
        for pair in unreachable.REASONS
        if steps[pair]
    ]


def failure(ending: Ending) -> Iterator[str]:
    """A failed seed in a few lines, and the command that repeats it."""
    yield f"seed {ending.seed}: {len(ending.violations)} violations; repeat with"
    yield f"  python manage.py simulate --seed {ending.seed} --runs 1 --verbose"
    for violation in ending.violations[:5]:
        yield f"  {violation.kind}: {violation.sentence}"[:600]


def short_story(options: Options, ending: Ending) -> Iterator[str]:
    """What the smallest world that still fails is made of, and what happened in it."""
    yield f"the smallest world that still fails (seed {options.seed}):"
    yield options.describe()
    yield "its story:"
    yield from told(ending.story)
    yield from (line for trace in ending.tracebacks[:1] for line in trace.splitlines())


def told(story: Sequence[tuple[float, str, str]]) -> Iterator[str]:
    """What led to the first violation and what came right after it; what repeats is said once."""
    lines: list[tuple[float, str, str, int]] = []
    broken: int | None = None
    for seconds, who, what in story:
        if lines and lines[-1][1:3] == (who, what):
            lines[-1] = (*lines[-1][:3], lines[-1][3] + 1)
            continue
        if who == VIOLATION and broken is None:
            broken = len(lines)
        lines.append((seconds, who, what, 1))
    end = len(lines) if broken is None else min(broken + AFTERWARDS, len(lines))
    begin = max(end - LONGEST_STORY, 0)
    if begin:
        yield f"  … {begin} lines before"
    for seconds, who, what, times in lines[begin:end]:
        yield f"  {seconds:9.3f} {who:<12} {what}{f' (x{times})' if times > 1 else ''}"[:WIDEST]
    if end < len(lines):
        yield f"  … {len(lines) - end} lines after"
