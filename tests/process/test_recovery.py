"""Everything was off and the venue went on: the start rebuilds the book before a new entry is let through."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.process.proxy import Cut
from tests.process.test_crash import FALLING, buy, closed, levels, make_world
from tests.process.world import World

__all__ = ["make_world"]  # the fixture
pytestmark = pytest.mark.process


def statuses_until(world: World, done: Callable[[dict[str, Any]], bool], what: str) -> list[dict[str, Any]]:
    """What the status said, look after look, until it was so."""
    seen: list[dict[str, Any]] = []

    def look() -> bool:
        seen.append(world.get("status/"))
        return done(seen[-1])

    world.wait_for(look, what)
    return seen


def test_an_entry_that_was_bought_and_stopped_out_unseen_is_rebuilt_before_the_next(
    make_world: Callable[[list[float]], World],
) -> None:
    """Killed between the entry and its record; its stop triggers while nobody is there."""
    world = make_world(FALLING)
    cut = Cut("AddOrder", "type=buy", action=lambda: world.kill("watch"))
    world.wire.cuts.append(cut)
    trade = buy(world, **levels(world, stop_percent="0.3", target_percent="20"))
    assert cut.done.wait(30), world.logs()
    world.kill("web")
    world.wait_for(lambda: "stopped" in (world.folder / "venue.log").read_text(), "the stop's trigger")

    world.prepare()
    world.start("web")
    assert world.get("status/")["recovering"] is True
    status, refused = world.post("commands/buy/", {"symbol": "ETH/USD", "amount_usd": "20"})
    assert (status, refused["code"]) == (503, "recovering")
    world.start("watch")
    seen = statuses_until(world, lambda status: status["recovering"] is False, "the end of the recovery")
    world.wait_for(closed(world, trade), "the settled stop")

    assert all(status["recovering_because"] for status in seen[:-1])
    assert seen[-1]["recovering_because"] is None
    assert world.get(f"trades/{trade}/")["exit_reason"] == "stop_loss"
    assert (world.placed("buy"), world.placed("sell")) == (1, 0)
    assert Decimal(world.bracket()["unprotected_seconds"]) < 1
    assert "agree" in world.manage("prove").stdout
