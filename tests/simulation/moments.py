"""Moments to wait for, and what may be done in them: what the ambushes are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING

from brackets import records
from brackets.core.states import OrderStatus, Role
from brackets.models import Bracket, Effect
from brackets.venue.paper.orders import Kind, NewOrder, Order, Refused, Side
from brackets.venue.paper.pairs import PAIRS
from tests.simulation.auditor.records import OwnerActed
from tests.simulation.venue.options import Fault

if TYPE_CHECKING:
    from tests.simulation.world import World

LOOK_SECONDS = 0.02
WAITING_SECONDS = 15.0  # until the moment has come
SLOW_WAY = (0.4, 0.9)


# --- waiting -------------------------------------------------------------------------------------------


def awaited[T](
    world: World, find: Callable[[], T | None], *, seconds: float = WAITING_SECONDS, moved: bool = True
) -> T | None:
    """What `find` finds, as soon as it finds something; None where that takes too long, or the calm came.
    `moved`: it can only after a bracket took a step."""
    clockwork, seen = world.clockwork, -1
    until = clockwork.seconds + seconds
    while not world.calm and clockwork.seconds < until:
        if not moved or world.stirred != seen:
            seen = world.stirred
            if (found := find()) is not None:
                return found
        clockwork.wait(LOOK_SECONDS)
    return None


def unanswered(kind: str, symbol: str) -> list[Effect]:
    """What is meant of this kind for this pair: not sent yet, or on its way."""
    waiting = Effect.objects.filter(kind=kind, outcome="", done_at=None).select_related("order", "bracket")
    return [effect for effect in waiting.order_by("pk") if effect.bracket.symbol == symbol]


def placement_meant(symbol: str, *roles: str) -> Effect | None:
    return next((e for e in unanswered(Effect.Kind.PLACE, symbol) if e.order.role in roles), None)


def amendment_meant(symbol: str) -> Effect | None:
    return next(iter(unanswered(Effect.Kind.AMEND, symbol)), None)


def cancel_meant(symbol: str) -> Effect | None:
    """The cancel, not sent yet, of an order that stands for coins at the venue."""
    unsent = (e for e in unanswered(Effect.Kind.CANCEL, symbol) if e.sent_at is None)
    at_venue = (effect for effect in unsent if effect.order.status == OrderStatus.OPEN)
    return next((effect for effect in at_venue if effect.order.role != Role.ENTRY), None)


def standing(symbol: str, *states: str) -> Bracket | None:
    """The bracket of this pair, in one of these states and with all its coins covered."""
    rows = Bracket.objects.filter(symbol=symbol, state__in=states).order_by("-pk")
    return next((row for row in rows if records.load(row).covered), None)


def resting(world: World, symbol: str, side: Side) -> Order | None:
    """A limit order of ours that rests at the venue."""
    house = world.venue.house
    ours = (o for o in house.engine.open_orders.values() if o.symbol == symbol and house.is_ours(o))
    return next((o for o in ours if o.side is side and o.limit_price is not None and not o.waiting), None)


# --- striking --------------------------------------------------------------------------------------------


def cut(world: World, seconds: float) -> None:
    """Nothing gets through to the venue, or back."""
    house = world.venue.house
    until = house.clock() + timedelta(seconds=seconds)
    house.cut_until = max(until, house.cut_until or until)
    house.trouble(Fault.CUT, seconds=seconds, shuts=True)
    house.note(Fault.CUT)


def slow(world: World, seconds: float) -> None:
    """Every way to the venue takes long for a while."""
    house = world.venue.house
    house.options = replace(house.options, latency=SLOW_WAY)
    house.trouble("slow venue", seconds=seconds)

    def as_before() -> None:
        house.options = replace(house.options, latency=world.options.venue.latency)

    world.spawn("slow venue", as_before, after=seconds)


def move(world: World, symbol: str, price: Decimal, *, depth: Decimal | None = None) -> None:
    """Let the market stand at a price at once, and trade there as much as `depth` offers."""
    house = world.venue.house
    walk = house.market.put(symbol, price, below=True)
    house.engine.advance([house.market.tick(walk, depth=depth)], now=house.now())
    house.settle()


def nibble(world: World, order: Order, part: Decimal) -> None:
    """The market comes to a resting order with enough for a part of it, and goes away again."""
    price, side = order.limit_price, 1 if order.side is Side.SELL else -1
    if price is None:
        return
    house = world.venue.house
    spread = house.options.spread_ticks * house.market.walks[order.symbol].size
    depth = (order.leaves * part).quantize(PAIRS[order.symbol].lot_step, ROUND_DOWN)
    move(world, order.symbol, price + side * spread, depth=depth)
    move(world, order.symbol, price - side * 2 * spread)


def sell_as_owner(world: World, symbol: str, quantity: Decimal) -> None:
    """The owner sells coins that are ours, while no order holds them."""
    house, pair = world.venue.house, PAIRS[symbol]
    request = NewOrder(symbol=symbol, side=Side.SELL, kind=Kind.MARKET, volume=quantity, price=None)
    try:
        order = house.engine.add(request, now=house.now())
    except Refused:  # the page says no: we were faster
        return
    assert order is not None
    house.note(Fault.OWNER_TAKES_COINS)
    house.trouble("coins sold by the owner", seconds=10, symbol=symbol)
    said = f"{order.txid} {Side.SELL} {quantity:f} {pair.symbol}"
    house.log.add(OwnerActed(house.clock(), Fault.OWNER_TAKES_COINS.value, said))
    house.settle()
