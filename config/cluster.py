"""The task cluster's own pulse: named in Q_CLUSTER as the broker, so it stands in every process of a cluster.

django-q2 cannot see that it hangs: a worker killed while it waits takes the queue's lock with it, a stopped
guard schedules nothing, and status and processes look fine. So a beat goes round every few seconds: the
pusher puts a task of no content among the real ones, a worker does it, the monitor acknowledges it. It needs
no database, so an outage of that is no reason to end anybody. Where there is one, the beat is also written
down, for the desk to see (`brackets/clusters.py`).

    main ── guard ─┬─ pusher    gives the beat (`dequeue`); a thread of it watches over beat and guard,
                   │            and the guard over the beat, for each of the two may be the one that hangs
                   ├─ workers   do it
                   └─ monitor   takes it back (`acknowledge`): the cluster has worked, and says so outside

Where the beat does not come back, or the guard gives no sign, for CLUSTER_STALE_SECONDS, the cluster ends
itself with kill -9 and whoever started it (make up, systemd) starts the next one; so each of any number of
clusters is judged by its own work. And none outlives its parent: what main leaves behind would work on
beside the next cluster.
"""

from __future__ import annotations

import ctypes
import logging
import mmap
import os
import signal
import struct
import threading
import time
from collections.abc import Sequence
from multiprocessing import parent_process

from django.conf import settings
from django.db import Error, close_old_connections
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.signing import SignedPackage

from brackets import leases, signs_of_life, storage

log = logging.getLogger("backstop.cluster")
PR_SET_PDEATHSIG = 1
BEAT = "beat"  # the id under which a beat is acknowledged; those of real tasks are numbers
LOOK_EVERY_SECONDS = 1.0
FIELD = struct.Struct("d")


class Pulse:
    """When the guard gave a sign and a beat came back last: seconds of the monotonic clock, in memory that
    every process forked later shares."""

    GUARD, BEAT = 0, 1

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 2 * FIELD.size)
        for which in (self.GUARD, self.BEAT):
            self.note(which)

    def note(self, which: int) -> None:
        FIELD.pack_into(self._memory, which * FIELD.size, time.monotonic())

    def read(self) -> tuple[float, float]:
        guard, beat = (FIELD.unpack_from(self._memory, which * FIELD.size)[0] for which in range(2))
        return guard, beat


class Silence:
    """How long something did not change, by what the watcher itself saw: seconds in which the watcher was
    stopped as well (a suspended machine, a stopped group) say nothing of the others."""

    def __init__(self) -> None:
        self._last: object = None
        self.seconds = 0.0

    def see(self, value: object, *, passed: float) -> float:
        if value == self._last:
            self.seconds += min(passed, 2 * LOOK_EVERY_SECONDS)
        else:
            self._last, self.seconds = value, 0.0
        return self.seconds


