"""What may be done after a refusal: one word for each reason of the port, for each kind of write.

Pure data, of no particular venue: the venue's adapter says the reason, the machine and dispatch read here
what to make of it. An Unknown needs no table: it is AMBIGUOUS, whatever was asked.
"""

from __future__ import annotations

from enum import StrEnum

from brackets.venue.port import Reason


class Write(StrEnum):
    """What was asked of the venue."""

    PLACE = "place"
    AMEND = "amend"
    CANCEL = "cancel"


class Treatment(StrEnum):
    RETRY = "retry"  # certainly not done, and may be soon: again as it stands, a placement under a new id
    SKIP = "skip"  # certainly not done, and never as it stands: decide anew (price, kind, dust)
    NO_OP = "no-op"  # there is nothing left to do it to: read the order
    FAIL = "fail"  # certainly not done, and asking again cannot help: a person must look
    THROTTLE = "throttle"  # certainly not done, a budget is used up: again when it has decayed
    PAUSE = "pause"  # certainly not done, nor soon: what protects coins is asked for once more after a pause
    AMBIGUOUS = "ambiguous"  # it may stand: look it up before anything else


RETRY_FOR_SECONDS = {
    Reason.INSUFFICIENT_FUNDS: 10.0  # a hold is released some time after the cancel; then the coins are gone
}

_EVERY_WRITE: dict[Reason, Treatment] = {
    Reason.INSUFFICIENT_FUNDS: Treatment.RETRY,
    Reason.BELOW_MINIMUM: Treatment.SKIP,
    Reason.BAD_PRICE: Treatment.SKIP,
    Reason.BAD_QUANTITY: Treatment.FAIL,
    Reason.POST_ONLY: Treatment.SKIP,
    Reason.RATE_LIMITED: Treatment.THROTTLE,
    Reason.MARKET_LIMITED: Treatment.RETRY,
    Reason.DEADLINE: Treatment.RETRY,
    Reason.DUPLICATE_ID: Treatment.AMBIGUOUS,  # an order with this very id stands: it is ours, read it
    Reason.UNKNOWN_ORDER: Treatment.NO_OP,
    Reason.INVALID_NONCE: Treatment.AMBIGUOUS,  # of a request that came twice: the first one was taken
    Reason.AUTHENTICATION: Treatment.FAIL,
    Reason.PERMISSION: Treatment.FAIL,
    Reason.INVALID_ARGUMENTS: Treatment.FAIL,
    Reason.UNKNOWN_SYMBOL: Treatment.FAIL,
    Reason.MARGIN_INSUFFICIENT: Treatment.PAUSE,
    Reason.ORDER_REJECTED: Treatment.PAUSE,
    Reason.OTHER: Treatment.FAIL,
}
_OF_A_CANCEL = frozenset(
    {
        Reason.UNKNOWN_ORDER,
        Reason.RATE_LIMITED,
        Reason.INVALID_NONCE,
        Reason.DEADLINE,
        Reason.MARKET_LIMITED,
        Reason.AUTHENTICATION,
        Reason.PERMISSION,
        Reason.INVALID_ARGUMENTS,
    }
)
TREATMENTS: dict[Write, dict[Reason, Treatment]] = {
    Write.PLACE: _EVERY_WRITE | {Reason.UNKNOWN_ORDER: Treatment.FAIL},
    Write.AMEND: _EVERY_WRITE | {Reason.OTHER: Treatment.SKIP},  # not amendable: cancel and place instead
    # What is no answer to a cancel says nothing of the order: it is never taken to be alive still.
    Write.CANCEL: {
        reason: treatment if reason in _OF_A_CANCEL else Treatment.AMBIGUOUS
        for reason, treatment in _EVERY_WRITE.items()
    }
    | {Reason.INVALID_NONCE: Treatment.RETRY},  # done twice, it does no harm
}


def treatment(write: Write, reason: Reason) -> Treatment:
    """What to make of a refusal for this reason."""
    return TREATMENTS[write][reason]
