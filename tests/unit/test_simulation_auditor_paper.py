"""The log of a paper venue's own file: the same rules judge a venue that ran as a process."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from brackets.venue.paper.engine import Engine
from brackets.venue.paper.forms import Form
from brackets.venue.paper.journal import Journal, event_lines, outcome_of, request_line
from brackets.venue.paper.limits import Limits
from brackets.venue.paper.market import Tick
from brackets.venue.paper.orders import Side
from brackets.venue.paper.store import Store
from brackets.venue.paper.trading import METHODS
from tests.simulation.auditor import Circumstances, VenueLog, audit, log_of_paper_store
from tests.simulation.auditor.records import Amended, Ended, Filled, Placed, Requested, Troubled

BEGAN = Decimal(1_767_268_800)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ETH = "ETH/USD"


class House:
    """A paper venue without a server: engine, store and line log."""

    limits = Limits()

    def __init__(self, folder: Path) -> None:
        self.path, self.lines = folder / "venue.sqlite3", folder / "venue.sqlite3.log"
        self.store, self.journal = Store(self.path), Journal(self.lines, stdout=None)
        self.engine = Engine(seed="a", ticks=[self.tick("2500")])
        self.engine.deposit(asset="ZUSD", amount=Decimal(10_000), now=BEGAN)
        self.now = BEGAN
        self.commit()

    def tick(self, last: str) -> Tick:
        half = Decimal("0.05")
        price = Decimal(last)
        return Tick(symbol=ETH, bid=price - half, ask=price + half, last=price, depth=Decimal(50))

    def ask(self, method: str, **fields: Any) -> str:
        """One request, its changes and its line; what it came to."""
        self.now += 1
        form = Form(fields)
        result = METHODS[method](self, form, self.now)  # type: ignore[arg-type]
        self.journal.write(self.now, request_line(method, form, outcome=outcome_of(result)))
        self.commit()
        return outcome_of(result).partition("=")[2]

    def move(self, last: str) -> None:
        self.now += 1
        self.engine.advance([self.tick(last)], now=self.now)
        self.commit()

    def commit(self) -> None:
        changes = self.engine.take_changes()
        self.store.commit(changes, state={})
        for line in event_lines(changes.events):
            self.journal.write(self.now, line)

    def log(self, *, lines: bool = True) -> VenueLog:
        return log_of_paper_store(self.path, lines=[self.lines] if lines else [])


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.store.close()
    house.journal.close()


def buy(house: House, name: str, volume: str = "0.1", *, stop: str = "2450") -> None:
    close = {"ordertype": "stop-loss", "price": stop}
    house.ask(
        "AddOrder", pair="ETHUSD", type="buy", ordertype="market", volume=volume, cl_ord_id=name, close=close
    )


def stops(house: House) -> list[str]:
    return [order.txid for order in house.engine.open_orders.values() if order.side is Side.SELL]


def kinds(house: House, *, lines: bool = True) -> list[str]:
    ended = NOON + timedelta(seconds=float(house.now - BEGAN) + 30)
    log = house.log(lines=lines)
    return [complaint.kind for complaint in audit(log, Circumstances(ended_at=ended))]


def test_a_round_trip_is_read_as_it_was(house: House) -> None:
    buy(house, "11111111111111111111111111111111")
    house.move("2449")
    log = house.log()
    kinds_of = [type(r) for r in log.records if not isinstance(r, Requested)]
    assert kinds_of.count(Placed) == kinds_of.count(Filled) == kinds_of.count(Ended) == 2
    (entry, stop) = [r for r in log.records if isinstance(r, Placed)]
    assert (entry.side, entry.close_price, entry.by_owner) == ("buy", Decimal(2450), False)
    assert (stop.refid, stop.trigger_price, stop.by_owner) == (entry.txid, Decimal(2450), False)
    assert kinds(house) == []


def test_merged_stops_are_judged_by_what_they_were_at_each_moment(house: House) -> None:
    buy(house, "11111111111111111111111111111111")
    buy(house, "22222222222222222222222222222222", "0.05")
    smaller, larger = stops(house)[1], stops(house)[0]
    house.ask("CancelOrder", txid=smaller)
    house.ask("AmendOrder", txid=larger, order_qty="0.15")
    house.move("2449")
    amended = [r for r in house.log().records if isinstance(r, Amended)]
    assert [(r.txid, r.quantity) for r in amended] == [(larger, Decimal("0.15"))]
    assert kinds(house) == []
    assert "sold more than bought" in kinds(house, lines=False), "without the lines it was always as large"


def test_what_is_left_is_seen(house: House) -> None:
    buy(house, "11111111111111111111111111111111")
    assert kinds(house) == ["left at the venue", "coins left"]


def test_orders_of_the_owner_are_told_apart(house: House) -> None:
    house.ask("AddOrder", pair="ETHUSD", type="buy", ordertype="market", volume="0.1")
    (placed,) = [r for r in house.log().records if isinstance(r, Placed)]
    assert placed.by_owner
    assert kinds(house) == []


def test_ordered_faults_are_trouble(house: House) -> None:
    house.journal.write(house.now, "FAULT AddOrder timeout_after")
    (trouble,) = [r for r in house.log().records if isinstance(r, Troubled)]
    assert trouble.what == "FAULT AddOrder timeout_after"


def test_a_stop_above_the_market_is_placed_before_it_sells_in_the_same_moment(house: House) -> None:
    """The price had fallen through the stop while the entry was on its way."""
    buy(house, "11111111111111111111111111111111", stop="2600")
    assert sum(isinstance(record, Filled) for record in house.log().records) == 2
    assert kinds(house) == []
