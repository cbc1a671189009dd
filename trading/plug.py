"""The "pull the plug" view as people and scripts get it: one shape for REST and `--json`, one table for a
terminal, one picture for the admin.

Everything is read from `brackets/plug.py`; here it is only put into words, digits and places.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal
from typing import Any

from brackets.core.plug import Certainty, MayBuy, PlugLine, Rest
from brackets.core.plug_words import Total, within
from brackets.core.states import Role
from brackets.plug import Position, View
from risk.core.plain import text

LOSS_PLACES, PRICE_PLACES = Decimal("0.0001"), Decimal("1E-10")
HEADINGS = ("bracket", "symbol", "coins", "stopped", "only target", "nothing", "loss at stop", "unprotected")


# --- as JSON -------------------------------------------------------------------------------------


def shape(view: View) -> dict[str, Any]:
    """The members of `GET plug/`: numbers as text, times in UTC with `Z`, None for what is not known."""
    return {
        "at": moment(view.at),
        "compared_at": moment(view.compared_at),
        "asked": view.asked,
        "watch_alive": view.watched,
        "well": view.well,
        "reasons": list(view.reasons),
        "summary": view.sentence,
        "slippage_ratio": text(view.slippage_ratio),
        "totals": [total(one) for one in view.totals],
        "brackets": [position(one) for one in view.positions],
        "differences": list(view.differences),
    }


def total(sums: Total) -> dict[str, Any]:
    return {
        "quote": sums.quote,
        "loss_at_stop": loss(sums.loss_at_stop),
        "unprotected_value": loss(sums.unprotected_value),
        "worst_loss": loss(sums.worst_loss),
    }


def position(one: Position) -> dict[str, Any]:
    line = one.line
    return {
        "bracket": one.bracket,
        "symbol": line.symbol,
        "state": one.state,
        "standing": line.standing.value,
        "well": line.well,
        "coins": text(line.coins),
        "stopped": text(line.stopped),
        "sell_only": text(line.sell_only),
        "bare": text(line.bare),
        "cost_per_coin": price(line.cost_per_coin),
        "bid": price(line.bid),
        "bid_at": moment(one.quote_read_at),
        "stop_price": price(line.stop_price),
        "target_price": price(line.target_price),
        "loss_at_stop": loss(line.loss_at_stop),
        "unprotected_value": loss(line.unprotected_value),
        "worst_loss": loss(line.worst_loss),
        "rests": [rest(order) for order in line.rests],
        "may_buy": [may_buy(entry) for entry in line.may_buy],
    }


def rest(order: Rest) -> dict[str, Any]:
    return {
        "role": order.role.value,
        "venue_order_id": order.venue_order_id,
        "certainty": order.certainty.value,
        "why": order.why or None,
        "quantity": text(order.quantity),
        "price": price(order.price),
        "ends_at": moment(order.ends_at),
    }


def may_buy(entry: MayBuy) -> dict[str, Any]:
    return {
        "quantity": text(entry.quantity),
        "price": price(entry.price),
        "stop_price": price(entry.stop_price),
        "ends_at": moment(entry.ends_at),
    }


def moment(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def price(value: Decimal | None) -> str | None:
    return None if value is None else text(value.quantize(PRICE_PLACES, rounding=ROUND_HALF_EVEN))


def loss(value: Decimal) -> str:
    """An amount that can be lost, never rounded down."""
    return text(value.quantize(LOSS_PLACES, rounding=ROUND_CEILING))


# --- as lines of a terminal ----------------------------------------------------------------------


def table(view: View) -> list[str]:
    """One row a bracket, below it what rests; then the sums."""
    rows = [HEADINGS, *(cells(one) for one in view.positions)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    padded = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines = [padded[0]] if view.positions else []
    for row, one in zip(padded[1:], view.positions, strict=True):
        lines += [row, *(f"    {words(order)}" for order in one.line.rests)]
    for sums in view.totals:
        lines.append(
            f"{sums.quote}: about {loss(sums.loss_at_stop)} lost {within(view.slippage_ratio)}, "
            f"{loss(sums.unprotected_value)} without a stop, about {loss(sums.worst_loss)} in all"
        )
    return lines


def cells(one: Position) -> tuple[str, ...]:
    line = one.line
    amounts = (text(coins) for coins in (line.coins, line.stopped, line.sell_only, line.bare))
    return (str(one.bracket), line.symbol, *amounts, loss(line.loss_at_stop), loss(line.unprotected_value))


def words(order: Rest) -> str:
    """What one order is, in words: "stop 0.1 at 2450 (OABCDE)"."""
    at = "at market" if order.price is None else f"at {text(order.price)}"
    until = f", ends {order.ends_at:%H:%M:%S} UTC" if order.ends_at is not None else ""
    doubt = f"; {order.why}" if order.certainty is not Certainty.READ else ""
    name = order.venue_order_id or "no id yet"
    return f"{order.role.value} {text(order.quantity)} {at}{until} ({name}{doubt})"


# --- as a picture --------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """One price on the bar, `x` from 0 to 1000. `solid`: an order certainly rests there."""

    kind: str  # stop, entry, target, bid
    x: int
    price: Decimal
    solid: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A bar of prices. Where something is at stake the loss reaches from the cost down to the stop, and where
    it is not bounded to the very edge of the picture."""

    marks: tuple[Mark, ...]
    stop_x: int
    cost_x: int
    target_x: int
    at_stake: bool
    bounded: bool


def picture(line: PlugLine) -> Picture:
    """Where everything of a bracket stands, from the lowest price of it to the highest."""
    cost = line.cost_per_coin or next((entry.price for entry in line.may_buy), None)
    resting = {order.role for order in line.rests if order.certainty is Certainty.READ}
    prices = [
        ("stop", line.stop_price, Role.STOP in resting),
        ("target", line.target_price, Role.TARGET in resting),
        *([("entry", cost, Role.ENTRY in resting)] if cost is not None else []),
        *([("bid", line.bid, True)] if line.bid is not None else []),
    ]
    low, high = extent(value for _, value, _ in prices)
    places = {kind: place(value, low, high) for kind, value, _ in prices}
    return Picture(
        marks=tuple(
            Mark(kind=kind, x=places[kind], price=value, solid=solid) for kind, value, solid in prices
        ),
        stop_x=places["stop"],
        cost_x=places.get("entry", places["stop"]),
        target_x=places["target"],
        at_stake=line.at_stake,
        bounded=line.bounded,
    )


def extent(prices: Iterable[Decimal]) -> tuple[Decimal, Decimal]:
    known = list(prices)
    return min(known), max(known)


def place(value: Decimal, low: Decimal, high: Decimal) -> int:
    """0 to 1000 along the bar; in the middle where all prices are one."""
    return 500 if high == low else int((value - low) * 1000 / (high - low))
