"""The rounds that are measured: each opens brackets, moves one price, and reads the venue's log.

A round yields samples by name, in milliseconds (`Sample`). Times are the venue's: when it put the price,
when a request arrived, when an order filled. Brackets of one wave are opened together and touched one by
one, at a moment of the second that chance decides, so that a loop of the product is met at every phase.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from random import Random

from benchmarks.desk import DEEP, Desk, Pair
from benchmarks.venue_log import Line, of
from trading.models import Trade

Sample = tuple[str, float]  # what, milliseconds
Round = Callable[[Desk, Pair, Trade], Iterator[Sample]]
NEAR = Decimal("0.999")  # of the target: inside swap_in_bps (20)
FALLEN = Decimal("0.985")  # of the target: beyond swap_out_bps (50)
CHANCE = Random(1)  # the same moments in every run
THIN = 10  # parts of the smallest order that a tick trades, so that what fills, fills slowly


def is_sale(line: Line) -> bool:
    return line.field("type") == "sell" and bool(line.placed)


def target_taken(desk: Desk, pair: Pair, trade: Trade) -> Iterator[Sample]:
    """Policy stop_rests: the target is touched; the stop goes, the coins are sold at market."""
    stop = desk.until_resting(trade, "stop")
    touch = put(desk, pair, pair.at(Decimal("1.001"), pair.target))
    cancel = desk.log.wait("CancelOrder", of([stop]))
    ended = desk.log.wait("END", of([stop]))
    sale = desk.log.wait("AddOrder", is_sale)
    filled = desk.log.wait("FILL", of([sale.placed]))
    yield "target touched → stop's cancel", cancel.at - touch.at
    yield "target touched → sold at market", filled.at - touch.at
    yield "no order at the venue, stop canceled → sold", filled.at - ended.at


def legs_change_places(desk: Desk, pair: Pair, trade: Trade) -> Iterator[Sample]:
    """Policy nearest: near the target it rests in the stop's place; fallen away, the stop is back."""
    stop = desk.until_resting(trade, "stop")
    touch = put(desk, pair, pair.at(NEAR, pair.target))
    cancel = desk.log.wait("CancelOrder", of([stop]))
    ended = desk.log.wait("END", of([stop]))
    target = desk.log.wait("AddOrder", is_sale)
    yield "near the target → stop's cancel", cancel.at - touch.at
    yield "near the target → target rests", target.at - touch.at
    yield "no order at the venue, swapping in", target.at - ended.at
    desk.until_resting(trade, "target")
    desk.refill_budget()
    fall = put(desk, pair, pair.at(FALLEN, pair.target))
    cancel = desk.log.wait("CancelOrder", of([target.placed]))
    ended = desk.log.wait("END", of([target.placed]))
    back = desk.log.wait("AddOrder", is_sale)
    yield "fallen away → target's cancel", cancel.at - fall.at
    yield "fallen away → stop rests", back.at - fall.at
    yield "no order at the venue, swapping back", back.at - ended.at
    desk.until_resting(trade, "stop")
    put(desk, pair, pair.at(Decimal("0.999"), pair.stop))


def target_fills_beside_stop(desk: Desk, pair: Pair, trade: Trade) -> Iterator[Sample]:
    """Policy both_rest: the resting target fills; the stop that rests beside it must go."""
    stop, target = desk.until_resting(trade, "stop"), desk.until_resting(trade, "target")
    put(desk, pair, pair.at(Decimal("1.001"), pair.target))
    fill = desk.log.wait("FILL", of([target]))
    cancel = desk.log.wait("CancelOrder", of([stop]))
    yield "resting target's first fill → stop's cancel", cancel.at - fill.at


def stop_fills_beside_target(desk: Desk, pair: Pair, trade: Trade) -> Iterator[Sample]:
    """Policy both_rest, a thin market: the stop triggers and fills in parts; the target must go."""
    desk.until_resting(trade, "stop")
    target = desk.until_resting(trade, "target")
    stops = desk.resting(trade, "stop")
    put(desk, pair, pair.at(Decimal("0.999"), pair.stop), depth=pair.minimum / THIN)
    fill = desk.log.wait("FILL", of(stops))
    cancel = desk.log.wait("CancelOrder", of([target]))
    yield "stop's first fill → resting target's cancel", cancel.at - fill.at
    put(desk, pair, pair.at(Decimal("0.999"), pair.stop), chance=False)


def stop_fills_beside_entry(desk: Desk, pair: Pair, trade: Trade) -> Iterator[Sample]:
    """A limit entry is filled in part and still buying when the attached stop of that part triggers. A tick
    trades the smallest order, so that what the entry buys meanwhile has stops of its own."""
    entry = desk.until_resting(trade, "entry")
    desk.control.price(pair.symbol, pair.at(Decimal("0.9995"), pair.price), depth=pair.quantity / 8)
    desk.control.price(pair.symbol, pair.price, depth=DEEP)
    desk.until_resting(trade, "stop")
    stops = desk.resting(trade, "stop")
    desk.refill_budget()
    put(desk, pair, pair.at(Decimal("0.999"), pair.stop), depth=pair.minimum)
    fill = desk.log.wait("FILL", of(stops))
    cancel = desk.log.wait("CancelOrder", of([entry]))
    yield "stop's first fill → live entry's cancel", cancel.at - fill.at
    put(desk, pair, pair.at(Decimal("0.999"), pair.stop), chance=False)


def put(desk: Desk, pair: Pair, price: Decimal, *, depth: Decimal = DEEP, chance: bool = True) -> Line:
    """Let the pair trade there, at a moment chance decides; the line that says when the venue did."""
    if chance:
        time.sleep(CHANCE.random())
    desk.log.mark()
    desk.control.price(pair.symbol, price, depth=depth)
    return desk.log.wait("CONTROL", lambda line: line.field("pair") == pair.symbol)
