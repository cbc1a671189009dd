"""The ambushes of the simulator: each brings about what it lies in wait for, and breaks no rule."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from tests.simulation.ambushes import AMBUSHES
from tests.simulation.drawing import draw
from tests.simulation.lurking import THEMES, lain_in_wait
from tests.simulation.options import Act, Options
from tests.simulation.runs import live
from tests.simulation.venue.options import Fault

ETH = "ETH/USD"
THROWS = 3  # of the venue's dice: not every moment is met
BUY = Act(at=4.0, kind="buy", symbol=ETH, dollars=40, stop_bps=150, target_bps=80)


def a_quiet_world(*acts: Act, both: bool = False) -> Options:
    """One position, two watches, no faults."""
    quiet = lain_in_wait(draw(1), THEMES[0], Random(0))
    policy = "both_rest" if both else "nearest"
    house = replace(quiet.house, leg_policy=policy, both_rest_works=both, streams=both)
    venue = replace(quiet.venue, prices={ETH: "2500"}, both_rest=both)
    return replace(quiet, symbols=(ETH,), trouble_seconds=60, house=house, venue=venue, acts=(BUY, *acts))


@pytest.mark.parametrize(
    ("acts", "both", "pair"),
    [
        ((("lure", Fault.CANCEL_ONLY),), False, ("ENTRY_FILLED", "CancelKeptBack")),
        ((("rush", "stop"),), True, ("SL_FILLED", "OrderRefused")),
        (
            (("stall", f"target {Fault.CANCEL_ONLY}"), ("touch", "")),
            False,
            ("TP_FILLED", "OrderRefused"),
        ),
    ],
)
def test_an_ambush_brings_about_what_it_waits_for(
    acts: tuple[tuple[str, str], ...], both: bool, pair: tuple[str, str]
) -> None:
    waiting = [Act(at=BUY.at, kind=kind, symbol=ETH, detail=detail) for kind, detail in acts]
    options = a_quiet_world(*waiting, both=both)
    endings = [live(replace(options, luck=luck)) for luck in range(THROWS)]
    assert not any(ending.violations for ending in endings)
    assert sum(ending.tally.steps[pair] for ending in endings) >= 1


def test_what_nobody_walks_into_leaves_no_trace() -> None:
    waiting = [Act(at=BUY.at, kind="trap", symbol="SOL/USD", detail=Fault.CANCEL_ONLY)]
    assert live(a_quiet_world(*waiting)).story == live(a_quiet_world()).story


def test_every_ambush_is_drawn() -> None:
    drawn = {act.kind for seed in range(1, 201) for act in draw(seed).acts}
    assert set(AMBUSHES) <= drawn
    recipes = {kind for group in THEMES for recipe in group for kind, _ in recipe}
    assert recipes <= {*AMBUSHES, "edit"}
