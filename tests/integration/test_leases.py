"""Leases: one holder, fenced, free again after its time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from brackets import leases
from brackets.models import Lease
from tests.integration.engine_venue import NOON

pytestmark = pytest.mark.django_db


def after(seconds: int):
    return NOON + timedelta(seconds=seconds)


def test_a_lease_is_held_until_it_expires() -> None:
    first = leases.take("x", "a", now=NOON, seconds=5)
    assert first is not None
    assert leases.take("x", "b", now=after(4), seconds=5) is None
    second = leases.take("x", "b", now=after(5), seconds=5)
    assert second is not None
    assert second > first


def test_renewing_extends_it_for_its_holder_alone() -> None:
    fence = leases.take("x", "a", now=NOON, seconds=5)
    assert fence is not None
    assert leases.renew("x", fence, now=after(4), seconds=5)
    assert leases.take("x", "b", now=after(8), seconds=5) is None
    taken = leases.take("x", "b", now=after(9), seconds=5)
    assert taken is not None
    assert not leases.renew("x", fence, now=after(9), seconds=5)
    leases.release("x", fence)  # the loser's late release changes nothing
    assert leases.take("x", "c", now=after(10), seconds=5) is None


def test_an_expired_lease_that_nobody_took_can_be_renewed() -> None:
    fence = leases.take("x", "a", now=NOON, seconds=5)
    assert fence is not None
    assert leases.renew("x", fence, now=after(60), seconds=5)


def test_a_released_lease_is_free_and_cannot_be_renewed() -> None:
    fence = leases.take("x", "a", now=NOON, seconds=5)
    assert fence is not None
    leases.release("x", fence)
    assert not leases.renew("x", fence, now=after(1), seconds=5)
    assert leases.take("x", "b", now=after(1), seconds=5) is not None


def test_taking_again_what_is_ours_gives_a_new_fence() -> None:
    first = leases.take("x", "a", now=NOON, seconds=5)
    second = leases.take("x", "a", now=after(1), seconds=5)
    assert first is not None and second is not None
    assert second > first
    assert not leases.renew("x", first, now=after(2), seconds=5)  # the earlier self has lost it


def test_leases_of_other_names_are_apart() -> None:
    assert leases.take("x", "a", now=NOON, seconds=5)
    assert leases.take("y", "b", now=NOON, seconds=5)


def test_a_heartbeat_is_written_again_and_again() -> None:
    leases.beat("pulse", now=NOON)
    leases.beat("pulse", now=after(3))
    assert Lease.objects.get(name="pulse").renewed_at == after(3)


def test_a_lease_from_before_the_clock_was_set_back_lasts_no_longer_than_one_taken_now() -> None:
    fence = leases.take("x", "a", now=after(400), seconds=5)
    assert leases.take("x", "b", now=NOON, seconds=5) is None
    assert leases.take("x", "b", now=after(4), seconds=5) is None
    assert leases.take("x", "b", now=after(5), seconds=5) not in (None, fence)


def test_who_lives_keeps_its_lease_though_the_clock_was_set_back() -> None:
    fence = leases.take("x", "a", now=after(400), seconds=5)
    assert fence is not None
    assert leases.take("x", "b", now=NOON, seconds=5) is None
    assert leases.renew("x", fence, now=after(1), seconds=5)
    assert leases.take("x", "b", now=after(5), seconds=5) is None
