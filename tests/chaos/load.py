"""People and scripts that trade meanwhile: by REST, each command with a key of its own, asked until answered.

A command whose answer got lost is sent again with the same key; what was once answered must be answered the
same at the end. The demo trader of the house trades beside them.
"""

from __future__ import annotations

import random
import threading
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.chaos.house import House, NoAnswer

SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "ADA/USD", "LTC/USD")
PAUSE_SECONDS = (0.2, 1.5)
TRIES = 40  # of one command: longer than any outage that is made here
WISHES = {"buy": 10, "close": 3, "edit": 3, "sell": 3, "pause": 1, "read": 4, "liquidate-all": 0.3}


@dataclass
class Given:
    """One command and what was answered to it."""

    kind: str
    body: Mapping[str, Any]
    key: str
    status: int = 0
    command: int | None = None


@dataclass
class Load:
    """Several people, each in a thread of its own, each from its own seed."""

    house: House
    seed: int
    people: int
    given: list[Given] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    unanswered: int = 0
    broken: list[str] = field(default_factory=list)  # answers that must never be given

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._live, args=(random.Random(f"{self.seed} {n}"),), daemon=True)
            for n in range(self.people)
        ]

    def begin(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """No new wishes; returns when the last has been answered or given up."""
        self._over.set()
        for thread in self._threads:
            thread.join(120)

    def _live(self, chance: random.Random) -> None:
        while not self._over.wait(chance.uniform(*PAUSE_SECONDS)):
            (wish,) = chance.choices(list(WISHES), list(WISHES.values()))
            try:
                self._do(wish, chance)
            except NoAnswer:
                continue

    def _do(self, wish: str, chance: random.Random) -> None:
        if wish == "read":
            self.house.ask("GET", chance.choice(("status/", "brackets/", "orders/?limit=50", "alerts/")))
        elif wish == "buy":
            self.order("buy", self._buying(chance))
        elif wish in ("pause", "liquidate-all"):
            self.order(wish, {"reason": "chaos"})
            self._over.wait(chance.uniform(0.5, 3))
            self.order("resume", {"reason": "chaos"})
        elif trade := self._open_trade(chance):
            self.order(wish, self._acting(wish, trade, chance))

    @staticmethod
    def _buying(chance: random.Random) -> dict[str, Any]:
        body = {"symbol": chance.choice(SYMBOLS), "amount_usd": str(chance.choice((15, 25, 40, 60)))}
        kind = chance.choice(("market", "limit", None))
        return body if kind is None else {**body, "entry_type": kind}

    def _open_trade(self, chance: random.Random) -> dict[str, Any] | None:
        _, page = self.house.ask("GET", "trades/?status=OPEN&limit=50")
        trades = [trade for trade in page.get("results", []) if trade["entry_price"]]
        return chance.choice(trades) if trades else None

    @staticmethod
    def _acting(wish: str, trade: Mapping[str, Any], chance: random.Random) -> dict[str, Any]:
        if wish == "close":
            return {"trade": trade["id"], "reason": "manual"}
        if wish == "sell":
            part = (Decimal(trade["quantity"]) / 2).quantize(Decimal("0.00000001"))
            return {"symbol": trade["symbol"], "amount_token": str(part)}
        entry, stop = Decimal(trade["entry_price"]), Decimal(trade["stop_loss_price"])
        nearer = stop + (entry - stop) * Decimal(chance.choice(("0.2", "0.5", "0.8")))
        return {"trade": trade["id"], "stop_loss_price": str(nearer.quantize(stop))}

    # --- one command -----------------------------------------------------------------------------

    def order(self, kind: str, body: Mapping[str, Any], key: str | None = None) -> Given:
        """Give a command, again and again with the same key until it is answered."""
        given = Given(kind, body, key or uuid.uuid4().hex)
        for _ in range(TRIES):
            try:
                status, told = self.house.ask("POST", f"commands/{kind}/", body, key=given.key)
            except NoAnswer:
                self._over.wait(0.5)
                continue
            if status in (500, 502, 503, 504):
                given.status = status
                self.answers[status] += 1
                self._over.wait(1)
                if self._over.is_set():
                    break
                continue
            given.status, given.command = status, told.get("id")
            with self._lock:
                self.answers[status] += 1
                if status in (202, 409):
                    self.given.append(given)
                elif status not in (400, 404, 503):
                    self.broken.append(f"{kind} {dict(body)} was answered {status}: {told}")
            return given
        self.unanswered += 1
        return given

    def contradictions(self) -> list[str]:
        """Ask again for every answered command, with its key: none may be another one by now."""
        said = []
        for given in self.given:
            status, told = self.house.ask("POST", f"commands/{given.kind}/", given.body, key=given.key)
            if (status, told.get("id")) != (given.status, given.command):
                said.append(
                    f"{given.kind} was command {given.command} ({given.status}) and is now "
                    f"{told.get('id')} ({status})"
                )
        return said
