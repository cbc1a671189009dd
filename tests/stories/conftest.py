"""What the stories share: one server a module, its clock, and a desk for each story.

The seconds in which coins were naked at the venue are printed with `-rP` (or `--durations`-like reports read
them as the property `naked` of each test).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from brackets.venue.kraken.adapter import KrakenVenue
from brackets.venue.paper import server
from tests.contract import paper_house
from tests.contract.paper_house import House
from tests.stories.clock import SkippingClock
from tests.stories.desk import Desk, connect


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
) -> Desk:
    return Desk(house, kraken, clock, monkeypatch)
