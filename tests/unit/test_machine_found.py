"""Stories that the property tests found (`tests/property/test_machine.py`), each told the short way."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

from brackets.core.events import FillBooked
from brackets.core.states import Answer, OrderStatus, Policy, State
from tests.unit.machine_story import Story

CANCELED, FILLED, OPEN = OrderStatus.CANCELED, OrderStatus.FILLED, OrderStatus.OPEN
FEE_IN_COINS = partial(
    FillBooked,
    venue_order_id="E",
    venue_trade_id="TE",
    quantity=Decimal(1),
    base_fee=Decimal("0.0026"),
)


def test_a_stop_we_withdrew_ourselves_was_not_refused_by_the_venue() -> None:
    """A fee in coins makes the stop too large before it left: it is made anew, not the position sold."""
    story = Story(attach_stop=False)
    story.filled_entry()
    stop = story.newest
    assert story.words == ["place stop 1 at 95"]
    story.say(FEE_IN_COINS(at=story.now))
    assert story.words == ["cancel stop unsent"]
    story.withdraw(stop)
    story.wait(1)
    assert story.state is State.ENTRY_FILLED
    assert story.words == ["place stop 0.9974 at 95"]


def test_a_held_bracket_does_not_sell_twice_when_its_stop_executes_beside_the_target() -> None:
    story = Story(policy=Policy.BOTH_REST).protected()
    story.accept(story.newest, "X")
    story.hold()
    story.report("S", FILLED, "1", parent="E", triggered=True)
    assert story.words == ["cancel target X"]
    story.report("X", CANCELED, limit="110")
    story.book_all()
    assert story.state is State.EXIT_COMPLETE


def test_an_old_reading_does_not_change_the_terms_of_an_order_that_ended() -> None:
    """A part was taken from the stop, and the stop triggered; a reading from before arrives afterwards."""
    story = Story().protected()
    story.reduce("0.25")
    story.answer_amend("S", Answer.ACCEPTED)
    story.report("S", FILLED, "0.75", of="0.75", triggered=True)
    story.report("S", OPEN, of="1")
    assert (story.order("S").quantity, story.order("S").status) == (Decimal("0.75"), FILLED)


def test_a_target_that_sells_too_little_beside_its_stop_is_rested_anew() -> None:
    """Its size was amended down for a part that was not sold after all."""
    story = Story(policy=Policy.BOTH_REST).protected()
    story.accept(story.newest, "X")
    story.report("X", OPEN)
    story.report("X", OPEN, of="0.75")
    assert story.words == ["cancel target X"]


def test_a_part_the_target_sold_is_taken_from_the_stop_at_once_also_right_after_an_edit() -> None:
    story = Story(policy=Policy.BOTH_REST).protected()
    story.accept(story.newest, "X")
    story.report("X", OPEN)
    story.edit(target="105")
    story.amended("X")
    story.report("X", OPEN, "0.25")
    assert story.words == ["amend stop S quantity 0.75"]


def test_an_executing_stop_is_taken_back_where_the_target_sold_some_of_its_coins() -> None:
    story = Story(policy=Policy.BOTH_REST).protected()
    story.accept(story.newest, "X")
    story.wait(1)
    story.report("X", OPEN)
    story.report("S", OPEN, "0.5", triggered=True)
    assert story.words == ["cancel target X"]
    story.report("X", CANCELED, "0.25")
    assert story.words == ["cancel stop S"]
    story.report("S", CANCELED, "0.5", triggered=True)
    assert story.words == ["place exit 0.25"]


def test_a_part_too_small_to_be_sold_does_not_make_dust_of_the_whole_position() -> None:
    """The part's sell was under way when the bracket was left; its refusal speaks of the part alone."""
    story = Story().protected()
    story.reduce("0.05")
    story.amended("S")
    assert story.words == ["place exit 0.05"]
    story.close()
    story.report("S", CANCELED)
    story.refuse(story.newest, "below_minimum")
    assert story.words == ["place exit 1"]


def test_a_stop_that_may_not_become_smaller_yet_is_asked_again() -> None:
    """Both legs rest and the target sold a part, just after the venue refused to amend the stop."""
    story = Story(policy=Policy.BOTH_REST).protected()
    story.accept(story.newest, "X")
    story.report("X", OPEN)
    story.edit(stop="99")
    story.answer_amend("S", Answer.REFUSED, "rate_limited")
    story.report("X", OPEN, "0.25")
    assert story.words == []
    story.wait(1)
    assert story.words == ["amend stop S quantity 0.75"]


def test_the_stop_does_not_wait_for_an_amendment_of_the_target_beside_it() -> None:
    """A part is asked for, and the target sells some coins before it was made smaller."""
    story = Story(policy=Policy.BOTH_REST).protected()
    story.accept(story.newest, "X")
    story.report("X", OPEN)
    story.reduce("0.25")
    assert story.words == ["amend target X quantity 0.75"]
    story.report("X", OPEN, "0.1")
    assert "amend stop S quantity 0.9" in story.words


def test_a_fill_long_after_the_exit_began_has_the_time_of_its_own_stop_to_show() -> None:
    """The entry's cancel took long, and it bought more meanwhile: a stop of that may have sold it."""
    story = Story()
    story.accept(story.enter(), "E")
    story.report("E", OPEN, "0.5")
    story.report("S1", OPEN, of="0.5", parent="E")
    story.report("S1", FILLED, "0.5", of="0.5", parent="E", triggered=True)
    story.wait(35)
    story.report("E", CANCELED, "0.75")
    assert (story.state, story.words) == (State.SL_FILLED, [])
    story.report("S2", FILLED, "0.25", of="0.25", parent="E", triggered=True)
    story.book_all()
    assert story.state is State.EXIT_COMPLETE
