"""The public connection: prices of the pairs somebody wants, and whether pairs can be traded.

Pure. Prices carry no sequence: each message states a pair's prices whole, and an older one is only old.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from brackets.venue.kraken import parsing
from brackets.venue.kraken.stream import frames
from brackets.venue.kraken.stream.news import (
    Illegible,
    News,
    PairStatusesSaid,
    PriceReading,
    PricesChanged,
    StreamBroken,
    SubscriptionRefused,
)
from brackets.venue.kraken.stream.session import Patience, Session
from brackets.venue.port import QuoteReading, UnknownWord

TICKER, INSTRUMENT = "ticker", "instrument"
SYMBOLS_A_REQUEST = 100


class PublicSession(Session):
    """One connection without a token. Ready once pairs or prices are heard."""

    def __init__(self, *, symbols: Iterable[str], now: float, patience: Patience | None = None) -> None:
        super().__init__(now=now, patience=patience)
        self._wanted = frozenset(symbols)
        self._subscribed: frozenset[str] = frozenset()
        self._refused: set[str] = set()
        self._began = False

    @property
    def ready(self) -> bool:
        return self._began

    def openings(self) -> tuple[str, ...]:
        return (self.request("subscribe", channel=INSTRUMENT, snapshot=True), *self._changes())

    def want(self, symbols: Iterable[str]) -> None:
        """From now on these pairs, and no others."""
        self._wanted = frozenset(symbols)

    def due(self, now: float) -> tuple[str, ...]:
        return (*super().due(now), *self._changes())

    def _changes(self) -> tuple[str, ...]:
        wanted = self._wanted - self._refused
        fresh, gone = sorted(wanted - self._subscribed), sorted(self._subscribed - wanted)
        self._subscribed = wanted
        return (*self._requests_for("subscribe", fresh), *self._requests_for("unsubscribe", gone))

    def _requests_for(self, method: str, symbols: list[str]) -> Iterable[str]:
        for start in range(0, len(symbols), SYMBOLS_A_REQUEST):
            # "bbo": a message for every change of bid or ask; the default waits for a trade.
            batch = symbols[start : start + SYMBOLS_A_REQUEST]
            yield self.request(method, channel=TICKER, symbol=batch, event_trigger="bbo")

    def refused(self, refusal: SubscriptionRefused) -> None:
        if refusal.symbol:  # prices of that pair come by REST; asking again changes nothing
            self._refused.add(refusal.symbol)
            self._subscribed -= {refusal.symbol}
        elif refusal.channel == TICKER:
            raise StreamBroken(f"the venue refused prices: {refusal.error}")

    def channel(self, name: str, raw: Mapping[str, Any]) -> tuple[News, ...]:
        if name == TICKER:
            self._began = True
            return prices(parsing.sequence(raw.get("data"), "data of the ticker"))
        if name == INSTRUMENT:
            self._began = True
            return pair_statuses(raw.get("data"))
        return super().channel(name, raw)


def prices(values: list[Any]) -> tuple[News, ...]:
    """Every legible price; one that is not hides no other."""
    readings: list[PriceReading] = []
    illegible: list[News] = []
    for value in values:
        try:
            readings.append(price_reading(value))
        except UnknownWord as error:
            illegible.append(Illegible(why=str(error)))
    return (*((PricesChanged(readings=tuple(readings)),) if readings else ()), *illegible)


def price_reading(value: Any) -> PriceReading:
    raw = parsing.mapping(value, "a ticker")
    symbol = parsing.our_symbol(parsing.text(raw, "symbol", "a ticker"))
    what = f"ticker of {symbol}"
    bid, ask, last = (parsing.amount(raw, name, what) for name in ("bid", "ask", "last"))
    if min(bid, ask, last) <= 0:
        raise UnknownWord(f"{what} has a price that is not positive")
    at = frames.moment(raw, "timestamp", what) if raw.get("timestamp") else None
    return PriceReading(quote=QuoteReading(symbol=symbol, bid=bid, ask=ask, last=last), at=at)


def pair_statuses(data: Any) -> tuple[News, ...]:
    """How the pairs stand. One whose status is a new word is left out and said."""
    pairs = parsing.sequence(
        parsing.mapping(data, "data of instrument").get("pairs") or [], "pairs of instrument"
    )
    statuses: list[tuple[str, str]] = []
    illegible: list[News] = []
    for value in pairs:
        try:
            raw = parsing.mapping(value, "a pair")
            symbol = parsing.our_symbol(parsing.text(raw, "symbol", "a pair"))
            status = parsing.text(raw, "status", f"pair {symbol}")
            if status not in frames.PAIR_STATUSES:
                raise UnknownWord(f"pair {symbol} is {status!r:.80}, a word not known")
        except UnknownWord as error:
            illegible.append(Illegible(why=str(error)))
            continue
        statuses.append((symbol, status))
    return (*((PairStatusesSaid(statuses=tuple(statuses)),) if statuses else ()), *illegible)
