"""An amendment before it leaves: can the venue take it, and what exactly must go out?

Pure; the twin of `placing.py` for AmendOrder, which changes an open order in place: the txid stays. ccxt
calls it edit_order and answers with the id of the amendment, which is no order's. AmendOrder cannot be
merely validated, and does not take orders that carry close terms: the venue says so where it matters.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from brackets.venue.kraken.placing import (
    cost_refusal,
    plain,
    price_refusal,
    quantity_refusal,
    rfc3339,
)
from brackets.venue.port import AmendRequest, Instrument, Reason, Refused


@dataclass(frozen=True, kw_only=True, slots=True)
class AmendCall:
    """The arguments of ccxt's edit_order, and the AmendOrder body they must come to."""

    type: str
    amount: str | None
    price: str | None
    params: dict[str, object] = field(default_factory=dict)
    body: dict[str, object] = field(default_factory=dict)


def refusal(request: AmendRequest, instrument: Instrument) -> Refused | None:
    """Why this amendment must not be sent, naming the limit and the value; None when it may."""
    return (
        shape_refusal(request)
        or (quantity_refusal(request.quantity, instrument) if request.quantity is not None else None)
        or price_refusal("limit price", request.limit_price, instrument)
        or price_refusal("trigger price", request.trigger_price, instrument)
        or cost_refusal(request.quantity, request.limit_price, instrument)
    )


def shape_refusal(request: AmendRequest) -> Refused | None:
    """Fields that say nothing or would be ignored; such a request is refused, never dropped."""
    terms = (request.quantity, request.limit_price, request.trigger_price)
    complaints = (
        (not request.venue_order_id, "an amendment needs the venue's id of its order"),
        (all(term is None for term in terms), "an amendment must change a quantity or a price"),
        (
            request.post_only and request.limit_price is None,
            "only a changed limit price can be post-only",
        ),
    )
    message = next((text for wrong, text in complaints if wrong), None)
    return Refused(reason=Reason.INVALID_ARGUMENTS, message=message) if message else None


def amend_call(request: AmendRequest) -> AmendCall:
    """What to hand to ccxt, and the body it must make of it. The request has passed `refusal`."""
    params: dict[str, object] = {}
    body: dict[str, object] = {"txid": request.venue_order_id}
    amount = price = None
    if request.quantity is not None:
        amount = body["order_qty"] = plain(request.quantity)
    if request.limit_price is not None:
        price = body["limit_price"] = plain(request.limit_price)
    if request.trigger_price is not None:
        params["stopLossPrice"] = body["trigger_price"] = plain(request.trigger_price)
    if request.post_only:
        params["postOnly"] = True
        body["post_only"] = "true"
    if request.deadline_at is not None:
        params["deadline"] = body["deadline"] = rfc3339(request.deadline_at)
    return AmendCall(
        type="market" if price is None else "limit", amount=amount, price=price, params=params, body=body
    )
