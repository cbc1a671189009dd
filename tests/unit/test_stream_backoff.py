"""How often the stream may knock: soon at first, ever more seldom, and never so often as to be banned."""

from __future__ import annotations

from brackets.venue.kraken.stream.backoff import Backoff, Pace

PACE = Pace(first_seconds=1, longest_seconds=30, window_seconds=600, most_in_window=60, proven_seconds=30)


def waits(backoff: Backoff, count: int, *, chance: float = 0.999) -> list[float]:
    """The waits between `count` attempts that all fail at once."""
    now, found = 0.0, []
    for _ in range(count):
        wait = backoff.seconds_until_next(now=now, chance=chance)
        found.append(wait)
        now += wait
        backoff.began(now=now)
        backoff.ended(now=now, ready_at=None)
    return found


def test_it_waits_ever_longer_up_to_a_bound() -> None:
    assert [round(wait) for wait in waits(Backoff(PACE), 8)] == [0, 1, 2, 4, 8, 16, 30, 30]


def test_it_waits_at_least_half_of_that_so_that_not_all_come_back_together() -> None:
    assert waits(Backoff(PACE), 4, chance=0.0) == [0, 0.5, 1, 2]


def test_a_connection_that_held_begins_the_waiting_anew() -> None:
    backoff = Backoff(PACE)
    waits(backoff, 6)
    backoff.ended(now=1031.0, ready_at=1000.0)
    assert backoff.seconds_until_next(now=1031.0, chance=0.0) == 0.5


def test_a_connection_that_broke_at_once_does_not() -> None:
    backoff = Backoff(PACE)
    waits(backoff, 6)
    backoff.ended(now=1001.0, ready_at=1000.0)
    assert backoff.seconds_until_next(now=1001.0, chance=0.0) > 5


def test_no_ten_minutes_see_more_attempts_than_allowed() -> None:
    """Even when each connection holds just long enough for the waiting to begin anew."""
    backoff, now, attempts = Backoff(PACE), 0.0, []
    for _ in range(500):
        now += backoff.seconds_until_next(now=now, chance=0.0)
        backoff.began(now=now)
        attempts.append(now)
        now += 0.01
        backoff.ended(now=now, ready_at=now - PACE.proven_seconds)
    most = max(sum(start <= at < start + PACE.window_seconds for at in attempts) for start in attempts)
    assert most <= PACE.most_in_window
