"""An order before it leaves: is it one the venue can take, and what exactly must go out?

Pure. `refusal` judges a request against the instrument's tick, lot and minima; nothing is rounded for
the caller, whose prices come from one place and are on the tick already. `order_call` says what to hand
to ccxt and, independently, the body that must leave: the wire compares the two and sends nothing when
ccxt rounded, dropped or added anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Context, Decimal, InvalidOperation, localcontext

from brackets.venue.port import Instrument, OrderKind, OrderRequest, Reason, Refused, Side

PLACEABLE = frozenset({OrderKind.MARKET, OrderKind.LIMIT, OrderKind.STOP_LOSS})
CLIENT_ORDER_ID = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}|[\x21-\x7e]{1,18}", re.IGNORECASE
)
WIDE = 100  # digits
FEE_IN_QUOTE = "fciq"  # a buy then yields exactly its filled quantity


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderCall:
    """The arguments of ccxt's create_order, and the AddOrder body they must come to."""

    type: str
    side: str
    amount: str
    price: str | None
    params: dict[str, object] = field(default_factory=dict)
    body: dict[str, object] = field(default_factory=dict)


def plain(value: Decimal) -> str:
    """1.50000 -> "1.5", 1E+2 -> "100": every digit, no exponent."""
    digits = format(value, "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def is_multiple(value: Decimal, step: Decimal) -> bool:
    with localcontext(Context(prec=WIDE)):  # the usual 28 digits do not hold every quotient
        try:
            return value % step == 0
        except InvalidOperation:
            return False  # further from the step than any price or quantity can be


def rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# --- may it leave? -------------------------------------------------------------------------------


def refusal(request: OrderRequest, instrument: Instrument) -> Refused | None:
    """Why this order must not be sent, naming the limit and the value; None when it may."""
    return (
        shape_refusal(request)
        or quantity_refusal(request.quantity, instrument)
        or price_refusal("limit price", request.limit_price, instrument)
        or price_refusal("trigger price", request.trigger_price, instrument)
        or price_refusal("attached stop's price", request.close_stop_price, instrument)
        or close_refusal(request)
        or cost_refusal(request.quantity, request.limit_price, instrument)
    )


def shape_refusal(request: OrderRequest) -> Refused | None:
    """Fields that contradict each other; a field that would be ignored is refused, never dropped."""
    kind, limit, stop = request.kind, request.limit_price, request.trigger_price
    name = request.client_order_id
    complaints = (
        (kind not in PLACEABLE, f"a {kind} order is not offered here; market, limit and stop-loss are"),
        (
            not CLIENT_ORDER_ID.fullmatch(name),
            f"the client order id {name!r:.60} is neither a UUID nor up to 18 ASCII characters",
        ),
        (kind is OrderKind.LIMIT and limit is None, "a limit order needs a limit price"),
        (kind is not OrderKind.LIMIT and limit is not None, f"a {kind} order takes no limit price"),
        (kind is OrderKind.STOP_LOSS and stop is None, "a stop-loss order needs a trigger price"),
        (kind is not OrderKind.STOP_LOSS and stop is not None, f"a {kind} order takes no trigger price"),
        (request.post_only and kind is not OrderKind.LIMIT, f"a {kind} order cannot be post-only"),
        (request.expires_at is not None and kind is not OrderKind.LIMIT, f"a {kind} order cannot expire"),
        (
            request.close_stop_price is not None
            and (request.side is Side.SELL or kind is OrderKind.STOP_LOSS),
            "only a market or limit buy can carry an attached stop",
        ),
        (request.leverage < 1, f"the leverage {request.leverage} is not a whole number from 1 on"),
    )
    message = next((text for wrong, text in complaints if wrong), None)
    return Refused(reason=Reason.INVALID_ARGUMENTS, message=message) if message else None


def quantity_refusal(quantity: Decimal, instrument: Instrument) -> Refused | None:
    if not quantity.is_finite() or quantity <= 0:
        return Refused(reason=Reason.BAD_QUANTITY, message=f"the quantity {quantity} is not positive")
    if not is_multiple(quantity, instrument.lot_step):
        return Refused(
            reason=Reason.BAD_QUANTITY,
            message=f"the quantity {plain(quantity)} is not a multiple of {instrument.symbol}'s lot "
            f"{plain(instrument.lot_step)}",
        )
    if quantity < instrument.minimum_quantity:
        return Refused(
            reason=Reason.BELOW_MINIMUM,
            message=f"the quantity {plain(quantity)} is below {instrument.symbol}'s minimum "
            f"{plain(instrument.minimum_quantity)}",
        )
    return None


def price_refusal(name: str, price: Decimal | None, instrument: Instrument) -> Refused | None:
    """Whether this price can stand at the venue; none given is none to refuse."""
    if price is None:
        return None
    if not price.is_finite() or price <= 0:
        return Refused(reason=Reason.BAD_PRICE, message=f"the {name} {price} is not positive")
    if not is_multiple(price, instrument.tick_size):
        return Refused(
            reason=Reason.BAD_PRICE,
            message=f"the {name} {plain(price)} is not a multiple of {instrument.symbol}'s tick "
            f"{plain(instrument.tick_size)}",
        )
    return None


def close_refusal(request: OrderRequest) -> Refused | None:
    """An attached stop at or above what is paid would sell at once."""
    close, limit = request.close_stop_price, request.limit_price
    if close is None or limit is None or close < limit:
        return None
    return Refused(
        reason=Reason.BAD_PRICE,
        message=f"the attached stop's price {plain(close)} is not below the limit price {plain(limit)}",
    )


def cost_refusal(
    quantity: Decimal | None, limit_price: Decimal | None, instrument: Instrument
) -> Refused | None:
    """costmin, where the cost is known before the send. Whether it binds stops is not established."""
    if quantity is None or limit_price is None:
        return None
    cost = quantity * limit_price
    if cost >= instrument.minimum_cost:
        return None
    return Refused(
        reason=Reason.BELOW_MINIMUM,
        message=f"the cost {plain(cost)} {instrument.quote} is below {instrument.symbol}'s minimum "
        f"{plain(instrument.minimum_cost)} {instrument.quote}",
    )


# --- what leaves -----------------------------------------------------------------------------------


def order_call(request: OrderRequest, instrument: Instrument, *, validate_only: bool = False) -> OrderCall:
    """What to hand to ccxt, and the body it must make of it. The request has passed `refusal`."""
    quantity = plain(request.quantity)
    params: dict[str, object] = {"clientOrderId": request.client_order_id, "oflags": FEE_IN_QUOTE}
    body: dict[str, object] = {
        "pair": instrument.venue_symbol,
        "type": request.side.value,
        "ordertype": request.kind.value,
        "volume": quantity,
        "oflags": FEE_IN_QUOTE,
        "cl_ord_id": request.client_order_id,
    }
    price: str | None = None
    if request.limit_price is not None:
        price = body["price"] = plain(request.limit_price)
    if request.trigger_price is not None:  # type "stop-loss" itself would lose the price in ccxt
        params["stopLossPrice"] = body["price"] = plain(request.trigger_price)
    if request.close_stop_price is not None:
        params["close"] = body["close"] = {
            "ordertype": OrderKind.STOP_LOSS.value,
            "price": plain(request.close_stop_price),
        }
    if request.post_only:
        params["postOnly"] = True
        body["oflags"] = f"{FEE_IN_QUOTE},post"
    extra: dict[str, object] = {}
    if request.leverage > 1:
        extra["leverage"] = str(request.leverage)
    if request.deadline_at is not None:
        extra["deadline"] = rfc3339(request.deadline_at)
    if request.expires_at is not None:
        extra |= {"timeinforce": "GTD", "expiretm": str(int(request.expires_at.timestamp()))}
    if request.validate_only or validate_only:
        extra["validate"] = "true"  # True would go out as "True"
    return OrderCall(
        type="limit" if request.kind is OrderKind.LIMIT else "market",
        side=request.side.value,
        amount=quantity,
        price=price,
        params=params | extra,
        body=body | extra,
    )
