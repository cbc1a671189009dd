"""Whatever order things happen in: the machine keeps what is always true, and it arrives somewhere.

Hypothesis writes the history of a bracket in a careless world (`machine_world.py`); after every event
all invariants hold and the event's repetition does nothing; after the faults end, time and readings
lead to a place where a bracket may stay, and what rests at the venue is what shall rest there.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from brackets.core.states import State
from tests.property.machine_acts import HISTORIES, SETUPS, UNHURRIED, Act, live_through, settle_in
from tests.property.machine_places import check_the_place
from tests.property.machine_world import Setup, World


@UNHURRIED
@given(history=HISTORIES, setup=SETUPS, near=st.booleans())
def test_from_the_beginning_to_a_place_to_stay(history: list[Act], setup: Setup, near: bool) -> None:
    world = World(setup)
    world.begin()
    live_through(world, history)
    world.calm_down(near_target=near)
    check_the_place(world)


@UNHURRIED
@given(history=HISTORIES, setup=SETUPS, near=st.booleans())
def test_from_an_active_bracket_to_a_place_to_stay(history: list[Act], setup: Setup, near: bool) -> None:
    world = World(replace(setup, punctual=True))
    settle_in(world)
    assert world.bracket.state is State.BRACKET_ACTIVE
    live_through(world, history)
    world.calm_down(near_target=near)
    check_the_place(world)


@UNHURRIED
@given(history=HISTORIES, setup=SETUPS)
def test_a_person_can_always_get_out(history: list[Act], setup: Setup) -> None:
    """However it got there: a close, sent and read, leaves nothing but dust."""
    world = World(setup)
    world.begin()
    live_through(world, history)
    world.calm_down()
    world.close()
    world.calm_down()
    check_the_place(world)
    assert world.bracket.state is State.EXIT_COMPLETE
