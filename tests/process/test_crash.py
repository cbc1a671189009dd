"""Real processes, killed from outside at the worst moments; the venue's own record is the judge.

The kill happens when the venue has answered and Backstop has not heard it. Nothing in the product
knows of it. After the restart there must be one entry, full protection or a finished exit, and a book
that agrees with the venue.
"""

import urllib.request
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.process.conftest import free_port
from tests.process.databases import fresh_database
from tests.process.proxy import Cut
from tests.process.world import World, write_candles

pytestmark = pytest.mark.process
RISING = [2500.0 + 6 * step for step in range(120)]  # 1.2 points a wall second at speed 60
FLAT = [2500.0, 2501.0] * 60
FALLING = [2500.0 - 6 * step for step in range(120)]


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[Callable[[list[float]], World]]:
    worlds: list[World] = []
    with fresh_database(tmp_path) as url:

        def make(prices: list[float]) -> World:
            candles = write_candles(tmp_path / "kraken_ETHUSD_5m.csv", prices)
            world = World(tmp_path, url, free_port, candles)
            worlds.append(world)
            world.prepare()
            world.start("web", "watch")
            world.wait_for(world.recovered, "the first comparison with the venue")
            return world

        yield make
        for world in worlds:
            world.close()


def buy(world: World, *, stop: str, target: str) -> int:
    status, answer = world.post(
        "commands/buy/",
        {
            "symbol": "ETH/USD",
            "amount_usd": "50",
            "entry_type": "market",
            "stop_loss_price": stop,
            "take_profit_price": target,
        },
    )
    assert status == 202, answer
    return int(answer["trade"])


def in_state(world: World, *states: str) -> Callable[[], bool]:
    return lambda: world.bracket()["state"] in states


def closed(world: World, trade: int) -> Callable[[], bool]:
    return lambda: world.get(f"trades/{trade}/")["status"] == "CLOSED"


def last_price(world: World) -> Decimal:
    import json

    url = f"http://127.0.0.1:{world.venue_port}/0/public/Ticker?pair=XETHZUSD"
    with urllib.request.urlopen(url, timeout=5) as answer:
        return Decimal(json.load(answer)["result"]["XETHZUSD"]["c"][0])


def levels(world: World, *, stop_percent: str, target_percent: str) -> dict[str, str]:
    price, cent = last_price(world), Decimal("0.01")
    return {
        "stop": str((price * (1 - Decimal(stop_percent) / 100)).quantize(cent)),
        "target": str((price * (1 + Decimal(target_percent) / 100)).quantize(cent)),
    }


def test_it_buys_once_when_killed_between_the_entry_and_its_record(
    make_world: Callable[[list[float]], World],
) -> None:
    world = make_world(FLAT)
    cut = Cut("AddOrder", "type=buy", action=lambda: world.kill("watch"))
    world.wire.cuts.append(cut)
    buy(world, **levels(world, stop_percent="5", target_percent="20"))
    assert cut.done.wait(30), world.logs()
    assert world.bracket()["state"] == "ENTRY_PLACED"  # the venue has bought, the book does not know

    world.start("watch")
    world.wait_for(in_state(world, "BRACKET_ACTIVE"), "full protection after the restart")

    assert world.placed("buy") == 1
    bracket = world.bracket()
    stop = next(leg for leg in bracket["legs"] if leg["kind"] == "stop")
    assert stop["custody"] == "RESTING"
    assert Decimal(bracket["unprotected_seconds"]) < 1
    assert "agree" in world.manage("prove").stdout


def test_it_sells_once_when_killed_between_the_canceled_stop_and_the_exit(
    make_world: Callable[[list[float]], World],
) -> None:
    world = make_world(RISING)
    trade = buy(world, **levels(world, stop_percent="5", target_percent="0.8"))
    world.wait_for(in_state(world, "BRACKET_ACTIVE", "EXITING"), "protection")
    cut = Cut("CancelOrder", "txid=", action=lambda: world.kill("watch"))
    world.wire.cuts.append(cut)
    assert cut.done.wait(60), world.logs()
    assert world.placed("sell") == 0  # the stop is gone from the venue and nothing is sold yet

    world.start("watch")
    world.wait_for(closed(world, trade), "the finished exit after the restart")

    settled = world.get(f"trades/{trade}/")
    assert settled["exit_reason"] == "take_profit"
    # The gap is the time we were dead, seen and counted: from the canceled stop to the sale.
    assert Decimal(0) < Decimal(world.bracket()["unprotected_seconds"]) < 20
    assert world.placed("buy") == 1
    assert world.placed("sell") == 1
    assert "agree" in world.manage("prove").stdout


def test_it_sells_once_when_killed_between_the_exit_and_its_record(
    make_world: Callable[[list[float]], World],
) -> None:
    world = make_world(RISING)
    trade = buy(world, **levels(world, stop_percent="5", target_percent="0.8"))
    cut = Cut("AddOrder", "type=sell", action=lambda: world.kill("watch"))
    world.wire.cuts.append(cut)
    assert cut.done.wait(60), world.logs()

    world.start("watch")
    world.wait_for(closed(world, trade), "the finished exit after the restart")

    assert world.get(f"trades/{trade}/")["exit_reason"] == "take_profit"
    assert world.placed("sell") == 1
    assert "agree" in world.manage("prove").stdout


def test_a_stop_that_fills_while_everything_is_down_is_settled_after_the_restart(
    make_world: Callable[[list[float]], World],
) -> None:
    world = make_world(FALLING)
    trade = buy(world, **levels(world, stop_percent="0.5", target_percent="20"))
    world.wait_for(in_state(world, "BRACKET_ACTIVE", "SL_FILLED"), "protection")
    world.kill("watch")
    world.kill("web")
    world.wait_for(lambda: "stopped" in (world.folder / "venue.log").read_text(), "the stop's trigger")

    world.start("web", "watch")
    world.wait_for(closed(world, trade), "the settled stop")

    assert world.get(f"trades/{trade}/")["exit_reason"] == "stop_loss"
    assert "agree" in world.manage("prove").stdout


def test_the_venue_survives_its_own_kill(make_world: Callable[[list[float]], World]) -> None:
    world = make_world(FLAT)
    trade = buy(world, **levels(world, stop_percent="5", target_percent="20"))
    world.wait_for(in_state(world, "BRACKET_ACTIVE"), "protection")
    world.kill("venue")
    world.wait_for(lambda: not world.get("status/")["venue"]["reachable"], "the status says so")
    world.start_venue()
    world.wait_for(lambda: world.get("status/")["venue"]["reachable"], "the venue is back")

    status, _ = world.post("commands/close/", {"trade": trade})
    assert status == 202
    world.wait_for(closed(world, trade), "the close")
    assert world.get(f"trades/{trade}/")["exit_reason"] == "manual"
    assert "agree" in world.manage("prove").stdout
