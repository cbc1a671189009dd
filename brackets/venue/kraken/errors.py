"""What an answer with errors means: refused for certain, and why, or nothing certain at all.

Pure; the strings themselves are in `error_table.py`. ccxt sorts them into classes that hide the
difference (several ambiguous ones arrive as a plain ExchangeError, several definite ones as NetworkError),
so the verdict is taken from the JSON that ccxt quotes in its exception, never from the exception's class.

Kraken answers errors with HTTP 200; any other status means that the API was not reached cleanly and is
kept out of here by the wire.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from brackets.venue.kraken.error_table import Full, row_for
from brackets.venue.port import Outcome, Reason, Refused, Unknown
from brackets.venue.treatments import Treatment, Write, treatment


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


def full_counters(error: BaseException) -> frozenset[Full]:
    """Which of our counters Kraken says are full; to be believed over our own reckoning."""
    answer = said(error)
    words = answer.errors if answer is not None else ()
    return frozenset(full for word in words if (full := row_for(word).full) is not None)


def reason_for(word: str, write: Write = Write.PLACE) -> Reason | None:
    """Why this error string means that nothing was done; None when it does not mean that."""
    row = row_for(word)
    return row.reason if write in row.certain_for else None


def treatment_for(word: str, write: Write) -> Treatment:
    """What to make of this error string in the answer to this kind of write."""
    reason = reason_for(word, write)
    return Treatment.AMBIGUOUS if reason is None else treatment(write, reason)


def verdict(write: Write, answer: Said) -> Outcome:
    """What an answer means: refused when every string is definite and nothing resulted, else unknown.

    A cancel and an amendment speak of an order that stands, so strings that are no answer to them
    ("cancel pending", an order's own state) settle nothing: a refused cancel never means that the order
    is still alive.
    """
    reasons = [reason_for(word, write) for word in answer.errors]
    first = reasons[0] if reasons else None
    if answer.has_result or first is None or None in reasons:
        return Unknown(message=answer.words)
    if write is Write.CANCEL and treatment(write, first) is Treatment.AMBIGUOUS:
        return Unknown(message=answer.words)
    return Refused(reason=first, message=answer.words)
