"""The gate: may this entry be made, may these coins be put into a bracket? Pure rules on plain values.

Nothing opens a bracket without an `ApprovedPlan`, and only `judge` and `judge_protect` make one. Every
denial names its limit and the value that broke it, in order of precedence.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from risk.core.plain import text

_GATE = object()  # the key only this module has
ENTRY_TYPES = ("market", "limit")


class DenialCode(StrEnum):
    """Reasons to deny, in order of precedence."""

    PAUSED = "paused"
    TRADING_INACTIVE = "trading_inactive"
    ENTRY_TYPE = "entry_type_not_offered"
    MARKET_NOT_ONLINE = "market_not_online"
    PRICE_STALE = "price_stale"
    POSITION_OPEN = "position_open"
    TOO_MANY_OPEN = "maximum_open_trades"
    BELOW_MINIMUM_QUANTITY = "below_minimum_quantity"
    BELOW_MINIMUM_COST = "below_minimum_cost"
    ABOVE_MAXIMUM = "maximum_notional"
    STOP_NOT_BELOW_PRICE = "stop_not_below_price"
    TARGET_NOT_ABOVE_PRICE = "target_not_above_price"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    INSUFFICIENT_COINS = "insufficient_coins"


@dataclass(frozen=True, kw_only=True, slots=True)
class Denial:
    """One broken limit; `limit` and `value` are texts for people and scripts alike."""

    code: str
    message: str
    limit: str = ""
    value: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryRequest:
    """A long position somebody asks for, already on the venue's grid."""

    symbol: str
    base: str
    quantity: Decimal
    entry_type: str  # market, limit; held: the coins are in the account already
    expected_price: Decimal  # the ask, the limit, or what held coins are reckoned with
    bid: Decimal
    stop_price: Decimal
    target_price: Decimal

    @property
    def notional(self) -> Decimal:
        return self.quantity * self.expected_price


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryFacts:
    """What is so at this moment."""

    market_status: str
    price_age_seconds: Decimal
    base_has_open_trade: bool
    open_trades: int
    available_quote: Decimal | None  # None: never read; the venue then judges by itself
    minimum_quantity: Decimal
    minimum_cost: Decimal
    taker_fee_ratio: Decimal
    maker_fee_ratio: Decimal
    quote: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """The law in force, from SystemConfig."""

    system_status: str
    is_trading_active: bool
    execution_mode: str
    maximum_notional: Decimal
    maximum_open_trades: int
    maximum_price_age_seconds: int


@dataclass(frozen=True, kw_only=True, slots=True)
class HoldingFacts:
    """What is so of coins that are in the account already."""

    market_status: str
    price_age_seconds: Decimal
    base_has_open_trade: bool
    ask: Decimal
    free_coins: Decimal | None  # in no order of somebody else and in no bracket; None: never read
    minimum_quantity: Decimal
    minimum_cost: Decimal
    quote: str


class ApprovedPlan:
    """A bracket the gate has let through. Only `judge` and `judge_protect` can make one.

    `most_cost` (quote currency, before fees) binds every entry that follows the market together with what
    was bought before; None: nothing is bought.
    """

    __slots__ = ("most_cost", "request")
    request: EntryRequest
    most_cost: Decimal | None

    def __init__(
        self, request: EntryRequest, *, most_cost: Decimal | None = None, gate: object = None
    ) -> None:
        if gate is not _GATE:
            raise TypeError("an ApprovedPlan is made by the judges of risk.core.gate alone")
        object.__setattr__(self, "request", request)
        object.__setattr__(self, "most_cost", most_cost)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("an ApprovedPlan does not change")


def judge(request: EntryRequest, facts: EntryFacts, limits: Limits) -> ApprovedPlan | tuple[Denial, ...]:
    """Approve the entry, or say every limit it breaks (most important first)."""
    denials = tuple(
        denial
        for rule in (status_rules, market_rules, exposure_rules, size_rules, price_rules, funds_rules)
        for denial in rule(request, facts, limits)
    )
    return denials or ApprovedPlan(request, most_cost=limits.maximum_notional, gate=_GATE)


