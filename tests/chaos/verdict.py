"""After the storm: everything goes on, everything is sold, and then everything must be true.

Each violation is one sentence; an empty list is a clean run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.chaos import judge
from tests.chaos.house import House, NoAnswer
from tests.chaos.load import Load

CALM_SECONDS = 120.0  # until every process works again
FLAT_SECONDS = 120.0  # until everything is sold


def calm(house: House, load: Load, say: Callable[[str], None]) -> list[str]:
    """Wait until it works again, sell everything, wait until it is flat; what did not happen."""
    try:
        house.wait_for(house.recovered, "a watch that has compared book and venue", seconds=CALM_SECONDS)
        say("calm: book and venue were compared again")
        load.order("resume", {"reason": "calm"})
        load.order("liquidate-all", {"reason": "the end of the chaos"})
        house.wait_for(lambda: not unfinished(house), "the end of every bracket", seconds=FLAT_SECONDS)
        say("calm: every bracket is closed")
    except RuntimeError as error:
        return [str(error), *held_or_open(house)]
    return []


def unfinished(house: House) -> list[dict[str, Any]]:
    """Brackets that are not over, and trades that are not settled."""
    brackets = [row for row in house.rows("brackets/") if row["state"] != "EXIT_COMPLETE"]
    return brackets or house.rows("trades/?status=OPEN")


def held_or_open(house: House) -> list[str]:
    try:
        return [f"not over: {row}" for row in unfinished(house)]
    except NoAnswer as error:
        return [f"the brackets cannot be read: {error}"]


def verdict(house: House, load: Load) -> Iterator[str]:
    """Everything that must be true once it is calm."""
    yield from load.broken
    yield from load.contradictions()
    proven = house.manage("prove")
    if proven.returncode != 0:
        yield f"prove: exit {proven.returncode}: {last_lines(proven.stdout)} {last_lines(proven.stderr)}"
    yield from running_down(house)


def running_down(house: House) -> list[str]:
    """A hung process does not show in any figure above: every part must be there and work."""
    try:
        _, told = house.ask("GET", "status/")
    except NoAnswer as error:
        return [f"the web does not answer: {error}"]
    said = []
    if not told["watch"]["alive"]:
        said.append("no watch is alive at the end")
    if not told["venue"]["reachable"]:
        said.append("the venue is not reachable at the end")
    return said


def judged(
    house: House, minimums: Mapping[str, Decimal], storm: tuple[datetime, datetime]
) -> tuple[judge.Books, judge.Bare, list[str]]:
    """The venue's file and the book, read when nobody writes them any more. How long coins stood bare is
    told, not judged: in a storm each order of unknown fate takes its twenty seconds, and the next blow may
    fall on the next one. In quiet times the auditor judges it."""
    path = house.venue_state()
    books = judge.Books.read(path)
    bare = judge.bare(books, minimums)
    said = [*judge.violations(books), *audited(house, path, storm)]
    return books, bare, said


def audited(house: House, state: Path, storm: tuple[datetime, datetime]) -> list[str]:
    """What the auditor of the simulator complains of, and the chain of the journal."""
    lines = [state.with_name(state.name + ending) for ending in (".log.1", ".log")]
    given = {
        "state": str(state),
        "lines": [str(path) for path in lines if path.exists()],
        "storms": [[moment.isoformat() for moment in storm]],
    }
    done = house.run("-m", "tests.chaos.audit", json.dumps(given))
    if done.returncode != 0:
        return [f"the audit failed: {last_lines(done.stderr)}"]
    said: list[str] = json.loads(done.stdout)
    return said


def minimums_of(house: House) -> dict[str, Decimal]:
    """The smallest order of each pair, as the venue itself states it."""
    _, told = house.ask("GET", f"http://127.0.0.1:{house.venue_port}/0/public/AssetPairs")
    pairs = told["result"].values()
    return {pair["wsname"].replace("XBT", "BTC"): Decimal(pair["ordermin"]) for pair in pairs}


def last_lines(text: str, count: int = 4) -> str:
    return " / ".join(text.strip().splitlines()[-count:])
