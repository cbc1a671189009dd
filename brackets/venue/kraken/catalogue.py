"""Every pair of the venue under all its names: "BTC/USD", "XBT/USD", "XXBTZUSD", "XBTUSD", "BTCUSD".

Pure, built from AssetPairs and Assets. A pair that cannot be read is left out and remembered with the
reason: one exotic pair must not stop the trade in all others, and asking for it says why it is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brackets.venue.kraken import parsing
from brackets.venue.port import Instrument, UnknownSymbol, UnknownWord


class Catalogue:
    """The instruments of one reading."""

    def __init__(self, pairs: Mapping[str, Any], *, base_decimals: Mapping[str, int]) -> None:
        self.instruments: list[Instrument] = []
        self.unreadable: dict[str, str] = {}
        self._by_name: dict[str, Instrument] = {}
        for venue_symbol, raw in pairs.items():
            try:
                pair = parsing.mapping(raw, f"pair {venue_symbol}")
                read = parsing.instrument(
                    venue_symbol, pair, base_decimals=base_decimals.get(str(pair.get("base")))
                )
            except UnknownWord as error:
                self.unreadable[venue_symbol.upper()] = str(error)
                continue
            self.instruments.append(read)
        # The venue's own identity first: a later name never hides an earlier one.
        for name_of in ("venue_symbol", "altname", "symbol"):
            for read in self.instruments:
                self._by_name.setdefault(getattr(read, name_of).upper(), read)
        for read in self.instruments:
            self._by_name.setdefault(read.symbol.replace("/", "").upper(), read)

    def find(self, name: str) -> Instrument:
        """The instrument by any of its names. Raises UnknownSymbol."""
        asked = name.strip().upper()
        found = self._by_name.get(asked) or self._by_name.get(self._in_our_words(asked))
        if found is not None:
            return found
        why = self.unreadable.get(asked)
        raise UnknownSymbol(f"the venue does not list {name!r:.40}" + (f" readably: {why}" if why else ""))

    def symbol_of(self, name: str) -> str:
        """ "XBTUSD" -> "BTC/USD"; a pair that is not known keeps the venue's name."""
        found = self._by_name.get(name.upper())
        return found.symbol if found else name

    @staticmethod
    def _in_our_words(name: str) -> str:
        base, slash, quote = name.partition("/")
        if not slash:
            return name
        return f"{parsing.OUR_NAMES.get(base, base)}/{parsing.OUR_NAMES.get(quote, quote)}"
