"""One connection of the WebSocket v2: what it asked for, what it is told. No socket, no clock.

Stands between the hub, which knows what happened, and a socket, which carries text. Each subscription to
`executions` and `balances` counts its own messages in `sequence` from 1 on; `ticker` and `instrument`
have no numbers. Strings of refusals that no evidence establishes are marked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from brackets.venue.paper.orders import Changes, Event
from brackets.venue.paper.pairs import find_pair
from brackets.venue.paper.store import Page
from brackets.venue.paper.stream import balances, executions, wire
from brackets.venue.paper.stream.prices import Tickers, instruments
from brackets.venue.paper.stream.trouble import Mishap, Trouble
from brackets.venue.paper.stream.wire import Json
from brackets.venue.paper.venue import PaperVenue

PRIVATE = frozenset({"executions", "balances"})
CHANNELS = PRIVATE | {"ticker", "instrument"}
TRIGGERS = frozenset({"bbo", "trades"})
NO_SESSION = "ESession:Invalid session"
NO_TOKEN = "EGeneral:Invalid arguments:token"  # noqa: S105 - text not established
NO_CHANNEL = "Channel not found"  # not established
NO_METHOD = "Method not found"  # not established
MALFORMED = "Malformed request"  # not established
SUBSCRIBED, UNSUBSCRIBED = "Already subscribed", "Subscription not found"  # not established
TRADES_TOLD = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What every session of a venue shares."""

    venue: PaperVenue
    tickers: Tickers
    trouble: Trouble
    is_token: Callable[[str, Decimal], bool]


