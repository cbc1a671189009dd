"""The paper venue as a process: it starts or says why not, survives kill -9, and stops when told."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import ccxt
import pytest

from tests.contract.paper_control import Control
from tests.contract.paper_house import KEY, PRIVATE_KEY

ROOT = Path(__file__).resolve().parent.parent.parent
COMMAND = (sys.executable, "-m", "brackets.venue.paper", "--key", KEY)
PATIENCE_SECONDS = 20.0
pytestmark = pytest.mark.process


class Venue:
    """A child process; `url` is known as soon as it says that it is ready."""

    def __init__(self, state: Path, *more: str, port: int = 0) -> None:
        self.child = subprocess.Popen(
            [*COMMAND, "--no-limits", "--port", str(port), "--state", str(state), *more],
            cwd=ROOT,
            env=os.environ | {"PAPER_PRIVATE_KEY": PRIVATE_KEY},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.child.stdout is not None
        self.ready = self.child.stdout.readline()
        assert " READY " in self.ready, self.child.communicate()[1]
        self.url = next(word for word in self.ready.split() if word.startswith("http"))

    def ccxt(self) -> ccxt.kraken:
        return ccxt.kraken(
            {
                "apiKey": KEY,
                "secret": PRIVATE_KEY,
                "enableRateLimit": False,
                "urls": {"api": {"public": self.url, "private": self.url}},
            }
        )

    def end(self, number: int = signal.SIGKILL) -> int:
        self.child.send_signal(number)
        return self.child.wait(PATIENCE_SECONDS)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "never seen"
        time.sleep(0.01)


@pytest.fixture
def state(tmp_path) -> Path:
    return tmp_path / "venue.sqlite3"


@pytest.fixture
def started() -> Iterator[list[Venue]]:
    venues: list[Venue] = []
    yield venues
    for venue in venues:
        if venue.child.poll() is None:
            venue.end()
        venue.child.communicate()


def refused(state: Path, *more: str, port: str = "0", **environment: str) -> str:
    """The one sentence of a start that failed."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "brackets.venue.paper",
            "--port",
            port,
            "--state",
            str(state),
            "--key",
            KEY,
            *more,
        ],
        cwd=ROOT,
        env=os.environ | {"PAPER_PRIVATE_KEY": PRIVATE_KEY} | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    (sentence,) = done.stderr.splitlines()
    return sentence


