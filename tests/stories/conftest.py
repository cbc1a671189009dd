"""What the stories share: one server a module, its clock, a desk for each story, and the stated seconds.

How long coins stood at the venue without an order, by the venue's own log, is a property of each story
(`--junitxml` has them all) and told at the end of a run: for each file the worst.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from brackets.venue.kraken.adapter import KrakenVenue
from brackets.venue.paper import server
from tests.contract import paper_house
from tests.contract.paper_house import House
from tests.stories.clock import SkippingClock
from tests.stories.desk import Desk, connect

NAKED = "seconds without an order"


@pytest.fixture(scope="module")
def clock() -> SkippingClock:
    return SkippingClock()


@pytest.fixture(scope="module")
def house(clock: SkippingClock) -> Iterator[House]:
    """The paper venue's own server on the story's clock, one portion of depth in a tick."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (server, paper_house):
            patch.setattr(module, "wall_clock", clock.unix)
        house = House(controlled=True, levels=1)
        yield house
        house.close()


@pytest.fixture(scope="module")
def kraken(house: House, clock: SkippingClock) -> KrakenVenue:
    return connect(house, clock)


@pytest.fixture
def desk(
    db: None,
    house: House,
    kraken: KrakenVenue,
    clock: SkippingClock,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> Iterator[Desk]:
    with without_fsync():
        yield Desk(house, kraken, clock, monkeypatch, tell=lambda seconds: record_property(NAKED, seconds))


@contextmanager
def without_fsync() -> Iterator[None]:
    """No story pulls the plug, so SQLite need not wait for the disk."""
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous=OFF")
    yield
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous=FULL")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The worst story of each file, in seconds that coins stood without an order of that kind."""
    worst: dict[str, dict[str, tuple[float, str]]] = {}
    for report in terminalreporter.getreports("passed"):
        for name, seconds in getattr(report, "user_properties", ()):
            if name == NAKED:
                file, _, story = report.nodeid.partition("::")
                of_file = worst.setdefault(file, {})
                for kind, value in seconds.items():
                    of_file[kind] = max(of_file.get(kind, (0.0, "")), (value, story))
    if worst:
        terminalreporter.section("coins at the venue without an order, worst of each file")
    for file, kinds in worst.items():
        told = ", ".join(f"{kind} {value:.1f} s ({story})" for kind, (value, story) in kinds.items() if value)
        terminalreporter.write_line(f"{file}: {told or 'never'}")
