"""Kraken's error strings, all in one place: what each is a refusal for, or that it settles nothing.

Pure data, read from the top; the first pattern that matches the beginning of a string decides, and the
last rows are whole categories. What becomes of a reason is in `brackets.venue.treatments`. A string that
no row matches settles nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from brackets.venue.port import Reason
from brackets.venue.treatments import Write

EVERY_WRITE = frozenset(Write)
PLACEMENT = frozenset({Write.PLACE})


class Full(StrEnum):
    """Which counter a string says is full."""

    KEY = "key"  # the REST counter, or the way in: private calls of this key
    PAIR = "pair"  # the trading counter of the pair


@dataclass(frozen=True, slots=True)
class Row:
    pattern: str
    reason: Reason | None  # None: the request may have been taken, look it up
    certain_for: frozenset[Write] = EVERY_WRITE  # for other writes it settles nothing
    full: Full | None = None


ROWS: tuple[Row, ...] = (
    # --- the order
    Row(r"EOrder:Unknown order", Reason.UNKNOWN_ORDER),
    Row(r"EOrder:Insufficient (funds|margin|initial margin)", Reason.INSUFFICIENT_FUNDS),
    Row(r"EFunding:Invalid amount", None),  # ccxt takes it for missing funds; of an order it says nothing
    Row(r"EOrder:Order minimum not met", Reason.BELOW_MINIMUM),
    Row(r"EOrder:Cost minimum not met", Reason.BELOW_MINIMUM),
    Row(r"EGeneral:Invalid arguments:volume minimum not met", Reason.BELOW_MINIMUM),
    Row(r"EOrder:Tick size check failed", Reason.BAD_PRICE),
    Row(r"EOrder:Invalid price", Reason.BAD_PRICE),
    Row(r"EOrder:.*would trigger immediately", Reason.BAD_PRICE),
    Row(r"EGeneral:Invalid arguments:(price|limit_price|trigger_price|close\[price2?\])", Reason.BAD_PRICE),
    Row(r"EGeneral:Invalid arguments:(volume|order_qty)", Reason.BAD_QUANTITY),
    Row(r"EGeneral:Invalid arguments:deadline", Reason.DEADLINE),
    Row(
        r"(EOrder|EGeneral):.*(cl_ord_id|client order id).*(use|uniq|duplicate|exist)",
        Reason.DUPLICATE_ID,
        PLACEMENT,
    ),
    Row(r"(EOrder|EGeneral):.*duplicate.*(cl_ord_id|client order id)", Reason.DUPLICATE_ID, PLACEMENT),
    Row(r"EOrder:Duplicate", Reason.DUPLICATE_ID, PLACEMENT),
    Row(r"EOrder:Post only order", Reason.POST_ONLY),
    Row(r"EOrder:Amend not supported", Reason.OTHER),  # conditional close terms; the text is not established
    Row(r"EOrder:Cancel pending", None),  # it is about to end, or to be amended: not known which came first
    Row(r"EOrder:Trading agreement required", Reason.PERMISSION),
    # --- limits and modes
    Row(r"EOrder:(Domain )?rate limit exceeded", Reason.RATE_LIMITED, full=Full.PAIR),
    Row(r"EOrder:Orders limit exceeded", Reason.RATE_LIMITED),  # too many open orders on the pair
    Row(r"EAPI:Rate limit exceeded", Reason.RATE_LIMITED, full=Full.KEY),
    Row(r"EService:Market in (cancel|post|limit|reduce)_only mode", Reason.MARKET_LIMITED),
    # --- the key
    Row(r"EAPI:Invalid nonce", Reason.INVALID_NONCE),
    Row(r"EAPI:Invalid (key|signature)", Reason.AUTHENTICATION),
    Row(r"EGeneral:Permission denied", Reason.PERMISSION),
    Row(r"EAccount:", Reason.PERMISSION),
    # --- nothing certain: the request may have been taken
    Row(r"EService:Timeout", None),
    Row(r"EService:Deadline elapsed", None),
    Row(r"EService: ?Throttled", None, full=Full.KEY),
    Row(r"EService:(Unavailable|Busy)", None),
    Row(r"EGeneral:Internal error", None),
    Row(r"EGeneral:(Temporary lockout|Too many requests)", None, full=Full.KEY),
    Row(r"EDatabase:", None),
    Row(r"ESession:", None),
    Row(r"ETrade:", None),
    Row(r"EFunding:", None),
    Row(r"W", None),  # any warning, a result beside it or not
    # --- whole categories
    Row(r"EQuery:(Unknown asset|Invalid asset)", Reason.UNKNOWN_SYMBOL),
    Row(r"EGeneral:Invalid arguments", Reason.INVALID_ARGUMENTS),
    Row(r"EQuery:", Reason.OTHER),
    Row(r"EOrder:", Reason.OTHER, PLACEMENT),  # an order that stands may have changed all the same
)
_COMPILED = tuple((re.compile(row.pattern, re.IGNORECASE), row) for row in ROWS)
NOT_LISTED = Row("", None)


def row_for(word: str) -> Row:
    """The first row that this string begins like."""
    return next((row for pattern, row in _COMPILED if pattern.match(word)), NOT_LISTED)
