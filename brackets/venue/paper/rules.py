"""What the venue refuses before an order reaches the book, in Kraken's exact words.

Stands before the engine: every function raises `Refused` with the string a client will read, or returns
None. Strings that no evidence establishes are marked; a client must not build on their exact text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from brackets.venue.paper.liquidity import crosses
from brackets.venue.paper.market import Tick
from brackets.venue.paper.orders import (
    Amendment,
    Kind,
    NewOrder,
    Order,
    Refused,
    Side,
    System,
    TimeInForce,
)
from brackets.venue.paper.pairs import Pair

UNKNOWN_ORDER = "EOrder:Unknown order"
UNKNOWN_PAIR = "EQuery:Unknown asset pair"
INSUFFICIENT_FUNDS = "EOrder:Insufficient funds"
ORDER_MINIMUM = "EOrder:Order minimum not met"
COST_MINIMUM = "EOrder:Cost minimum not met"
TICK_SIZE = "EOrder:Tick size check failed"
POST_ONLY = "EOrder:Post only order"
DEADLINE_ELAPSED = "EService:Deadline elapsed"
UNAVAILABLE = "EService:Unavailable"
DUPLICATE_ID = "EOrder:Duplicate client order id"  # Kraken's text is not established
NOT_EDITABLE = "EOrder:Edit not supported"  # Kraken's text is not established
CLOSE_TERMS = "EOrder:Amend not supported:conditional close terms"  # Kraken's text is not established

DEADLINE_LEAST_SECONDS, DEADLINE_MOST_SECONDS = 2, 60
EXPIRY_MOST_SECONDS = 31 * 86400
CLIENT_ORDER_ID = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}|[\x20-\x7e]{1,18}", re.IGNORECASE
)
LARGEST = Decimal(10) ** 9  # of a price or a volume: beyond it is a mistake


def invalid(argument: str) -> Refused:
    return Refused(f"EGeneral:Invalid arguments:{argument}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Where Kraken's behaviour is not established, or is chosen by the operator: one switch each."""

    untriggered_hold: bool = True  # an untriggered stop reserves its coins
    post_only_cancels: bool = True  # a crossing post-only order: accepted, then canceled; else refused
    # A fill below the pair's minimum makes no attached order. What Kraken does is not established; this
    # is the adverse assumption, for it leaves coins without a stop.
    small_fills_close: bool = False
    levels: int = 5  # portions of a tick's depth that can be traded in one tick
    step_bps: Decimal = Decimal(10)  # how much worse each further portion is


# --- a new order -------------------------------------------------------------------------------------


def check_new(order: NewOrder, *, pair: Pair, tick: Tick, system: System, now: Decimal) -> None:
    """Everything about a new order but ids in use and funds."""
    check_deadline(order.deadline_at, now=now)
    check_shape(order, now=now)
    check_volume(order.volume, pair=pair)
    check_prices(order, pair=pair)
    check_cost(order, pair=pair, tick=tick)
    check_system(system, kind=order.kind, post_only=order.post_only, side=order.side)


def check_deadline(deadline: Decimal | None, *, now: Decimal) -> None:
    if deadline is None:
        return
    if deadline <= now:
        raise Refused(DEADLINE_ELAPSED)
    if not now + DEADLINE_LEAST_SECONDS <= deadline <= now + DEADLINE_MOST_SECONDS:
        raise invalid("deadline")


def check_shape(order: NewOrder, *, now: Decimal) -> None:
    """Fields that contradict each other."""
    own_id = order.cl_ord_id
    if own_id is not None and (order.userref is not None or not CLIENT_ORDER_ID.fullmatch(own_id)):
        raise invalid("cl_ord_id")
    if order.post_only and order.kind is not Kind.LIMIT:
        raise invalid("oflags")
    if order.post_only and order.time_in_force is TimeInForce.IOC:
        raise invalid("timeinforce")
    if order.time_in_force is TimeInForce.GTD and order.expires_at is None:
        raise invalid("expiretm")
    if order.expires_at is not None and not now < order.expires_at <= now + EXPIRY_MOST_SECONDS:
        raise invalid("expiretm")
    if order.close is not None and order.close.kind is Kind.MARKET:
        raise invalid("close[ordertype]")


