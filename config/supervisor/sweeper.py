"""Ends what is left of the children when the supervisor was killed: nothing outlives it.

Started by the supervisor, holding the reading end of a pipe on stdin; is told `start PID` and
`end PID` there, where PID leads a process group. The end of the pipe is the end of the supervisor:
the leaders still listed get SIGTERM, and their groups SIGKILL when they are slow (a task cluster
whose worker was killed never ends by itself).
"""

import os
import signal
import sys
import time

PATIENCE_SECONDS = 8.0


def living_groups(groups: set[int]) -> set[int]:
    """Those of the groups with a member that is not a zombie (nobody may be there to bury it)."""
    alive = set()
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as file:
                state, _, group = file.read().rpartition(")")[2].split()[:3]
        except OSError:
            continue  # gone while we looked
        if state != "Z" and int(group) in groups:
            alive.add(int(group))
    return alive


def sweep(groups: set[int]) -> None:
    for leader in groups:
        try:
            os.kill(leader, signal.SIGTERM)  # not the group: a task cluster hangs on that
        except ProcessLookupError:
            pass
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (groups := living_groups(groups)) and time.monotonic() < deadline:
        time.sleep(0.1)
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            pass


def main() -> None:
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        word, _, pid = line.partition(" ")
        if word == "start":
            groups.add(int(pid))
        else:
            groups.discard(int(pid))
    sweep(groups)


if __name__ == "__main__":
    main()
