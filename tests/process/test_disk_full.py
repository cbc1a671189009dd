"""The database's disk is full, under real processes: a clear stop, nothing lost, and it goes on by itself."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings

from tests.process.conftest import free_port, processes_with
from tests.process.disk import ForbiddenGrowth, MountedDisk, small_disk
from tests.process.test_crash import FLAT, buy, closed, in_state, levels
from tests.process.world import World, write_candles

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(
        "sqlite" not in settings.DATABASES["default"]["ENGINE"], reason="the disk of a server is the server's"
    ),
]


@pytest.fixture
def world_on_disk(tmp_path: Path) -> Iterator[tuple[World, MountedDisk | ForbiddenGrowth]]:
    worlds: list[World] = []

    def writers() -> list[int]:
        found = processes_with("KRAKEN_API_URL=" + worlds[0].wire.url)
        return list(found)

    with small_disk(tmp_path / "disk", writers) as disk:
        candles = write_candles(tmp_path / "kraken_ETHUSD_5m.csv", FLAT)
        world = World(tmp_path, f"sqlite:///{disk.folder / 'book.sqlite3'}", free_port, candles)
        worlds.append(world)
        try:
            world.prepare()
            world.start("web", "watch")
            world.wait_for(world.recovered, "the first comparison with the venue")
            yield world, disk
        finally:
            world.close()


def admin_page(world: World) -> tuple[int, str]:
    """What a person sees who presses the button of the login page."""
    request = urllib.request.Request(f"http://127.0.0.1:{world.port}/admin/login/")
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.status, answer.read().decode()


def test_a_full_disk_stops_everything_clearly_and_loses_nothing(
    world_on_disk: tuple[World, MountedDisk | ForbiddenGrowth],
) -> None:
    world, disk = world_on_disk
    far = levels(world, stop_percent="5", target_percent="20")
    trade = buy(world, **far)
    world.wait_for(in_state(world, "BRACKET_ACTIVE"), "protection")
    before = sent(world)

    disk.fill()
    legs = {"stop_loss_price": far["stop"], "take_profit_price": far["target"]}
    order = {"symbol": "ETH/USD", "amount_usd": "50", "entry_type": "market", **legs}
    said = [world.post("commands/close/", {"trade": trade}, key="to be done once")]
    said.append(world.post("commands/buy/", order, key="not to be done at all"))
    said.append(world.post("commands/liquidate-all/", {"reason": "in a hurry"}))
    for status, problem in said:
        assert status == 503, str(problem)
        assert problem["code"] in ("disk_full", "database_not_writable")
        assert disk.says in problem["detail"]
        assert "nothing is sent" in problem["detail"]
    status, told = world.ask("GET", "status/")  # what is stored can be read all the same
    assert (status, told["open_trades"]) == (200, "1")
    if isinstance(disk, MountedDisk):
        assert disk.says in told["storage"]["error"]
    assert world.bracket()["state"] == "BRACKET_ACTIVE"
    assert admin_page(world)[0] == 200
    world.wait_for(lambda: not world.get("status/")["watch"]["alive"], "that nobody watches is seen")
    assert sent(world) == before  # nothing was done that could not be stored
    assert [process.poll() for process in world.processes.values()] == [None] * 3

    disk.free()
    world.wait_for(lambda: world.get("status/")["watch"]["alive"], "the watch goes on")
    status, answer = world.post("commands/close/", {"trade": trade}, key="to be done once")
    assert status == 202, answer
    world.wait_for(closed(world, trade), "the close")
    assert world.get(f"trades/{trade}/")["exit_reason"] == "manual"
    assert Decimal(world.bracket()["unprotected_seconds"]) < 5
    assert world.placed("buy") == 1
    assert world.placed("sell") == 1
    assert "agree" in world.manage("prove").stdout


def sent(world: World) -> int:
    """How many requests that change something have reached the venue."""
    changing = ("AddOrder", "CancelOrder", "AmendOrder", "CancelAll")
    return sum(method in changing for method, _ in world.wire.requests)
