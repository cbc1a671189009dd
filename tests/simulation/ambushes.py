"""What lies in wait for the moment in which it matters, as the coincidences do, and then strikes.

Between the intent of an order and its answer pass some tenths of a second. Chance seldom finds them; these
look at the book until they have come, as nobody in the real world could, and then do what anybody may: shut a
market, cut the network, hold a process up, bring a price, sell coins. None of it goes through the product's
doors, and each tells the auditor what trouble it made. What nobody walks into ends without a trace.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING

from brackets import records
from brackets.core.states import OrderStatus, Policy, Role, State
from brackets.models import Bracket, Effect
from brackets.venue.paper.orders import Kind, NewOrder, Order, Refused, Side
from brackets.venue.paper.pairs import PAIRS
from tests.simulation.auditor.records import OwnerActed
from tests.simulation.boundaries import AFTER_SEND, BEFORE_SEND, Armed
from tests.simulation.clockwork import Process
from tests.simulation.options import Act, Incident
from tests.simulation.venue.options import MODES, Fault

if TYPE_CHECKING:
    from tests.simulation.world import World

LOOK_SECONDS = 0.02
WAITING_SECONDS = 15.0  # until the moment has come
CUT_SECONDS = 0.8
LATE_SECONDS = 6.5  # longer than an order's deadline
LINGER_SECONDS = 3.0
VALIDATED = "validated"
CLAIMING_SECONDS = 3.0  # from the intent until somebody sends it
SENDING_SECONDS = 9.0  # … and until it was answered
STALL_SECONDS = 45.0  # longer than a claim lasts and its order is proven absent
BREATH_SECONDS = 0.2  # how exactly a sleeper is woken
SLOW_SECONDS, SLOW_WAY = 18.0, (0.4, 0.9)
CLOSING = (State.TP_FILLED, State.SL_FILLED, State.EXIT_COMPLETE)
OPEN = (State.ENTRY_FILLED, State.BRACKET_ACTIVE)
ABOVE, BELOW = Decimal("1.002"), Decimal("0.998")
JUST_BELOW, JUST_ABOVE = Decimal("0.9996"), Decimal("1.0005")
HALF, MOST = Decimal("0.5"), Decimal("0.8")
BPS = Decimal(10_000)


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
    house.trouble(Fault.CUT, seconds=seconds)
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


# --- the ambushes ----------------------------------------------------------------------------------------


def trap(world: World, act: Act) -> None:
    """The market shuts when the cancel of an order that protects is about to leave."""
    if awaited(world, lambda: cancel_meant(act.symbol)) is not None:
        world.say("ambush", f"{act.symbol}: {act.detail} before a cancel leaves")
        world.venue.weather.shut(Fault(act.detail), act.symbol)


def lure(world: World, act: Act) -> None:
    """The price comes to where the legs change places, and the market shuts when the stop is to go."""
    row = awaited(world, lambda: standing(act.symbol, State.BRACKET_ACTIVE))
    if row is not None and row.policy == Policy.NEAREST:
        move(world, act.symbol, row.target_price * JUST_BELOW)
        trap(world, act)


def linger(world: World, act: Act) -> None:
    """The venue is slow to answer an order of this role."""
    if awaited(world, lambda: placement_meant(act.symbol, act.detail)) is not None:
        slow(world, LINGER_SECONDS)


def snap(world: World, act: Act) -> None:
    """The stop that the venue made is run over before the fill is read that it was made of."""

    def ahead() -> Bracket | None:
        rows = Bracket.objects.filter(symbol=act.symbol, state=State.ENTRY_PLACED).order_by("pk")
        return next((row for row in rows if row.orders.filter(role=Role.STOP).exists()), None)

    row = awaited(world, ahead)
    if row is not None:
        world.say("ambush", f"{act.symbol}: its stop is run over before its entry is read")
        move(world, act.symbol, row.stop_price * BELOW)


def split(world: World, act: Act) -> None:
    """The price reaches one of two stops that stand apart, and the market shuts when the other is to go."""

    def apart() -> tuple[Bracket, Decimal] | None:
        for row in Bracket.objects.filter(symbol=act.symbol, state__in=OPEN).order_by("pk"):
            triggers = {stop.trigger_price for stop in world.venue.house.open_stops(act.symbol)}
            if len(triggers) > 1:
                return row, max(price for price in triggers if price is not None)
        return None

    found = awaited(world, apart, moved=False)
    if found is None:
        return
    row, price = found
    world.say("ambush", f"{act.symbol}: to one of two stops")
    move(world, act.symbol, price)

    def late() -> Effect | None:
        is_late = Bracket.objects.get(pk=row.pk).state == State.SL_FILLED
        return cancel_meant(act.symbol) if is_late else None

    if awaited(world, late) is not None:
        world.venue.weather.shut(Fault(act.detail), act.symbol)


def touch(world: World, act: Act) -> None:
    """The price jumps through the target of a position as soon as it stands."""
    row = awaited(world, lambda: standing(act.symbol, State.BRACKET_ACTIVE))
    if row is not None:
        move(world, act.symbol, row.target_price * ABOVE)


def lose(world: World, act: Act) -> None:
    """Whoever sends an order of this role stands at the door until the venue takes it no more."""
    effect = awaited(world, lambda: placement_meant(act.symbol, act.detail))
    if effect is not None and falls_asleep(world, effect.pk, BEFORE_SEND, LATE_SECONDS) is not None:
        world.say("ambush", f"{act.symbol}: a {act.detail} is sent too late")


def rush(world: World, act: Act) -> None:
    """The price runs through a leg while another sell of the bracket is on its way."""
    roles = (Role.TARGET, Role.EXIT, Role.STOP)
    effect = awaited(world, lambda: placement_meant(act.symbol, *roles))
    if effect is None:
        return
    row = effect.bracket
    world.say("ambush", f"{act.symbol}: through the {act.detail} while a {effect.order.role} is on its way")
    price = row.stop_price * BELOW if act.detail == Role.STOP else row.target_price * ABOVE
    move(world, act.symbol, price)


def stall(world: World, act: Act) -> None:
    """Whoever sends an order of this role sleeps until others have given the order up and gone on without
    it: over its answer, or, as a detail that names no mode of the market asks, already at the door. A mode
    refuses the order."""
    role, _, mode = act.detail.partition(" ")
    effect = awaited(world, lambda: placement_meant(act.symbol, role))
    if effect is None:
        return
    if mode in MODES:
        world.venue.weather.shut(Fault(mode), act.symbol)
    place = AFTER_SEND if mode in (*MODES, VALIDATED) else BEFORE_SEND
    sender = falls_asleep(world, effect.pk, place, 2 * BREATH_SECONDS)
    if sender is not None:
        world.say("ambush", f"{act.symbol}: {sender.name} sleeps {place} of its {role} ({mode})")
        ends = CLOSING if role != Role.ENTRY else (State.EXIT_COMPLETE,)
        sleep_until(world, sender, lambda: Bracket.objects.get(pk=effect.bracket_id).state in ends)


def sender_of(world: World, effect_id: int) -> Process | None:
    """The process that claimed it."""
    effect = Effect.objects.get(pk=effect_id)
    if effect.sent_at is None:
        return None
    slots = (slot.process for slot in world.slots.values())
    return next((process for process in slots if process.holder == effect.claimed_by), None)


def falls_asleep(world: World, effect_id: int, place: str, seconds: float) -> Process | None:
    """Freeze whoever sends this as soon as it comes to that place; the process, if it came there."""
    sender = awaited(world, lambda: sender_of(world, effect_id), seconds=CLAIMING_SECONDS, moved=False)
    if sender is None:
        return None
    name, armed = sender.name.partition("/")[0], world.boundaries.armed
    freeze = Incident(kind="freeze", process=name, at=world.clockwork.seconds, place=place, seconds=seconds)
    waiting = Armed(freeze, 1)
    armed.append(waiting)
    came = awaited(world, lambda: None if waiting in armed else sender, seconds=SENDING_SECONDS, moved=False)
    if waiting in armed:
        armed.remove(waiting)
    return came


def sleep_until(world: World, sender: Process, is_time: Callable[[], bool]) -> None:
    """Keep it frozen until then. What it wakes to is still being booked: the network is cut for a moment."""
    began = world.clockwork.now()

    def snoring() -> bool | None:
        sender.freeze(2 * BREATH_SECONDS)
        world.clockwork.wait(BREATH_SECONDS - LOOK_SECONDS)
        return True if is_time() else None

    if awaited(world, snoring, seconds=STALL_SECONDS, moved=False):
        world.say("ambush", f"{sender.name} wakes")
        cut(world, CUT_SECONDS)
    world.blind.append((began, world.clockwork.now()))


def dip(world: World, act: Act) -> None:
    """Most of the entry is bought, and while the rest still waits the price runs to the target."""
    order = awaited(world, lambda: resting(world, act.symbol, Side.BUY), moved=False)
    if order is None:
        return
    world.say("ambush", f"{act.symbol}: most of the entry is bought")
    nibble(world, order, MOST)
    row = awaited(world, lambda: standing(act.symbol, State.ENTRY_FILLED))
    if row is not None:
        world.say("ambush", f"{act.symbol}: to the target of what was bought")
        move(world, act.symbol, row.target_price * ABOVE)


def rob(world: World, act: Act) -> None:
    """The target sells a part and goes back; before the stop stands again the owner sells the rest, and the
    venue is slow to say so."""
    row = awaited(world, lambda: standing(act.symbol, State.BRACKET_ACTIVE))
    if row is None:
        return
    if row.policy == Policy.NEAREST:
        move(world, act.symbol, row.target_price * JUST_BELOW)
    order = awaited(world, lambda: resting(world, act.symbol, Side.SELL), moved=False)
    if order is None or awaited(world, lambda: standing(act.symbol, State.BRACKET_ACTIVE)) is None:
        return
    world.say("ambush", f"{act.symbol}: a part of the target is sold")
    nibble(world, order, HALF)
    if row.policy == Policy.BOTH_REST:
        world.venue.act_as_owner(Fault.OWNER_CANCELS, act.symbol)
    else:
        away = row.target_price * (1 - (row.swap_out_bps + 3) / BPS)
        move(world, act.symbol, max(away, row.stop_price * JUST_ABOVE))
    ended = awaited(world, lambda: ended_order(world, order), moved=False)
    if ended is None or ended.filled in (0, ended.volume):
        return
    world.say("ambush", f"{act.symbol}: the owner sells the rest")
    sell_as_owner(world, act.symbol, ended.volume - ended.filled)
    slow(world, SLOW_SECONDS)
    late = awaited(world, lambda: sold_too_late(row.pk, act.symbol), seconds=SLOW_SECONDS)
    if late is not None and falls_asleep(world, late.pk, BEFORE_SEND, LATE_SECONDS) is not None:
        world.say("ambush", f"{act.symbol}: a stop for coins that are gone is sent too late")


def sold_too_late(bracket_id: int, symbol: str) -> Effect | None:
    """A stop on its way, of a bracket that has nothing to protect any more."""
    row = Bracket.objects.get(pk=bracket_id)
    return placement_meant(symbol, Role.STOP) if row.state == State.TP_FILLED else None


def ended_order(world: World, order: Order) -> Order | None:
    """The order as it ended at the venue; None while it is open."""
    is_open = world.venue.house.still_open(order.txid) is not None
    return None if is_open else world.venue.house.history.order_at(order.txid, None)


AMBUSHES: dict[str, Callable[[World, Act], None]] = {
    "trap": trap,
    "lure": lure,
    "linger": linger,
    "snap": snap,
    "split": split,
    "touch": touch,
    "lose": lose,
    "rush": rush,
    "stall": stall,
    "dip": dip,
    "rob": rob,
}
