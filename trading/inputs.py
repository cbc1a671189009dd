"""What every act of this floor shares: how it refuses, how it answers, and what a number must look like.

Stands under the door, the exits and the changes; knows no market and writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from brackets import accounts
from brackets.core import prices
from brackets.core.machine import RefusedEvent
from brackets.models import Account
from risk.core.gate import Denial, DenialCode
from risk.core.plain import text
from trading.models import Trade

MAXIMUM_PLACES = 18
MONEY_LIMIT, QUANTITY_LIMIT = Decimal(10) ** 8, Decimal(10) ** 10  # what the exact columns hold


class BadInput(ValueError):
    """What was asked for is malformed; the message names the field, the limit and the value."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Recovering(Exception):
    """After a start, no entry before the book was compared with the venue. Try again shortly."""


class UnknownTrade(LookupError):
    """There is no such trade on this account; the message names it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """A new trade was written: its entry (or the stop of coins already held) is intended."""

    trade: Trade


@dataclass(frozen=True, kw_only=True, slots=True)
class Changed:
    """What was asked of an open trade is intended."""

    trade: Trade


@dataclass(frozen=True, kw_only=True, slots=True)
class Denied:
    """A rule said no, and nothing was written."""

    denials: tuple[Denial, ...]


Verdict = Opened | Denied
ChangeVerdict = Changed | Denied
Within = Callable[[Trade], None]
"""Called with the Trade inside the transaction that writes what was asked."""


def account_for(exchange: str) -> Account:
    """The account of that name. Modes never mix: only the running mode's account can act."""
    account = accounts.current()
    if exchange != account.name:
        raise BadInput(
            "exchange", f"this process trades on {account.name!r} (TRADING_MODE), not on {exchange!r}."
        )
    return account


def require_recovered(account: Account) -> None:
    """Raises Recovering while the book was not compared with the venue since the start. Asks the row as it
    is now: the account in hand may have been read before a restart."""
    now = Account.objects.get(pk=account.pk)
    if now.recovered_at is None:
        raise Recovering(why_recovering(now))


def why_recovering(account: Account) -> str:
    """What keeps the comparison from being whole, as far as is known."""
    if account.recovering_because:
        return f"the book is still being compared with the venue: {account.recovering_because}"
    known = account.private_error or account.venue_error
    if known:
        return f"the book cannot be compared with the venue: {known}"
    return "the book is still being compared with the venue after a start"


def opened_meanwhile(base: str) -> Denied:
    return denied(
        DenialCode.POSITION_OPEN,
        f"A trade in {base} was opened at the same moment; one per base asset.",
        limit="1",
        value="1",
    )


def refused_by_machine(trade: Trade, refused: RefusedEvent) -> Denied:
    """What the bracket's own rules do not take in its present state."""
    state = trade.bracket.state
    return denied(
        refused.refusal,
        f"Trade {trade.pk} cannot do that now ({refused.refusal.replace('_', ' ')}): its bracket is {state}.",
        limit=refused.refusal,
        value=state,
    )


def denied(code: str, message: str, *, limit: str, value: str) -> Denied:
    return Denied(denials=(Denial(code=code, message=message, limit=limit, value=value),))


def require_positive(name: str, value: Decimal, *, below: Decimal = MONEY_LIMIT) -> None:
    """Raises BadInput for what is no amount, price or quantity the book can hold."""
    if not value.is_finite() or value <= 0:
        raise BadInput(name, f"{name} must be a number above 0, not {value}.")
    if value >= below:
        raise BadInput(name, f"{name} must be below {below:f}, not {value}.")
    if -value.as_tuple().exponent > MAXIMUM_PLACES:  # type: ignore[operator]
        raise BadInput(name, f"{name} has more than {MAXIMUM_PLACES} decimals: {value}.")


def require_grid(name: str, value: Decimal, step: Decimal, unit: str) -> None:
    """Raises BadInput for a value between two steps of the venue's grid."""
    if not prices.on_grid(value, step):
        raise BadInput(name, f"{name} must be a multiple of {text(step)} {unit} at this venue, not {value}.")


def require_price(name: str, value: Decimal | None, step: Decimal, unit: str) -> None:
    """Raises BadInput for a given price that is none or is off the tick."""
    if value is not None:
        require_positive(name, value)
        require_grid(name, value, step, unit)
