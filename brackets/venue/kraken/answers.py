"""What an answer of Kraken's comes to, as ccxt hands it over: an outcome, a result, or a failed read.

Pure. An HTML page served with 200 reaches this point as text or as an order without an id, a warning as
an exception beside a result: whatever is not explicit is Unknown for a write and a failure for a read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ccxt

from brackets.venue.kraken import errors, parsing
from brackets.venue.kraken.wire import Sending
from brackets.venue.port import (
    Accepted,
    KeyRefused,
    Outcome,
    Reason,
    Refused,
    Unknown,
    UnknownWord,
    VenueUnavailable,
)
from brackets.venue.treatments import Write

KEY_REFUSED = frozenset({Reason.AUTHENTICATION, Reason.PERMISSION})


def placed(answer: Mapping[str, Any], *, validation: bool) -> Outcome:
    """The outcome of an AddOrder that raised nothing: accepted only when it names exactly one order."""
    info = answer.get("info")
    ids = parsing.placed_ids(info)
    if len(ids) == 1 and answer.get("id") == ids[0]:
        return Accepted(venue_order_id=ids[0])
    if validation and not ids and isinstance(info, Mapping) and info.get("descr"):
        return Accepted(venue_order_id=None, message=described(info["descr"]))
    return Unknown(message=f"the answer to the order names no order: {info!r:.200}")


def described(descr: object) -> str:
    """The order in Kraken's words, with its attached close order; empty where it says none."""
    words = [descr.get(name) for name in ("order", "close")] if isinstance(descr, Mapping) else []
    return ", ".join(word for word in words if isinstance(word, str) and word)


def amended(answer: Mapping[str, Any], *, venue_order_id: str) -> Outcome:
    """The outcome of an AmendOrder that raised nothing: accepted only when it names the amendment.

    ccxt states the amendment's id as if it were the order's; the order keeps the one it had.
    """
    info = answer.get("info")
    amend_id = info.get("amend_id") if isinstance(info, Mapping) else None
    if isinstance(amend_id, str) and amend_id:
        return Accepted(venue_order_id=venue_order_id)
    return Unknown(message=f"the answer to the amendment names none: {info!r:.200}")


def canceled(answer: Mapping[str, Any]) -> Outcome:
    """The outcome of a CancelOrder that raised nothing: accepted only when it counts an order."""
    info = answer.get("info")
    result = info.get("result") if isinstance(info, Mapping) else None
    if isinstance(result, Mapping):
        try:
            if parsing.whole(result.get("count"), "count") >= 1:
                return Accepted(venue_order_id=None)
        except UnknownWord:
            pass
    return Unknown(message=f"the answer to the cancel counts no order: {info!r:.200}")


def write_outcome(error: Exception, sending: Sending, kind: Write) -> Outcome:
    """What an exception of a write means: by what Kraken said in it, and by whether anything left."""
    if not sending.left:
        return Refused(reason=Reason.INVALID_ARGUMENTS, message=f"not sent: {error}"[:300])
    said = errors.said(error) if isinstance(error, ccxt.BaseError) else None
    if said is not None:
        return errors.verdict(kind, said)
    return Unknown(message=f"{type(error).__name__}: {error}"[:300])


def result_of(name: str, answer: Any) -> Mapping[str, Any]:
    """The result of an answer without errors. Raises VenueUnavailable for anything else (a page, nothing)."""
    if not isinstance(answer, Mapping):
        raise VenueUnavailable(f"Kraken's {name} did not answer in its own words: {answer!r:.120}")
    if answer.get("error") != []:  # the result is not quoted: it may be a secret
        raise VenueUnavailable(f"Kraken's {name} answered with error {answer.get('error')!r:.120}")
    result = answer.get("result")
    if not isinstance(result, Mapping):
        raise VenueUnavailable(f"Kraken's {name} answered without a result")
    return result


def unavailable(name: str, error: Exception) -> VenueUnavailable:
    """One sentence for a read that failed, in Kraken's words where it said any."""
    said = errors.said(error)
    if said is not None and any(errors.reason_for(word) in KEY_REFUSED for word in said.errors):
        return KeyRefused(
            f"the venue refuses the key: {said.words} ({name}); check KRAKEN_API_KEY and KRAKEN_PRIVATE_KEY"
        )
    if said is not None:
        return VenueUnavailable(f"Kraken's {name} refused: {said.words}")
    return VenueUnavailable(f"Kraken's {name} could not be asked: {type(error).__name__}: {error}"[:300])
