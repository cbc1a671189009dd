"""What the door must know of the market before it may decide: instrument, fresh price, ATR.

Reads the rows that the watch keeps fresh; only what is missing or stale is asked of the venue
(public calls). Runs before, never inside, the door's transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

from django.utils import timezone

from brackets import venues
from brackets.core.timers import is_long
from brackets.models import Account, Instrument, Quote
from brackets.venue.port import VenueUnavailable
from risk.models import SystemConfig
from trading.core.indicators import average_true_range

FRESH_SECONDS = 3
ALIASES = {"XBT": "BTC", "XDG": "DOGE"}


class UnknownSymbol(ValueError):
    """No such pair at the venue; the message names it and what is offered."""


class MarketUnavailable(Exception):
    """The venue could not be asked for what is needed; nothing was changed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MarketView:
    instrument: Instrument
    bid: Decimal
    ask: Decimal
    last: Decimal
    read_at: datetime
    atr: Decimal | None

    def age_seconds(self, at: datetime) -> Decimal:
        """How old the price is, to the millisecond; never below 0."""
        return Decimal(max((at - self.read_at) // timedelta(milliseconds=1), 0)) / 1000


def instrument_named(account: Account, text: str) -> Instrument:
    """The instrument a person means by "ETH/USD", "eth-usd", "XBTUSD", "XXBTZUSD" or "BTC/USD".

    Raises UnknownSymbol, or MarketUnavailable when the venue's list was never read and cannot be.
    """
    instruments = list(Instrument.objects.filter(account=account))
    if not instruments:
        instruments = read_instruments(account)
    wanted = text.strip().upper().replace("-", "/").replace("_", "/")
    if "/" in wanted:
        base, _, quote = wanted.partition("/")
        wanted = f"{ALIASES.get(base, base)}/{ALIASES.get(quote, quote)}"
    for instrument in instruments:
        if wanted in {
            instrument.symbol,
            instrument.altname.upper(),
            instrument.venue_symbol.upper(),
            instrument.symbol.replace("/", ""),
        }:
            return instrument
    offered = ", ".join(sorted(i.symbol for i in instruments)[:12])
    raise UnknownSymbol(
        f"{text!r} is no pair of this venue; it offers {offered}{' …' * (len(instruments) > 12)}"
    )


def read_instruments(account: Account) -> list[Instrument]:
    from brackets.readers import refresh_instruments

    try:
        return refresh_instruments(account, venues.of(account))
    except VenueUnavailable as error:
        raise MarketUnavailable(f"the venue could not be asked for its pairs: {error}") from error


def view(account: Account, instrument: Instrument, config: SystemConfig, *, with_atr: bool) -> MarketView:
    """Everything the door needs to know of one market. Raises MarketUnavailable."""
    quote = fresh_quote(account, instrument)
    atr = read_atr(account, instrument, config) if with_atr else None
    return MarketView(
        instrument=instrument,
        bid=quote.bid,
        ask=quote.ask,
        last=quote.last,
        read_at=quote.read_at,
        atr=atr,
    )


def fresh_quote(account: Account, instrument: Instrument) -> Quote:
    """The price that was read seconds ago, else one read now. One of the future is from before the clock was
    set back, nobody knows how old."""
    quote = Quote.objects.filter(account=account, symbol=instrument.symbol).first()
    if quote is not None and not is_long(quote.read_at, timezone.now(), timedelta(seconds=FRESH_SECONDS)):
        return quote
    try:
        readings = venues.of(account).quotes([instrument.symbol])
    except VenueUnavailable as error:
        raise MarketUnavailable(f"no fresh price of {instrument.symbol}: {error}") from error
    for reading in readings:
        if reading.symbol == instrument.symbol:
            return Quote(
                account=account,
                symbol=reading.symbol,
                bid=reading.bid,
                ask=reading.ask,
                last=reading.last,
                read_at=timezone.now(),
            )
    raise MarketUnavailable(f"the venue states no price of {instrument.symbol}")


def read_atr(account: Account, instrument: Instrument, config: SystemConfig) -> Decimal | None:
    """The ATR of the configured bars, in quote currency, on a tenth of the tick; None with too few bars."""
    try:
        bars = venues.of(account).candles(
            instrument.symbol, minutes=config.atr_minutes, limit=config.atr_period * 4 + 1
        )
    except VenueUnavailable as error:
        raise MarketUnavailable(f"no candles of {instrument.symbol} for the ATR: {error}") from error
    closed = list(bars)[:-1]  # the last bar is still being made
    value = average_true_range(closed, period=config.atr_period)
    if value is None:
        return None
    return value.quantize(instrument.tick_size / 10, rounding=ROUND_HALF_EVEN)
