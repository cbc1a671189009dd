"""Worlds in which somebody must take over, or bring in order, what nobody else does.

A market that hardly moves, so that what stands is judged for long: each puts rules of the auditor to the test
that drawn worlds seldom reach.
"""

from __future__ import annotations

from dataclasses import replace

from tests.simulation.options import Act, House, Incident, Options
from tests.simulation.scenarios import BUY, ETH, FOUR_PRICES, a_world
from tests.simulation.venue.options import Fault

NEAR = House(leg_policy="nearest", swap_in_bps=5, swap_out_bps=40, tier="pro", cluster_seconds=5.0)
WIDE = replace(BUY, dollars=60, stop_bps=150, target_bps=200)
AT_TARGET = Act(at=12.0, kind="near", symbol=ETH)
ROBBERY = Act(at=12.0, kind="cancel", symbol=ETH)


def hardly_moving(options: Options, **venue: object) -> Options:
    return replace(options, venue=replace(options.venue, noise_bps=0.2, drift_bps=0.0, **venue))  # type: ignore[arg-type]


def at_the_target(kind: str, seconds: float) -> Options:
    """The target rests in place of its stop, and the only watch goes away."""
    gone = Incident(kind=kind, process="watch", at=25.0, seconds=seconds)
    return hardly_moving(a_world(WIDE, AT_TARGET, rates={}, incidents=(gone,), house=NEAR, seconds=90))


def limit_only_at_once() -> Options:
    """No stop can be placed for what was just bought, for longer than coins may wait."""
    shut = Act(at=5.6, kind="gate", symbol=ETH, detail=Fault.LIMIT_ONLY)
    house = House(leg_policy="stop_rests", entry_stop="own", tier="pro")
    world = a_world(replace(WIDE, at=5.0), shut, rates={}, house=house, seconds=80, latency=(0.2, 0.3))
    return hardly_moving(world, phase_seconds=(75.0, 75.0))


def bought_in_parts() -> Options:
    """Many fills, each with its stop, and time to make one of them."""
    house = House(leg_policy="stop_rests", tier="pro")
    world = a_world(replace(WIDE, dollars=90), rates={}, house=house, seconds=20)
    return replace(hardly_moving(world, depth="0.012"), still_seconds=170)


def robbed() -> Options:
    """The owner takes the stop away, over a venue that is asked and tells nothing by itself."""
    house = House(leg_policy="stop_rests", tier="pro")
    world = a_world(WIDE, ROBBERY, replace(ROBBERY, at=24.0), rates={}, house=house, seconds=40)
    return replace(hardly_moving(world), still_seconds=90)


def beside_the_owner() -> Options:
    """The owner leaves an order of their own for long."""
    world = hardly_moving(
        a_world(WIDE, rates={}, house=House(leg_policy="stop_rests", tier="pro"), seconds=15)
    )
    return replace(world, owner_acts=(3.0,), still_seconds=110)


def started_anew(*, again: float) -> Options:
    """What was sent is on its way for long when the watch is killed; more is asked for at that second."""
    early, late = tuple(FOUR_PRICES)[:2], tuple(FOUR_PRICES)[2:]
    acts = [replace(BUY, at=8.5 + 0.1 * n, symbol=symbol) for n, symbol in enumerate(early)]
    acts += [replace(BUY, at=again, symbol=symbol) for symbol in late]
    killed = Incident(kind="kill", process="watch", at=10.0, seconds=0.5)
    house = House(leg_policy="stop_rests", tier="pro")
    rates, prices = {Fault.LATE_REQUEST: 1.0}, FOUR_PRICES
    world = a_world(
        *acts, rates=rates, incidents=(killed,), house=house, prices=prices, latency=(0.02, 0.1), seconds=45
    )
    return replace(world, venue=replace(world.venue, late_seconds=(20.0, 30.0)))


WATCHING: dict[str, Options] = {
    "the only watch sleeps while a target rests": at_the_target("freeze", 55.0),
    "the only watch is told to stop while a target rests": at_the_target("stop", 15.0),
    "no stop can be placed for what was bought": limit_only_at_once(),
    "many fills, each with its stop": bought_in_parts(),
    "a stop that is taken away twice": robbed(),
    "an order of the owner's": beside_the_owner(),
    "asked for after a start, while orders are Unknown": started_anew(again=12.0),
    "asked for before a start, while orders are Unknown": started_anew(again=9.97),
}
