"""What a cycle, a round of prices and a message cost, against the number of open brackets.

    python -m benchmarks.cycle [--sizes 10,100,1000,10000] [--samples 30] [--json FILE]

For each size: a paper venue with as many synthetic pairs, one open bracket on each (bought there, its stop
resting), and the product's own functions as the watch calls them, in this process. Says the calls to the
venue, database queries, rows written and milliseconds of each, and the ratio to the first size.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from benchmarks.figures import figure, number, ratio, table
from benchmarks.world import ROOT, prepared

if TYPE_CHECKING:
    from benchmarks.meter import Cost

MESSAGES = 20  # samples of a message for each of a cycle: it is short
Costs = dict[str, list["Cost"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One kind of work at one size, as medians."""

    what: str
    size: int
    n: int
    calls: float
    queries: float
    rows: float
    median_ms: float
    p99_ms: float
    ours_ms: float  # without the time an answer of the venue was waited for


def costs(size: int, samples: int) -> Costs:
    with prepared(tier="pro", pairs=size, still=True, standing=True) as world:
        try:
            from benchmarks import standing
            from benchmarks.works import Works
            from brackets.venue.kraken.adapter import KrakenVenue

            began = time.monotonic()
            venue = KrakenVenue.from_settings(patience_seconds=60)
            account = standing.stand(venue, size)
            standing.proven(account, venue, size)
            say(f"{size} brackets stand after {time.monotonic() - began:.0f} s")
            works = Works(account, venue)
            return {
                "quiet cycle": sampled(works.quiet_cycle, samples),
                "round of prices, asked for": sampled(works.asked_round, samples),
                "round of prices, streamed": sampled(works.streamed_round, samples),
                "ticker message inside every band": sampled(works.message, samples * MESSAGES),
                "one stop moved: look, send, read, look": sampled(works.one_change, samples),
            }
        except Exception:
            say(world.complaints())
            raise


def sampled(work: Callable[[], Cost], samples: int) -> list[Cost]:
    """The first two are thrown away: they warm what stays warm in a process that runs for days."""
    gc.collect()
    return [work() for _ in range(samples + 2)][2:]


def row(what: str, size: int, found: Sequence[Cost]) -> Row:
    seconds = figure([cost.seconds for cost in found])
    if seconds is None:
        raise ValueError(f"there are no samples of {what}")

    def middle(values: Sequence[float]) -> float:
        one = figure(values)
        return one.median if one is not None else 0.0

    return Row(
        what=what,
        size=size,
        n=seconds.n,
        calls=middle([cost.calls for cost in found]),
        queries=middle([cost.queries for cost in found]),
        rows=middle([cost.rows for cost in found]),
        median_ms=seconds.median * 1000,
        p99_ms=seconds.p99 * 1000,
        ours_ms=middle([cost.seconds - cost.venue_seconds for cost in found]) * 1000,
    )


def report(rows: Sequence[Row]) -> str:
    head = ["work", "brackets", "n", "calls", "queries", "rows written", "median ms", "p99 ms"]
    head += ["without the venue's answer, ms", "ms to the first size"]
    first: dict[str, Row] = {}
    told = []
    for one in rows:
        base = first.setdefault(one.what, one)
        figures = [
            number(v) for v in (one.calls, one.queries, one.rows, one.median_ms, one.p99_ms, one.ours_ms)
        ]
        told.append([one.what, str(one.size), str(one.n), *figures, ratio(one.median_ms, base.median_ms)])
    return table(head, told)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parsed(arguments)
    if options.size is not None:  # the process of one size: its rows as JSON
        found = costs(options.size, options.samples)
        print(json.dumps([asdict(row(what, options.size, some)) for what, some in found.items()]))
        return 0
    rows = [one for size in options.sizes.split(",") for one in in_a_process(int(size), options.samples)]
    order = list(dict.fromkeys(one.what for one in rows))
    rows.sort(key=lambda one: (order.index(one.what), one.size))
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{os.cpu_count()} cores, load average {load}\n\n{report(rows)}")
    if options.json:
        with open(options.json, "w") as file:
            json.dump([asdict(one) for one in rows], file, indent=1)
    return 0


def in_a_process(size: int, samples: int) -> list[Row]:
    """Settings and database of Django are those of a process: each size has one of its own."""
    command = [sys.executable, "-m", "benchmarks.cycle", "--size", str(size), "--samples", str(samples)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return [Row(**values) for values in json.loads(done.stdout)]


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cycle", description=__doc__)
    parser.add_argument(
        "--sizes", default="10,100,1000,10000", help="of open brackets, between commas (10,100,1000,10000)"
    )
    parser.add_argument("--samples", type=int, default=30, help="of each kind and size (30)")
    parser.add_argument("--json", metavar="FILE", help="write every figure there")
    parser.add_argument("--size", type=int, help="one size alone, its figures as JSON")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
