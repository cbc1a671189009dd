"""Real task clusters, three on one database and no supervisor over them: whatever hangs ends itself.

Each is judged by its own work, so that one that hangs is not hidden by those that do the schedules
meanwhile; whoever started it (make up, systemd) then starts the next.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.conftest import ROOT, Program, wait_until
from tests.process.databases import fresh_database

pytestmark = pytest.mark.process
STALE_SECONDS = 4


@pytest.fixture(scope="module")
def settings_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A prepared database of its own, and clusters that are quick to doubt themselves."""
    folder: Path = tmp_path_factory.mktemp("clusters")
    with fresh_database(folder) as url:
        environment = {
            **os.environ,
            "DATABASE_URL": url,
            "TRADING_MODE": "demo",
            "SECRET_KEY": "a secret key of a test that is long enough for everything here",
            "ADMIN_PASSWORD": "a password of a test",
            "CLUSTER_BEAT_SECONDS": "1",
            "CLUSTER_STALE_SECONDS": str(STALE_SECONDS),
        }
        command = [sys.executable, "-m", "config.supervisor.prepare"]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=120)
        yield environment


class Cluster:
    """One `manage.py qcluster` and its processes, told apart by what they were forked for."""

    def __init__(self, settings_of: dict[str, str]) -> None:
        command = [sys.executable, "manage.py", "qcluster"]
        self.program = Program(command, environment=settings_of, cwd=ROOT)
        self.main = self.program.process.pid

    @property
    def guard(self) -> int:
        return next(iter(children(self.main)), 0)

    @property
    def workers(self) -> list[int]:
        return children(self.guard)[:2]  # forked in this order: two workers, monitor, pusher

    @property
    def monitor(self) -> int:
        return children(self.guard)[2]

    @property
    def pusher(self) -> int:
        return children(self.guard)[3]

    def runs(self) -> bool:
        return len(children(self.main)) == 1 and len(children(self.guard)) == 4

    def is_gone(self) -> bool:
        return self.program.process.poll() is not None and not self.program.descendants()


def children(pid: int) -> list[int]:
    """Direct children, oldest first."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return sorted(map(int, text.split()))


@pytest.fixture
def clusters(settings_of: dict[str, str]) -> Iterator[list[Cluster]]:
    """Three of them, all of whose processes have begun."""
    started = [Cluster(settings_of) for _ in range(3)]
    for cluster in started:
        wait_until(cluster.runs, what=f"a whole cluster {cluster.program.err[-5:]}")
    yield started
    for cluster in started:
        cluster.program.kill_everything()


def test_a_cluster_that_hangs_ends_itself_and_the_others_work_on(clusters: list[Cluster]) -> None:
    workless, guardless, well = clusters
    for pid in workless.workers:
        os.kill(pid, signal.SIGSTOP)
    os.kill(guardless.guard, signal.SIGSTOP)

    for cluster in (workless, guardless):
        wait_until(cluster.is_gone, seconds=STALE_SECONDS + 20, what="the end of a cluster that hangs")
        assert cluster.program.process.returncode == -signal.SIGKILL
    assert well.runs()  # it was seen to live longer than the others were allowed to be silent

    well.program.process.send_signal(signal.SIGTERM)
    assert well.program.exit_code() == 0
    assert well.is_gone()


def test_whatever_part_of_a_cluster_dies_or_stops_no_orphan_works_on(clusters: list[Cluster]) -> None:
    headless, unguarded, unheard = clusters
    os.kill(headless.main, signal.SIGKILL)
    os.kill(unguarded.guard, signal.SIGKILL)
    os.kill(unheard.monitor, signal.SIGSTOP)

    wait_until(headless.is_gone, seconds=10, what="no orphan of main")
    wait_until(unguarded.is_gone, seconds=10, what="no orphan of the guard")
    wait_until(unheard.is_gone, seconds=STALE_SECONDS + 20, what="the end without a monitor")


def test_a_cluster_whose_idle_workers_were_killed_works_or_ends(clusters: list[Cluster]) -> None:
    """What the library mends it mends; what it cannot, ends the cluster. It never stands there for ever."""
    pushers = {cluster.main: cluster.pusher for cluster in clusters}
    killed = {pid for cluster in clusters for pid in cluster.workers}
    for pid in killed:
        os.kill(pid, signal.SIGKILL)

    def works_or_is_gone(cluster: Cluster) -> bool:
        replaced = cluster.runs() and killed.isdisjoint(children(cluster.guard))
        return replaced or cluster.is_gone()

    for cluster in clusters:
        wait_until(lambda cluster=cluster: works_or_is_gone(cluster), seconds=STALE_SECONDS + 20)
    living = [cluster for cluster in clusters if not cluster.is_gone()]
    for cluster in living:
        os.kill(pushers[cluster.main], signal.SIGSTOP)
    for cluster in living:
        wait_until(cluster.is_gone, seconds=STALE_SECONDS + 20, what="the end without a pusher")
