"""How much can be traded at a tick, and at which prices. Pure.

Stands under the engine. Around the best price lies `depth`; what exceeds it meets further portions of
the same size, each `step_bps` worse, up to `levels` of them; the rest waits for the next tick. A tick's
liquidity is shared by all orders of one side: what one took is gone for the others until the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from brackets.venue.paper.market import Tick
from brackets.venue.paper.orders import Order, Side
from brackets.venue.paper.pairs import Pair


def offers(
    *, pair: Pair, tick: Tick, side: Side, taken: Decimal, levels: int, step_bps: Decimal
) -> Iterator[tuple[Decimal, Decimal]]:
    """(price, volume) a taker of `side` meets, best first, after `taken` of this tick is gone."""
    for level in range(levels):
        end = tick.depth * (level + 1)
        if taken >= end:
            continue
        volume = end - max(taken, tick.depth * level)
        price = _level_price(pair, tick, side, step_bps * level / 10000)
        if price <= 0:
            return
        yield price, volume


def _level_price(pair: Pair, tick: Tick, side: Side, away: Decimal) -> Decimal:
    """The price of a level, rounded to the pair's tick against the taker."""
    raw, rounding = (
        (tick.ask * (1 + away), ROUND_CEILING) if side is Side.BUY else (tick.bid * (1 - away), ROUND_FLOOR)
    )
    return (raw / pair.tick_size).to_integral_value(rounding) * pair.tick_size


def crosses(*, side: Side, limit: Decimal, tick: Tick) -> bool:
    """Whether a limit order would trade at once with the best price of the other side."""
    return limit >= tick.ask if side is Side.BUY else limit <= tick.bid


def reached(*, side: Side, limit: Decimal, tick: Tick) -> bool:
    """Whether the market came to a resting order: the other side crossed it, or traded *through* it.

    A last price equal to the limit is not enough: others stood in the queue before us.
    """
    if crosses(side=side, limit=limit, tick=tick):
        return True
    if not tick.traded:  # an old trade, perhaps older than the order
        return False
    return tick.last < limit if side is Side.BUY else tick.last > limit


def triggers(order: Order, tick: Tick) -> bool:
    """Whether the last price is at or beyond an order's trigger price."""
    price = order.trigger_price
    if price is None:
        return False
    falls = order.kind.stops is (order.side is Side.SELL)  # a sell stop and a buy take-profit wait below
    return tick.last <= price if falls else tick.last >= price
