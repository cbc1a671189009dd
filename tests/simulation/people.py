"""What people and scripts ask, through the product's own doors, in the web process."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError
from django.utils import timezone

from brackets import operations, records
from brackets.core.events import HoldRequested
from brackets.core.facts import RefusedEvent
from brackets.models import AssetBalance, Instrument, Quote
from tests.simulation.options import Act
from trading import commands, configuration, door, market
from trading.models import Command, Trade

if TYPE_CHECKING:
    from tests.simulation.world import World

BPS = Decimal(10_000)
LOT = Decimal("1E-8")
RECOVERING_SECONDS = (1.0, 2.0, 3.0, 4.0)  # between tries while entries are not admitted yet
ANSWERS = (
    door.BadInput,
    door.UnknownTrade,
    market.MarketUnavailable,
    market.UnknownSymbol,
    commands.IdempotencyConflict,
    RefusedEvent,
    operations.Superseded,
    OperationalError,
)
"""What a person may be told instead of an answer; anything else is a defect."""


def perform(world: World, act: Act, number: int) -> None:
    """Ask once, or twice under one key."""
    key = f"act {number}" if act.twice else None
    tell(world, act, key)
    if act.twice:
        world.clockwork.wait(0.2)
        tell(world, act, key)


def tell(world: World, act: Act, key: str | None) -> None:
    """Ask, and a little later again while the house still recovers. Says in the world's story what came
    of it."""
    if world.calm and not world.still:
        return
    if act.kind == "resume":
        world.switches.append((world.clockwork.now(), False))
    for patience in (*RECOVERING_SECONDS, None):
        try:
            said = ask(world, act, key=key)
        except door.Recovering as error:
            said = f"Recovering: {error}"
            if patience is not None:
                world.clockwork.wait(patience)
                if world.calm and not world.still:
                    return
                continue
        except ANSWERS as error:
            said = f"{type(error).__name__}: {error}"
        else:
            note(world, act, said)
        break
    world.say("person", f"{act.kind} {act.symbol}: {said}")


def note(world: World, act: Act, said: str) -> None:
    """What was taken on, for the auditor."""
    now = world.clockwork.now()
    if act.kind == "hold" and said.endswith("held"):
        world.holds.append((now, act.symbol))
    if "denied" in said or not said.startswith("command"):
        return
    if act.kind in ("pause", "liquidate-all"):
        world.switches.append((now, True))
    if act.kind == "liquidate-all":
        world.wishes += [(now, symbol) for symbol in world.options.symbols]
    elif act.kind == "close":
        world.wishes.append((now, act.symbol))


def ask(world: World, act: Act, *, key: str | None) -> str:
    if act.kind == "hold":
        return hold(act)
    payload = payload_of(world, act)
    if payload is None:
        return "nothing to ask"
    if key is not None:
        world.kept_payloads.setdefault(key, payload)
        payload = world.kept_payloads[key]
    command = commands.submit(act.kind, payload, user=world.user, actor="person", idempotency_key=key)
    return said_of(command)


def said_of(command: Command) -> str:
    denials = ", ".join(denial["code"] for denial in command.denials)
    return f"command {command.pk} {command.status} {denials}".rstrip()


def hold(act: Act) -> str:
    trade = open_trade(act.symbol)
    if trade is None:
        return "nothing to hold"
    event = HoldRequested(at=timezone.now(), reason="an operator wants to look")
    operations.apply(trade.bracket_id, event, actor="person")
    return f"trade {trade.pk} held"


def open_trade(symbol: str) -> Trade | None:
    return Trade.objects.filter(symbol=symbol, status="OPEN").order_by("-pk").first()


def payload_of(world: World, act: Act) -> dict[str, Any] | None:
    match act.kind:
        case "buy":
            return buying(world, act)
        case "protect":
            return protecting(world, act)
        case "pause" | "resume" | "liquidate-all":
            return {"reason": "a person wanted it"}
    trade = open_trade(act.symbol)
    if trade is None:
        return None
    match act.kind:
        case "close":
            return {"trade": trade.pk}
        case "release":
            return {"trade": trade.pk, "reason": "an operator has looked"}
        case "edit":
            return {"trade": trade.pk, **legs(world, act)}
    coins = records.load(trade.bracket).coins
    share = (coins * act.share / 100).quantize(LOT, rounding=ROUND_DOWN)
    amount = {} if act.share == 100 else {"amount_token": plain(share)}
    return {"symbol": act.symbol, **amount} if share > 0 else None


def buying(world: World, act: Act) -> dict[str, Any]:
    return {
        "symbol": act.symbol,
        "amount_usd": str(act.dollars),
        "entry_type": act.entry_type,
        **legs(world, act),
    }


def protecting(world: World, act: Act) -> dict[str, Any] | None:
    """Half of what the owner holds of the coin, as far as it was read."""
    instrument = Instrument.objects.filter(symbol=act.symbol).first()
    if instrument is None:
        return None
    row = AssetBalance.objects.filter(asset=instrument.base_asset).first()
    coins = Decimal(0) if row is None else ((row.total - row.held) / 2).quantize(LOT, rounding=ROUND_DOWN)
    if coins < instrument.minimum_quantity:
        return None
    return {"symbol": act.symbol, "quantity": plain(coins), **legs(world, act)}


def legs(world: World, act: Act) -> dict[str, str]:
    """Where the legs shall be, as text; by the rule where the act does not say."""
    bid = bid_of(act.symbol)
    if bid is None:
        return {}
    tick = Instrument.objects.get(symbol=act.symbol).tick_size
    said = {"stop_loss_price": -act.stop_bps, "take_profit_price": act.target_bps}
    return {name: plain(priced(bid, bps, tick)) for name, bps in said.items() if bps}


def bid_of(symbol: str) -> Decimal | None:
    quote = Quote.objects.filter(symbol=symbol).first()
    return None if quote is None else quote.bid


def priced(bid: Decimal, bps: int, tick: Decimal) -> Decimal:
    return ((bid * (BPS + bps) / BPS) // tick) * tick


def plain(number: Decimal) -> str:
    return format(number.normalize(), "f")


# --- at the end -------------------------------------------------------------------------------------


def close_held(world: World) -> None:
    """The operator of the calm: leaves what is held. Coins that an order of the owner's holds nobody can
    sell or protect; who looks why a bracket is held takes that order back."""
    for trade in Trade.objects.filter(status="OPEN", bracket__state="HELD").order_by("pk"):
        if world.venue.owner.free_coins(trade.symbol):
            world.say("operator", f"takes back the owner's orders for {trade.symbol}")
        try:
            command = commands.submit("close", {"trade": trade.pk}, user=None, actor="operator")
            said = said_of(command)
        except ANSWERS as error:
            said = f"{type(error).__name__}: {error}"
        world.say("operator", f"close trade {trade.pk}: {said}")


class ImpossibleHouse(Exception):
    """The product takes no such configuration: nobody could live in this world."""


def house_rules(world: World) -> None:
    """The configuration the options ask for, as a person would have set it. Raises ImpossibleHouse."""
    house = world.options.house
    config = configuration.of(world.account)
    for name in (
        "execution_mode",
        "leg_policy",
        "swap_in_bps",
        "swap_out_bps",
        "entry_offset_bps",
        "entry_timeout_seconds",
        "entry_most_reprices",
        "entry_reprice_seconds",
        "entry_reprice_bps",
        "entry_runaway_bps",
        "entry_on_timeout",
        "entry_on_runaway",
        "entry_stop",
        "stop_ratio",
        "target_r_multiple",
    ):
        setattr(config, name, getattr(house, name))
    config.stop_method, config.target_method = "PERCENT", "R_MULTIPLE"
    try:
        config.save()
    except (IntegrityError, ValidationError) as error:
        raise ImpossibleHouse(str(error)) from error
    if house.both_rest_works:
        world.account.both_rest_works = True
        world.account.save(update_fields=["both_rest_works"])
