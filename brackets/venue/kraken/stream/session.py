"""One connection's conversation: what is said to the venue, what is heard, and whether it still lives.

Pure: no socket and no clock; `now` is seconds of a clock that only goes forward. The envelope (status,
heartbeats, pongs, acknowledgements) is read here, the channels in `private.py` and `public.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from brackets.venue.kraken.parsing import SYSTEM_STATUSES, mapping, sequence, text
from brackets.venue.kraken.stream import frames
from brackets.venue.kraken.stream.news import (
    Illegible,
    News,
    StreamBroken,
    Subscribed,
    SubscriptionRefused,
    SystemStatusSaid,
)
from brackets.venue.port import UnknownWord


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How long what is waited for, in seconds."""

    silence_seconds: float = 5.0  # a subscribed connection hears a heartbeat each second
    opening_seconds: float = 10.0  # until what was subscribed to has begun
    ping_seconds: float = 15.0  # an idle connection is closed by the venue after a minute


class Session:
    """The part every connection has. A subclass names its subscriptions and reads its channels."""

    def __init__(self, *, now: float, patience: Patience | None = None, secret: str = "") -> None:
        self.patience = patience or Patience()
        self.opened_at = self.heard_at = self.pinged_at = now
        self._secret = secret  # never to be repeated in anything that may be logged
        self._requests = 0
        self._asked: dict[int, str] = {}  # the channel of each request, by its id

    # --- what a subclass adds ----------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether all that was subscribed to has begun."""
        raise NotImplementedError

    def openings(self) -> tuple[str, ...]:
        """What is to be said first."""
        raise NotImplementedError

    def channel(self, name: str, raw: Mapping[str, Any]) -> tuple[News, ...]:
        """A message of a channel. Raises UnknownWord, StreamBroken."""
        raise UnknownWord(f"a message of a channel not subscribed to: {name!r:.80}")

    def refused(self, refusal: SubscriptionRefused) -> None:
        """A subscription was refused. Raises StreamBroken where there is no use without it."""

    # --- saying ------------------------------------------------------------------------------------

    def request(self, method: str, *, channel: str, **params: object) -> str:
        """A subscription (or its end) as text."""
        self._requests += 1
        self._asked[self._requests] = channel
        asked = {"channel": channel, **params}
        return json.dumps({"method": method, "params": asked, "req_id": self._requests})

    def due(self, now: float) -> tuple[str, ...]:
        """What is to be said by now. Raises StreamBroken when what was subscribed to does not begin."""
        if not self.ready and now - self.opened_at > self.patience.opening_seconds:
            raise StreamBroken(f"nothing came of the subscriptions in {self.patience.opening_seconds:g} s")
        if now - self.pinged_at < self.patience.ping_seconds:
            return ()
        self.pinged_at = now
        self._requests += 1
        return (json.dumps({"method": "ping", "req_id": self._requests}),)

    # --- hearing -----------------------------------------------------------------------------------

    def is_silent(self, now: float) -> bool:
        """Whether nothing at all was heard for too long."""
        return now - self.heard_at > self.patience.silence_seconds

    def hear(self, message: str, *, now: float) -> tuple[News, ...]:
        """What one message tells. Raises StreamBroken when the connection cannot be trusted any more."""
        self.heard_at = now
        try:
            raw = frames.decoded(message)
            if "channel" in raw:
                return self._channel(raw)
            return self._answer(raw)
        except UnknownWord as error:
            return (Illegible(why=self.without_secret(str(error))),)

    def without_secret(self, sentence: str) -> str:
        return sentence.replace(self._secret, "…") if self._secret else sentence

    def _channel(self, raw: Mapping[str, Any]) -> tuple[News, ...]:
        name = text(raw, "channel", "a message")
        if name == "heartbeat":
            return ()
        if name == "status":
            return tuple(system_status(value) for value in sequence(raw.get("data"), "the status"))
        return self.channel(name, raw)

    def _answer(self, raw: Mapping[str, Any]) -> tuple[News, ...]:
        """The answer to a request of ours."""
        method = raw.get("method")
        if method == "pong":
            return ()
        if "error" not in raw and method not in ("subscribe", "unsubscribe"):
            raise UnknownWord(f"a message of neither a channel nor a known method: {method!r:.80}")
        result = mapping(raw.get("result") or {}, "an answer")
        number = raw.get("req_id")
        asked = self._asked.get(number) if isinstance(number, int) else None
        channel = said(result.get("channel")) or asked or ""
        symbol = said(raw.get("symbol")) or said(result.get("symbol"))
        if raw.get("success") is True:
            return (Subscribed(channel=channel, symbol=symbol),) if method == "subscribe" else ()
        error = self.without_secret(str(raw.get("error") or "no reason given"))[:300]
        refusal = SubscriptionRefused(channel=channel, symbol=symbol, error=error)
        if method != "unsubscribe":
            self.refused(refusal)
        return (refusal,)


def said(value: Any) -> str | None:
    """A word, where there is one."""
    return value if isinstance(value, str) and value else None


def system_status(value: Any) -> SystemStatusSaid:
    system = text(mapping(value, "the status"), "system", "the status")
    if system not in SYSTEM_STATUSES:
        raise UnknownWord(f"the system is {system!r:.80}, a word not known")
    return SystemStatusSaid(status=system)
