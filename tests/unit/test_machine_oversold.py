"""More was sold than acquired: held until a person has seen how much, then it ends. And how it does not come
to that where a target fills on beside its stops."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from brackets.core.events import CoinsCounted
from brackets.core.held import explain
from brackets.core.invariants import violations
from brackets.core.machine import RefusedEvent
from brackets.core.states import Answer, ExitReason, OrderStatus, Policy, Refusal, State
from tests.unit.machine_story import Story

D = Decimal
OPEN, FILLED, CANCELED = OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.CANCELED


class Oversold(Story):
    """What happened at the venue breaks a rule of ours; that is what these stories are about."""

    def __init__(self) -> None:
        super().__init__(policy=Policy.BOTH_REST)
        self.protected()
        self.accept(self.newest, "T")
        self.report("T", OPEN)

    def say(self, event: object) -> object:
        try:
            return super().say(event)  # type: ignore[arg-type]
        except AssertionError:
            broken = violations(self.bracket)
            assert all("are sold or on sale" in sentence for sentence in broken), broken
            assert broken
        return None


def oversold(*, booked: bool = True) -> Story:
    """Both legs sold before either was heard of: 0.4 coins too many."""
    story = Oversold()
    story.report("T", FILLED, "1", price="110")
    story.report("S", CANCELED, "0.4", triggered=True)
    assert story.bracket.coins == D("-0.4")
    assert (story.state, story.alarms) == (State.HELD, ("0.4 more ETH were sold than bought",))
    if booked:
        for order, quantity in (("E", "1"), ("T", "1"), ("S", "0.4")):
            story.book(order, quantity)
        assert story.state is State.HELD
    return story


def test_it_stays_held_until_somebody_has_seen_it() -> None:
    story = oversold()
    for _ in range(3):
        story.wait(600)
        assert (story.state, story.words, story.alarms) == (State.HELD, [], ())


def test_a_close_by_hand_ends_it_and_says_how_many_were_sold_too_many() -> None:
    story = oversold()
    story.close()
    assert (story.state, story.words) == (State.EXIT_COMPLETE, [])
    assert story.alarms == ("closed with 0.4 more ETH sold than bought: others of the account are gone",)
    assert story.bracket.exit_reason is ExitReason.TAKE_PROFIT, "the first reason to leave is kept"


def test_it_ends_only_when_every_fill_is_booked() -> None:
    story = oversold(booked=False)
    story.close()
    assert story.state is not State.EXIT_COMPLETE
    for order, quantity in (("E", "1"), ("T", "1"), ("S", "0.4")):
        assert story.state is not State.EXIT_COMPLETE
        story.book(order, quantity)
    assert (story.state, story.words) == (State.EXIT_COMPLETE, [])


def test_what_is_sold_beyond_what_was_seen_must_be_seen_again() -> None:
    story = oversold(booked=False)
    story.close()
    story.report("S", CANCELED, "0.5", triggered=True)
    assert (story.state, story.alarms) == (State.HELD, ("0.5 more ETH were sold than bought",))
    for order, quantity in (("E", "1"), ("T", "1"), ("S", "0.5")):
        story.book(order, quantity)
    assert story.state is State.HELD
    story.close()
    assert (story.state, story.bracket.dust) == (State.EXIT_COMPLETE, D("-0.5"))


def test_a_fill_reported_after_the_end_is_held_again() -> None:
    story = oversold()
    story.close()
    story.report("S", CANCELED, "0.5", triggered=True)
    assert story.state is State.HELD
    assert any("0.5 more ETH" in alarm for alarm in story.alarms)


def test_pausing_and_selling_everything_is_no_look_at_it() -> None:
    """It is asked again and again: it is refused, and makes no noise."""
    story = oversold()
    with pytest.raises(RefusedEvent) as refused:
        story.close(ExitReason.KILL_SWITCH)
    assert refused.value.refusal is Refusal.OVERSOLD
    assert story.state is State.HELD


def test_the_operator_is_offered_the_close_alone_and_told_what_it_says() -> None:
    held = explain(oversold().bracket)
    assert held is not None
    assert {act.name: act.offered for act in held.actions} == {
        "close": True,
        "release": False,
        "liquidate-all": False,
    }
    assert "0.4 ETH" in held.actions[0].does
    assert "nothing is sold" in held.actions[0].does
    assert "0.4 ETH more were sold than came in." in held.known


# --- a target that fills on --------------------------------------------------------------------------------


def two_stops_and_a_target() -> Story:
    """Stops of 0.6 (S1) and 0.4 (S2), and the target (T) for the whole coin beside them."""
    story = Story(policy=Policy.BOTH_REST).filled_in_parts("0.6", "0.4")
    story.accept(story.newest, "T")
    story.report("T", OPEN)
    assert story.state is State.BRACKET_ACTIVE
    return story


def test_while_one_stop_is_being_made_smaller_the_other_is_taken_back() -> None:
    """The answer decides about the one; of the other it is certain already."""
    story = two_stops_and_a_target()
    story.report("T", OPEN, "0.2", price="110")
    assert story.words == ["amend stop S2 quantity 0.2"]
    story.report("T", OPEN, "0.9", price="110")
    assert story.words == ["cancel stop S1"]
    assert violations(story.bracket) == ()


def test_the_other_one_stays_as_long_as_it_may_be_needed() -> None:
    """Were the smaller terms taken and the other stop canceled, coins would be bare."""
    story = two_stops_and_a_target()
    story.report("T", OPEN, "0.2", price="110")
    story.report("T", OPEN, "0.3", price="110")
    assert story.words == ["amend stop S1 quantity 0.5"]


def test_the_only_stop_waits_for_the_answer_and_is_then_made_smaller_again() -> None:
    story = Story(policy=Policy.BOTH_REST).protected()
    story.accept(story.newest, "T")
    story.report("T", OPEN)
    story.report("T", OPEN, "0.4", price="110")
    assert story.words == ["amend stop S quantity 0.6"]
    story.report("T", OPEN, "0.7", price="110")
    assert (story.words, violations(story.bracket)) == ([], ())
    story.amended("S")
    assert story.words == ["amend stop S quantity 0.3"]


def test_a_stop_that_is_not_asked_to_become_smaller_may_not_stand_for_sold_coins() -> None:
    """The surplus is legal only as long as the answer to a smaller quantity is awaited."""
    story = Story(policy=Policy.BOTH_REST).protected()
    story.accept(story.newest, "T")
    story.report("T", OPEN)
    story.report("T", OPEN, "0.4", price="110")
    stop = story.order("S")
    assert stop.amendment is not None
    for careless_stop in (
        replace(stop, amendment=None),
        replace(stop, amendment=replace(stop.amendment, quantity=D(1))),
        replace(stop, amendment=replace(stop.amendment, quantity=D("1.4"))),
    ):
        careless = story.bracket.replacing(careless_stop)
        assert any("sold or on sale" in sentence for sentence in violations(careless))


def test_a_refused_change_is_tried_again_not_forgotten() -> None:
    story = Story(policy=Policy.BOTH_REST).protected()
    story.accept(story.newest, "T")
    story.report("T", OPEN)
    story.report("T", OPEN, "0.4", price="110")
    story.answer_amend("S", Answer.REFUSED, "rate_limited")
    story.wait(2)
    assert story.words == ["amend stop S quantity 0.6"]


# --- what has not left -------------------------------------------------------------------------------------


def test_a_part_that_is_for_coins_gone_is_taken_back_before_it_leaves() -> None:
    story = Story().protected()
    story.wait(10)
    story.reduce("0.6")
    story.amended("S")
    assert story.words == ["place exit 0.6"]
    for _ in range(2):
        story.wait(5)
        story.say(CoinsCounted(at=story.now, total=D("0.5")))
    assert story.bracket.coins == D("0.5")
    assert "cancel exit unsent" in story.words
    assert violations(story.bracket) == ()


def test_a_sell_for_lost_coins_that_is_about_to_leave_is_an_oversell() -> None:
    """Though no more than was acquired is on sale."""
    story = Story().protected()
    story.close()
    story.report("S", CANCELED)
    assert story.words == ["place exit 1"]
    careless = replace(story.bracket, missing=D("0.2"))
    assert any("about to be sent" in sentence for sentence in violations(careless))
    sent = replace(story.order(story.newest), status=OPEN, venue_order_id="X")
    assert violations(careless.replacing(sent)) == (), "it cannot be called back"
