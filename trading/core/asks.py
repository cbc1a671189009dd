"""What may be asked of Backstop, as values: the one place where a command's fields are read and judged.

Pure. REST, admin and command line hand a kind and a plain mapping to `parse` and get a frozen value back,
or `Malformed` naming the field, the limit and the value. `payload` is the canonical form that is stored
and compared when an idempotency key comes again: "10", "10.0" and 10 are the same amount.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from decimal import Decimal
from enum import StrEnum

from risk.core.plain import text

PLAIN_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII)
SYMBOL = re.compile(r"[A-Z0-9.]{1,12}/?[A-Z0-9.]{1,12}", re.ASCII)
AMOUNT_BELOW = Decimal(10) ** 8  # what a money column holds
AMOUNT_PLACES = 10
QUANTITY_BELOW = Decimal(10) ** 10  # what a quantity column holds
QUANTITY_PLACES = 8
LONGEST_NUMBER = 40  # characters; more is no amount
LONGEST_REASON = 200
LARGEST_ID = 2**63 - 1


class Malformed(ValueError):
    """A field cannot be understood; `limit` says what is allowed, `value` what was given."""

    def __init__(self, field: str, message: str, *, limit: str = "", value: str = "") -> None:
        super().__init__(message)
        self.field, self.limit, self.value = field, limit, value


class Kind(StrEnum):
    BUY = "buy"
    SELL = "sell"
    FORCE_TEST = "force-test"
    CLOSE = "close"
    EDIT = "edit"
    PROTECT = "protect"
    LIQUIDATE_ALL = "liquidate-all"
    PAUSE = "pause"
    RESUME = "resume"
    RELEASE = "release"


@dataclass(frozen=True, kw_only=True, slots=True)
class Buy:
    """Open a bracket for about `amount_usd` (notional before fees); prices in quote currency."""

    symbol: str
    amount_usd: Decimal
    entry_type: str | None = None  # None: what the execution mode does by default
    stop_loss_price: Decimal | None = None
    take_profit_price: Decimal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Sell:
    """Sell coins of the open bracket in this pair's coin; all of them when no amount is given."""

    symbol: str
    amount_token: Decimal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ForceTest:
    """Open a small bracket at market, to see the whole way work."""

    symbol: str
    amount_usd: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Close:
    trade: int
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """Move the stop, the target, or both; what is not given stays."""

    trade: int
    stop_loss_price: Decimal | None = None
    take_profit_price: Decimal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Protect:
    """Put a bracket around coins that are in the account already."""

    symbol: str
    quantity: Decimal
    stop_loss_price: Decimal | None = None
    take_profit_price: Decimal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LiquidateAll:
    """The kill switch: pause, and sell everything of ours."""

    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Pause:
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Resume:
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """An operator looked at a held position: go on with it."""

    trade: int
    reason: str


Ask = Buy | Sell | ForceTest | Close | Edit | Protect | LiquidateAll | Pause | Resume | Release
ASKS: Mapping[Kind, type[Ask]] = {
    Kind.BUY: Buy,
    Kind.SELL: Sell,
    Kind.FORCE_TEST: ForceTest,
    Kind.CLOSE: Close,
    Kind.EDIT: Edit,
    Kind.PROTECT: Protect,
    Kind.LIQUIDATE_ALL: LiquidateAll,
    Kind.PAUSE: Pause,
    Kind.RESUME: Resume,
    Kind.RELEASE: Release,
}
KINDS: Mapping[type[Ask], Kind] = {ask: kind for kind, ask in ASKS.items()}
ENTRIES = (Buy, ForceTest)


def kind_of(ask: Ask) -> Kind:
    return KINDS[type(ask)]


def payload(ask: Ask) -> dict[str, object]:
    """The canonical content of an ask, as JSON: what was not given is left out."""
    given = ((field.name, getattr(ask, field.name)) for field in fields(ask))
    return {
        name: text(value) if isinstance(value, Decimal) else value
        for name, value in given
        if value is not None and value != ""
    }


def parse(kind: str, body: Mapping[str, object]) -> Ask:
    """The ask that `body` describes. Raises Malformed for an unknown kind or field, a missing one, or a
    value out of its limits."""
    if kind not in set(Kind):
        raise Malformed("kind", f"There is no command {kind!r}; there are {', '.join(Kind)}.", value=kind)
    shape = ASKS[Kind(kind)]
    known = {field.name for field in fields(shape)}
    for name in body:
        if name not in known:
            raise Malformed(
                str(name)[:60],
                f"{kind} knows no field {str(name)[:60]!r}; it takes {', '.join(sorted(known))}.",
                limit=", ".join(sorted(known)),
            )
    given = {
        name: READERS[name](name, value)
        for name, value in body.items()
        if value is not None  # null is the same as not given
    }
    for name in required(shape):
        if given.get(name) in (None, ""):
            raise Malformed(name, f"{name} is required for {kind}.", limit="required")
    ask = shape(**given)  # type: ignore[arg-type]
    if isinstance(ask, Edit) and ask.stop_loss_price is None and ask.take_profit_price is None:
        raise Malformed(
            "stop_loss_price",
            "edit needs a stop_loss_price, a take_profit_price, or both.",
            limit="at least one of stop_loss_price, take_profit_price",
        )
    return ask