def judge_protect(
    request: EntryRequest, facts: HoldingFacts, limits: Limits
) -> ApprovedPlan | tuple[Denial, ...]:
    """Approve both exits for coins that are held already, or say every limit that is broken.

    It buys nothing and adds protection, so PAUSED, the number of open trades and the most an entry may
    cost do not stand in its way.
    """
    denials = (
        *market_rules(request, facts, limits),
        *base_rules(request, facts),
        *minimum_rules(request, facts),
        *protect_price_rules(request, facts),
        *coins_rules(request, facts),
    )
    return denials or ApprovedPlan(request, gate=_GATE)


def status_rules(request: EntryRequest, facts: EntryFacts, limits: Limits) -> list[Denial]:
    denials = []
    if limits.system_status != "ACTIVE":
        denials.append(
            Denial(
                code=DenialCode.PAUSED,
                message="Trading is paused: no entry leaves. Exits still pass. Resume first.",
                limit="ACTIVE",
                value=limits.system_status,
            )
        )
    if not limits.is_trading_active:
        denials.append(
            Denial(
                code=DenialCode.TRADING_INACTIVE,
                message="is_trading_active is off in the configuration: no entry leaves.",
                limit="true",
                value="false",
            )
        )
    if request.entry_type not in ENTRY_TYPES:
        denials.append(
            Denial(
                code=DenialCode.ENTRY_TYPE,
                message=f"Entries of type {request.entry_type} are not offered; market and limit are.",
                limit=", ".join(ENTRY_TYPES),
                value=request.entry_type,
            )
        )
    return denials


def market_rules(request: EntryRequest, facts: EntryFacts | HoldingFacts, limits: Limits) -> list[Denial]:
    denials = []
    if facts.market_status != "online":
        denials.append(
            Denial(
                code=DenialCode.MARKET_NOT_ONLINE,
                message=f"The market of {request.symbol} is {facts.market_status} at the venue.",
                limit="online",
                value=facts.market_status,
            )
        )
    if facts.price_age_seconds > limits.maximum_price_age_seconds:
        denials.append(
            Denial(
                code=DenialCode.PRICE_STALE,
                message=f"The last price of {request.symbol} is {text(facts.price_age_seconds)} s old; "
                f"at most {limits.maximum_price_age_seconds} s are allowed.",
                limit=str(limits.maximum_price_age_seconds),
                value=text(facts.price_age_seconds),
            )
        )
    return denials


def base_rules(request: EntryRequest, facts: EntryFacts | HoldingFacts) -> list[Denial]:
    if not facts.base_has_open_trade:
        return []
    return [
        Denial(
            code=DenialCode.POSITION_OPEN,
            message=f"A trade in {request.base} is already open; one per base asset is allowed.",
            limit="1",
            value="1",
        )
    ]


def exposure_rules(request: EntryRequest, facts: EntryFacts, limits: Limits) -> list[Denial]:
    denials = base_rules(request, facts)
    if facts.open_trades >= limits.maximum_open_trades:
        denials.append(
            Denial(
                code=DenialCode.TOO_MANY_OPEN,
                message=f"{facts.open_trades} trades are open; at most {limits.maximum_open_trades} may be.",
                limit=str(limits.maximum_open_trades),
                value=str(facts.open_trades),
            )
        )
    return denials


