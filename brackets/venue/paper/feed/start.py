"""What a feed is asked before anything runs: its pairs and prices; or what was stored of them.

Used by `cli.py`. Without the feed a venue goes on from what its state remembers; the first start needs it.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterable
from http.client import HTTPException
from typing import Any
from urllib.parse import urlencode, urlsplit

from brackets.venue.paper.codec import decode, encode
from brackets.venue.paper.feed.market import FeedMarket
from brackets.venue.paper.feed.parsing import Quote, pairs_of, quotes_of
from brackets.venue.paper.market import BadMarket
from brackets.venue.paper.pairs import Pair, list_pair
from brackets.venue.paper.store import BadState, Store

PATIENCE_SECONDS = 10
MOST_PAIRS_ASKED = 500  # in one request: Kraken has about as many against the dollar
REMEMBERED = "pairs"  # in the state


class FeedDown(Exception):
    """The feed did not answer, or not in Kraken's words."""


def feed_market(url: str, *, store: Store) -> FeedMarket:
    """The market of a feed, its pairs listed and remembered. Raises BadMarket and BadState."""
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        raise BadMarket(f"the feed's address is {url!r}; give one like https://api.kraken.com.")
    remembered = _remembered(store)
    quotes: list[Quote] = []
    try:
        told = pairs_of(asked(url, "Assets"), asked(url, "AssetPairs"))
        quotes = [quote for part in _parts(told) for quote in _quotes(url, part)]
    except FeedDown as error:
        if not remembered:
            raise BadMarket(
                f"the feed at {url} does not answer ({error}), and nothing is stored of it yet; "
                "start again when it does."
            ) from None
        told = []
    pairs = {pair.symbol: pair for pair in (*remembered, *told)}
    for pair in pairs.values():
        list_pair(pair)
    store.remember(REMEMBERED, [encode(pair) for pair in pairs.values()])
    market = FeedMarket(quotes, symbols=pairs)
    stored = store.read("market")
    if stored is not None:
        market.restore(stored)
    if not market.symbols:
        raise BadMarket(f"the feed at {url} tells no price of a pair in US dollars.")
    return market


def asked(url: str, method: str, **fields: str) -> dict[str, Any]:
    """The result of a public method. Raises FeedDown."""
    address = f"{url.rstrip('/')}/0/public/{method}" + (f"?{urlencode(fields)}" if fields else "")
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE_SECONDS) as answer:
            told = json.load(answer)
        if told["error"]:
            raise FeedDown(", ".join(told["error"]))
        result: dict[str, Any] = told["result"]
    except (OSError, HTTPException, urllib.error.URLError, ValueError, KeyError, TypeError) as error:
        raise FeedDown(str(error) or type(error).__name__) from None
    return result


def _quotes(url: str, pairs: list[Pair]) -> list[Quote]:
    try:
        return quotes_of(asked(url, "Ticker", pair=",".join(pair.code for pair in pairs)), pairs)
    except (KeyError, TypeError, ValueError, ArithmeticError, IndexError) as error:
        raise FeedDown(f"its prices cannot be read: {error!r}") from None


def _parts(pairs: list[Pair]) -> Iterable[list[Pair]]:
    return (pairs[index : index + MOST_PAIRS_ASKED] for index in range(0, len(pairs), MOST_PAIRS_ASKED))


def _remembered(store: Store) -> list[Pair]:
    try:
        return [decode(Pair, text) for text in store.read(REMEMBERED) or []]
    except (ValueError, KeyError, TypeError) as error:
        raise BadState(f"the pairs stored in {store.path} are damaged ({error!r}).") from None
