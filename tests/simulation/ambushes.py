"""What lies in wait for the moment in which it matters, as the coincidences do, and then strikes.

Between the intent of an order and its answer pass some tenths of a second. Chance seldom finds them; these
look at the book until they have come, as nobody in the real world could, and then do what anybody may: shut a
market, cut the network, hold a process up, bring a price, sell coins. None of it goes through the product's
doors, and each tells the auditor what trouble it made. What nobody walks into ends without a trace.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING

from brackets.core.states import OrderStatus, Policy, Role, State
from brackets.models import Bracket, Effect
from brackets.venue.paper.orders import Order, Side
from brackets.venue.paper.pairs import PAIRS
from tests.simulation.boundaries import AFTER_SEND, BEFORE_SEND, Armed
from tests.simulation.clockwork import Process
from tests.simulation.moments import (
    LOOK_SECONDS,
    amendment_meant,
    awaited,
    cancel_meant,
    cut,
    move,
    nibble,
    placement_meant,
    resting,
    sell_as_owner,
    slow,
    standing,
)
from tests.simulation.options import Act, Incident
from tests.simulation.venue.options import MODES, Fault

if TYPE_CHECKING:
    from tests.simulation.world import World

CUT_SECONDS = 0.8
ANSWERED, AMEND = "answered", "amend"
SLOW_SECONDS = 18.0
OPEN = (State.ENTRY_FILLED, State.BRACKET_ACTIVE)
LATE_SECONDS = 6.5  # longer than an order's deadline
LINGER_SECONDS = 3.0
CLAIMING_SECONDS = 3.0  # from the intent until somebody sends it
SENDING_SECONDS = 9.0  # … and until it was answered
STALL_SECONDS = 45.0  # longer than a claim lasts and its order is proven absent
BREATH_SECONDS = 0.2  # how exactly a sleeper is woken
CLOSING = (State.TP_FILLED, State.SL_FILLED, State.EXIT_COMPLETE)
ABOVE, BELOW = Decimal("1.002"), Decimal("0.998")
JUST_BELOW, JUST_ABOVE = Decimal("0.9996"), Decimal("1.0005")
HALF, MOST, WHOLE = Decimal("0.5"), Decimal("0.8"), Decimal(1)
LITTLE = Decimal("0.05")  # of a stop, at each of the levels at which it sells
BPS = Decimal(10_000)


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
    """The price runs through a leg while another sell of the bracket is on its way, or, as a detail may ask,
    still unsent."""
    leg, _, unsent = act.detail.partition(" ")

    def meant() -> Effect | None:
        effect = placement_meant(act.symbol, Role.TARGET, Role.EXIT, Role.STOP)
        return effect if effect is None or effect.sent_at is None or not unsent else None

    effect = awaited(world, meant)
    if effect is None:
        return
    row = effect.bracket
    world.say("ambush", f"{act.symbol}: through the {leg} while a {effect.order.role} is on its way")
    move(world, act.symbol, row.stop_price * BELOW if leg == Role.STOP else row.target_price * ABOVE)


def stall(world: World, act: Act) -> None:
    """Whoever sends an order of this role sleeps until others have given the order up and gone on without
    it: over its answer, or, as a detail that says no more than the role asks, already at the door. A mode of
    the market refuses the order."""
    role, _, mode = act.detail.partition(" ")
    effect = awaited(
        world, lambda: amendment_meant(act.symbol) if role == AMEND else placement_meant(act.symbol, role)
    )
    if effect is None:
        return
    if mode in MODES:
        world.venue.weather.shut(Fault(mode), act.symbol)
    place = AFTER_SEND if mode in (*MODES, ANSWERED) else BEFORE_SEND
    sender = falls_asleep(world, effect.pk, place, 2 * BREATH_SECONDS)
    if sender is not None:
        world.say("ambush", f"{act.symbol}: {sender.name} sleeps {place} of its {role} ({mode})")
        ends = CLOSING if role != Role.ENTRY else (State.EXIT_COMPLETE,)
        sleep_until(world, [sender], lambda: Bracket.objects.get(pk=effect.bracket_id).state in ends)


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


def sleep_until(world: World, sleepers: list[Process], is_time: Callable[[], bool]) -> None:
    """Keep them frozen until then. What they wake to is still being booked: the network is cut."""
    began = world.clockwork.now()

    def snoring() -> bool | None:
        for sleeper in sleepers:
            sleeper.freeze(2 * BREATH_SECONDS)
        world.clockwork.wait(BREATH_SECONDS - LOOK_SECONDS)
        return True if is_time() else None

    if awaited(world, snoring, seconds=STALL_SECONDS, moved=False):
        world.say("ambush", f"{', '.join(sleeper.name for sleeper in sleepers)} wakes")
        cut(world, CUT_SECONDS)
    for sleeper in sleepers:
        world.was_away(sleeper, began)


def dip(world: World, act: Act) -> None:
    """Most of the entry is bought, and while the rest still waits the price runs to the target; or, as a
    detail asks, the rest is bought too: so there are two stops."""
    order = awaited(world, lambda: resting(world, act.symbol, Side.BUY), moved=False)
    if order is None:
        return
    world.say("ambush", f"{act.symbol}: most of the entry is bought")
    nibble(world, order, HALF if act.detail else MOST)
    row = awaited(world, lambda: standing(act.symbol, State.ENTRY_FILLED))
    if row is None:
        return
    if act.detail:
        nibble(world, order, WHOLE)
    else:
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
    left = ended.volume - ended.filled
    sell_as_owner(world, act.symbol, part_of(act.symbol, left, HALF) if act.detail == "alone half" else left)
    if act.detail == "asleep":
        sleep_over_the_loss(world, row.pk, act.symbol)
        return
    if act.detail.startswith("alone"):
        leave_alone(world, row.pk)
        return
    slow(world, SLOW_SECONDS)
    late = awaited(world, lambda: sold_too_late(row.pk, act.symbol), seconds=SLOW_SECONDS)
    if late is not None and falls_asleep(world, late.pk, BEFORE_SEND, LATE_SECONDS) is not None:
        world.say("ambush", f"{act.symbol}: a stop for coins that are gone is sent too late")


def sleep_over_the_loss(world: World, bracket_id: int, symbol: str) -> None:
    """Whoever sends a second stop for coins that are gone sleeps at the door while others count them."""

    def repeated() -> Effect | None:
        refused = Bracket.objects.get(pk=bracket_id).orders.filter(
            role=Role.STOP, status=OrderStatus.REJECTED
        )
        return placement_meant(symbol, Role.STOP) if refused.exists() else None

    late = awaited(world, repeated)
    sender = None if late is None else falls_asleep(world, late.pk, BEFORE_SEND, 2 * BREATH_SECONDS)
    if sender is not None:
        world.say("ambush", f"{symbol}: {sender.name} sleeps before it sends a stop for coins that are gone")
        sleep_until(world, [sender], lambda: Bracket.objects.get(pk=bracket_id).state == State.EXIT_COMPLETE)


def leave_alone(world: World, bracket_id: int) -> None:
    """All watches sleep: what is left of the house sends, compares and counts in turn. After the first count
    it sleeps over the answer to a stop, which is then meant anew before the second count finds no coins."""
    watches = [slot.process for name, slot in world.slots.items() if name.startswith("watch")]
    nap = Incident(
        kind="freeze", process="cluster", at=world.clockwork.seconds, place=AFTER_SEND, seconds=LATE_SECONDS
    )
    naps = [Armed(nap, 1)]
    world.say("ambush", "all watches sleep")

    def is_over() -> bool:
        row = Bracket.objects.get(pk=bracket_id)
        if row.shortage > 0 and naps:
            world.boundaries.armed.append(naps.pop())
        return row.state == State.EXIT_COMPLETE

    sleep_until(world, watches, is_over)


def sold_too_late(bracket_id: int, symbol: str) -> Effect | None:
    """A stop on its way, of a bracket that has nothing to protect any more."""
    row = Bracket.objects.get(pk=bracket_id)
    return placement_meant(symbol, Role.STOP) if row.state == State.TP_FILLED else None


def part_of(symbol: str, quantity: Decimal, part: Decimal) -> Decimal:
    return (quantity * part).quantize(PAIRS[symbol].lot_step, ROUND_DOWN)


def loot(world: World, act: Act) -> None:
    """A stop sells a part; the owner cancels it and sells the rest, and all watches sleep."""
    row = awaited(world, lambda: standing(act.symbol, State.BRACKET_ACTIVE))
    house = world.venue.house
    stops = [] if row is None else [stop for stop in house.open_stops(act.symbol) if house.is_ours(stop)]
    if row is None or not stops:
        return
    world.say("ambush", f"{act.symbol}: a part of the stop is sold, the owner sells the rest")
    move(world, act.symbol, row.stop_price * BELOW, depth=part_of(act.symbol, stops[0].leaves, LITTLE))
    rest = house.still_open(stops[0].txid)
    if rest is None:
        return
    house.engine.cancel(txid=rest.txid, now=house.now())
    house.settle()
    sell_as_owner(world, act.symbol, rest.leaves)
    leave_alone(world, row.pk)


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
    "loot": loot,
}
