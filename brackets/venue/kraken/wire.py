"""ccxt's Kraken class, bound to one URL, one nonce a request, and nothing it could do behind our back.

The last room before the network. ccxt signs, encodes and transports; this subclass takes from it what
an order engine cannot leave to it:

- the nonce: a private request is signed only inside `sending(...)`, with the nonce of that turn;
- the body of an order: compared with what was asked before it leaves (ccxt rounds and drops silently);
- the host: no request leaves for any other than the configured one; redirects, proxies of the
  environment and netrc are off;
- HTTP: a status other than 200 did not reach Kraken's API cleanly, so its body is not read as an answer;
- numbers: JSON numbers stay text, so that no Decimal is made from a float;
- `last_http_response` is off: ccxt's cancel_order would read an earlier request's answer from it.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import ccxt
import requests
from requests.adapters import HTTPAdapter

CONNECT_SECONDS = 2.0  # of a sender's lease, besides the answer's timeout
QUIET = logging.getLogger("backstop.wire")
QUIET.setLevel(logging.INFO)  # at DEBUG ccxt writes the API key and every signature into the log
NUMERIC = frozenset({"volume", "price", "price2", "order_qty", "limit_price", "trigger_price"})
COMPARED = frozenset({"AddOrder", "AmendOrder"})  # leave exactly as asked, or not at all


class NotSent(Exception):
    """The request did not leave this process: what would have left is not what was asked for."""


@dataclass(slots=True)
class Sending:
    """One private request on its way, in one thread."""

    nonce: int | None
    body: Mapping[str, object] | None  # what an order's body must be, to the last field
    left: bool = False  # True from the moment the request may have left this process


class PromptAdapter(HTTPAdapter):
    """Bounds connecting apart from answering, so that both together end within a sender's lease."""

    def send(self, *args: Any, **options: Any) -> Any:
        timeout = options.get("timeout")
        if isinstance(timeout, int | float):
            options["timeout"] = (min(CONNECT_SECONDS, timeout), timeout)
        return super().send(*args, **options)


def new_session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # no proxy, netrc or certificate bundle of the environment
    session.max_redirects = 0  # a signed request goes where it was meant to go, or nowhere
    for scheme in ("http://", "https://"):
        session.mount(scheme, PromptAdapter())
    return session


class KrakenWire(ccxt.kraken):  # type: ignore[misc]
    """`ccxt.kraken` for one venue URL and one key. Threads may share it; each has its own `sending`."""

    def __init__(self, *, url: str, api_key: str, private_key: str, timeout_seconds: float) -> None:
        super().__init__(
            {
                "apiKey": api_key,
                "secret": private_key,
                "enableRateLimit": False,  # the budget is ours; ccxt's queue would hold back a cancel
                "timeout": round(timeout_seconds * 1000),
                "session": new_session(),
                "logger": QUIET,
                "enableLastHttpResponse": False,
                "enableLastJsonResponse": False,
                "markets": {},  # never None: ccxt would load them in the middle of a cancel
            }
        )
        self.venue_url = url.rstrip("/")
        self.urls["api"] = {"public": self.venue_url, "private": self.venue_url}
        self.local = threading.local()
        self.session_pid = os.getpid()

    @contextmanager
    def sending(self, *, nonce: int, body: Mapping[str, object] | None = None) -> Iterator[Sending]:
        """The right of this thread to sign one private request, with this nonce."""
        sending = Sending(nonce=nonce, body=body)
        self.local.sending = sending
        try:
            yield sending
        finally:
            self.local.sending = None

    # --- what ccxt calls -------------------------------------------------------------------------

    def incrementing_nonce(self) -> int:
        sending: Sending | None = getattr(self.local, "sending", None)
        if sending is None or sending.nonce is None:
            raise NotSent("a private request outside a turn, or a second one in it")
        nonce, sending.nonce = sending.nonce, None
        return nonce

    def sign(
        self,
        path: str,
        api: Any = "public",
        method: str = "GET",
        params: Any = None,
        *rest: Any,
        **options: Any,
    ) -> Any:
        sending: Sending | None = getattr(self.local, "sending", None)
        if path in COMPARED:
            wanted = sending.body if sending is not None else None
            difference = body_difference(wanted, params or {})
            if difference:
                raise NotSent(f"ccxt would have sent something else: {difference}")
        return super().sign(path, api, method, params or {}, *rest, **options)

    def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        if not url.startswith(f"{self.venue_url}/"):
            raise NotSent(f"{url} is not at {self.venue_url}")
        if self.session_pid != os.getpid():  # a fork shares its parent's connections: never use them
            self.session, self.session_pid = new_session(), os.getpid()
        sending: Sending | None = getattr(self.local, "sending", None)
        if sending is not None:
            sending.left = True
        return super().fetch(url, method, headers, body)

    def handle_errors(self, code: int, reason: str, *rest: Any) -> Any:
        if code != 200:
            raise ccxt.ExchangeNotAvailable(f"{self.id} HTTP {code} {reason}")
        return super().handle_errors(code, reason, *rest)

    def on_json_response(self, response_body: str) -> Any:
        return json.loads(response_body, parse_float=str, parse_constant=str)


def body_difference(wanted: Mapping[str, object] | None, actual: Mapping[str, object]) -> str:
    """The first field in which an order's body differs from what was asked for; empty when none does."""
    if wanted is None:
        return "an order nobody asked for"
    for name in sorted(wanted.keys() | actual.keys()):
        left, right = wanted.get(name), actual.get(name)
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            inner = body_difference(left, right)
            if inner:
                return f"{name}: {inner}"
        elif not same(name, left, right):
            return f"{name} is {right!r:.60} instead of {left!r:.60}"
    return ""


def same(name: str, left: object, right: object) -> bool:
    if left is None or right is None or name not in NUMERIC:
        return left == right
    try:
        return Decimal(str(left)) == Decimal(str(right))
    except InvalidOperation:
        return False
