"""Kraken's JSON -> the port's frozen values, exactly and strictly.

Pure: the adapter hands in the `result` of an answer. Numbers arrive as strings (the wire keeps even
JSON numbers as text) and become Decimals without passing through a float. A missing field, a number
that is none, or a status, side or order type never heard of raises `UnknownWord`: nothing is assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, TypeVar

from brackets.venue.port import (
    BalanceReading,
    CandleReading,
    Instrument,
    LedgerEntry,
    OrderKind,
    OrderReport,
    QuoteReading,
    Side,
    TradeReport,
    UnknownWord,
    VenueStatus,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OUR_NAMES = {"XBT": "BTC", "XDG": "DOGE"}  # Kraken's code -> everybody else's
PAIR_STATUSES = frozenset({"online", "cancel_only", "post_only", "limit_only", "reduce_only"})
SYSTEM_STATUSES = PAIR_STATUSES | {"maintenance"}
TRIGGERED_WORDS = frozenset({"stopped", "touched"})  # misc: by stop price, by take-profit price
LIMIT_IN_PRICE = frozenset({OrderKind.LIMIT, OrderKind.ICEBERG})
LIMIT_IN_PRICE2 = frozenset({OrderKind.STOP_LOSS_LIMIT, OrderKind.TAKE_PROFIT_LIMIT})
TRIGGERS = LIMIT_IN_PRICE2 | {OrderKind.STOP_LOSS, OrderKind.TAKE_PROFIT}
TRAILING = frozenset({OrderKind.TRAILING_STOP, OrderKind.TRAILING_STOP_LIMIT})

Raw = Mapping[str, Any]
SymbolOf = Callable[[str], str]  # Kraken's pair name -> "BTC/USD"
Word = TypeVar("Word", bound=StrEnum)


# --- the small words -----------------------------------------------------------------------------


def mapping(value: Any, what: str) -> Raw:
    if not isinstance(value, Mapping):
        raise UnknownWord(f"{what} is not an object: {value!r:.80}")
    return value


def sequence(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise UnknownWord(f"{what} is not a list: {value!r:.80}")
    return value


def field(raw: Raw, name: str, what: str) -> Any:
    if name not in raw or raw[name] is None:
        raise UnknownWord(f"{what} has no {name}")
    return raw[name]


def text(raw: Raw, name: str, what: str) -> str:
    value = field(raw, name, what)
    if not isinstance(value, str) or not value:
        raise UnknownWord(f"{what} has {name} {value!r:.80}, not a word")
    return value


def number(value: Any, what: str) -> Decimal:
    """An exact, finite Decimal; a float is refused, for its digits are already lost."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise UnknownWord(f"{what} is {value!r:.80}, not an exact number")
    try:
        result = Decimal(value)
    except InvalidOperation:
        raise UnknownWord(f"{what} is {value!r:.80}, not a number") from None
    if not result.is_finite():
        raise UnknownWord(f"{what} is {value!r:.80}, not a finite number")
    return result


def amount(raw: Raw, name: str, what: str) -> Decimal:
    return number(field(raw, name, what), f"{name} of {what}")


def whole(value: Any, what: str) -> int:
    result = number(value, what)
    if result != result.to_integral_value():
        raise UnknownWord(f"{what} is {value!r:.80}, not a whole number")
    return int(result)


def moment(value: Any, what: str) -> datetime:
    """Seconds since 1970, with a fraction, as an aware time to the microsecond."""
    seconds = number(value, what)
    try:
        return EPOCH + timedelta(microseconds=int(seconds * 1_000_000))
    except OverflowError:
        raise UnknownWord(f"{what} is {value!r:.80}, not a time") from None


def moment_or_none(raw: Raw, name: str, what: str) -> datetime | None:
    value = raw.get(name)
    if value is None or number(value, f"{name} of {what}") == 0:
        return None
    return moment(value, f"{name} of {what}")


def word(kind: type[Word], value: Any, what: str) -> Word:
    try:
        return kind(value)
    except ValueError:
        raise UnknownWord(f"{what} is {value!r:.80}, a word not known") from None


# --- the market ----------------------------------------------------------------------------------


def our_symbol(wsname: str) -> str:
    """ "XBT/USD" -> "BTC/USD"."""
    base, slash, quote = wsname.partition("/")
    if not (base and slash and quote):
        raise UnknownWord(f"a pair's wsname is {wsname!r:.80}, not BASE/QUOTE")
    return f"{OUR_NAMES.get(base, base)}/{OUR_NAMES.get(quote, quote)}"


