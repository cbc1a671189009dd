"""`make mutants`: break the product on purpose, one promise at a time, and see that it is noticed.

    mutants.py [--only WORDS] [--jobs N] [--seeds N] [--seconds S]

Each mutation (`tests/mutations/mutations.py`) is applied to a copy of the tree in a temporary folder, never
to the tree itself; there the exploration and the simulator look for it (`tests/mutations/hunt.py`), first
where it shows soonest. The unbroken copy is looked at in all those places: it must be clean. Exit code 0 only
when it is, and every mutation was caught. The last line is `mutations=N caught=N seconds=S`.
"""

from __future__ import annotations

import argparse
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.mutations.mutations import MUTATIONS, Mutation  # noqa: E402

PARTS = ("brackets", "config", "risk", "tests", "trading", "templates", "manage.py", "pyproject.toml")
KEPT = frozenset({"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV"})
MARGIN_SECONDS = 300  # beyond the time for seeds: exploring, and the last seed


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How long one mutation is looked for."""

    seeds: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where one mutation is looked for before any other drawn world is lived."""

    told: Sequence[str] = ()
    explored: Sequence[str] = ()
    profile: str = ""

    @classmethod
    def of(cls, mutation: Mutation) -> Places:
        return cls(told=mutation.told, explored=mutation.explored, profile=mutation.profile)

    @classmethod
    def every(cls) -> Places:
        told = sorted({name for one in MUTATIONS for name in one.told})
        explored = sorted({name for one in MUTATIONS for name in one.explored})
        return cls(told=told, explored=explored)

    def arguments(self) -> list[str]:
        told = [word for name in self.told for word in ("--told", name)]
        explored = [word for name in self.explored for word in ("--explore", name)]
        return [*told, *explored, "--profile", self.profile]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    name: str
    caught: bool
    by: str
    seconds: float


def main() -> int:
    parser = argparse.ArgumentParser(prog="make mutants", description="Break the product on purpose.")
    parser.add_argument(
        "--only", default="", metavar="WORDS", help="mutations whose name contains these words"
    )
    parser.add_argument("--jobs", type=int, default=1, help="how many at a time")
    parser.add_argument("--seeds", type=int, default=200, help="simulated worlds for each, at most")
    parser.add_argument("--seconds", type=float, default=600.0, help="time for the worlds of each, at most")
    wanted = parser.parse_args()
    chosen = [mutation for mutation in MUTATIONS if wanted.only in mutation.name]
    if not chosen:
        sys.stderr.write(f"No mutation's name contains '{wanted.only}'; nothing was run.\n")
        return 2
    began = time.monotonic()
    effort = Effort(seeds=wanted.seeds, seconds=wanted.seconds)
    say(f"{'mutation':38} {'seconds':>7}  caught by")
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        verdicts = hunt_all([None, *chosen], Path(folder), effort, max(wanted.jobs, 1))
    clean, broken = verdicts[0], verdicts[1:]
    caught = sum(1 for verdict in broken if verdict.caught)
    say(f"mutations={len(broken)} caught={caught} seconds={time.monotonic() - began:.0f}")
    return 0 if caught == len(broken) and not clean.caught else 1


def hunt_all(mutations: Sequence[Mutation | None], folder: Path, effort: Effort, jobs: int) -> list[Verdict]:
    """The verdicts in the order of the mutations, said as they come. Each worker has a copy of its own."""
    copies: queue.SimpleQueue[Path] = queue.SimpleQueue()
    for number in range(jobs):
        copies.put(copy_of_the_tree(folder / f"copy{number}"))

    def hunt_one(mutation: Mutation | None) -> Verdict:
        tree = copies.get()
        try:
            verdict = hunt(mutation, tree, effort)
        finally:
            copies.put(tree)
        right = verdict.caught is (mutation is not None)
        say(f"{verdict.name:38} {verdict.seconds:7.0f}  {verdict.by}{'' if right else '   <- WRONG'}")
        return verdict

    with ThreadPoolExecutor(jobs) as workers:
        return list(workers.map(hunt_one, mutations))


def copy_of_the_tree(to: Path) -> Path:
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, to / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, to / part)
    return to


def hunt(mutation: Mutation | None, tree: Path, effort: Effort) -> Verdict:
    """Break the copy, look, and mend it again. None: look at the unbroken one."""
    began = time.monotonic()
    if mutation is None:
        caught, by = look(tree, Places.every(), effort)
        return Verdict(name="(nothing is broken)", caught=caught, by=by, seconds=time.monotonic() - began)
    file = tree / mutation.file
    whole = file.read_text()
    if whole.count(mutation.old) != 1:
        raise SystemExit(f"'{mutation.name}' does not fit {mutation.file} any more; nothing was changed.")
    file.write_text(whole.replace(mutation.old, mutation.new))
    try:
        caught, by = look(tree, Places.of(mutation), effort)
    finally:
        file.write_text(whole)
    return Verdict(name=mutation.name, caught=caught, by=by, seconds=time.monotonic() - began)


def look(tree: Path, places: Places, effort: Effort) -> tuple[bool, str]:
    """Whether something was seen, and what. A copy in which not even the hunt runs is no catch."""
    command = [sys.executable, "-m", "tests.mutations.hunt", "--seeds", str(effort.seeds)]
    command += ["--seconds", str(effort.seconds), *places.arguments()]
    environment = {name: value for name, value in os.environ.items() if name in KEPT}
    environment |= {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": f"sqlite:///{tree / 'unused.sqlite3'}",
        "SECRET_KEY": "the mutants' own key, which opens nothing",
        "PYTHONDONTWRITEBYTECODE": "1",  # a copy is broken and mended within a second
    }
    try:
        ran = subprocess.run(
            command,
            cwd=tree,
            env=environment,
            capture_output=True,
            text=True,
            timeout=effort.seconds + MARGIN_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return False, "nobody: it took too long"
    last = (ran.stdout.strip().splitlines() or [""])[-1]
    if last.startswith("caught by "):
        return True, last.removeprefix("caught by ")
    if ran.returncode:
        return False, f"nobody: the hunt failed: {(ran.stderr.strip().splitlines() or ['?'])[-1]}"
    return False, "nobody"


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
