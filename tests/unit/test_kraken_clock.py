"""The venue's clock as seen from here: measured rarely, carried on, forgotten when nobody confirms it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from brackets.venue.kraken.clock import ClockOffset
from brackets.venue.port import VenueUnavailable

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class World:
    """A venue whose clock is 30 s ahead, and this machine's two clocks."""

    def __init__(self) -> None:
        self.tick, self.wall, self.asked, self.travel, self.down = 1000.0, NOON, 0, 0.0, False
        self.offset = ClockOffset(self.read, ticking=lambda: self.tick, wall=lambda: self.wall)

    def read(self) -> datetime:
        self.asked += 1
        if self.down:
            raise VenueUnavailable("down")
        self.passes(self.travel / 2)
        answer = (self.wall + timedelta(seconds=30)).replace(microsecond=0)
        self.passes(self.travel / 2)
        return answer

    def passes(self, seconds: float) -> None:
        self.tick += seconds
        self.wall += timedelta(seconds=seconds)


def seconds(offset: timedelta | None) -> float:
    assert offset is not None
    return offset.total_seconds()


def test_nothing_is_known_before_the_first_answer() -> None:
    world = World()
    assert world.offset.known() is None
    world.down = True
    assert world.offset.offset() is None


def test_the_offset_is_good_to_half_a_second_and_the_way() -> None:
    world = World()
    world.travel = 1.0
    assert abs(seconds(world.offset.offset()) - 30) <= 1.0


def test_whoever_asks_while_the_first_measurement_is_under_way_measures_too() -> None:
    """Without the clock an order is sent without a deadline, and waits long to be proven absent."""
    world, heard = World(), []

    def read() -> datetime:
        if not heard:
            heard.append(None)
            heard.append(offset.offset())
        return world.read()

    offset = ClockOffset(read, ticking=lambda: world.tick, wall=lambda: world.wall)
    assert offset.offset() is not None
    assert heard[1] is not None


def test_it_is_measured_every_five_minutes_only() -> None:
    world = World()
    for _ in range(300):
        world.offset.offset()
        world.passes(1)
    assert world.asked == 1
    world.offset.offset()
    assert world.asked == 2


def test_a_failure_is_tried_again_after_ten_seconds_and_the_former_serves() -> None:
    world = World()
    before = seconds(world.offset.offset())
    world.down = True
    world.passes(301)
    for _ in range(9):
        assert abs(seconds(world.offset.offset()) - before) < 1e-6
        world.passes(1)
    assert world.asked == 2
    world.passes(1)
    world.offset.offset()
    assert world.asked == 3


def test_an_offset_nobody_confirms_is_forgotten() -> None:
    world = World()
    world.offset.offset()
    world.down = True
    world.passes(3601)
    assert world.offset.offset() is None


def test_a_step_of_the_wall_clock_moves_the_offset_with_it() -> None:
    world = World()
    before = seconds(world.offset.offset())
    world.wall += timedelta(hours=1)
    assert abs(seconds(world.offset.known()) - (before - 3600)) < 1e-6


def test_the_venue_s_own_time_is_told_whatever_our_wall_clock_shows() -> None:
    world = World()
    assert world.offset.venue_time() is None
    world.offset.offset()
    world.passes(2.5)
    there = world.offset.venue_time()
    world.wall += timedelta(hours=1)
    assert world.offset.venue_time() == there == NOON + timedelta(seconds=30 + 2.5 + 0.5)


def test_a_doubted_offset_serves_until_it_is_measured_again() -> None:
    world = World()
    before = seconds(world.offset.offset())
    world.offset.doubt()
    assert seconds(world.offset.known()) == before
    world.offset.offset()
    assert world.asked == 2
    world.offset.offset()
    assert world.asked == 2


def test_an_answer_too_slow_to_mean_anything_is_not_used() -> None:
    world = World()
    world.travel = 3.0
    assert world.offset.offset() is None


def test_what_nobody_knows_yet_is_asked_for_again_soon() -> None:
    world = World()
    world.down = True
    assert world.offset.offset() is None
    world.down = False
    world.passes(1)
    assert (world.offset.offset(), world.asked) == (None, 1)
    world.passes(1)
    assert abs(seconds(world.offset.offset()) - 30) <= 0.5
    world.down = True
    world.offset.doubt()
    for _ in range(5):  # what is known serves meanwhile
        world.passes(1)
        assert abs(seconds(world.offset.offset()) - 30) <= 0.5
    assert world.asked == 3