@dataclass(slots=True, kw_only=True, eq=False)
class Session:
    """One connection. `post` carries text to the client and never waits; `cut` ends the connection."""

    house: House
    number: int
    post: Callable[[str], None]
    cut: Callable[[], None]
    heard_at: Decimal
    channels: dict[str, Json] = field(default_factory=dict)  # subscribed -> its parameters
    symbols: dict[str, str] = field(default_factory=dict)  # of tickers -> event_trigger
    _sequences: dict[str, int] = field(default_factory=dict)
    _held_back: str | None = None  # a message that comes after the one that follows it

    @property
    def subscribed(self) -> bool:
        return bool(self.channels or self.symbols)

    # --- what the client says --------------------------------------------------------------------------

    def hear(self, text: str, *, now: Decimal) -> None:
        """Answer one message of the client."""
        self.heard_at = now
        try:
            request = json.loads(text, parse_float=Decimal)
        except (ValueError, RecursionError):
            request = None
        if not isinstance(request, dict):
            self.say(wire.refusal({}, MALFORMED, now=now), now=now)
            return
        parameters = request.get("params")
        asked = parameters if isinstance(parameters, dict) else {}
        match request.get("method"):
            case "ping":
                self.say(wire.pong(request, now=now), now=now)
            case "subscribe" | "unsubscribe" as method if asked.get("channel") in CHANNELS:
                act = self._subscribe if method == "subscribe" else self._unsubscribe
                act(request, asked, now)
            case "subscribe" | "unsubscribe":
                self.say(wire.refusal(request, NO_CHANNEL, now=now), now=now)
            case _:
                self.say(wire.refusal(request, NO_METHOD, now=now), now=now)

    def _subscribe(self, request: Json, asked: Json, now: Decimal) -> None:
        channel = asked["channel"]
        if channel == "ticker":
            self._watch(request, asked, now)
            return
        error = self._stranger(asked, now) if channel in PRIVATE else None
        if error is None and channel in self.channels:
            error = SUBSCRIBED
        if error is not None:
            self.say(wire.refusal(request, error, now=now), now=now)
            return
        self.channels[channel] = {name: value for name, value in asked.items() if name != "token"}
        self._sequences[channel] = 0
        self.say(wire.done(request, self._terms(channel, asked), now=now), now=now)
        self._snapshot(channel, asked, now)

    def _terms(self, channel: str, asked: Json) -> Json:
        if channel != "executions":
            return {"channel": channel, "snapshot": asked.get("snapshot", True) is not False}
        return {
            "channel": channel,
            "maxratecount": self.house.venue.limits.trading_limit,
            "snap_orders": asked.get("snap_orders", True) is not False,
            "snap_trades": asked.get("snap_trades", False) is True,
        }

    def _snapshot(self, channel: str, asked: Json, now: Decimal) -> None:
        venue = self.house.venue
        if channel == "executions":
            terms = self._terms(channel, asked)
            data = self._open_orders() if terms["snap_orders"] else []
            data += self._trades() if terms["snap_trades"] else []
            if terms["snap_orders"] or terms["snap_trades"]:
                self.tell(channel, data, now=now, kind="snapshot")
        elif asked.get("snapshot", True) is False:
            return
        elif channel == "balances":
            self.tell(channel, balances.snapshot(venue.engine.account.balances), now=now, kind="snapshot")
        else:
            told = {"channel": channel, "type": "snapshot", "data": instruments(venue)}
            self.say(told, now=now)

    def _unsubscribe(self, request: Json, asked: Json, now: Decimal) -> None:
        channel = asked["channel"]
        if channel == "ticker":
            self._unwatch(request, asked, now)
            return
        error = self._stranger(asked, now) if channel in PRIVATE else None
        if error is None and self.channels.pop(channel, None) is None:
            error = UNSUBSCRIBED
        told = wire.done(request, {"channel": channel}, now=now)
        self.say(told if error is None else wire.refusal(request, error, now=now), now=now)

    def _stranger(self, asked: Json, now: Decimal) -> str | None:
        token = asked.get("token")
        if not isinstance(token, str) or not token:
            return NO_TOKEN
        return None if self.house.is_token(token, now) else NO_SESSION

    # --- prices ----------------------------------------------------------------------------------------

    def _watch(self, request: Json, asked: Json, now: Decimal) -> None:
        """Each symbol is acknowledged or refused by itself."""
        trigger = asked.get("event_trigger", "trades")
        wanted = _words(asked.get("symbol"))
        if trigger not in TRIGGERS or not wanted:
            self.say(wire.refusal(request, "EGeneral:Invalid arguments", now=now), now=now)
            return
        fresh = []
        for symbol in wanted:
            error = None
            if not self._listed(symbol):
                error = f"Currency pair not supported {symbol}"
            elif symbol in self.symbols:
                error = SUBSCRIBED
            if error is not None:
                self.say(wire.refusal(request, error, now=now, symbol=symbol), now=now)
                continue
            self.symbols[symbol] = trigger
            fresh.append(symbol)
            terms = {"channel": "ticker", "event_trigger": trigger, "symbol": symbol}
            snapshot = asked.get("snapshot", True) is not False
            self.say(wire.done(request, terms | {"snapshot": snapshot}, now=now), now=now)
        if asked.get("snapshot", True) is not False:
            for symbol in fresh:
                tick = self.house.venue.engine.ticks[symbol]
                data = [self.house.tickers.item(tick, now=now)]
                self.say({"channel": "ticker", "type": "snapshot", "data": data}, now=now)

    def _unwatch(self, request: Json, asked: Json, now: Decimal) -> None:
        for symbol in _words(asked.get("symbol")):
            if self.symbols.pop(symbol, None) is None:
                self.say(wire.refusal(request, UNSUBSCRIBED, now=now, symbol=symbol), now=now)
            else:
                terms = {"channel": "ticker", "symbol": symbol}
                self.say(wire.done(request, terms, now=now), now=now)

    def _listed(self, symbol: str) -> bool:
        """Only v2's own spelling is known: BTC/USD, not XBT/USD."""
        pair = find_pair(symbol)
        return pair is not None and pair.symbol == symbol and symbol in self.house.venue.engine.ticks

    # --- what the client is told -------------------------------------------------------------------------

    def tell_changes(self, changes: Changes, *, now: Decimal) -> None:
        """What happened to orders and balances, if it was asked for."""
        asked = self.channels.get("executions")
        for event in changes.events if asked is not None else ():
            for item in self._told(event, changes, asked or {}, now):
                self.tell("executions", [item], now=now)
        for entry in changes.entries if "balances" in self.channels else ():
            self.tell("balances", [balances.item(entry)], now=now)

    def _told(self, event: Event, changes: Changes, asked: Json, now: Decimal) -> list[Json]:
        tick = self.house.venue.engine.ticks[event.order.symbol]
        items = executions.items(event, entries=changes.entries, tick=tick)
        if asked.get("order_status", True) is False:
            items = [item for item in items if item["exec_type"] in executions.TRANSITIONS]
        if asked.get("ratecounter") is True:
            level = self.house.venue.limits.level(event.order.symbol, now=now)
            items = [item | {"ratecount": Decimal(level) / 1000} for item in items]
        return items

    def _open_orders(self) -> list[Json]:
        orders = self.house.venue.engine.open_orders.values()
        return [executions.described(order, exec_type="new", at=order.opened_at) for order in orders]

    def _trades(self) -> list[Json]:
        found, _ = self.house.venue.store.trades(Page(limit=TRADES_TOLD))
        entries, _ = self.house.venue.store.entries(Page(limit=2 * TRADES_TOLD), kind="trade")  # two a trade
        return [executions.filled(trade, None, entries=entries) for trade in found]

    def tell(self, channel: str, data: Sequence[Json], *, now: Decimal, kind: str = "update") -> None:
        """A numbered message of a private channel; what was ordered to go wrong goes wrong here."""
        trouble = self.house.trouble
        if trouble.silent(now):
            self._sequences[channel] += 1
            return
        mishap = trouble.strike(channel, sequence=self._sequences[channel] + 1) if trouble.armed else None
        self._sequences[channel] += 2 if mishap is Mishap.SKIP else 1
        told = {"channel": channel, "type": kind, "data": data, "sequence": self._sequences[channel]}
        if mishap is Mishap.LOSE:
            return
        text = wire.text(told)
        if mishap is Mishap.DISORDER and self._held_back is None:
            self._held_back = text
            return
        self.post(text)
        if mishap is Mishap.DUPLICATE:
            self.post(text)
        if self._held_back is not None:
            self.post(self._held_back)
            self._held_back = None

    def say(self, message: Json, *, now: Decimal) -> None:
        self.say_text(wire.text(message), now=now)

    def say_text(self, text: str, *, now: Decimal) -> None:
        """A message without a number."""
        if not self.house.trouble.silent(now):
            self.post(text)


def _words(value: Any) -> list[str]:
    parts = value if isinstance(value, list) else [value]
    return list(dict.fromkeys(part for part in parts if isinstance(part, str)))
