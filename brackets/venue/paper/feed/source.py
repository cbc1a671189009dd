"""Asking the feed while the venue runs: its stream where there is one, its Ticker otherwise.

Stands beside the server's tick loop. A feed that is down is asked again and again, ever more seldom; the
market stands still meanwhile, and everything else goes on.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import aiohttp

from brackets.venue.paper.bars import INTERVALS
from brackets.venue.paper.feed.market import FeedMarket
from brackets.venue.paper.feed.parsing import candles_of, quote_of_stream, quotes_of
from brackets.venue.paper.feed.start import MOST_PAIRS_ASKED, FeedDown
from brackets.venue.paper.pairs import PAIRS, find_pair

POLL_SECONDS, SELDOM_SECONDS = 1.0, 30.0  # without and with a living stream
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # between attempts at a feed that is down
PATIENCE = aiohttp.ClientTimeout(total=10)
SILENCE_SECONDS = 10.0  # a stream without even a heartbeat is dead
FRESH_SECONDS = 5.0  # bars younger than this are not asked for again
WAIT_SECONDS = 3.0  # how long a client's question for candles waits for the feed
BROKEN = (aiohttp.ClientError, TimeoutError, OSError, FeedDown, ValueError, KeyError, TypeError, IndexError)


@dataclass(slots=True, kw_only=True)
class FeedSource:
    """The feed at `url` (REST), and at `ws_url` (WebSocket v2) where it is not empty."""

    market: FeedMarket
    url: str
    ws_url: str = ""
    note: Callable[[str], None] = lambda line: None
    _session: aiohttp.ClientSession | None = None
    _heard_at: float = float("-inf")  # of the stream, by the loop's clock
    _down: set[str] = field(default_factory=set)
    _asked: dict[tuple[str, int], float] = field(default_factory=dict)  # for bars

    async def run(self) -> None:
        """Until cancelled."""
        async with aiohttp.ClientSession(timeout=PATIENCE) as session:
            self._session = session
            try:
                parts = [self._patiently("prices", self.poll)]
                if self.ws_url:
                    parts.append(self._patiently("stream", self._listen))
                await asyncio.gather(*parts)
            finally:
                self._session = None

    async def poll(self) -> None:
        """Ask for all prices once, then wait for the next turn. Raises one of BROKEN."""
        pairs = [PAIRS[symbol] for symbol in self.market.symbols]
        for index in range(0, len(pairs), MOST_PAIRS_ASKED):
            part = pairs[index : index + MOST_PAIRS_ASKED]
            told = await self._ask("Ticker", pair=",".join(pair.code for pair in part))
            self.market.hear(quotes_of(told, part))
        self._well("prices")
        streaming = asyncio.get_running_loop().time() - self._heard_at < SILENCE_SECONDS
        await asyncio.sleep(SELDOM_SECONDS if streaming else POLL_SECONDS)

    async def prepare(self, fields: dict[str, str]) -> None:
        """Fetch the bars somebody asks for; what is known is answered when the feed takes too long."""
        pair, minutes = find_pair(fields.get("pair", "")), fields.get("interval", "1")
        if pair is None or not minutes.isdecimal() or int(minutes) not in INTERVALS:
            return  # the venue will say what is wrong
        key, now = (pair.symbol, int(minutes)), asyncio.get_running_loop().time()
        if now - self._asked.get(key, float("-inf")) < FRESH_SECONDS:
            return
        self._asked[key] = now
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                told = await self._ask("OHLC", pair=pair.code, interval=minutes)
            self.market.learn(pair.symbol, minutes=int(minutes), bars=candles_of(told[pair.code]))
        except BROKEN as error:
            self.note(f"FEED candles of {pair.symbol} not told: {error!r}")

    async def _patiently(self, what: str, attempt: Callable[[], Awaitable[None]]) -> None:
        """Attempt for ever; after a failure wait twice as long as after the one before."""
        pause = FIRST_PAUSE
        while True:
            try:
                await attempt()
            except BROKEN as error:
                if what not in self._down:
                    pause = FIRST_PAUSE
                    self._down.add(what)
                    self.note(f"FEED {what} lost: {error!r}"[:300])
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE, 2 * pause)

    def _well(self, what: str) -> None:
        """Something was heard."""
        if what in self._down:
            self._down.discard(what)
            self.note(f"FEED {what} back")

    async def _listen(self) -> None:
        """One connection of the stream, until it ends."""
        if self._session is None:
            raise FeedDown("no session")
        async with self._session.ws_connect(self.ws_url, receive_timeout=SILENCE_SECONDS) as socket:
            symbols = list(self.market.symbols)
            for part in _parts(symbols):
                params = {"channel": "ticker", "event_trigger": "bbo", "symbol": part}
                await socket.send_str(json.dumps({"method": "subscribe", "params": params}))
            async for message in socket:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    break
                self._heard_at = asyncio.get_running_loop().time()
                self._well("stream")
                told = json.loads(message.data, parse_float=Decimal)
                if told.get("channel") == "ticker":
                    quotes = [quote_of_stream(item) for item in told["data"]]
                    self.market.hear(quote for quote in quotes if quote is not None)
        raise FeedDown("the stream has ended")

    async def _ask(self, method: str, **fields: str) -> dict[str, Any]:
        if self._session is None:
            raise FeedDown("no session")
        async with self._session.get(f"{self.url.rstrip('/')}/0/public/{method}", params=fields) as answer:
            told = await answer.json(content_type=None, loads=_exactly)
        if told["error"]:
            raise FeedDown(", ".join(told["error"]))
        result: dict[str, Any] = told["result"]
        return result


def _exactly(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


def _parts(symbols: list[str]) -> Iterable[list[str]]:
    return (symbols[i : i + MOST_PAIRS_ASKED] for i in range(0, len(symbols), MOST_PAIRS_ASKED))