def check_volume(volume: Decimal, *, pair: Pair) -> None:
    if not volume.is_finite() or not 0 < volume <= LARGEST or volume % pair.lot_step:
        raise invalid("volume")
    if volume < pair.order_minimum:
        raise Refused(ORDER_MINIMUM)


def check_prices(order: NewOrder, *, pair: Pair) -> None:
    if order.kind is not Kind.MARKET:
        check_price(order.price, name="price", pair=pair)
    if order.kind.waits and order.kind.ends_as_limit:
        check_price(order.price2, name="price2", pair=pair)
    if order.close is not None:
        check_price(order.close.price, name="close[price]", pair=pair)
        if order.close.kind.waits and order.close.kind.ends_as_limit:
            check_price(order.close.price2, name="close[price2]", pair=pair)


def check_price(price: Decimal | None, *, name: str, pair: Pair) -> None:
    if price is None or not price.is_finite() or not 0 < price <= LARGEST:
        raise invalid(name)
    if price % pair.tick_size:
        raise Refused(TICK_SIZE)


def check_cost(order: NewOrder, *, pair: Pair, tick: Tick) -> None:
    """The cost minimum, by the order's own price; a market order's by the best price.

    Whether it binds trigger orders at Kraken is not established; here it does.
    """
    price = order.price2 or order.price
    if price is None or order.kind is Kind.MARKET:
        price = tick.ask if order.side is Side.BUY else tick.bid
    if price * order.volume < pair.cost_minimum:
        raise Refused(COST_MINIMUM)


def check_system(system: System, *, kind: Kind, post_only: bool, side: Side) -> None:
    """Whether the market's mode lets an order of this kind in.

    In reduce_only a sell of coins that are held passes here; what Kraken does on spot is not established.
    """
    if system is System.MAINTENANCE:
        raise Refused(UNAVAILABLE)
    if (
        system is System.CANCEL_ONLY
        or (system is System.POST_ONLY and not post_only)
        or (system is System.LIMIT_ONLY and kind is not Kind.LIMIT)
        or (system is System.REDUCE_ONLY and side is Side.BUY)
    ):
        raise Refused(f"EService:Market in {system} mode")


# --- an amendment ------------------------------------------------------------------------------------


def check_amendment(change: Amendment, order: Order, *, pair: Pair, tick: Tick, system: System) -> None:
    """Whether these new terms fit this open order, funds apart."""
    if system in (System.MAINTENANCE, System.CANCEL_ONLY):
        check_system(system, kind=order.kind, post_only=order.post_only, side=order.side)
    if order.close is not None:
        raise Refused(CLOSE_TERMS)
    if change.volume is None and change.limit_price is None and change.trigger_price is None:
        raise Refused("EGeneral:Invalid arguments")
    if change.volume is not None:
        check_amended_volume(change.volume, order, pair=pair)
    if change.limit_price is not None:
        if order.limit_price is None:
            raise invalid("limit_price")
        check_price(change.limit_price, name="limit_price", pair=pair)
        post_only = change.post_only or order.post_only
        if post_only and not order.waiting and crosses(side=order.side, limit=change.limit_price, tick=tick):
            raise Refused(POST_ONLY)
    if change.trigger_price is not None:
        if not order.waiting:
            raise invalid("trigger_price")
        check_price(change.trigger_price, name="trigger_price", pair=pair)


def check_amended_volume(volume: Decimal, order: Order, *, pair: Pair) -> None:
    """A volume at or below what is filled is allowed: it cancels the rest."""
    if not volume.is_finite() or not 0 < volume <= LARGEST or volume % pair.lot_step:
        raise invalid("order_qty")
    if volume > order.filled and volume < pair.order_minimum:
        raise Refused(ORDER_MINIMUM)
