"""The pulse of a task cluster, in one process: what goes round, and how silence is counted."""

import threading

import pytest
from django.db import InterfaceError
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.signing import SignedPackage

from brackets import clusters
from config.cluster import BEAT, LOOK_EVERY_SECONDS, BeatingBroker, Pulse, Silence, beat


@pytest.fixture(autouse=True)
def the_connection_of_the_test_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.cluster.close_old_connections", lambda: None)


def test_a_beat_is_a_task_that_is_not_kept() -> None:
    task = SignedPackage.loads(beat())
    assert task["save"] is False  # no row of it, however often it goes round
    assert task["ack_failure"] is True
    assert task["func"] == "config.cluster.work"


@pytest.mark.django_db  # a broker opens the database when it is made
def test_a_beat_that_comes_back_is_noted_and_written_down() -> None:
    broker = BeatingBroker("backstop")
    _, before = broker.pulse.read()
    broker.acknowledge(BEAT)
    broker.fail(BEAT)
    _, after = broker.pulse.read()
    assert after > before
    assert clusters.is_alive(clusters.beaten_at(), timezone.now())


@pytest.mark.django_db
def test_a_beat_needs_no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*args: object, **more: object) -> None:
        raise InterfaceError("connection already closed")

    broker = BeatingBroker("backstop")
    monkeypatch.setattr("brackets.leases.beat", gone)
    _, before = broker.pulse.read()
    broker.acknowledge(BEAT)
    assert broker.pulse.read()[1] > before
    assert clusters.beaten_at() is None


@pytest.mark.django_db
def test_a_fresh_broker_gives_a_beat_at_once_and_the_next_one_later() -> None:
    broker = BeatingBroker("backstop")
    given = broker.give_beat()
    assert given is not None
    assert [name for name, _ in given] == [BEAT]
    assert broker.give_beat() is None


def test_guard_and_beat_are_noted_apart() -> None:
    pulse = Pulse()
    guard, before = pulse.read()
    pulse.note(Pulse.BEAT)
    assert pulse.read()[0] == guard
    assert pulse.read()[1] > before


def test_silence_grows_while_nothing_changes_and_ends_with_a_change() -> None:
    silence = Silence()
    assert silence.see(1.0, passed=1) == 0
    assert [silence.see(1.0, passed=1) for _ in range(3)] == [1, 2, 3]
    assert silence.see(2.0, passed=1) == 0


def test_a_watcher_that_was_stopped_itself_counts_next_to_nothing_of_it() -> None:
    silence = Silence()
    silence.see(1.0, passed=1)
    assert silence.see(1.0, passed=3600) == 2 * LOOK_EVERY_SECONDS


@pytest.mark.django_db
def test_a_database_that_is_gone_ends_neither_pusher_nor_monitor(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the library lets die it would start again, and its work would wait for two minutes."""
    broker = BeatingBroker("backstop")
    broker.give_beat()
    monkeypatch.setattr("config.cluster.LOOK_EVERY_SECONDS", 0)

    def gone(*args: object) -> None:
        raise InterfaceError("connection already closed")

    monkeypatch.setattr(ORM, "get_connection", gone)
    assert broker.dequeue() is None
    assert broker.acknowledge(7) is None


@pytest.mark.django_db
def test_who_takes_a_task_outside_a_cluster_watches_and_ends_nobody() -> None:
    BeatingBroker("backstop").dequeue()
    assert "pulse" not in {thread.name for thread in threading.enumerate()}
