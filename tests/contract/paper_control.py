"""A test's hands on a paper venue that was started with `--control-port`: see control/server.py.

control = Control.of_ready(line)            # the venue's READY line
control.fault("AddOrder", "timeout_after", match={"type": "sell", "ordertype": "stop-loss"})
control.price("ETH/USD", "1900")
"""

import json
import urllib.error
import urllib.request
from typing import Any, Self


class Control:
    """The control channel of one venue. Every call raises ValueError with the venue's sentence if refused."""

    def __init__(self, url: str) -> None:
        self.url = url

    @classmethod
    def of_ready(cls, line: str) -> Self:
        """The control channel that a READY line names."""
        (word,) = [word for word in line.split() if word.startswith("control=")]
        return cls(word.removeprefix("control="))

    def do(self, command: str, **fields: Any) -> dict[str, Any]:
        """Any command; fields that are None are left out, everything but text and numbers is JSON."""
        body = {name: value for name, value in fields.items() if value is not None}
        request = urllib.request.Request(
            f"{self.url}/{command}",
            data=json.dumps(body, default=str).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise ValueError(json.load(error)["error"]) from None

    # --- faults ----------------------------------------------------------------------------------------

    def fault(
        self,
        method: str,
        kind: str,
        *,
        match: dict[str, str] | None = None,
        count: int = 1,
        skip: int = 0,
        when: str | None = None,
        seconds: Any = None,
        error: str | None = None,
        answer: str | None = None,
    ) -> None:
        """What happens to the next `count` requests of a method that match, after `skip` of them."""
        self.do(
            "fault",
            method=method,
            kind=kind,
            match=match,
            count=count,
            skip=skip,
            when=when,
            seconds=seconds,
            error=error,
            answer=answer,
        )

    def calm(self) -> None:
        """No fault is left."""
        self.do("calm")

    def hold_release(self, seconds: Any) -> None:
        """Canceled orders keep their coins reserved for so long."""
        self.do("hold_release", seconds=seconds)

    def websocket(
        self, action: str, *, seconds: Any = None, channel: str | None = None, count: int | None = None
    ) -> dict[str, Any]:
        """drop, refuse, silent; skip, lose, duplicate, disorder."""
        return self.do("websocket", action=action, seconds=seconds, channel=channel, count=count)

    # --- the market ------------------------------------------------------------------------------------

    def price(self, pair: str, last: Any, *, bid: Any = None, ask: Any = None, depth: Any = None) -> None:
        """The pair trades at this price, from now on."""
        self.do("price", pair=pair, last=last, bid=bid, ask=ask, depth=depth)

    def depth(self, pair: str, coins: Any) -> None:
        self.do("depth", pair=pair, depth=coins)

    def freeze(self) -> None:
        """The market does not move by itself any more."""
        self.do("freeze")

    def release(self) -> None:
        """The market's own prices again."""
        self.do("release")

    def mode(self, mode: str, pair: str | None = None) -> None:
        """Of a pair, or of the whole venue."""
        self.do("mode", mode=mode, pair=pair)

    # --- the owner by hand -----------------------------------------------------------------------------

    def order(self, **fields: Any) -> str:
        """An order as the owner places it at the venue's own page; its txid."""
        return self.do("order", **fields)["txid"]

    def cancel(self, txid: str) -> None:
        self.do("cancel", txid=txid)

    def deposit(self, asset: str, amount: Any) -> None:
        self.do("deposit", asset=asset, amount=amount)

    def withdraw(self, asset: str, amount: Any) -> None:
        self.do("withdraw", asset=asset, amount=amount)

    def earn(self, asset: str, amount: Any, *, back: bool = False) -> None:
        """Auto-earn takes coins into its wallet, or gives them back."""
        self.do("earn", asset=asset, amount=amount, back="true" if back else None)

    def look(self) -> dict[str, Any]:
        """What the venue itself knows: open, faults, connections, subscribed, prices, balances, held."""
        return self.do("look")
