"""The line of those who wait for the turn of a key in one process."""

from __future__ import annotations

from brackets.venue.line import ASLEEP_SECONDS, HEAD_START_SECONDS, Line


def test_first_come_first_served() -> None:
    line = Line()
    first, second = line.stand(10.0), line.stand(10.0)
    assert line.is_first(first, 10.5)
    assert not line.is_first(second, 10.5)
    line.leave(first)
    assert line.is_first(second, 10.6)


def test_what_has_a_deadline_goes_before_what_came_a_little_earlier() -> None:
    line = Line()
    reading, placing = line.stand(10.0), line.stand(12.0, head_start=HEAD_START_SECONDS)
    assert line.is_first(placing, 12.1)
    assert not line.is_first(reading, 12.1)


def test_what_waited_for_long_is_overtaken_by_nothing() -> None:
    line = Line()
    reading = line.stand(10.0)
    placing = line.stand(10.1 + HEAD_START_SECONDS, head_start=HEAD_START_SECONDS)
    assert line.is_first(reading, 15.2)
    assert not line.is_first(placing, 15.2)


def test_one_who_does_not_look_any_more_keeps_nobody_back() -> None:
    line = Line()
    asleep, second = line.stand(10.0), line.stand(10.0)
    assert not line.is_first(second, 10.0 + ASLEEP_SECONDS / 2)
    assert line.is_first(second, 10.0 + ASLEEP_SECONDS)
    assert line.is_first(asleep, 11.5), "it has its place still when it wakes"
    assert not line.is_first(second, 11.5)
