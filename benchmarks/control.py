"""The benchmark's hands on the paper venue: see brackets/venue/paper/control/server.py."""

from __future__ import annotations

import http.client
import json
from typing import Any


class Control:
    """One connection that stays open: thousands of orders are placed through it."""

    def __init__(self, url: str) -> None:
        self._host = url.removeprefix("http://")
        self._connection = http.client.HTTPConnection(self._host, timeout=30)

    def do(self, command: str, **fields: Any) -> dict[str, Any]:
        """Any command. Raises ValueError with the venue's sentence when it is refused."""
        body = json.dumps({name: value for name, value in fields.items() if value is not None}, default=str)
        self._connection.request("POST", f"/{command}", body, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        told: dict[str, Any] = json.loads(answer.read())
        if answer.status != 200:
            raise ValueError(told["error"])
        return told

    def price(self, symbol: str, last: Any, *, depth: Any = None) -> None:
        """The pair trades at this price from now on."""
        self.do("price", pair=symbol, last=last, depth=depth)
