"""What a run is asked to do, from the command line to one frozen value."""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """Seconds of wall time; one round per database."""

    databases: tuple[str, ...]  # sqlite, postgres
    seconds: float
    seed: int
    cut_seconds: float  # of one network cut
    every_seconds: float  # between two blows, on average
    clusters: int  # on PostgreSQL; `make up`, on SQLite, has one of each
    watches: int
    people: int  # who trade at the same time
    keep: bool  # the folder, also after a clean run


def parsed(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line; argparse ends the process with 2 where it is wrong."""
    parser = argparse.ArgumentParser(
        prog="make chaos",
        description="Kill, stop and cut a real Backstop under load, then prove that nothing was lost.",
    )
    parser.add_argument("--minutes", type=float, default=3.0, help="of chaos, per database (3)")
    parser.add_argument("--database", choices=("sqlite", "postgres", "both"), default="both")
    parser.add_argument("--seed", type=int, help="of the plan of blows and of the load; default: a new one")
    parser.add_argument("--cut-seconds", type=float, default=20.0, help="of one network cut (20)")
    parser.add_argument("--every", type=float, default=4.0, help="seconds between two blows (4)")
    parser.add_argument("--clusters", type=int, default=3, help="on PostgreSQL (3)")
    parser.add_argument("--watches", type=int, default=2, help="on PostgreSQL (2)")
    parser.add_argument("--people", type=int, default=3, help="who trade at the same time (3)")
    parser.add_argument("--keep", action="store_true", help="keep the folder of a clean run too")
    given = parser.parse_args(arguments)
    for name in ("minutes", "every", "clusters", "watches", "people"):
        if getattr(given, name) <= 0:
            parser.error(f"--{name} must be above 0")
    if given.cut_seconds < 0:
        parser.error("--cut-seconds must not be negative; 0 cuts nothing")
    return Options(
        databases=("sqlite", "postgres") if given.database == "both" else (given.database,),
        seconds=given.minutes * 60,
        seed=random.randrange(1_000_000) if given.seed is None else given.seed,
        cut_seconds=given.cut_seconds,
        every_seconds=given.every,
        clusters=given.clusters,
        watches=given.watches,
        people=given.people,
        keep=given.keep,
    )
