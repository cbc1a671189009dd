"""The simulator itself: the same seed lives the same life, in both stores, and what it judges can fail."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from brackets.core import cover, machine
from brackets.core.states import State
from tests.simulation import report, unreachable
from tests.simulation.boundaries import CRASH_PLACES
from tests.simulation.drawing import draw
from tests.simulation.options import AT_A_QUERY, House, Incident, Options, Profile
from tests.simulation.patches import swapped
from tests.simulation.people import ImpossibleHouse
from tests.simulation.runs import MEMORY, SQLITE, Ending, Manner, Total, in_little, live, live_many
from tests.simulation.scenarios import BUY, CLOSE, SCENARIOS, a_world
from tests.simulation.shrink import shrink
from tests.simulation.tally import Tally, takable
from tests.simulation.venue import EVERY

ROOT = Path(__file__).resolve().parents[2]
SEEDS = range(1, 201)
SQL_SEEDS = range(41, 61)  # of which every boundary kills one
PEACE = len(Profile)  # the profiles take turns, and this is the first of them


@pytest.fixture
def _database(django_db_blocker: Any) -> Iterator[None]:
    """The store over SQLite brings a database of its own."""
    with django_db_blocker.unblock():
        yield


FOUND: dict[int, str] = {
    # seed -> what is broken in the product there, and not repaired yet
}


def test_two_hundred_small_worlds() -> None:
    """Each is judged, and together they crash at every boundary, meet nearly every fault, and do nothing that
    is said to be impossible. The whole of it is asked of `simulate`, whose worlds are larger. One test: the
    worlds shall be lived once, whoever of several workers lives them."""
    total = Total()
    for seed in SEEDS:
        total.add(live(in_little(draw(seed), seconds=12, symbols=2)))
    failed = [ending for ending in total.failed if ending.seed not in FOUND]
    assert not failed, "\n".join(line for ending in failed for line in report.failure(ending))
    assert {ending.seed for ending in total.failed} == set(FOUND), "repaired: take it off the list"
    assert total.lifetimes > 300
    assert all(total.tally.crashes[place] for place in CRASH_PLACES)
    never = [name for name in EVERY if not total.tally.faults[name]]
    assert len(never) <= 5, never
    assert report.surprises(total.tally.steps) == []


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_was_found_once_stays_repaired(name: str) -> None:
    ending = live(SCENARIOS[name])
    assert ending.violations == (), "\n".join(report.told(ending.story))
    assert ending.lifetimes >= 1


def test_what_is_said_to_be_unreachable_is_of_the_table_and_has_a_reason() -> None:
    assert set(unreachable.REASONS) <= set(takable())
    assert all(len(reason) > 10 for reason in unreachable.REASONS.values())


def test_a_step_said_to_be_unreachable_that_is_taken_is_a_failure() -> None:
    taken = ("ENTRY_PLACED", "OrderAccepted")
    assert report.surprises(Counter([taken])) == []
    with swapped(unreachable, "REASONS", {taken: "nobody accepts"}):
        assert any("OrderAccepted" in line for line in report.surprises(Counter([taken])))


@pytest.mark.parametrize("seed", SQL_SEEDS)
def test_the_same_seed_lives_the_same_life_in_memory_and_over_sqlite(seed: int, _database: None) -> None:
    both = lived_in_both_stores(over_sqlite(seed))
    assert both[1].story == both[0].story
    assert both[1].digest == both[0].digest
    assert both[1].violations == ()


def test_worlds_over_sqlite_crash_at_every_boundary() -> None:
    lived = Total()
    for seed in SQL_SEEDS:
        lived.add(live(over_sqlite(seed)))
    assert all(lived.tally.crashes[place] for place in CRASH_PLACES)
    assert lived.lifetimes > 60


def over_sqlite(seed: int) -> Options:
    return in_little(draw(seed), seconds=20, symbols=3)


def lived_in_both_stores(options: Options) -> tuple[Ending, Ending]:
    return live(options, store=MEMORY, with_digest=True), live(options, store=SQLITE, with_digest=True)


def test_the_database_fails_questions_alike_in_memory_and_over_sqlite(_database: None) -> None:
    """At one question after another of the watch; each time the job is given up and done later."""
    failures = tuple(
        Incident(kind="error", process="watch", at=3.0 + 0.2 * n, place=AT_A_QUERY, nth=n)
        for n in range(1, 21)
    )
    options = replace(in_little(draw(PEACE), seconds=8, symbols=1), incidents=failures)
    in_memory, in_tables = lived_in_both_stores(options)
    assert in_tables.digest == in_memory.digest
    assert in_memory.violations == ()
    assert in_memory.tally.incidents[f"database error {AT_A_QUERY}"] > 10


def test_the_same_seed_lives_the_same_life_in_another_process() -> None:
    """Whatever the hashes of strings are there."""
    program = (
        "import os, django; django.setup();"
        "from tests.simulation.drawing import draw; from tests.simulation.runs import in_little, live;"
        "print(live(in_little(draw(3), seconds=8, symbols=2), with_digest=True).digest)"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "DJANGO_SETTINGS_MODULE": "config.settings", "SECRET_KEY": "x" * 50},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert len(said) == 1
    assert len(said.pop()) == 64


def test_every_profile_is_drawn_and_every_crash_place_with_it() -> None:
    drawn = [draw(seed) for seed in SEEDS]
    assert {options.profile for options in drawn} == set(Profile)
    places = {one.place or CRASH_PLACES[-1] for o in drawn for one in o.incidents if one.kind == "kill"}
    assert places == set(CRASH_PLACES)


def test_without_faults_nothing_goes_wrong_and_all_closes() -> None:
    lived = Total()
    for ending in live_many(range(len(Profile)), Manner(faults=False, brief=True)):
        lived.add(ending)
    assert lived.failed == []
    assert sum(lived.tally.faults[name] for name in ("timeout before accept", "stale open orders")) == 0
    assert sum(lived.tally.crashes.values()) == 0
    assert lived.lifetimes > 20


# --- the judges can fail, and failures become small ------------------------------------------------------


def careless() -> Options:
    """A world in which the product forgets its stops, as planted below."""
    options = draw(PEACE)  # peace
    house = replace(options.house, entry_stop="own", leg_policy="stop_rests", both_rest_works=False)
    venue = replace(options.venue, both_rest=False)
    return replace(options, house=house, venue=venue)


@pytest.fixture
def _forgotten_stops() -> Iterator[None]:
    """The product never places a stop of its own."""
    with swapped(cover, "cover_with_stop", lambda step: step):
        yield


def test_a_broken_rule_is_found_and_its_world_made_small(_forgotten_stops: None) -> None:
    options = careless()
    kinds = {violation.kind for violation in live(options).violations}
    assert "audit: bare coins" in kinds
    small = shrink(options, "audit: bare coins", live, seconds=8, clock=time.process_time)
    assert live(small).has("audit: bare coins")
    assert len(small.acts) <= 2
    assert len(small.symbols) < len(options.symbols)
    story = "\n".join(report.short_story(small, live(small)))
    assert "bare coins" in story
    assert "EntryRequested" in story


def test_a_house_that_cannot_be_configured_is_no_smaller_story() -> None:
    refused = replace(draw(PEACE), house=House(swap_in_bps=20, swap_out_bps=21))
    with pytest.raises(ImpossibleHouse):
        live(refused)

    def live_or_refuse(options: Options) -> Ending:
        return live(refused) if options.house == House() else Ending(options.seed, 0, (), Tally())

    wanted = replace(refused, house=House(swap_in_bps=20), acts=(), incidents=(), symbols=refused.symbols[:1])
    assert shrink(wanted, "any", live_or_refuse, seconds=5) == wanted


def test_what_an_operator_holds_is_let_go_on() -> None:
    hold, release = (replace(CLOSE, at=at, kind=kind) for at, kind in ((7.0, "hold"), (9.0, "release")))
    ending = live(a_world(BUY, hold, release, rates={}))
    assert not ending.violations
    assert ending.tally.steps["HELD", "ReleaseRequested"] == 1
    assert (ending.lifetimes, ending.tally.ends["manual"]) == (1, 0)


def test_an_exception_in_a_job_is_a_violation() -> None:
    def broken(*args: object, **options: object) -> Any:
        raise KeyError("planted")

    with swapped(machine, "settle", broken):
        ending = live(draw(PEACE))
    assert ending.has("exception KeyError")


def test_a_bracket_that_never_ends_is_a_violation() -> None:
    options = replace(
        draw(PEACE),
        ends=("target",),
        venue=replace(draw(PEACE).venue, lead_bps=0.0, noise_bps=0.0, drift_bps=0.0),
    )
    wide = {"kind": "buy", "entry_type": "market", "dollars": 40, "stop_bps": 900, "target_bps": 900}
    acts = tuple(replace(act, **wide) for act in options.acts[:1])
    ending = live(replace(options, acts=acts, trouble_seconds=10))
    assert ending.has("it does not end")
    assert any(State.BRACKET_ACTIVE in violation.sentence for violation in ending.violations)


def test_the_rules_of_the_house_are_drawn_with_money_as_decimals() -> None:
    assert all(isinstance(draw(seed).house.stop_ratio, Decimal) for seed in range(20))
