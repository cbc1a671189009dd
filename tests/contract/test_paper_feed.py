"""Paper mode's market: one paper venue takes its prices from another, which may go away and come back."""

from collections.abc import Iterator
from pathlib import Path

import ccxt
import pytest

from tests.contract.paper_control import Control
from tests.contract.test_paper_server_process import Venue, refused, wait_until

pytestmark = pytest.mark.process
ETH = "ETH/USD"


@pytest.fixture
def started() -> Iterator[list[Venue]]:
    venues: list[Venue] = []
    yield venues
    for venue in venues:
        if venue.child.poll() is None:
            venue.end()
        venue.child.communicate()


@pytest.fixture
def exchange(tmp_path: Path, started: list[Venue]) -> Venue:
    """The venue whose prices are used."""
    venue = Venue(tmp_path / "exchange", "--pairs", "8", "--control-port", "0")
    started.append(venue)
    Control.of_ready(venue.ready).freeze()
    return venue


def follower(tmp_path: Path, started: list[Venue], exchange: Venue, *more: str) -> Venue:
    arguments = ("--market", "feed", "--feed-url", exchange.url, *more)
    started.append(venue := Venue(tmp_path / "follower", *arguments))
    return venue


def last(kraken: ccxt.kraken, symbol: str = ETH) -> float:
    return kraken.fetch_ticker(symbol)["last"]


def log_of(tmp_path: Path) -> str:
    return (tmp_path / "follower.log").read_text()


def test_it_trades_the_feeds_pairs_at_the_feeds_prices(tmp_path, started, exchange):
    kraken = follower(tmp_path, started, exchange).ccxt()
    assert "C0008/USD" in kraken.load_markets()
    hand = Control.of_ready(exchange.ready)
    hand.price(ETH, "2500.00")
    wait_until(lambda: last(kraken) == 2500.0)
    order = kraken.create_order(ETH, "limit", "buy", 0.5, 2400)
    hand.price(ETH, "2399.00")
    wait_until(lambda: kraken.fetch_order(order["id"])["status"] == "closed")
    assert exchange.ccxt().fetch_closed_orders() == []  # only the prices are the feed's


def test_it_hears_the_stream_where_there_is_one(tmp_path, started, exchange):
    started.append(other := Venue(tmp_path / "other", "--control-port", "0"))
    hand = Control.of_ready(other.ready)
    stream = other.url.replace("http", "ws") + "/v2"
    kraken = follower(tmp_path, started, exchange, "--feed-ws-url", stream).ccxt()
    wait_until(lambda: hand.look()["subscribed"] == 1)
    hand.price(ETH, "3333.00")  # which the first venue, asked by REST, knows nothing of
    wait_until(lambda: last(kraken) == 3333.0)
    assert hand.websocket("drop") == {"dropped": 1}
    wait_until(lambda: hand.look()["subscribed"] == 1)  # it comes again


def test_its_candles_are_the_feeds(tmp_path, started, exchange):
    kraken, theirs = follower(tmp_path, started, exchange).ccxt(), exchange.ccxt()
    bars = kraken.fetch_ohlcv(ETH, "1h")
    assert len(bars) == 720
    assert bars[:-1] == theirs.fetch_ohlcv(ETH, "1h")[:-1]


def test_without_the_feed_the_market_stands_still_until_it_is_back(tmp_path, started, exchange):
    kraken = follower(tmp_path, started, exchange).ccxt()
    Control.of_ready(exchange.ready).price(ETH, "2500.00")
    wait_until(lambda: last(kraken) == 2500.0)
    port = int(exchange.url.rsplit(":", 1)[1])
    exchange.end()
    wait_until(lambda: "FEED prices lost" in log_of(tmp_path))
    assert (last(kraken), kraken.fetch_status()["status"]) == (2500.0, "ok")
    again = Venue(tmp_path / "exchange", "--pairs", "8", "--control-port", "0", port=port)
    started.append(again)
    Control.of_ready(again.ready).price(ETH, "2600.00")
    wait_until(lambda: last(kraken) == 2600.0)
    assert "FEED prices back" in log_of(tmp_path)


def test_it_starts_again_without_the_feed_from_what_it_remembers(tmp_path, started, exchange):
    first = follower(tmp_path, started, exchange)
    kraken = first.ccxt()
    placed = kraken.create_order("C0008/USD", "limit", "buy", 10, round(last(kraken, "C0008/USD") / 2, 2))
    price = last(kraken)
    exchange.end()
    first.end()
    again = follower(tmp_path, started, exchange).ccxt()
    assert [order["id"] for order in again.fetch_open_orders()] == [placed["id"]]
    assert last(again) == price


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:9", "does not answer"),
        ("ftp://somewhere", "the feed's address"),
        ("", "the feed's"),
    ],
)
def test_a_first_start_without_the_feed_says_why_not(tmp_path, url, words):
    assert words in refused(tmp_path / "state", "--market", "feed", "--feed-url", url)


def test_a_state_of_another_market_is_not_taken_for_a_feeds(tmp_path, started, exchange):
    started.append(plain := Venue(tmp_path / "plain"))
    plain.end()
    sentence = refused(tmp_path / "plain", "--market", "feed", "--feed-url", exchange.url)
    assert "is of the market 'synthetic'" in sentence