def required(shape: type[Ask]) -> tuple[str, ...]:
    """The fields that have no default."""
    return tuple(field.name for field in fields(shape) if field.default is MISSING)


def read_amount(name: str, value: object) -> Decimal:
    """An amount or price: above 0, below 100,000,000, at most 10 decimals; text or a JSON number."""
    return read_number(name, value, below=AMOUNT_BELOW, most_places=AMOUNT_PLACES)


def read_quantity(name: str, value: object) -> Decimal:
    """A quantity of coins: above 0, below 10,000,000,000, at most 8 decimals; text or a JSON number."""
    return read_number(name, value, below=QUANTITY_BELOW, most_places=QUANTITY_PLACES)


def read_number(name: str, value: object, *, below: Decimal, most_places: int) -> Decimal:
    """A number above 0 and `below` a power of ten, with at most so many decimals. Raises Malformed."""
    limit = f"above 0, below {text(below)}, at most {most_places} decimals"
    shown = str(value)[:LONGEST_NUMBER] if isinstance(value, str | int | Decimal) else type(value).__name__

    def refusal(why: str) -> Malformed:
        return Malformed(name, f"{name} must be a number {limit}: {shown} {why}.", limit=limit, value=shown)

    number = plain_number(value)
    if number is None:
        raise refusal("is none")
    if not number.is_finite():
        raise refusal("is not finite")
    if number <= 0:
        raise refusal("is not above 0")
    if number.adjusted() >= below.adjusted():
        raise refusal("is too large")
    if places(number) > most_places:
        raise refusal("has too many decimals")
    return number


def plain_number(value: object) -> Decimal | None:
    """The exact number a value states; None when it states none. Floats are never exact."""
    if isinstance(value, bool):
        return None
    if isinstance(value, Decimal):
        return value if len(value.as_tuple().digits) <= LONGEST_NUMBER else None
    if isinstance(value, int):
        return Decimal(value) if abs(value) < 10**LONGEST_NUMBER else None
    if isinstance(value, str) and len(value) <= LONGEST_NUMBER:
        words = value.strip()
        if PLAIN_NUMBER.fullmatch(words.removeprefix("-").removeprefix("+")):
            return Decimal(words)
        if words.lower().lstrip("+-") in {"nan", "inf", "infinity"}:
            return Decimal("NaN")
    return None


def places(number: Decimal) -> int:
    """Decimals that count: 10.50 has one."""
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int):
        return 0
    idle = len(digits) - len("".join(map(str, digits)).rstrip("0"))
    return max(-(exponent + idle), 0)


def read_symbol(name: str, value: object) -> str:
    """The pair's name in capitals with a slash; whether the venue lists it is the market's to say."""
    words = value.strip().upper().replace("-", "/").replace("_", "/") if isinstance(value, str) else ""
    if not SYMBOL.fullmatch(words):
        shown = str(value)[:40] if isinstance(value, str) else type(value).__name__
        raise Malformed(name, f"{name} must be a pair like ETH/USD, not {shown!r}.", value=shown)
    return words


def read_entry_type(name: str, value: object) -> str:
    if value not in ("market", "limit"):
        shown = str(value)[:40]
        raise Malformed(
            name, f"{name} must be market or limit, not {shown!r}.", limit="market, limit", value=shown
        )
    return str(value)


def read_trade(name: str, value: object) -> int:
    """The id of a trade, as a number or its text."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST_ID:
        return value
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value.strip(), re.ASCII):
        return int(value)
    shown = str(value)[:40]
    raise Malformed(name, f"{name} must be the id of a trade, not {shown!r}.", value=shown)


def read_reason(name: str, value: object) -> str:
    words = value.strip() if isinstance(value, str) else None
    if words is None or len(words) > LONGEST_REASON or not words.isprintable():
        limit = f"one line of at most {LONGEST_REASON} characters"
        raise Malformed(name, f"{name} must be {limit}.", limit=limit)
    return words


READERS: Mapping[str, Callable[[str, object], object]] = {
    "symbol": read_symbol,
    "amount_usd": read_amount,
    "amount_token": read_quantity,
    "quantity": read_quantity,
    "entry_type": read_entry_type,
    "stop_loss_price": read_amount,
    "take_profit_price": read_amount,
    "trade": read_trade,
    "reason": read_reason,
}
