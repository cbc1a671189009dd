"""Stories of merging: of several stops one is made, by amending the survivor up, one stop at a time."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from brackets.core.states import Answer, ExitReason, OrderStatus, State
from tests.unit.machine_story import SETTLING, Story

D = Decimal
OPEN, FILLED, CANCELED = OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.CANCELED


def three_stops() -> Story:
    """Bought in parts: S1 stands for 0.2, S2 for 0.5, S3 for 0.3; all are old enough to cancel cheaply."""
    story = Story().filled_in_parts("0.2", "0.5", "0.3")
    assert story.state is State.BRACKET_ACTIVE
    story.wait(44)
    assert story.words == [], "young orders are dear to cancel"
    return story


def two_stops_one_canceled() -> Story:
    """S1 (0.2) is canceled, its coins are being added to S2 (0.8)."""
    story = Story().filled_in_parts("0.2", "0.8")
    story.wait(45)
    assert story.words == ["cancel stop S1"]
    story.report("S1", CANCELED)
    assert story.words == ["amend stop S2 quantity 1"]
    return story


# --- one at a time -----------------------------------------------------------------------------


def test_the_smaller_stops_go_one_by_one_and_their_coins_join_the_survivor() -> None:
    story = three_stops()
    story.wait(1)
    assert story.words == ["cancel stop S1"]
    story.wait(5)
    assert story.words == [], "the next one only when this one's coins are covered again"
    story.report("S1", CANCELED)
    assert story.words == ["amend stop S2 quantity 0.7"]
    story.wait(5)
    assert story.words == []
    story.amended("S2")
    assert story.log[-1] == "cancel stop S3"
    story.report("S3", CANCELED)
    assert story.words == ["amend stop S2 quantity 1"]
    story.amended("S2")
    assert story.state is State.BRACKET_ACTIVE
    story.wait(600)
    assert story.words == []
    assert [(o.venue_order_id, o.quantity) for o in story.bracket.live_stops] == [("S2", D(1))]
    assert "cancel stop S2" not in story.log, "the survivor is never canceled"


def test_nothing_more_than_one_part_is_ever_without_its_stop() -> None:
    story = three_stops()
    story.wait(1)
    assert story.bracket.standing == D("0.8")
    story.report("S1", CANCELED)
    story.amended("S2")
    assert story.bracket.standing == D("0.7"), "0.3 are on their way"


def test_stops_are_not_merged_while_more_is_being_bought() -> None:
    story = Story()
    story.accept(story.enter(), "E")
    story.report("E", OPEN, "0.5")
    story.report("S1", OPEN, of="0.2", parent="E")
    story.report("S2", OPEN, of="0.3", parent="E")
    story.wait(120)
    assert story.words == []


@pytest.mark.parametrize("market", ["cancel_only", "post_only", "maintenance", "limit_only"])
def test_stops_are_not_merged_in_a_market_that_might_not_take_the_amendment(market: str) -> None:
    story = three_stops()
    story.market = market
    story.wait(60)
    assert story.words == []
    story.market = "online"
    story.wait(1)
    assert story.words == ["cancel stop S1"]


def test_a_survivor_whose_new_price_is_not_certain_is_not_given_more_coins() -> None:
    story = Story().filled_in_parts("0.2", "0.8")
    story.edit(stop="96")
    story.amended("S1")
    story.wait(1)
    assert story.words == ["amend stop S2 trigger 96"]
    story.answer_amend("S2", Answer.UNKNOWN)
    story.wait(60)
    assert story.words == []
    story.report("S2", OPEN, trigger="96")
    assert story.words == ["cancel stop S1"]


def test_a_merge_is_not_an_alarm() -> None:
    story = three_stops()
    story.wait(1)
    story.report("S1", CANCELED)
    assert story.alarms == ()


def test_the_target_may_be_reached_in_the_middle_of_a_merge() -> None:
    story = two_stops_one_canceled()
    story.amended("S2")
    story.touch()
    assert story.words == ["cancel stop S2"]


# --- the answer to the amendment ---------------------------------------------------------------


def test_an_unknown_amendment_is_not_asked_again_before_a_reading_decides() -> None:
    story = two_stops_one_canceled()
    story.answer_amend("S2", Answer.UNKNOWN)
    story.wait(SETTLING - 1)
    story.report("S2", OPEN)
    story.wait(0)
    assert story.words == [], "a reading with the old terms may be older than the amendment"
    assert story.bracket.standing == D("0.8"), "only what certainly rests counts"


def test_an_unknown_amendment_that_was_done_is_seen() -> None:
    story = two_stops_one_canceled()
    story.answer_amend("S2", Answer.UNKNOWN)
    story.report("S2", OPEN, of="1")
    assert (story.state, story.bracket.standing) == (State.BRACKET_ACTIVE, D(1))
    assert story.log.count("amend stop S2 quantity 1") == 1


def test_an_unknown_amendment_that_was_not_done_is_asked_again() -> None:
    story = two_stops_one_canceled()
    story.answer_amend("S2", Answer.UNKNOWN)
    story.now += timedelta(seconds=SETTLING)
    story.report("S2", OPEN)
    assert story.words == ["amend stop S2 quantity 1"]
    assert story.order("S2").amends == 2, "a new number: the old answer does not speak for it"


def test_accepted_is_not_seen_a_reading_must_show_it() -> None:
    story = two_stops_one_canceled()
    story.answer_amend("S2", Answer.ACCEPTED)
    assert (story.state, story.bracket.standing) == (State.ENTRY_FILLED, D("0.8"))
    story.report("S2", OPEN, of="1")
    assert story.state is State.BRACKET_ACTIVE


def test_a_late_answer_to_an_amendment_that_was_seen_is_noise() -> None:
    story = two_stops_one_canceled()
    story.report("S2", OPEN, of="1")
    before = story.bracket
    for answer in Answer:
        story.answer_amend("S2", answer, "other" if answer is Answer.REFUSED else "")
    assert story.bracket == before


def test_a_stale_reading_after_the_amendment_was_seen_lowers_nothing() -> None:
    story = two_stops_one_canceled()
    story.amended("S2")
    story.report("S2", OPEN, of="0.8")
    assert (story.state, story.order("S2").quantity) == (State.BRACKET_ACTIVE, D(1))


def test_a_quantity_that_somebody_else_made_smaller_is_believed_once_it_is_no_stale_reading() -> None:
    story = two_stops_one_canceled()
    story.amended("S2")
    story.now += timedelta(seconds=11)
    story.report("S2", OPEN, of="0.8")
    assert story.words == []
    story.now += timedelta(seconds=1)
    story.report("S2", OPEN, of="0.8")
    assert story.words == ["amend stop S2 quantity 1"]


@pytest.mark.parametrize("reason", ["insufficient_funds", "rate_limited", "deadline", "market_limited"])
def test_an_amendment_refused_for_now_is_tried_again_and_spaced(reason: str) -> None:
    story = two_stops_one_canceled()
    for _ in range(5):
        story.answer_amend("S2", Answer.REFUSED, reason)
        assert story.words == [], "the hold of the canceled stop may be released late"
        story.wait(1)
        assert story.words == ["amend stop S2 quantity 1"]
    story.amended("S2")
    assert story.state is State.BRACKET_ACTIVE


@pytest.mark.parametrize("reason", ["invalid_arguments", "permission", "other"])
def test_an_amendment_refused_for_good_gives_the_coins_a_stop_of_their_own(reason: str) -> None:
    story = two_stops_one_canceled()
    story.answer_amend("S2", Answer.REFUSED, reason)
    story.wait(1)
    assert story.words == ["place stop 0.2 at 95"]
    story.accept(story.newest, "S4")
    story.report("S4", OPEN)
    assert story.state is State.BRACKET_ACTIVE


def test_where_stops_take_no_amendment_they_stay_apart() -> None:
    story = two_stops_one_canceled()
    story.answer_amend("S2", Answer.REFUSED, "invalid_arguments")
    story.wait(1)
    story.accept(story.newest, "S4")
    story.report("S4", OPEN)
    for _ in range(10):
        story.wait(60)
    assert story.log[-1] == "place stop 0.2 at 95", "no merge that would only end in the same place"


def test_no_answer_to_the_amendment_and_no_protection_in_time_is_a_rollback() -> None:
    story = two_stops_one_canceled()
    for _ in range(31):
        story.answer_amend("S2", Answer.REFUSED, "insufficient_funds")
        if story.state is not State.ENTRY_FILLED:
            break
        story.wait(1)
    assert story.bracket.exit_reason is ExitReason.ROLLBACK
    assert story.log[-1] == "cancel stop S2"


def test_a_message_without_terms_neither_proves_nor_denies_an_amendment() -> None:
    story = two_stops_one_canceled()
    story.answer_amend("S2", Answer.UNKNOWN)
    story.now += timedelta(seconds=SETTLING)
    story.report("S2", OPEN, states_terms=False)
    assert story.words == []
    assert story.order("S2").amendment is not None
    story.report("S2", OPEN, of="1")
    assert story.order("S2").amendment is None


def test_a_message_without_terms_that_says_filled_proves_it() -> None:
    story = two_stops_one_canceled()
    story.answer_amend("S2", Answer.UNKNOWN)
    story.report("S2", FILLED, "1", states_terms=False, triggered=True)
    story.book_all()
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.STOP_LOSS)


# --- the market moves in the middle of it ------------------------------------------------------


def test_a_stop_that_triggers_instead_of_being_canceled_owns_the_exit() -> None:
    story = three_stops()
    story.wait(1)
    story.report("S1", FILLED, "0.2", triggered=True)
    assert (story.state, story.words) == (State.SL_FILLED, [])
    for name, quantity in (("S2", "0.5"), ("S3", "0.3")):
        story.report(name, FILLED, quantity, triggered=True)
    story.book_all()
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.STOP_LOSS)


def test_a_survivor_that_triggers_before_its_amendment_leaves_the_freed_coins_to_a_market_sell() -> None:
    story = two_stops_one_canceled()
    story.answer_amend("S2", Answer.REFUSED, "unknown_order")
    story.report("S2", FILLED, "0.8", triggered=True)
    assert (story.state, story.words) == (State.SL_FILLED, ["place exit 0.2"])


def test_a_survivor_that_triggers_while_its_amendment_is_unknown_is_read_before_anything_is_sold() -> None:
    story = two_stops_one_canceled()
    story.answer_amend("S2", Answer.UNKNOWN)
    story.report("S2", OPEN, "0.5", triggered=True)
    assert (story.state, story.words) == (State.SL_FILLED, [])
    story.report("S2", FILLED, "1", of="1", triggered=True)
    story.book_all()
    assert story.state is State.EXIT_COMPLETE
    assert "place exit" not in " ".join(story.log)


def test_the_price_falls_through_the_stop_between_cancel_and_amendment() -> None:
    story = Story().filled_in_parts("0.2", "0.8")
    story.wait(45)
    story.now += timedelta(seconds=1)
    story.see("94")
    assert story.words == [], "the stop is still canceled or triggered: its end decides"
    story.report("S1", CANCELED)
    assert story.words == ["amend stop S2 quantity 1"]
    story.answer_amend("S2", Answer.REFUSED, "insufficient_funds")
    story.wait(1, price="94")
    assert story.bracket.exit_reason is ExitReason.STOP_LOSS
    assert story.words == ["cancel stop S2"]


def test_a_booking_larger_than_the_known_quantity_proves_the_amendment() -> None:
    story = two_stops_one_canceled()
    story.answer_amend("S2", Answer.UNKNOWN)
    story.book("S2", "1")
    assert story.order("S2").filled == 1
    story.report("S2", FILLED, "1", of="1", triggered=True)
    story.book_all()
    assert story.state is State.EXIT_COMPLETE


def test_an_amendment_refused_for_funds_for_long_is_asked_for_rarely() -> None:
    """Somebody took the coins meanwhile: each amendment of a young order costs the pair's counter."""
    story = two_stops_one_canceled()
    asked = []
    for second in range(25):
        if story.bracket.live_stops[0].amendment is not None:
            asked.append(second)
            story.answer_amend("S2", Answer.REFUSED, "insufficient_funds")
        story.wait(1)
    assert asked == [*range(11), 15, 20]
