"""How long a child may be silent: longer than it may lawfully wait, and longest before its first sign."""

from __future__ import annotations

import socket
import time

from django.conf import settings

from config.supervisor.child import Child
from config.supervisor.services import FIRST_SIGN_SECONDS, WATCH_SILENT_SECONDS, Service

NOW = 1_000.0


def a_child(*, silent_at_most_seconds: float) -> Child:
    service = Service(name="watch", command=("true",), silent_at_most_seconds=silent_at_most_seconds)
    child = Child(service, tell_sweeper=lambda line: None)
    child.started_at = NOW
    return child


def sign(child: Child) -> float:
    """The child shows itself; the moment it is heard."""
    assert child.ear is not None
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaker:
        speaker.sendto(b"WATCHDOG=1", "\0" + child.ear.address[1:])
    return child.ear.heard_at()


def test_a_child_that_begins_has_more_time_to_its_first_sign() -> None:
    child = a_child(silent_at_most_seconds=30)
    assert not child.is_silent(NOW + FIRST_SIGN_SECONDS)
    assert child.is_silent(NOW + FIRST_SIGN_SECONDS + 0.1)


def test_a_longer_silence_that_is_allowed_holds_from_the_start_too() -> None:
    child = a_child(silent_at_most_seconds=120)
    assert not child.is_silent(NOW + 120)
    assert child.is_silent(NOW + 120.1)


def test_after_its_first_sign_silence_counts_from_the_last_one() -> None:
    child = a_child(silent_at_most_seconds=30)
    child.started_at = time.monotonic()
    heard_at = sign(child)
    assert not child.is_silent(heard_at + 30)
    assert child.is_silent(heard_at + 30.1)


def test_a_sign_of_an_earlier_life_is_none_of_this_one() -> None:
    child = a_child(silent_at_most_seconds=30)
    child.started_at = sign(child) + 5
    assert not child.is_silent(child.started_at + FIRST_SIGN_SECONDS)


def test_a_watch_may_wait_for_a_locked_database() -> None:
    waited = settings.DATABASES["default"].get("OPTIONS", {}).get("timeout", 0)
    assert waited + 5 <= WATCH_SILENT_SECONDS
