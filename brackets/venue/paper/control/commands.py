"""What the control channel can do: faults for requests and streams, prices, modes, orders of others, money.

Stands between the control server (JSON in, JSON out) and the venue. Every change is stored, logged and
told on the stream like one that a request made. The list of commands, with their fields, is in
`control/server.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from brackets.venue.paper.control.delivery import Delivery
from brackets.venue.paper.control.market import HandledMarket
from brackets.venue.paper.control.plan import BadFault, Fault, FaultKind, When
from brackets.venue.paper.forms import Form, new_order, pair_of
from brackets.venue.paper.orders import Refused, System
from brackets.venue.paper.pairs import Pair, find_asset
from brackets.venue.paper.service import Service
from brackets.venue.paper.stream.trouble import Mishap

Json = dict[str, Any]
FOREVER = Decimal(10) ** 9  # seconds
STREAMS = frozenset({"executions", "balances"})


class BadCommand(ValueError):
    """A command that cannot be done; one sentence says why. Nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """The hands on one venue."""

    delivery: Delivery
    market: HandledMarket
    clock: Callable[[], Decimal]

    @property
    def service(self) -> Service:
        return self.delivery.service

    def do(self, name: str, fields: Json) -> Json:
        """One command. Raises BadCommand."""
        act = COMMANDS.get(name)
        if act is None:
            raise BadCommand(f"there is no command {name!r}; there are {', '.join(COMMANDS)}.")
        now = self.service.venue.at(self.clock())
        try:
            told = act(self, fields, now)
        except Refused as refusal:
            raise BadCommand(refusal.error) from None
        except (BadFault, ValueError, TypeError) as error:
            raise BadCommand(str(error)) from None
        if name != "look":
            words = " ".join(f"{field}={value}" for field, value in fields.items())
            self.service.journal.write(now, f"CONTROL {name} {words}".rstrip())
        return told

    def store(self, now: Decimal) -> None:
        """Store what was changed by hand, and tell it."""
        self.service.tell(self.service.venue.commit_by_hand(), now=now)


def fault(controls: Controls, fields: Json, now: Decimal) -> Json:
    form = Form(fields)
    match = fields.get("match") or {}
    if not isinstance(match, dict):
        raise BadCommand("match must name fields of the request and their texts.")
    controls.delivery.plan.arm(
        Fault(
            method=form.text("method") or "*",
            kind=form.word("kind", FaultKind),
            count=form.whole("count", 1),
            skip=form.whole("skip", 0),
            match={str(name): str(value) for name, value in match.items()},
            when=form.word("when", When, When.BEFORE),
            seconds=form.number("seconds"),
            error=form.text("error") or "",
            answer=form.text("answer") or "first",
            ordered_at=now,
        )
    )
    return {}


def calm(controls: Controls, fields: Json, now: Decimal) -> Json:
    controls.delivery.plan.faults.clear()
    controls.service.hub.trouble.calm()
    controls.service.venue.hold_release_seconds = Decimal(0)
    return {}


def hold_release(controls: Controls, fields: Json, now: Decimal) -> Json:
    controls.service.venue.hold_release_seconds = _seconds(fields)
    return {}


def websocket(controls: Controls, fields: Json, now: Decimal) -> Json:
    form, hub = Form(fields), controls.service.hub
    action = form.text("action")
    if action == "drop":
        dropped = hub.drop_all()
        controls.service.journal.write(now, f"FAULT websocket drop connections={dropped}")
        return {"dropped": dropped}
    if action in ("silent", "refuse"):
        until = now + (form.number("seconds") or FOREVER)
        if action == "silent":
            hub.trouble.silent_until = until
        else:
            hub.trouble.refusing_until = until
        controls.service.journal.write(now, f"FAULT websocket {action}")
        return {}
    channel = form.text("channel") or "executions"
    if channel not in STREAMS:
        raise BadCommand(f"only messages of {', '.join(sorted(STREAMS))} have numbers.")
    hub.trouble.arm(form.word("action", Mishap), channel=channel, count=form.whole("count", 1))
    return {}


# --- the market ------------------------------------------------------------------------------------------


def price(controls: Controls, fields: Json, now: Decimal) -> Json:
    form = Form(fields)
    pair, last = _pair(controls, form), form.number("last")
    if last is None:
        raise BadCommand("price needs last.")
    controls.market.put(pair.symbol, last=last, bid=form.number("bid"), ask=form.number("ask"))
    if form.number("depth") is not None:
        depth(controls, fields, now)
    else:
        controls.service.tick(seconds=Decimal(0), now=now)
    return {}