def everything(page: Callable[[int], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The raw rows of all pages of 50."""
    rows: list[dict[str, Any]] = []
    while more := page(len(rows)):
        rows += [row["info"] for row in more]
    return rows


def test_it_loses_nothing_it_answered_to_a_kill(state, started):
    started.append(venue := Venue(state))
    kraken = venue.ccxt()
    last = kraken.fetch_ticker("ETH/USD")["last"]
    close = {"ordertype": "stop-loss", "price": str(round(last / 2, 2))}
    placed = [
        kraken.create_order(
            "ETH/USD", "market", "buy", 0.01, None, {"clientOrderId": f"k{i}", "close": close}
        )
        for i in range(5)
    ]
    venue.end()
    started.append(again := Venue(state))
    kraken = again.ccxt()
    found = kraken.fetch_orders_by_ids([order["id"] for order in placed])
    assert {order["clientOrderId"] for order in found} == {f"k{i}" for i in range(5)}
    assert {order["info"]["refid"] for order in kraken.fetch_open_orders()} == {o["id"] for o in placed}
    assert kraken.fetch_balance()["ETH"]["total"] == pytest.approx(0.05)
    assert len(kraken.fetch_my_trades()) == 5


def test_it_keeps_its_books_whole_when_killed_at_work(state, started):
    answered: list[str] = []

    def trade(kraken: ccxt.kraken) -> None:
        """Buy and sell until the venue is gone; remember what it answered."""
        with pytest.raises(ccxt.NetworkError):
            for number in range(100_000):
                side = "sell" if number % 2 else "buy"
                answered.append(kraken.create_order("ETH/USD", "market", side, 0.01)["id"])

    def work_and_die(wanted: int) -> None:
        started.append(venue := Venue(state))
        kraken = venue.ccxt()
        kraken.load_markets()
        worker = threading.Thread(target=trade, args=(kraken,))
        worker.start()
        wait_until(lambda: len(answered) >= wanted or not worker.is_alive())
        venue.end()
        worker.join(PATIENCE_SECONDS)

    for wanted in (20, 60, 110):
        work_and_die(wanted)
    started.append(venue := Venue(state))
    kraken = venue.ccxt()
    kraken.number = str
    pages = [answered[first : first + 50] for first in range(0, len(answered), 50)]
    told = [order["id"] for page in pages for order in kraken.fetch_orders_by_ids(page)]
    assert sorted(told) == sorted(answered)
    entries = everything(lambda offset: kraken.fetch_ledger(params={"ofs": offset}))
    balance = kraken.fetch_balance()
    for asset, code in (("ZUSD", "USD"), ("XETH", "ETH")):
        booked = sum(Decimal(e["amount"]) - Decimal(e["fee"]) for e in entries if e["asset"] == asset)
        assert booked == Decimal(balance[code]["total"])


def test_it_moves_by_itself(state, started):
    started.append(venue := Venue(state, "--seed", "3"))
    kraken = venue.ccxt()
    first = kraken.fetch_ticker("BTC/USD")["last"]
    wait_until(lambda: kraken.fetch_ticker("BTC/USD")["last"] != first)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_when_told(state, started, number):
    started.append(venue := Venue(state))
    venue.ccxt().fetch_balance()
    assert venue.end(number) == 0
    assert venue.child.communicate()[1] == ""


def test_it_writes_its_log_beside_the_state(state, started):
    started.append(venue := Venue(state))
    venue.ccxt().fetch_balance()
    venue.end(signal.SIGTERM)
    log = state.with_name(state.name + ".log").read_text()
    assert "BalanceEx" in log
    assert PRIVATE_KEY not in log


def test_it_says_that_a_port_is_taken_and_touches_nothing(state):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert port in refused(state, port=port)
    assert not state.exists()


def test_it_says_what_else_is_wrong(state, tmp_path):
    assert "PAPER_SPEED" in refused(state, "--speed", "fast")
    assert "missing.csv" in refused(state, "--market", str(tmp_path / "missing.csv"))
    assert "--balance" in refused(state, "--balance", "ZUSD=many")
    assert "base64" in refused(state, PAPER_PRIVATE_KEY="not base64!")
    assert "PAPER_PRIVATE_KEY" in refused(state, PAPER_PRIVATE_KEY="")
    state.write_text("this is no database, and long enough to be sure of it")
    assert str(state) in refused(state)


def test_it_says_that_a_state_file_is_in_use(state, started):
    started.append(Venue(state))
    assert "in use" in refused(state)


def test_it_says_that_a_state_cannot_be_written():
    assert "/proc/nothing" in refused(Path("/proc/nothing/venue.sqlite3"))


def test_it_moves_another_worlds_state_aside(state, started):
    for world, orders in (("one", 1), ("one", 1), ("two", 0)):
        started.append(venue := Venue(state, "--world", world))
        kraken = venue.ccxt()
        if len(started) == 1:
            kraken.create_order("ETH/USD", "market", "buy", 0.01)
        assert len(kraken.fetch_my_trades()) == orders
        venue.end(signal.SIGTERM)
    assert len(list(state.parent.glob("venue.sqlite3.old-*"))) == 1


def test_it_begins_with_the_balances_it_is_given(state, started):
    started.append(venue := Venue(state, "--balance", "ZUSD=500", "--balance", "ETH=2"))
    total = venue.ccxt().fetch_balance()["total"]
    assert (total["USD"], total["ETH"]) == (500, 2)


def test_the_control_channel_is_there_only_where_it_was_asked_for(tmp_path, started):
    started.append(plain := Venue(tmp_path / "plain"))
    assert "control=" not in plain.ready
    started.append(held := Venue(tmp_path / "held", "--control-port", "0"))
    control = Control.of_ready(held.ready)
    assert control.url.startswith("http://127.0.0.1:")
    control.price("ETH/USD", "1234.50")
    assert held.ccxt().fetch_ticker("ETH/USD")["last"] == 1234.5
    assert "99999" in refused(tmp_path / "third", "--control-port", "99999")
