"""After the storm: everything goes on, everything is sold, and then everything must be true.

Each violation is one sentence; an empty list is a clean run.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.chaos import judge
from tests.chaos.house import House, NoAnswer
from tests.chaos.load import Load

CALM_SECONDS = 120.0  # until every process works again
FLAT_SECONDS = 120.0  # until everything is sold
CHAIN = "from risk.journal import first_broken_row; print(first_broken_row() or 'whole')"


class Bounds:
    """What the outside may rely on, given what was done: coins may stand bare as long as nobody could act."""

    def __init__(self, cut_seconds: float) -> None:
        self.bare_seconds = Decimal(str(30 + cut_seconds))


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
    chain = house.manage("shell", "--no-imports", "-c", CHAIN)
    if last_lines(chain.stdout, 1) != "whole":
        yield f"the journal: {last_lines(chain.stdout)} {last_lines(chain.stderr)}"
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
    house: House, bounds: Bounds, minimums: Mapping[str, Decimal]
) -> tuple[judge.Books, judge.Bare, list[str]]:
    """The venue's file, read when nobody writes it any more."""
    kept = house.folder.glob("*-venue.sqlite3"), (house.folder / "state").glob("venue-*.sqlite3")
    (path,) = [path for found in kept for path in found]
    books = judge.Books.read(path)
    bare = judge.bare(books, minimums)
    said = judge.violations(books, minimums=minimums, known_ids=known_ids(house))
    if bare.longest > bounds.bare_seconds:
        said.append(f"coins stood {bare.longest} s without an order (at most {bounds.bare_seconds} s)")
    return books, bare, said


def minimums_of(house: House) -> dict[str, Decimal]:
    """The smallest order of each pair, as the venue itself states it."""
    _, told = house.ask("GET", f"http://127.0.0.1:{house.venue_port}/0/public/AssetPairs")
    pairs = told["result"].values()
    return {pair["wsname"].replace("XBT", "BTC"): Decimal(pair["ordermin"]) for pair in pairs}


def known_ids(house: House) -> set[str]:
    """The client order ids of the book, by plain SQL."""
    query = "SELECT client_order_id FROM brackets_order WHERE client_order_id IS NOT NULL"
    if house.server is None:
        path: Path = house.folder / "book.sqlite3"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            return {str(value) for (value,) in database.execute(query)}
    import psycopg

    with psycopg.connect(house.server.url) as connection:
        return {str(value) for (value,) in connection.execute(query)}


def last_lines(text: str, count: int = 4) -> str:
    return " / ".join(text.strip().splitlines()[-count:])
