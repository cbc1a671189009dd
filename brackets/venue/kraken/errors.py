"""What Kraken's error strings mean: refused for certain, and why, or nothing certain at all.

Pure. ccxt sorts these strings into classes that hide the difference (several ambiguous ones arrive as a
plain ExchangeError, several definite ones as NetworkError), so the verdict is taken from the JSON that
ccxt quotes in its exception, never from the exception's class.

Kraken answers errors with HTTP 200; any other status means that the API was not reached cleanly and is
kept out of here by the wire. A string that is in neither table is treated as ambiguous.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from brackets.venue.port import Outcome, Reason, Refused, Unknown

UNKNOWN_ORDER = "EOrder:Unknown order"

# Read from the top; the first pattern that matches decides. The last rows are whole categories.
DEFINITE: tuple[tuple[str, Reason], ...] = (
    (r"EOrder:Unknown order", Reason.UNKNOWN_ORDER),
    (r"EOrder:Insufficient (funds|margin|initial margin)", Reason.INSUFFICIENT_FUNDS),
    (r"EOrder:Order minimum not met", Reason.BELOW_MINIMUM),
    (r"EOrder:Cost minimum not met", Reason.BELOW_MINIMUM),
    (r"EGeneral:Invalid arguments:volume minimum not met", Reason.BELOW_MINIMUM),
    (r"EOrder:Tick size check failed", Reason.BAD_PRICE),
    (r"EOrder:Invalid price", Reason.BAD_PRICE),
    (r"EOrder:.*would trigger immediately", Reason.BAD_PRICE),
    (r"EGeneral:Invalid arguments:price", Reason.BAD_PRICE),
    (r"EGeneral:Invalid arguments:volume", Reason.BAD_QUANTITY),
    (r"EGeneral:Invalid arguments:deadline", Reason.DEADLINE),
    (r"(EOrder|EGeneral):.*(cl_ord_id|client order id).*(use|uniq|duplicate|exist)", Reason.DUPLICATE_ID),
    (r"(EOrder|EGeneral):.*duplicate.*(cl_ord_id|client order id)", Reason.DUPLICATE_ID),
    (r"EOrder:Duplicate", Reason.DUPLICATE_ID),
    (r"EOrder:Post only order", Reason.POST_ONLY),
    (r"EOrder:(Domain )?[Rr]ate limit exceeded", Reason.RATE_LIMITED),
    (r"EOrder:Orders limit exceeded", Reason.RATE_LIMITED),  # too many open orders on the pair
    (r"EAPI:Rate limit exceeded", Reason.RATE_LIMITED),
    (r"EService:Market in (cancel|post|limit|reduce)_only mode", Reason.MARKET_LIMITED),
    (r"EAPI:Invalid nonce", Reason.INVALID_NONCE),
    (r"EAPI:Invalid (key|signature)", Reason.AUTHENTICATION),
    (r"EGeneral:Permission denied", Reason.PERMISSION),
    (r"EOrder:Trading agreement required", Reason.PERMISSION),
    (r"EAccount:", Reason.PERMISSION),
    (r"EQuery:(Unknown asset|Invalid asset)", Reason.UNKNOWN_SYMBOL),
    (r"EGeneral:Invalid arguments", Reason.INVALID_ARGUMENTS),
    (r"EQuery:", Reason.OTHER),
    (r"EOrder:", Reason.OTHER),
)

# Named for the reader and the tests: the request may have been taken, look it up.
AMBIGUOUS: tuple[str, ...] = (
    r"EService:Timeout",
    r"EService:Deadline elapsed",
    r"EService: ?Throttled",
    r"EService:(Unavailable|Busy)",
    r"EGeneral:Internal error",
    r"EGeneral:(Temporary lockout|Too many requests)",
    r"EDatabase:",
    r"W",  # any warning, a result beside it or not
)
_DEFINITE = tuple((re.compile(pattern, re.IGNORECASE), reason) for pattern, reason in DEFINITE)
RATE_LIMITS = re.compile(r"EAPI:Rate limit exceeded|EService: ?Throttled|EGeneral:(Temporary|Too many)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """An answer of the API that names errors."""

    errors: tuple[str, ...]
    has_result: bool

    @property
    def words(self) -> str:
        return ", ".join(self.errors)


def said(error: BaseException) -> Said | None:
    """What Kraken's API said in the exception ccxt made of it; None when it said nothing readable."""
    text = str(error)
    try:
        answer, _ = json.JSONDecoder().raw_decode(text, text.index("{"))
    except ValueError:
        return None
    return errors_of(answer)


def errors_of(answer: Any) -> Said | None:
    """The errors in an answer's JSON; None when it has none, or is no answer of the API."""
    errors = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(errors, list) or not errors or not all(isinstance(word, str) for word in errors):
        return None
    return Said(errors=tuple(errors), has_result=bool(answer.get("result")))


def is_rate_limit(error: BaseException) -> bool:
    """Whether Kraken says that the key's counter is full."""
    answer = said(error)
    return answer is not None and any(RATE_LIMITS.match(word) for word in answer.errors)


def reason_for(word: str) -> Reason | None:
    """Why this error string means that nothing was done; None when it does not mean that."""
    return next((reason for pattern, reason in _DEFINITE if pattern.match(word)), None)


def placement_verdict(answer: Said) -> Outcome:
    """What a placement's error means. Every string must be definite and nothing may have resulted."""
    reasons = [reason_for(word) for word in answer.errors]
    if answer.has_result or not reasons or reasons[0] is None or None in reasons:
        return Unknown(message=answer.words)
    return Refused(reason=reasons[0], message=answer.words)


def amend_verdict(answer: Said) -> Outcome:
    """What an amendment's error means: as for a cancel, for it too speaks of an order that stands."""
    return cancel_verdict(answer)


def cancel_verdict(answer: Said) -> Outcome:
    """What a cancel's error means: as for a placement, except that an order's own state is not guessed.

    Of the EOrder strings only the unknown order and the rate limit are an answer ("cancel pending", for
    one, is not); a refused cancel never means that the order is still alive.
    """
    verdict = placement_verdict(answer)
    if isinstance(verdict, Refused) and verdict.reason is Reason.OTHER:
        return Unknown(message=verdict.message)
    return verdict
