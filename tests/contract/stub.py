"""A tiny server of Kraken's shape with scripted answers, which records every request it gets.

It knows nothing of trading. A test says what the next answers to an endpoint are; public endpoints
that ccxt needs answer by themselves.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True)
class Page:
    """An answer that is no JSON of Kraken's, or not with 200."""

    body: str
    status: int = 200
    content_type: str = "text/html"
    location: str = ""


@dataclass(frozen=True, slots=True)
class Hang:
    """Takes the request and does not answer before the test is over."""


@dataclass(frozen=True, slots=True)
class Drop:
    """Takes the request and closes the connection."""


@dataclass(frozen=True, slots=True)
class Recorded:
    endpoint: str
    params: dict[str, str]
    body: str
    headers: dict[str, str]

    @property
    def nonce(self) -> int:
        return int(self.params["nonce"])

    @property
    def order_body(self) -> str:
        """The body without its leading nonce."""
        return self.body.partition("&")[2]


Answer = dict[str, Any] | Page | Hang | Drop | Callable[[Recorded], dict[str, Any]]


def ok(result: Any) -> dict[str, Any]:
    return {"error": [], "result": result}


def says(*errors: str, result: Any = None) -> dict[str, Any]:
    return {"error": list(errors)} | ({} if result is None else {"result": result})


def pair(base: str, quote: str, *, altname: str, wsname: str, **changes: Any) -> dict[str, Any]:
    return {
        "altname": altname,
        "wsname": wsname,
        "aclass_base": "currency",
        "base": base,
        "aclass_quote": "currency",
        "quote": quote,
        "lot": "unit",
        "cost_decimals": 5,
        "pair_decimals": 1,
        "lot_decimals": 8,
        "lot_multiplier": 1,
        "leverage_buy": [],
        "leverage_sell": [],
        "fees": [[0, 0.4], [10000, 0.35]],
        "fees_maker": [[0, 0.25], [10000, 0.2]],
        "fee_volume_currency": "ZUSD",
        "ordermin": "0.0001",
        "costmin": "0.5",
        "tick_size": "0.1",
        "status": "online",
    } | changes


ASSETS = {
    code: {
        "aclass": "currency",
        "altname": alt,
        "decimals": decimals,
        "display_decimals": 5,
        "status": "enabled",
    }
    for code, alt, decimals in (
        ("XXBT", "XBT", 10),
        ("XETH", "ETH", 10),
        ("XXDG", "XDG", 8),
        ("XLTC", "LTC", 10),
        ("ZUSD", "USD", 4),
        ("USDT", "USDT", 8),
    )
}
PAIRS = {
    "XXBTZUSD": pair("XXBT", "ZUSD", altname="XBTUSD", wsname="XBT/USD"),
    "XETHZUSD": pair(
        "XETH",
        "ZUSD",
        altname="ETHUSD",
        wsname="ETH/USD",
        pair_decimals=2,
        tick_size="0.01",
        ordermin="0.002",
    ),
    "XDGUSD": pair(
        "XXDG",
        "ZUSD",
        altname="XDGUSD",
        wsname="XDG/USD",
        pair_decimals=7,
        tick_size="0.0000001",
        ordermin="50",
    ),
    "LTCUSDT": pair(
        "XLTC",
        "USDT",
        altname="LTCUSDT",
        wsname="LTC/USDT",
        pair_decimals=5,
        tick_size="0.00001",
        ordermin="0.01",
    ),
    "XLTCZUSD": pair(
        "XLTC", "ZUSD", altname="LTCUSD", wsname="LTC/USD", pair_decimals=2, tick_size="0.01", ordermin="0.01"
    ),
    "XBTUSDT": pair("XXBT", "USDT", altname="XBTUSDT", wsname="XBT/USDT"),
}


@dataclass
class Stub:
    """The scripted venue; `url` is where it listens."""

    url: str = ""
    requests: list[Recorded] = field(default_factory=list)
    standing: dict[str, Answer] = field(default_factory=dict)
    script: dict[str, deque[Answer]] = field(default_factory=lambda: defaultdict(deque))
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def will(self, endpoint: str, *answers: Answer) -> None:
        """The next answers to this endpoint, in turn."""
        self.script[endpoint].extend(answers)

    def always(self, endpoint: str, answer: Answer) -> None:
        self.standing[endpoint] = answer

    def sent(self, endpoint: str) -> list[Recorded]:
        return [request for request in self.requests if request.endpoint == endpoint]

    def answer(self, request: Recorded) -> Answer:
        with self.lock:
            self.requests.append(request)
            queue = self.script[request.endpoint]
            if queue:
                return queue.popleft()
            return self.standing.get(request.endpoint, says("EGeneral:Unknown method"))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stub: Stub

    def do_GET(self) -> None:
        self.reply(urlsplit(self.path).query)

    def do_POST(self) -> None:
        self.reply(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

    def reply(self, body: str) -> None:
        request = Recorded(
            endpoint=urlsplit(self.path).path.rpartition("/")[2],
            params=dict(parse_qsl(body, keep_blank_values=True)),
            body=body,
            headers=dict(self.headers.items()),
        )
        answer = self.stub.answer(request)
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, Hang):
            self.stub.over.wait(30)
        if isinstance(answer, Hang | Drop):
            self.close_connection = True
            return
        if isinstance(answer, dict):
            answer = Page(json.dumps(answer), content_type="application/json")
        content = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(content)))
        if answer.location:
            self.send_header("Location", answer.location)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """The stub is silent; what it got is in `Stub.requests`."""


@contextmanager
def serving() -> Iterator[Stub]:
    """A stub on a free port of the loopback, with the public answers every test needs."""
    stub = Stub()
    stub.always("Assets", ok(ASSETS))
    stub.always("AssetPairs", ok(PAIRS))
    stub.always("Time", ok({"unixtime": 1700000000, "rfc1123": ""}))
    stub.always("SystemStatus", ok({"status": "online", "timestamp": "2026-01-01T00:00:00Z"}))
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("BoundHandler", (Handler,), {"stub": stub}))
    server.daemon_threads = True
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        stub.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
