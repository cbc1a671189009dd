"""The venue's markets as last read: loaded when first needed, again every hour, shared by all threads.

The venue may be down when a process starts: nothing is asked before somebody needs it, a failure is only
that caller's, and the next one tries again. Where a refresh fails or is under way, the former reading
serves; an order that must leave now never waits for one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from brackets.venue.kraken import parsing
from brackets.venue.kraken.answers import unavailable
from brackets.venue.kraken.catalogue import Catalogue
from brackets.venue.kraken.wire import KrakenWire
from brackets.venue.port import VenueUnavailable

log = logging.getLogger("backstop.kraken")
FRESH_SECONDS = 3600
RETRY_SECONDS = 60  # after a failed refresh


@dataclass(frozen=True, slots=True)
class Loaded:
    """One reading, and the ccxt instance that holds it; replaced whole."""

    wire: KrakenWire
    catalogue: Catalogue
    read_at: float  # on the monotonic clock


class Markets:
    """The present reading of one venue."""

    def __init__(
        self, new_wire: Callable[[], KrakenWire], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._new_wire, self._monotonic = new_wire, monotonic
        self._bare = new_wire()
        self._loaded: Loaded | None = None
        self._retry_at = 0.0
        self._lock = threading.Lock()

    def wire(self) -> KrakenWire:
        """A ccxt instance for requests that need no markets. Never asks the venue."""
        return self._loaded.wire if self._loaded is not None else self._bare

    def symbol_of(self, name: str) -> str:
        """A pair's name in our words, as far as that is known without asking the venue."""
        return self._loaded.catalogue.symbol_of(name) if self._loaded is not None else name

    def known(self) -> Loaded:
        """The reading there is, of any age; read now only when there is none. Raises VenueUnavailable."""
        if self._loaded is not None:
            return self._loaded
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def fresh(self) -> Loaded:
        """A reading of the last hour where the venue gives one. Raises VenueUnavailable without any."""
        loaded = self.known()
        if self._is_due(loaded) and self._lock.acquire(blocking=False):
            try:
                self._loaded = loaded = self._load()
            except VenueUnavailable as error:
                self._retry_at = self._monotonic() + RETRY_SECONDS
                log.warning("the markets could not be read again, the former reading serves: %s", error)
            finally:
                self._lock.release()
        return loaded

    def _is_due(self, loaded: Loaded) -> bool:
        now = self._monotonic()
        return now - loaded.read_at > FRESH_SECONDS and now >= self._retry_at

    def _load(self) -> Loaded:
        wire = self._new_wire()
        try:
            wire.load_markets(reload=True)
            pairs = {
                market["id"]: market["info"] for markets in wire.markets_by_id.values() for market in markets
            }
            decimals = {
                currency["id"]: parsing.whole(currency["info"]["decimals"], f"decimals of {currency['id']}")
                for currency in wire.currencies.values()
                if (currency.get("info") or {}).get("decimals") is not None
            }
        except Exception as error:  # ccxt stumbles over a page that is no answer in many ways
            raise unavailable("AssetPairs", error) from error
        if not pairs:
            raise VenueUnavailable("Kraken's AssetPairs lists no pair")
        return Loaded(wire, Catalogue(pairs, base_decimals=decimals), self._monotonic())