def minimum_rules(request: EntryRequest, facts: EntryFacts | HoldingFacts) -> list[Denial]:
    denials = []
    if request.quantity < facts.minimum_quantity:
        denials.append(
            Denial(
                code=DenialCode.BELOW_MINIMUM_QUANTITY,
                message=f"{text(request.quantity)} {request.base} is below the venue's minimum of "
                f"{text(facts.minimum_quantity)} {request.base}.",
                limit=text(facts.minimum_quantity),
                value=text(request.quantity),
            )
        )
    # The exit at the stop must be above the minimum too, or the position could not be left.
    least = request.quantity * request.stop_price
    if least < facts.minimum_cost:
        denials.append(
            Denial(
                code=DenialCode.BELOW_MINIMUM_COST,
                message=f"At the stop the position is worth {text(least)} {facts.quote}, below the venue's "
                f"minimum of {text(facts.minimum_cost)} {facts.quote}.",
                limit=text(facts.minimum_cost),
                value=text(least),
            )
        )
    return denials


def size_rules(request: EntryRequest, facts: EntryFacts, limits: Limits) -> list[Denial]:
    denials = minimum_rules(request, facts)
    if request.notional > limits.maximum_notional:
        denials.append(
            Denial(
                code=DenialCode.ABOVE_MAXIMUM,
                message=f"The entry costs {text(request.notional)} {facts.quote}; at most "
                f"{text(limits.maximum_notional)} {facts.quote} are allowed.",
                limit=text(limits.maximum_notional),
                value=text(request.notional),
            )
        )
    return denials


def price_rules(request: EntryRequest, facts: EntryFacts, limits: Limits) -> list[Denial]:
    """The legs on their sides: a stop below the bid (and the limit), a target above what is paid."""
    return [
        *stop_rules(request.stop_price, min(request.bid, request.expected_price), of=request),
        *target_rules(request.target_price, request.expected_price, of=request),
    ]


def protect_price_rules(request: EntryRequest, facts: HoldingFacts) -> list[Denial]:
    return [
        *stop_rules(request.stop_price, request.bid, of=request),
        *target_rules(request.target_price, facts.ask, of=request),
    ]


def stop_rules(stop: Decimal, below: Decimal, *, of: EntryRequest) -> list[Denial]:
    if stop < below:
        return []
    what = "bid" if below == of.bid else "limit"
    return [
        Denial(
            code=DenialCode.STOP_NOT_BELOW_PRICE,
            message=f"The stop {text(stop)} is not below the {what} {text(below)}: it would trigger at once.",
            limit=text(below),
            value=text(stop),
        )
    ]


def target_rules(target: Decimal, above: Decimal, *, of: EntryRequest) -> list[Denial]:
    if target > above:
        return []
    what = "limit" if of.entry_type == "limit" else "ask"
    return [
        Denial(
            code=DenialCode.TARGET_NOT_ABOVE_PRICE,
            message=f"The target {text(target)} is not above the {what} {text(above)}.",
            limit=text(above),
            value=text(target),
        )
    ]


def funds_rules(request: EntryRequest, facts: EntryFacts, limits: Limits) -> list[Denial]:
    if facts.available_quote is None:
        return []
    # The venue reserves the fee on top; a limit entry is post-only and pays the maker's.
    fee_ratio = facts.maker_fee_ratio if request.entry_type == "limit" else facts.taker_fee_ratio
    needed = request.notional * (1 + fee_ratio)
    if needed <= facts.available_quote:
        return []
    return [
        Denial(
            code=DenialCode.INSUFFICIENT_FUNDS,
            message=f"The entry needs {text(needed)} {facts.quote} with its fee; "
            f"{text(facts.available_quote)} {facts.quote} are available.",
            limit=text(facts.available_quote),
            value=text(needed),
        )
    ]


def coins_rules(request: EntryRequest, facts: HoldingFacts) -> list[Denial]:
    free = facts.free_coins
    if free is not None and request.quantity <= free:
        return []
    known = "no balance was read yet" if free is None else f"{text(free)} {request.base} are free"
    return [
        Denial(
            code=DenialCode.INSUFFICIENT_COINS,
            message=f"{text(request.quantity)} {request.base} are to be protected, and {known} (held coins "
            "that are in no other order and in no bracket).",
            limit="0" if free is None else text(free),
            value=text(request.quantity),
        )
    ]
