"""The paper venue's own server on a free port, over a market moved by hand: no clock decides a test."""

import asyncio
import base64
import io
import threading
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

import ccxt
import requests
from aiohttp import web

from brackets.venue.paper.control.commands import Controls
from brackets.venue.paper.control.delivery import Delivery
from brackets.venue.paper.control.market import HandledMarket
from brackets.venue.paper.control.server import control_app
from brackets.venue.paper.journal import Journal
from brackets.venue.paper.limits import TIERS, Limits
from brackets.venue.paper.market import Bar, Tick
from brackets.venue.paper.rules import Options
from brackets.venue.paper.server import BODY_SECONDS, Front, wall_clock
from brackets.venue.paper.service import Service
from brackets.venue.paper.signing import api_sign
from brackets.venue.paper.store import Store
from brackets.venue.paper.venue import Beginning, PaperVenue
from tests.contract.paper_control import Control

KEY = "a-key"
SECRET = b"sixty-four bytes of a private key that belongs to nobody at all."
PRIVATE_KEY = base64.b64encode(SECRET).decode()
Answer = TypeVar("Answer")


class HandMarket:
    """Two pairs; prices stand where they were put."""

    symbols = ("ETH/USD", "BTC/USD")

    def __init__(self) -> None:
        self.lasts = {"ETH/USD": "2000.00", "BTC/USD": "50000.0"}
        self.depth = "100"

    def put(self, symbol: str, last: str, depth: str) -> None:
        self.lasts[symbol], self.depth = last, depth

    def advance(self, seconds: Decimal) -> tuple[Tick, ...]:
        return self.ticks()

    def ticks(self) -> tuple[Tick, ...]:
        return tuple(
            Tick(
                symbol=symbol,
                bid=Decimal(last) - step,
                ask=Decimal(last) + step,
                last=Decimal(last),
                depth=Decimal(self.depth),
            )
            for (symbol, last), step in zip(
                self.lasts.items(), (Decimal("0.01"), Decimal("0.1")), strict=True
            )
        )

    def history(self, symbol: str, *, minutes: int, count: int) -> tuple[Bar, ...]:
        price = Decimal("1999.5")
        bar = Bar(open=price, high=price + 1, low=price - 1, close=price, volume=Decimal(7))
        return (bar,) * min(count, 5)

    def snapshot(self) -> dict[str, Any]:
        return {"lasts": dict(self.lasts), "depth": self.depth}

    def restore(self, snapshot: dict[str, Any]) -> None:
        self.lasts, self.depth = dict(snapshot["lasts"]), snapshot["depth"]


class House:
    """A running server. Its clock is the wall's; its market moves only by `move`."""

    def __init__(
        self,
        state: Path | None = None,
        *,
        body_seconds: float = BODY_SECONDS,
        tier: str | None = None,
        controlled: bool = False,
        **options: Any,
    ) -> None:
        """Without a tier nothing is limited; `control` is there where it was asked for."""
        self.controlled = controlled
        self.state, self.options, self.body_seconds = state, Options(**options), body_seconds
        self.limits = Limits(tier=None if tier is None else TIERS[tier])
        self.log = io.StringIO()
        self.market = HandMarket()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.nonce = time.time_ns() // 1000
        asyncio.run_coroutine_threadsafe(self._open(), self.loop).result(10)

    async def _open(self) -> None:
        self.store = Store(self.state)
        market = HandledMarket(self.market) if self.controlled else self.market
        venue = PaperVenue(
            store=self.store,
            market=market,
            now=wall_clock(),
            beginning=Beginning(),
            options=self.options,
            limits=self.limits,
        )
        journal = Journal(None, stdout=self.log)
        self.service = Service(venue=venue, key=KEY, private_key=PRIVATE_KEY, journal=journal)
        delivery = Delivery(self.service, wall_clock) if self.controlled else None
        front = Front(service=self.service, body_seconds=self.body_seconds, delivery=delivery)
        self.runner = web.AppRunner(front.app(), access_log=None, shutdown_timeout=0.3)
        self.runners = [self.runner]
        if delivery is not None and isinstance(market, HandledMarket):
            controls = Controls(delivery=delivery, market=market, clock=wall_clock)
            self.runners.append(web.AppRunner(control_app(controls), access_log=None))
        for runner in self.runners:
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self.runner.addresses[0][1]}"
        if self.controlled:
            self.control = Control(f"http://127.0.0.1:{self.runners[1].addresses[0][1]}")

    def close(self) -> None:
        for runner in self.runners:
            asyncio.run_coroutine_threadsafe(runner.cleanup(), self.loop).result(10)
        self.inside(self.store.close)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()

    def inside(self, call: Callable[[], Answer]) -> Answer:
        """Run something in the server's own thread."""

        async def run() -> Answer:
            return call()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(10)

    def wait_until(self, condition: Callable[[web.Server], bool]) -> None:
        """Return when the condition holds of the HTTP server, which counts requests and connections."""
        deadline = time.monotonic() + 10
        while not self.inside(lambda: condition(self.runner.server)):
            if time.monotonic() > deadline:
                raise TimeoutError("never seen")
            time.sleep(0.01)

    def faults(self) -> list[str]:
        """The faults delivered so far, as the log tells them."""
        return [line.split(" ", 1)[1] for line in self.log.getvalue().splitlines() if " FAULT " in line]

    def move(self, last: str, *, symbol: str = "ETH/USD", depth: str = "100") -> None:
        def step() -> None:
            self.market.put(symbol, last, depth)
            self.service.tick(seconds=Decimal(1), now=wall_clock())

        self.inside(step)

    # --- clients -------------------------------------------------------------------------------------

    def ccxt(self, **more: Any) -> Any:
        """The unmodified class, its URLs apart."""
        return ccxt.kraken(
            {
                "apiKey": KEY,
                "secret": PRIVATE_KEY,
                "enableRateLimit": False,
                "urls": {"api": {"public": self.url, "private": self.url}},
            }
            | more
        )

    def get(self, method: str, **fields: str) -> Any:
        answer = requests.get(f"{self.url}/0/public/{method}", params=fields, timeout=5)
        assert answer.status_code == 200
        return answer.json()

    def post(self, method: str, fields: Mapping[str, Any] | None = None, **changes: Any) -> Any:
        """A signed request by hand; `changes` spoil it: key, signature, nonce, body, content_type."""
        self.nonce += 1
        nonce = changes.get("nonce", str(self.nonce))
        body = changes.get("body", urlencode({"nonce": nonce, **(fields or {})})).encode()
        signature = api_sign(secret=SECRET, path=f"/0/private/{method}", nonce=nonce, body=body)
        headers = {
            "API-Key": changes.get("key", KEY),
            "API-Sign": changes.get("signature", signature),
            "Content-Type": changes.get("content_type", "application/x-www-form-urlencoded"),
        }
        answer = requests.post(f"{self.url}/0/private/{method}", data=body, headers=headers, timeout=5)
        assert answer.status_code == 200
        return answer.json()

    def result(self, method: str, **fields: Any) -> Any:
        answer = self.post(method, fields)
        assert answer["error"] == []
        return answer["result"]

    def error(self, method: str, **fields: Any) -> str:
        answer = self.post(method, fields)
        assert "result" not in answer
        (error,) = answer["error"]
        return str(error)
