"""The simulator's clockwork: one order of steps, and processes that die where they stand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.simulation.clockwork import Clockwork, Killed, Process, Task

START = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Recorder:
    """Two processes that say when they did what."""

    def __init__(self) -> None:
        self.said: list[tuple[float, str]] = []
        self.defects: list[str] = []
        self.clockwork = Clockwork(START, defect=self.defect)
        self.one, self.other = self.clockwork.process("one"), self.clockwork.process("other")

    def defect(self, task: Task, error: Exception) -> None:
        self.defects.append(f"{task.process.name} {task.name}: {error!r}")

    def say(self, what: str) -> None:
        self.said.append((self.clockwork.seconds, what))

    def ticking(self, name: str, every: float, times: int = 99) -> None:
        for _ in range(times):
            self.say(name)
            self.clockwork.wait(every)

    def spawn(self, process: Process, name: str, every: float) -> Task:
        return process.spawn(name, lambda: self.ticking(name, every))

    def times_of(self, name: str) -> list[float]:
        return [seconds for seconds, what in self.said if what == name]


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def test_time_jumps_from_one_waiting_task_to_the_next(recorder: Recorder) -> None:
    recorder.spawn(recorder.one, "slow", 2)
    recorder.spawn(recorder.other, "quick", 0.5)
    recorder.clockwork.run(2)
    assert recorder.times_of("slow") == [0, 2]
    assert recorder.times_of("quick") == [0, 0.5, 1, 1.5, 2]
    assert recorder.clockwork.now() == START.replace(second=2)


def test_what_waits_equally_long_goes_in_the_order_it_began(recorder: Recorder) -> None:
    for name in "abc":
        recorder.spawn(recorder.one, name, 1)
    recorder.clockwork.run(1)
    assert [what for _, what in recorder.said] == ["a", "b", "c"] * 2


def test_a_killed_process_does_nothing_more_anywhere(recorder: Recorder) -> None:
    recorder.spawn(recorder.one, "victim", 1)
    recorder.spawn(recorder.one, "sibling", 0.7)
    recorder.spawn(recorder.other, "survivor", 1)

    def assassin() -> None:
        recorder.clockwork.wait(1.5)
        recorder.one.kill()
        recorder.clockwork.wait(1)
        recorder.say("the assassin lives")

    recorder.other.spawn("assassin", assassin)
    recorder.clockwork.run(4)
    assert max(recorder.times_of("victim") + recorder.times_of("sibling")) < 1.5
    assert recorder.times_of("survivor")[-1] == 4
    assert recorder.times_of("the assassin lives") == [2.5]


def test_unwinding_code_of_the_dead_can_not_wait(recorder: Recorder) -> None:
    def stubborn() -> None:
        try:
            recorder.clockwork.wait(10)
        finally:
            recorder.clockwork.wait(1)
            recorder.say("acted after death")

    recorder.one.spawn("stubborn", stubborn)
    recorder.clockwork.run(1)
    recorder.one.kill()
    recorder.clockwork.close()
    assert recorder.said == []


def test_who_kills_his_own_process_ends_there_too(recorder: Recorder) -> None:
    def suicide() -> None:
        recorder.clockwork.wait(1)
        recorder.one.kill()
        recorder.clockwork.wait(0)
        recorder.say("acted after death")

    recorder.one.spawn("suicide", suicide)
    recorder.spawn(recorder.one, "sibling", 0.4)
    recorder.clockwork.run(3)
    assert recorder.times_of("sibling") == [0, 0.4, 0.8]
    assert "acted after death" not in [what for _, what in recorder.said]


def test_a_task_that_never_began_never_does(recorder: Recorder) -> None:
    recorder.one.spawn("later", lambda: recorder.say("began"), after=5)
    recorder.clockwork.run(1)
    recorder.one.kill()
    recorder.clockwork.run(9)
    recorder.clockwork.close()
    assert recorder.said == []


def test_a_frozen_process_sleeps_through_its_time(recorder: Recorder) -> None:
    recorder.spawn(recorder.one, "frozen", 1)
    recorder.spawn(recorder.other, "awake", 1)
    recorder.clockwork.run(1)
    recorder.one.freeze(5)
    recorder.clockwork.run(8)
    assert recorder.times_of("frozen") == [0, 1, 6, 7, 8]
    assert len(recorder.times_of("awake")) == 9


def test_a_pause_ends_early_when_woken_and_a_wait_does_not(recorder: Recorder) -> None:
    def pausing() -> None:
        recorder.clockwork.pause(100)
        recorder.say("woken")
        recorder.clockwork.wait(100)
        recorder.say("waited")

    task = recorder.one.spawn("pausing", pausing)
    recorder.clockwork.run(1)
    recorder.clockwork.wake(task)
    recorder.clockwork.run(2)
    recorder.clockwork.wake(task)
    recorder.clockwork.run(3)
    assert recorder.said == [(1, "woken")]


def test_what_a_program_lets_through_is_told(recorder: Recorder) -> None:
    recorder.one.spawn("broken", lambda: [][1])
    recorder.clockwork.run(1)
    assert recorder.defects == ["one broken: IndexError('list index out of range')"]


def test_a_process_has_a_clock_of_its_own(recorder: Recorder) -> None:
    ahead = recorder.clockwork.process("ahead", skew=recorder.clockwork.now() - START.replace(second=0))
    assert ahead.now() == recorder.clockwork.now()
    ahead.skew += START.replace(minute=1) - START
    assert (ahead.now() - recorder.one.now()).total_seconds() == 60


def test_killed_is_no_ordinary_exception() -> None:
    assert not issubclass(Killed, Exception)
