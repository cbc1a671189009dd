"""`make chaos`: a round on each database, a table, and the verdict.

Exit codes: 0 clean, 1 violations, 2 it could not be run, 3 clean but a database was skipped, 130 interrupted.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from tests.chaos.house import House, NoAnswer
from tests.chaos.load import Load
from tests.chaos.monkey import CUT, FILL, RESTART, SIGNALS, Blow, Monkey
from tests.chaos.options import Options, parsed
from tests.chaos.postgres import Server, installed
from tests.chaos.targets import PARTS
from tests.chaos.verdict import calm, judged, minimums_of, verdict
from tests.process.conftest import free_port
from tests.process.disk import MountedDisk, small_disk

CLEAN, VIOLATED, IMPOSSIBLE, SKIPPED, INTERRUPTED = 0, 1, 2, 3, 130
DISK_MEGABYTES = 256  # of the small disk under SQLite, where one can be made
ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
DEADLY = ("kill -9", "SIGTERM")


@dataclass
class Round:
    """What one database went through."""

    database: str
    struck: Counter[Blow] = field(default_factory=Counter)
    orders: int = 0
    trades: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    unanswered: int = 0
    bare: str = ""
    violations: list[str] = field(default_factory=list)
    folder: Path | None = None

    @property
    def kills(self) -> int:
        """Blows that ended a process; stops, cuts and restarts of the database are in the table."""
        return sum(times for blow, times in self.struck.items() if blow.what in DEADLY)


class Timeline:
    """Says what happens as it happens, with the seconds since the beginning; keeps it beside the logs."""

    def __init__(self, path: Path) -> None:
        self._began_at, self._path = time.monotonic(), path

    def __call__(self, what: str) -> None:
        line = f"{time.monotonic() - self._began_at:7.1f} s  {what}"
        print(line, flush=True)
        with self._path.open("a") as file:
            file.write(line + "\n")


def play(database: str, folder: Path, options: Options) -> Round:
    """One round: start, storm, calm, verdict. Nothing of it runs afterwards, however it ends."""
    say = Timeline(folder / "timeline.txt")
    played = Round(database, folder=folder)
    with contextlib.ExitStack() as cleanup:
        server = None
        if database == "postgres" and (programs := installed()) is not None:
            server = Server(folder, programs, free_port())
            cleanup.callback(server.close)
        disk = None
        if server is None:
            disk = cleanup.enter_context(small_disk(folder / "disk", list, megabytes=DISK_MEGABYTES))
            cleanup.callback(shutil.copytree, disk.folder, folder / "kept")  # before the disk goes
        house = House(folder, options, server=server, disk=disk if isinstance(disk, MountedDisk) else None)
        closing = cleanup.enter_context(closed(house, played))
        house.open()
        say(f"{database}: up with {len(house.processes())} processes in {folder}")
        load = Load(house, options.seed, options.people)
        monkey = Monkey(house, options.seed, say)
        load.begin()
        began_at = datetime.now(UTC)
        monkey.rage(options.seconds, every_seconds=options.every_seconds)
        storm = (began_at, datetime.now(UTC))
        say("the storm is over")
        load.end()
        played.struck, played.answers, played.unanswered = monkey.struck, load.answers, load.unanswered
        played.violations += calm(house, load, say)
        played.violations += verdict(house, load)
        minimums = minimums_of(house)
        closing()
        books, bare, said = judged(house, minimums, storm)
        played.violations += said
        played.orders, played.trades = len(books.orders), len(books.trades)
        played.bare = f"{bare.longest:.2f} s at most, {bare.total:.1f} s in all"
    return played


@contextlib.contextmanager
def closed(house: House, played: Round) -> Iterator[object]:
    """End the house once, at the latest when the block ends; what it leaves behind is a violation."""
    done = False

    def close() -> None:
        nonlocal done
        if not done:
            done = True
            played.violations += house.close()

    try:
        yield close
    finally:
        close()


def table(rounds: Sequence[Round]) -> Iterator[str]:
    """What was done to whom, how often; what was traded; what was wrong."""
    for played in rounds:
        yield f"--- {played.database}"
        yield f"{'':<14}" + "".join(f"{what:>9}" for what in SIGNALS)
        for part in PARTS:
            counts = [played.struck[Blow(what, part)] for what in SIGNALS]
            yield f"{part:<14}" + "".join(f"{count:>9}" for count in counts)
        for blow, times in sorted(played.struck.items(), key=str):
            if blow.what in (CUT, RESTART, FILL):
                yield f"{blow}: {times}"
        answers = ", ".join(f"{status}: {count}" for status, count in sorted(played.answers.items()))
        yield f"commands answered {answers or 'none'}; never answered: {played.unanswered}"
        yield f"orders at the venue {played.orders}, trades {played.trades}"
        yield f"coins without an order: {played.bare}"
        yield from (f"VIOLATION {sentence}" for sentence in played.violations)


def stop(signum: int, frame: FrameType | None) -> None:
    for number in ENDS:
        signal.signal(number, signal.SIG_IGN)  # once is enough: the clearing up is not interrupted
    raise KeyboardInterrupt


def run(options: Options) -> int:
    print(f"chaos: seed {options.seed}, {options.seconds:.0f} s on each of {', '.join(options.databases)}")
    began_at, rounds, code = time.monotonic(), list[Round](), CLEAN
    for database in options.databases:
        if database == "postgres" and installed() is None:
            print("chaos: no PostgreSQL is installed (/usr/lib/postgresql); that round is skipped")
            code = SKIPPED
            continue
        folder = Path(tempfile.mkdtemp(prefix=f"backstop-chaos-{database}-"))
        os.chmod(folder, 0o711)  # the server runs as another user
        try:
            rounds.append(play(database, folder, options))
        except KeyboardInterrupt:
            print(f"chaos: interrupted; the logs are in {folder}, nothing of it is running any more")
            return INTERRUPTED
        except (RuntimeError, NoAnswer, OSError) as error:
            print(f"chaos: {error}; the logs are in {folder}")
            return IMPOSSIBLE
        if rounds[-1].violations:
            code = VIOLATED
            print(f"chaos: the logs are in {folder}")
        elif not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print("\n".join(table(rounds)))
    print(
        f"chaos: kills={sum(one.kills for one in rounds)} orders={sum(one.orders for one in rounds)} "
        f"violations={sum(len(one.violations) for one in rounds)} seconds={time.monotonic() - began_at:.0f}"
    )
    return code


def main() -> int:
    for number in ENDS:
        signal.signal(number, stop)
    return run(parsed())


if __name__ == "__main__":
    sys.exit(main())