def depth(controls: Controls, fields: Json, now: Decimal) -> Json:
    form = Form(fields)
    pair, coins = _pair(controls, form), form.number("depth")
    if coins is None or coins <= 0 or coins % pair.lot_step:
        raise BadCommand("depth must be a number of coins above 0.")
    controls.market.depths[pair.symbol] = coins
    controls.service.tick(seconds=Decimal(0), now=now)
    return {}


def freeze(controls: Controls, fields: Json, now: Decimal) -> Json:
    controls.market.frozen = True
    controls.store(now)
    return {}


def release(controls: Controls, fields: Json, now: Decimal) -> Json:
    controls.market.release()
    controls.service.tick(seconds=Decimal(0), now=now)
    return {}


def mode(controls: Controls, fields: Json, now: Decimal) -> Json:
    form, engine = Form(fields), controls.service.venue.engine
    wanted = form.word("mode", System)
    if form.text("pair") is None:
        engine.system = wanted
    elif wanted is System.ONLINE:
        engine.modes.pop(_pair(controls, form).symbol, None)
    else:
        engine.modes[_pair(controls, form).symbol] = wanted
    controls.store(now)
    return {}


# --- what the owner does at the venue's own page ---------------------------------------------------------


def order(controls: Controls, fields: Json, now: Decimal) -> Json:
    form = Form(fields)
    request = new_order(form, pair=_pair(controls, form), deadline_at=None, now=now)
    placed = controls.service.venue.engine.add(request, now=now)
    controls.store(now)
    return {} if placed is None else {"txid": placed.txid}


def cancel(controls: Controls, fields: Json, now: Decimal) -> Json:
    form = Form(fields)
    controls.service.venue.engine.cancel(txid=form.text("txid"), cl_ord_id=form.text("cl_ord_id"), now=now)
    controls.store(now)
    return {}


def deposit(controls: Controls, fields: Json, now: Decimal) -> Json:
    asset, amount = _amount(fields)
    controls.service.venue.engine.deposit(asset=asset, amount=amount, now=now)
    controls.store(now)
    return {}


def withdraw(controls: Controls, fields: Json, now: Decimal) -> Json:
    asset, amount = _amount(fields)
    controls.service.venue.engine.withdraw(asset=asset, amount=amount, now=now)
    controls.store(now)
    return {}


def earn(controls: Controls, fields: Json, now: Decimal) -> Json:
    asset, amount = _amount(fields)
    back = Form(fields).truth("back")
    controls.service.venue.engine.earn(asset=asset, amount=-amount if back else amount, now=now)
    controls.store(now)
    return {}


def look(controls: Controls, fields: Json, now: Decimal) -> Json:
    """What the venue itself knows, without a key and without being counted."""
    venue = controls.service.venue
    ticks = venue.engine.ticks.values()
    return {
        "open": list(venue.engine.open_orders),
        "faults": controls.delivery.plan.left(),
        "connections": len(controls.service.hub.sessions),
        "subscribed": sum(session.subscribed for session in controls.service.hub.sessions),
        "prices": {
            tick.symbol: {"bid": str(tick.bid), "ask": str(tick.ask), "last": str(tick.last)}
            for tick in ticks
        },
        "balances": {asset: str(amount) for asset, amount in venue.engine.account.balances.items()},
        "held": {asset: str(amount) for asset, amount in venue.engine.account.held.items()},
    }


COMMANDS: MappingProxyType[str, Callable[[Controls, Json, Decimal], Json]] = MappingProxyType(
    {
        "fault": fault,
        "calm": calm,
        "hold_release": hold_release,
        "websocket": websocket,
        "price": price,
        "depth": depth,
        "freeze": freeze,
        "release": release,
        "mode": mode,
        "order": order,
        "cancel": cancel,
        "deposit": deposit,
        "withdraw": withdraw,
        "earn": earn,
        "look": look,
    }
)


def _pair(controls: Controls, form: Form) -> Pair:
    pair = pair_of(form)
    if pair.symbol not in controls.service.venue.engine.ticks:
        raise BadCommand(f"{pair.symbol} does not trade here.")
    return pair


def _seconds(fields: Json) -> Decimal:
    seconds = Form(fields).number("seconds")
    if seconds is None or seconds > 600:
        raise BadCommand("seconds must be from 0 to 600.")
    return seconds


def _amount(fields: Json) -> tuple[str, Decimal]:
    form = Form(fields)
    asset, amount = find_asset(form.text("asset") or ""), form.number("amount")
    if asset is None or amount is None or amount <= 0:
        raise BadCommand("asset (like ZUSD) and amount (above 0) are needed.")
    return asset.code, amount
