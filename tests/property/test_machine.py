"""Whatever order things happen in: the machine keeps what is always true, and it arrives somewhere.

Hypothesis writes the history of a bracket in a careless world (`machine_world.py`); after every event
all invariants hold and the event's repetition does nothing; after the faults end, time and readings
lead to a place where a bracket may stay, and what rests at the venue is what shall rest there.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brackets.core.states import Policy, Role, State
from tests.property.machine_acts import HISTORIES, SETUPS, STARTS, UNHURRIED, Act, live_through
from tests.property.machine_places import check_the_place
from tests.property.machine_setup import Setup
from tests.property.machine_world import World


@pytest.mark.parametrize("start", STARTS)
@UNHURRIED
@given(history=HISTORIES, setup=SETUPS, near=st.booleans())
def test_it_arrives_at_a_place_to_stay_from(start: str, history: list[Act], setup: Setup, near: bool) -> None:
    world = World(setup)
    STARTS[start](world)
    live_through(world, history)
    world.calm_down(near_target=near)
    check_the_place(world)


@UNHURRIED
@given(history=HISTORIES, setup=SETUPS, start=st.sampled_from(list(STARTS)))
def test_a_person_can_always_get_out(history: list[Act], setup: Setup, start: str) -> None:
    """However it got there: a close, sent and read, leaves nothing but dust."""
    world = World(setup)
    STARTS[start](world)
    live_through(world, history)
    world.calm_down()
    world.close()
    world.calm_down()
    check_the_place(world)
    assert world.bracket.state is State.EXIT_COMPLETE


@settings(max_examples=30, deadline=None)
@given(setup=SETUPS)
def test_without_a_fault_the_starts_are_what_they_are_called(setup: Setup) -> None:
    active, resting = World(setup), World(replace(setup, policy=Policy.NEAREST))
    STARTS["an active bracket"](active)
    assert active.bracket.state is State.BRACKET_ACTIVE
    STARTS["a resting target"](resting)
    assert (resting.bracket.state, resting.bracket.resting) == (State.BRACKET_ACTIVE, Role.TARGET)
    assert [o.limit for o in resting.venue.orders if o.open] == [resting.bracket.target_price]
