"""A clock of ours that is wrong is told, once, until it is right again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from brackets import clocks
from risk import alerts
from tests.integration.engine_world import World

pytest_plugins = ["tests.integration.worlds"]


def told(world: World, seconds: float | None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    offset = None if seconds is None else timedelta(seconds=seconds)
    monkeypatch.setattr(world.venue, "clock_offset", lambda: offset)
    clocks.tell(world.account, world.venue, world.clock())
    return [alert.message for alert in alerts.open_alerts("demo").filter(code=clocks.CLOCK_IS_OFF)]


def test_a_clock_minutes_off_is_told_with_its_direction(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told(world, 9, monkeypatch) == []
    (message,) = told(world, -200, monkeypatch)
    assert "200 s ahead of the venue's" in message
    assert told(world, None, monkeypatch) == [message], "nothing is known: it stays as it was"
    (message,) = told(world, 200, monkeypatch)
    assert "200 s behind the venue's" in message
    assert told(world, 0.4, monkeypatch) == []


def test_a_moment_of_ours_is_asked_for_with_room(world: World) -> None:
    world.venue.skew = timedelta(seconds=-200)
    now = world.clock()
    assert clocks.by_venue(world.venue, now) == now - timedelta(seconds=200)
    assert clocks.not_later_by_venue(world.venue, now) == now - timedelta(seconds=200) - clocks.MARGIN