def first_fee(raw: Raw, name: str, what: str) -> Decimal:
    """The fee of the lowest volume tier as a ratio: [[0, 0.4], ...] -> 0.004."""
    rows = sequence(field(raw, name, what), f"{name} of {what}")
    if not rows or len(sequence(rows[0], f"{name} of {what}")) < 2:
        raise UnknownWord(f"{what} has no {name}")
    return number(rows[0][1], f"{name} of {what}") / 100


def pair_status(raw: Raw, what: str) -> str:
    """A market's mode: online, cancel_only, post_only, limit_only or reduce_only."""
    status = text(raw, "status", what)
    if status not in PAIR_STATUSES:
        raise UnknownWord(f"{what} has status {status!r:.80}, a word not known")
    return status


def instrument(venue_symbol: str, raw: Raw, *, base_decimals: int | None = None) -> Instrument:
    """One entry of AssetPairs. `base_decimals` (of Assets) may make the lot coarser than the pair says."""
    what = f"pair {venue_symbol}"
    symbol = our_symbol(text(raw, "wsname", what))
    lot_decimals = whole(field(raw, "lot_decimals", what), f"lot_decimals of {what}")
    if base_decimals is not None:
        lot_decimals = min(lot_decimals, base_decimals)
    status = pair_status(raw, what)
    tick_size = amount(raw, "tick_size", what)
    if tick_size <= 0:
        raise UnknownWord(f"{what} has tick_size {tick_size}, not positive")
    base, quote = symbol.split("/")
    return Instrument(
        symbol=symbol,
        venue_symbol=venue_symbol,
        altname=text(raw, "altname", what),
        base=base,
        quote=quote,
        base_asset=text(raw, "base", what),
        quote_asset=text(raw, "quote", what),
        tick_size=tick_size,
        lot_step=Decimal(1).scaleb(-lot_decimals),
        minimum_quantity=amount(raw, "ordermin", what),
        minimum_cost=number(raw.get("costmin") or 0, f"costmin of {what}"),
        taker_fee_ratio=first_fee(raw, "fees", what),
        maker_fee_ratio=first_fee(raw, "fees_maker", what)
        if raw.get("fees_maker")
        else first_fee(raw, "fees", what),
        status=status,
    )


def quote(symbol: str, raw: Raw) -> QuoteReading:
    """One entry of Ticker: the first number of a (ask), b (bid) and c (last)."""
    what = f"ticker of {symbol}"

    def first(name: str) -> Decimal:
        row = sequence(field(raw, name, what), f"{name} of {what}")
        return number(row[0] if row else None, f"{name} of {what}")

    return QuoteReading(symbol=symbol, bid=first("b"), ask=first("a"), last=first("c"))


def candles(rows: Any, symbol: str) -> list[CandleReading]:
    """The rows of OHLC, oldest first; the last one is the bar that is still being made."""
    what = f"candle of {symbol}"
    return [candle(sequence(row, what), what) for row in sequence(rows, f"candles of {symbol}")]


def candle(row: list[Any], what: str) -> CandleReading:
    if len(row) < 7:
        raise UnknownWord(f"{what} has {len(row)} columns")
    return CandleReading(
        opened_at=moment(row[0], f"time of {what}"),
        open=number(row[1], f"open of {what}"),
        high=number(row[2], f"high of {what}"),
        low=number(row[3], f"low of {what}"),
        close=number(row[4], f"close of {what}"),
        volume=number(row[6], f"volume of {what}"),  # row[5] is the average price
    )


def system_status(result: Raw) -> str:
    status = text(result, "status", "system status")
    if status not in SYSTEM_STATUSES:
        raise UnknownWord(f"the system status is {status!r:.80}, a word not known")
    return status


def server_time(result: Raw) -> datetime:
    return moment(field(result, "unixtime", "Time"), "unixtime")


# --- the account ---------------------------------------------------------------------------------


def stated_prices(kind: OrderKind, raw: Raw, descr: Raw, what: str) -> tuple[Decimal | None, Decimal | None]:
    """(limit price, trigger price). `descr.price` is the limit of a limit order and the trigger of a
    stop (whose `stopprice` reads 0); only a trailing stop has its present trigger in `stopprice`."""
    price = field(descr, "price", what)
    if kind in TRAILING or (isinstance(price, str) and price[:1] in {"+", "-", "#"}):
        trigger = amount(raw, "stopprice", what)
        return None, trigger or None
    if kind in LIMIT_IN_PRICE:
        return number(price, f"price of {what}"), None
    if kind in TRIGGERS:
        limit = amount(descr, "price2", what) if kind in LIMIT_IN_PRICE2 else None
        return limit, number(price, f"price of {what}")
    return None, None