class BeatingBroker(ORM):
    """django-q2's own broker in the database, with a beat among its tasks."""

    def __init__(self, list_key: str | None = None) -> None:
        super().__init__(list_key)
        self.pulse = Pulse()
        self._guard_pid = 0  # of the guard, once this is the guard's, or a fork of it
        self._beaten_at = float("-inf")
        self._watching = False
        self._quiet = Silence()  # of the beat, as the guard sees it
        self._looked_at = time.monotonic()

    # --- the guard -----------------------------------------------------------------------------
    def set_stat(self, key: str, value: str, timeout: int) -> None:
        """The guard says each half second how it stands."""
        if self._guard_pid != os.getpid():
            self._guard_pid = os.getpid()
            end_with_parent()
            os.register_at_fork(after_in_child=end_with_parent)
            self._parent = os.getppid()
        elif os.getppid() != self._parent:
            os._exit(1)  # where the kernel does not do it
        self.pulse.note(Pulse.GUARD)
        passed, self._looked_at = time.monotonic() - self._looked_at, time.monotonic()
        _, beat_at = self.pulse.read()
        if self._quiet.see(beat_at, passed=passed) >= settings.CLUSTER_STALE_SECONDS:
            end_cluster(os.getpid(), "no beat comes back", self._quiet.seconds)
        super().set_stat(key, value, timeout)

    # --- the pusher ----------------------------------------------------------------------------
    def dequeue(self) -> Sequence[tuple[object, str]] | None:
        if not self._watching:
            self._watching = True
            self.pulse.note(Pulse.BEAT)  # a new round begins
            if parent_process() is not None:  # a guard forked this one; who else asks has nobody to end
                guard = (os.getppid(),)
                threading.Thread(target=self._watch, args=guard, daemon=True, name="pulse").start()
        if given := self.give_beat():
            return given
        try:
            return super().dequeue()  # type: ignore[no-any-return]
        except Error as error:
            if not storage.VOICE.tell(error):
                raise
            time.sleep(LOOK_EVERY_SECONDS)  # the database comes back, and nobody had to die for it
            return None

    def give_beat(self) -> Sequence[tuple[object, str]] | None:
        """A beat, where one is due; the first at once: a pusher may be new because the database is gone."""
        if time.monotonic() - self._beaten_at < settings.CLUSTER_BEAT_SECONDS:
            return None
        self._beaten_at = time.monotonic()
        return [(BEAT, beat())]

    def _watch(self, guard: int) -> None:
        """End the whole cluster when it does no work any more, or its guard is dead."""
        silences = {"its guard gives no sign": Silence(), "its workers do nothing": Silence()}
        looked_at = time.monotonic()
        while True:
            time.sleep(LOOK_EVERY_SECONDS)
            passed, looked_at = time.monotonic() - looked_at, time.monotonic()
            if os.getppid() != guard:
                os._exit(1)
            for (what, silence), value in zip(silences.items(), self.pulse.read(), strict=True):
                if silence.see(value, passed=passed) >= settings.CLUSTER_STALE_SECONDS:
                    end_cluster(guard, what, silence.seconds)

    # --- the monitor ---------------------------------------------------------------------------
    def acknowledge(self, task_id: object) -> object:
        if task_id == BEAT:
            self.pulse.note(Pulse.BEAT)
            signs_of_life.show()
            write_beat()
            return None
        try:
            done = super().acknowledge(task_id)
        except Error as error:
            if not storage.VOICE.tell(error):
                raise
            return None  # done and not acknowledged: it is given again, and every task bears that
        storage.VOICE.well()
        return done

    def fail(self, task_id: object) -> None:
        if task_id != BEAT:
            super().fail(task_id)


def beat() -> str:
    """The beat as django-q2 reads a task: not saved, acknowledged in any case."""
    task = {"id": BEAT, "name": BEAT, "func": "config.cluster.work", "args": (), "kwargs": {}}
    return str(SignedPackage.dumps({**task, "save": False, "ack_failure": True}))


def work() -> None:
    """All that a beat asks of a worker."""


def write_beat() -> None:
    """After all that the cluster itself is judged by: a database that is gone or slow ends nobody."""
    try:
        close_old_connections()
        leases.beat(leases.CLUSTER_HEARTBEAT, now=timezone.now())
    except Error as error:
        if not storage.VOICE.tell(error):
            log.exception("the beat could not be written down")


def end_with_parent() -> None:
    """Ask the kernel to end this process with its parent, by kill -9: stopped or hanging, it goes too."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)  # Linux; elsewhere they look for themselves
    if prctl is not None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def end_cluster(guard: int, why: str, seconds: float) -> None:
    """Kill main and guard; what they have forked ends with them."""
    log.critical("ALARM this task cluster hangs: %s for %.0f s; it ends, to be started again", why, seconds)
    for pid in (parent_of(guard), guard):
        try:
            if pid > 1:
                os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    os._exit(1)


def parent_of(pid: int) -> int:
    """0 where that cannot be known."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except OSError:
        return 0
