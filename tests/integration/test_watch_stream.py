"""The watch and the paper venue's server, wired by REST and both streams: the whole way, with real time.

Where a test says that nobody asks, the full comparison by REST is put off for an hour: what comes about
then was told by the stream.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from brackets import accounts, readers
from brackets.core.states import OrderStatus, Role, State
from brackets.models import Account, Bracket, Order, SenderKey
from brackets.venue.kraken.adapter import KrakenVenue
from brackets.venue.paper.server import wall_clock
from brackets.venue.port import Accepted
from brackets.venue.sender import SenderSlot, fingerprint
from brackets.watch import Runner, Watch
from brackets.watch.following import StreamState
from brackets.watch.streams import Addresses, Streams
from tests.contract.paper_house import KEY, PRIVATE_KEY, House
from tests.integration.engine_world import database_for_threads, fresh
from trading import configuration, door
from trading.models import Trade
from trading.status import read_status

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE_SECONDS = 30
STOP, TARGET = Decimal("1900"), Decimal("2100")
AN_HOUR = timedelta(hours=1)


class BeatingHouse(House):
    """A house whose time passes: heartbeats come as they do from a running venue."""

    def __init__(self) -> None:
        super().__init__()
        self._over = threading.Event()
        self._beating = threading.Thread(target=self._beat, daemon=True)
        self._beating.start()

    def _beat(self) -> None:
        while not self._over.wait(0.3):
            self.inside(lambda: self.service.hub.beat(wall_clock()))

    def close(self) -> None:
        self._over.set()
        self._beating.join(10)
        super().close()


class Desk:
    """One running watch on one house."""

    def __init__(self, house: House, venue: KrakenVenue, account: Account) -> None:
        self.house, self.venue, self.account = house, venue, account
        self.watch = Watch(account=fresh(account), venue=venue)
        url = house.url.replace("http", "ws", 1) + "/v2"
        self.runner = Runner(
            self.watch,
            streams=lambda runner: Streams(
                self.watch,
                runner,
                token=venue.websocket_token,
                addresses=Addresses(private=url, public=url),
            ),
        )

    def run(self, scenario: Callable[[Desk], Any]) -> None:
        """The watch runs while the scenario does, and ends cleanly."""

        async def running() -> None:
            task = asyncio.create_task(self.runner.run())
            try:
                await asyncio.to_thread(guarded_scenario)
            finally:
                self.watch.stopping.set()
                await asyncio.wait_for(task, PATIENCE_SECONDS)

        failures: list[BaseException] = []

        def guarded_scenario() -> None:
            try:
                self.eventually(lambda: fresh(self.account).recovered_at is not None)
                scenario(self)
            except BaseException as failure:
                failures.append(failure)
            finally:
                connection.close()

        asyncio.run(running())
        self.runner.threads.shutdown(wait=True)  # none may hold a row while the tables are emptied
        if failures:
            raise failures[0]

    def eventually(self, true: Callable[[], bool]) -> None:
        ends = time.monotonic() + PATIENCE_SECONDS
        while not true():
            assert time.monotonic() < ends, f"it did not come about: {self.told()}"
            time.sleep(0.02)

    def told(self) -> str:
        rows = [f"{b} {b.alarm}" for b in Bracket.objects.all()]
        return f"{self.watch.follower.state} {self.watch.follower.error} {rows}"

    def live(self) -> None:
        self.eventually(lambda: self.watch.follower.is_live)

    def nobody_asks(self) -> None:
        self.watch.last_cycle_at = timezone.now() + AN_HOUR

    def open(self) -> Trade:
        verdict = door.open_position_with_brackets(
            self.account.name, "ETH/USD", "buy", Decimal("0.1"), "market", STOP, TARGET, Trade.Source.COMMAND
        )
        assert isinstance(verdict, door.Opened), verdict
        return verdict.trade

    def cancel_by_hand(self, venue_order_id: str | None) -> None:
        """With the same key, and without the book knowing of it."""
        assert venue_order_id is not None
        assert isinstance(self.venue.cancel(venue_order_id), Accepted)

    def in_state(self, trade: Trade, *states: State) -> Callable[[], bool]:
        return lambda: Bracket.objects.get(pk=trade.bracket_id).state in states

    def stop(self) -> Order:
        return Order.objects.get(role=Role.STOP, status=OrderStatus.OPEN)


@pytest.fixture
def house() -> Iterator[House]:
    made = BeatingHouse()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def desk(
    house: House, transactional_db: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Any
) -> Iterator[Desk]:
    settings.WATCH_HOOKS = ["trading.hooks.settle"]
    settings.KRAKEN_TIER = "pro"
    with database_for_threads(tmp_path):
        monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)  # no thread leaves one behind
        name, now = fingerprint(url=house.url, api_key=KEY), timezone.now()
        SenderKey.objects.create(key_fingerprint=name, counter_thousandths=0, counter_at=now, updated_at=now)
        venue = KrakenVenue(
            slot=SenderSlot(key_fingerprint=name, tier="pro"),
            url=house.url,
            api_key=KEY,
            private_key=PRIVATE_KEY,
            patience_seconds=20,
        )
        monkeypatch.setattr("brackets.venues.of", lambda account, patience_seconds=0.0: venue)
        account = accounts.current()
        configuration.of(account)
        readers.refresh_instruments(account, venue)
        yield Desk(house, venue, account)


def test_the_stream_alone_carries_a_trade_from_its_fill_to_its_end(desk: Desk) -> None:
    def scenario(desk: Desk) -> None:
        desk.live()
        desk.nobody_asks()
        trade = desk.open()
        desk.eventually(desk.in_state(trade, State.BRACKET_ACTIVE))
        desk.nobody_asks()
        desk.house.move("2101")
        desk.eventually(lambda: Trade.objects.get(pk=trade.pk).status == "CLOSED")
        assert Trade.objects.get(pk=trade.pk).exit_reason == "take_profit"

    desk.run(scenario)


def test_a_stop_that_triggers_is_told(desk: Desk) -> None:
    def scenario(desk: Desk) -> None:
        desk.live()
        desk.nobody_asks()
        trade = desk.open()
        desk.eventually(desk.in_state(trade, State.BRACKET_ACTIVE))
        desk.nobody_asks()
        desk.house.move("1899")
        desk.eventually(lambda: Trade.objects.get(pk=trade.pk).status == "CLOSED")
        assert Trade.objects.get(pk=trade.pk).exit_reason == "stop_loss"

    desk.run(scenario)


def test_a_stop_canceled_by_hand_is_replaced(desk: Desk) -> None:
    def scenario(desk: Desk) -> None:
        desk.live()
        trade = desk.open()
        desk.eventually(desk.in_state(trade, State.BRACKET_ACTIVE))
        desk.nobody_asks()
        before = desk.stop().venue_order_id
        desk.cancel_by_hand(before)
        desk.eventually(lambda: Order.objects.filter(role=Role.STOP).count() == 2)
        desk.eventually(desk.in_state(trade, State.BRACKET_ACTIVE))
        assert desk.stop().venue_order_id != before

    desk.run(scenario)


def test_without_the_stream_it_polls_and_with_it_again_it_follows(desk: Desk) -> None:
    def scenario(desk: Desk) -> None:
        desk.live()
        trouble = desk.house.service.hub.trouble
        desk.house.inside(lambda: setattr(trouble, "refusing_until", wall_clock() + 3600))
        desk.house.inside(desk.house.service.hub.drop_all)
        desk.eventually(lambda: desk.watch.follower.state is StreamState.LOST)
        trade = desk.open()
        desk.eventually(desk.in_state(trade, State.BRACKET_ACTIVE))
        desk.eventually(lambda: read_status(fresh(desk.account))["watch"]["stream"] == "lost")
        desk.house.inside(trouble.calm)
        desk.live()
        desk.eventually(lambda: read_status(fresh(desk.account))["watch"]["stream"] == "live")

    desk.run(scenario)
    assert read_status(fresh(desk.account))["watch"]["stream"] == "off"


def test_what_ended_while_nobody_listened_is_read(desk: Desk) -> None:
    def scenario(desk: Desk) -> None:
        desk.live()
        trade = desk.open()
        desk.eventually(desk.in_state(trade, State.BRACKET_ACTIVE))
        trouble = desk.house.service.hub.trouble
        desk.house.inside(lambda: setattr(trouble, "refusing_until", wall_clock() + 3600))
        desk.house.inside(desk.house.service.hub.drop_all)
        desk.eventually(lambda: desk.watch.follower.state is StreamState.LOST)
        desk.nobody_asks()
        before = desk.stop()
        desk.cancel_by_hand(before.venue_order_id)
        desk.nobody_asks()
        desk.house.inside(trouble.calm)
        desk.eventually(lambda: Order.objects.get(pk=before.pk).status == OrderStatus.CANCELED)

    desk.run(scenario)


def test_prices_come_by_the_stream_and_by_asking_where_it_is_silent(desk: Desk) -> None:
    def scenario(desk: Desk) -> None:
        desk.eventually(lambda: desk.watch.prices_are_streamed)
        desk.house.move("2042")
        desk.eventually(lambda: desk.watch.fresh_prices(["ETH/USD"])["ETH/USD"].quote.last == Decimal("2042"))
        # Nothing moves any more; the round asks, so that the price stays one to act upon.
        first = desk.watch.fresh_prices(["ETH/USD"])["ETH/USD"].read_at
        desk.eventually(
            lambda: desk.watch.fresh_prices(["ETH/USD"])["ETH/USD"].read_at > first + timedelta(seconds=3)
        )

    desk.run(scenario)
