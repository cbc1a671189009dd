"""Which living process plays which part, read from /proc: whom the monkey may strike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CLUSTER = ("cluster main", "cluster guard", "cluster child")  # the last: two workers, pusher, monitor
PARTS = ("venue", "web master", "web worker", "watch", *CLUSTER)


@dataclass(frozen=True, slots=True)
class Target:
    part: str
    pid: int


def targets(processes: dict[int, str]) -> list[Target]:
    """The parts that these processes play: {pid: command line}, as read a moment ago."""
    return sorted(_parts(processes), key=lambda target: (target.part, target.pid))


def _parts(processes: dict[int, str]) -> Iterator[Target]:
    parents = {pid: parent_of(pid) for pid in processes}
    for pid, line in processes.items():
        if "launch.py" in line:
            continue  # not yet the program that it becomes
        above = processes.get(parents[pid], "")
        if "paper_venue" in line:
            yield Target("venue", pid)
        elif "gunicorn" in line:
            yield Target("web worker" if "gunicorn" in above else "web master", pid)
        elif line.endswith("manage.py watch"):
            yield Target("watch", pid)
        elif line.endswith("manage.py qcluster"):
            yield Target(CLUSTER[min(depth_of(pid, parents, processes), 2)], pid)


def depth_of(pid: int, parents: dict[int, int], processes: dict[int, str]) -> int:
    """How many processes of the same task cluster stand above it."""
    depth, above = 0, parents.get(pid, 0)
    while "qcluster" in processes.get(above, ""):
        depth, above = depth + 1, parents.get(above, 0)
    return depth


def parent_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
