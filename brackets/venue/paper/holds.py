"""What an order reserves, what a fill costs, how much can be paid for. Pure arithmetic.

Stands under the engine. Costs and fees are truncated at the quote currency's decimals, as Kraken
truncates them, while a reservation is exact: so the sum of an order's fills never passes what it
reserved, and no balance can become negative by rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, Context, Decimal

from brackets.venue.paper.orders import ZERO, Order, Side
from brackets.venue.paper.pairs import MAKER_RATE, TAKER_RATE, Pair

EXACT = Context(prec=60)  # the usual 28 digits do not hold every price x volume x rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What one fill costs: `cost` and `fee` in quote currency, `base_fee` in coins (instead of `fee`)."""

    gross: Decimal  # price x volume, exact
    cost: Decimal
    fee: Decimal
    base_fee: Decimal


def fee_rate(*, maker: bool) -> Decimal:
    return MAKER_RATE if maker else TAKER_RATE


def price_of_fill(*, pair: Pair, price: Decimal, volume: Decimal, maker: bool) -> Worth:
    """The truncated cost of a fill and its fee in either currency."""
    gross = EXACT.multiply(price, volume)
    rate = fee_rate(maker=maker)
    return Worth(
        gross=gross,
        cost=gross.quantize(pair.quote.unit, ROUND_DOWN),
        fee=EXACT.multiply(gross, rate).quantize(pair.quote.unit, ROUND_DOWN),
        base_fee=(volume * rate).quantize(pair.base.unit, ROUND_DOWN),
    )


def reservation(order: Order, *, ask: Decimal, untriggered_hold: bool) -> Decimal:
    """What the open part of an order must have behind it: quote currency of a buy, coins of a sell.

    A buy reserves its notional and the fee: the maker's once it rests in the book or can do nothing
    else, the taker's before. A market buy is valued at `ask`, an untriggered stop at its trigger price.
    With `untriggered_hold` off an order that waits for its trigger reserves nothing.
    """
    if order.waiting and not untriggered_hold:
        return ZERO
    if order.side is Side.SELL:
        return order.leaves
    price = order.limit_price
    if price is None:
        price = order.price if order.waiting and order.price is not None else ask
    worth = EXACT.multiply(price, order.leaves)
    return EXACT.multiply(worth, _with_fee(order, maker=order.resting or order.post_only))


def affordable(order: Order, *, pair: Pair, price: Decimal, maker: bool, available: Decimal) -> Decimal:
    """The largest part of the open volume that can be paid for with `available` beside the reservation.

    In whole lots. `available` is in quote currency for a buy, in base coins for a sell.
    """
    funds = max(available, ZERO) + order.reserved
    if order.side is Side.BUY:
        funds = EXACT.divide(funds, price * _with_fee(order, maker=maker))
    return min(order.leaves, funds.quantize(pair.lot_step, ROUND_DOWN))


def reserved_after_fill(order: Order, *, spent: Decimal, wanted: Decimal | None) -> Decimal:
    """The reservation left when a fill used `spent` of it; never more than `wanted` by what is open now."""
    left = max(ZERO, order.reserved - spent)
    return left if wanted is None else min(left, wanted)


def _with_fee(order: Order, *, maker: bool) -> Decimal:
    """What a buy's notional is multiplied by; a fee in coins is taken of the coins bought."""
    return Decimal(1) if order.fee_in_base else 1 + fee_rate(maker=maker)
