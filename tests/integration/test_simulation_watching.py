"""Scripted worlds for rules that drawn ones seldom reach: clean as they are, and each rule can fail."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from brackets import accounts, claims, reconcile, recovery, strangers
from brackets import sentinel as rounds
from brackets.core import cover, sentinel
from tests.simulation import report
from tests.simulation.patches import swapped
from tests.simulation.runs import live
from tests.simulation.scenarios.watching import WATCHING

ASLEEP = "the only watch sleeps while a target rests"
STOPPED = "the only watch is told to stop while a target rests"
UNSOLD = "no stop can be placed for what was bought"
PARTS = "many fills, each with its stop"
ROBBED = "a stop that is taken away twice"
OWNERS = "an order of the owner's"
ANEW = "asked for after a start, while orders are Unknown"
BEFORE = "asked for before a start, while orders are Unknown"


def nothing_back(account: Any, venue: Any, *, clock: Any, pause: Any = None, **_: Any) -> tuple[str, ...]:
    return ()


def no_exposure(*args: Any, before: Any = rounds.note, **options: Any) -> dict[str, Any]:
    return {**before(*args, **options), "unprotected_seconds": Decimal(0)}


def claimed_at_once(
    bracket: Any, effect: Any, now: Any, *rest: Any, claim: Any = claims.claim_placement
) -> Any:
    effect.account.recovered_at = effect.account.recovered_at or now
    return claim(bracket, effect, now, *rest)


BROKEN = [
    (ASLEEP, "no stop and no watch", accounts, "watch_is_alive", lambda account, now: True),
    (STOPPED, "left without a stop", reconcile, "swap_back_all", nothing_back),
    (UNSOLD, "not rolled back", cover, "out_of_time", lambda step: False),
    (PARTS, "stops apart", cover, "merge", lambda step: step),
    (ROBBED, "repaired again", sentinel, "may_repeat", lambda step: True),
    (ROBBED, "exposure", rounds, "note", no_exposure),
    (ROBBED, "no alarm", rounds, "tell", lambda account, troubles, **_: None),
    (OWNERS, "stranger", strangers, "note_orders", lambda *args: None),
    (ANEW, "bought before the comparison", recovery, "waits_of", lambda account, shown: iter(())),
    (BEFORE, "bought before the comparison", claims, "claim_placement", claimed_at_once),
]
"""World, the rule that sees it, and what of the product is broken so that it does."""


@pytest.mark.parametrize("name", WATCHING)
def test_nothing_is_wrong(name: str) -> None:
    ending = live(WATCHING[name])
    assert ending.violations == (), "\n".join(report.told(ending.story))


@pytest.mark.parametrize(("name", "kind", "module", "function", "instead"), BROKEN)
def test_its_rule_sees_what_is_broken_on_purpose(
    name: str, kind: str, module: Any, function: str, instead: Any
) -> None:
    with swapped(module, function, instead):
        assert f"audit: {kind}" in {violation.kind for violation in live(WATCHING[name]).violations}