def order(venue_order_id: str, value: Any, symbol_of: SymbolOf) -> OrderReport:
    """One order of OpenOrders, ClosedOrders or QueryOrders."""
    what = f"order {venue_order_id}"
    raw = mapping(value, what)
    descr = mapping(field(raw, "descr", what), f"descr of {what}")
    kind = word(OrderKind, field(descr, "ordertype", what), f"ordertype of {what}")
    limit_price, trigger_price = stated_prices(kind, raw, descr, what)
    filled = amount(raw, "vol_exec", what)
    misc = raw.get("misc") or ""
    trades = sequence(raw.get("trades") or [], f"trades of {what}")
    return OrderReport(
        venue_order_id=venue_order_id,
        client_order_id=raw.get("cl_ord_id") or None,
        parent_venue_order_id=raw.get("refid") or None,
        symbol=symbol_of(text(descr, "pair", what)),
        side=word(Side, field(descr, "type", what), f"side of {what}"),
        kind=kind,
        status=word(VenueStatus, field(raw, "status", what), f"status of {what}"),
        quantity=amount(raw, "vol", what),
        filled_quantity=filled,
        average_price=amount(raw, "price", what) if filled > 0 else None,
        cost=amount(raw, "cost", what),
        fee=amount(raw, "fee", what),
        limit_price=limit_price,
        trigger_price=trigger_price,
        triggered=not TRIGGERED_WORDS.isdisjoint(part.strip() for part in str(misc).split(",")),
        reason=str(raw.get("reason") or ""),
        opened_at=moment_or_none(raw, "opentm", what),
        closed_at=moment_or_none(raw, "closetm", what),
        trade_ids=tuple(str(trade) for trade in trades),
    )


def orders(values: Any, symbol_of: SymbolOf) -> list[OrderReport]:
    return [order(key, value, symbol_of) for key, value in mapping(values, "orders").items()]


def trade(venue_trade_id: str, value: Any, symbol_of: SymbolOf) -> TradeReport:
    """One fill of TradesHistory or QueryTrades."""
    what = f"trade {venue_trade_id}"
    raw = mapping(value, what)
    maker = raw.get("maker")
    if maker is not None and not isinstance(maker, bool):
        raise UnknownWord(f"{what} has maker {maker!r:.80}, neither true nor false")
    return TradeReport(
        venue_trade_id=venue_trade_id,
        venue_order_id=text(raw, "ordertxid", what),
        symbol=symbol_of(text(raw, "pair", what)),
        side=word(Side, field(raw, "type", what), f"side of {what}"),
        price=amount(raw, "price", what),
        quantity=amount(raw, "vol", what),
        cost=amount(raw, "cost", what),
        fee=amount(raw, "fee", what),
        executed_at=moment(field(raw, "time", what), f"time of {what}"),
        maker=maker,
    )


def trades(values: Any, symbol_of: SymbolOf) -> list[TradeReport]:
    return [trade(key, value, symbol_of) for key, value in mapping(values, "trades").items()]


def ledger_entry(ledger_id: str, value: Any) -> LedgerEntry:
    what = f"ledger entry {ledger_id}"
    raw = mapping(value, what)
    return LedgerEntry(
        ledger_id=ledger_id,
        reference=text(raw, "refid", what),
        kind=text(raw, "type", what),
        asset=text(raw, "asset", what),
        amount=amount(raw, "amount", what),
        fee=amount(raw, "fee", what),
        balance=amount(raw, "balance", what),
        booked_at=moment(field(raw, "time", what), f"time of {what}"),
    )


def ledgers(values: Any) -> list[LedgerEntry]:
    return [ledger_entry(key, value) for key, value in mapping(values, "ledger").items()]


def balance(asset: str, value: Any) -> BalanceReading:
    """One asset of BalanceEx. A credit line counts as ours: Kraken lets it be spent."""
    what = f"balance of {asset}"
    raw = mapping(value, what)
    credit = number(raw.get("credit") or 0, f"credit of {what}")
    credit_used = number(raw.get("credit_used") or 0, f"credit_used of {what}")
    return BalanceReading(
        asset=asset,
        total=amount(raw, "balance", what) + credit - credit_used,
        held=amount(raw, "hold_trade", what),
    )


def balances(result: Any) -> list[BalanceReading]:
    return [balance(asset, value) for asset, value in mapping(result, "balances").items()]


# --- answers to writes ---------------------------------------------------------------------------


def placed_ids(info: Any) -> tuple[str, ...]:
    """The order ids an AddOrder result names; empty for a validation, or when it is no such result."""
    ids = info.get("txid") if isinstance(info, Mapping) else None
    if not isinstance(ids, Iterable) or isinstance(ids, str):
        return ()
    return tuple(key for key in ids if isinstance(key, str) and key)
