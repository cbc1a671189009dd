"""Stories of the way in: the entry's fill, its stops, and every way an entry comes to nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brackets.core.machine import RefusedEvent
from brackets.core.states import ExitReason, OrderStatus, Refusal, State
from tests.unit.machine_story import Story

D = Decimal
OPEN, FILLED, CANCELED, EXPIRED = (
    OrderStatus.OPEN,
    OrderStatus.FILLED,
    OrderStatus.CANCELED,
    OrderStatus.EXPIRED,
)


def test_the_entry_carries_the_stop() -> None:
    story = Story()
    story.enter()
    (place,) = story.sent
    assert place.close_stop_price == D(95)
    assert place.trigger_price is None


def test_without_attaching_the_entry_carries_nothing_and_a_stop_of_ours_follows_at_once() -> None:
    story = Story(attach_stop=False)
    story.enter()
    assert story.sent[0].close_stop_price is None
    story.accept(story.newest, "E")
    story.report("E", FILLED, "1")
    assert story.words == ["place stop 1 at 95"]


def test_fill_then_secondary() -> None:
    story = Story().filled_entry()
    assert story.state is State.ENTRY_FILLED
    story.report("S", OPEN, parent="E")
    assert story.state is State.BRACKET_ACTIVE
    assert story.log == ["place entry 1"]


def test_secondary_before_the_fill_was_read() -> None:
    story = Story()
    story.accept(story.enter(), "E")
    story.report("S", OPEN, parent="E")
    assert story.state is State.ENTRY_PLACED
    story.report("E", FILLED, "1")
    assert story.state is State.BRACKET_ACTIVE
    assert story.log == ["place entry 1"]


def test_the_reading_may_come_before_the_answer() -> None:
    story = Story()
    key = story.enter()
    story.report("E", FILLED, "1", key=key)
    story.accept(key, "E")
    assert story.state is State.ENTRY_FILLED
    assert story.order(key).status is FILLED


def test_partial_fills_with_a_secondary_each() -> None:
    story = Story()
    story.accept(story.enter(), "E")
    story.report("E", OPEN, "0.3")
    assert story.state is State.ENTRY_FILLED
    story.report("S1", OPEN, of="0.3", parent="E")
    assert story.state is State.ENTRY_FILLED, "not active while the entry may still fill"
    assert story.bracket.unprotected_since is None
    story.report("S2", OPEN, of="0.7", parent="E")
    story.report("E", FILLED, "1")
    assert story.state is State.BRACKET_ACTIVE
    assert story.bracket.standing == 1


def test_the_target_follows_the_average_of_all_fills() -> None:
    story = Story()
    story.accept(story.enter(), "E")
    story.report("E", OPEN, "0.5", price="100")
    assert story.bracket.target_price == D(110)
    story.report("E", FILLED, "1", price="101")
    assert story.bracket.target_price == D(113), "101 + 2 x (101 - 95)"


def test_a_target_at_a_distance_follows_too_and_a_given_one_stays() -> None:
    distant = Story(target_r_multiple=None, target_distance=D("7.005"))
    distant.accept(distant.enter(), "E")
    distant.report("E", FILLED, "1", price="101")
    assert distant.bracket.target_price == D("108.01"), "rounded up to the tick"
    given = Story(target_r_multiple=None)
    given.accept(given.enter(), "E")
    given.report("E", FILLED, "1", price="101")
    assert given.bracket.target_price == D(110)


def test_a_booking_before_the_reading_does_not_lose_the_average_price() -> None:
    story = Story()
    story.accept(story.enter(), "E")
    story.book("E", "1")
    assert story.state is State.ENTRY_FILLED
    story.report("E", FILLED, "1", price="101")
    assert story.bracket.average_entry_price == D(101)
    assert story.bracket.target_price == D(113)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (lambda s, key: s.refuse(key, "insufficient_funds"), ExitReason.ENTRY_REJECTED),
        (lambda s, key: s.refuse(key, "rate_limited"), ExitReason.ENTRY_REJECTED),
        (lambda s, key: s.withdraw(key), ExitReason.ENTRY_CANCELED),
        (lambda s, key: (s.unknown(key), s.absent(key)), ExitReason.ENTRY_EXPIRED),
        (lambda s, key: s.report("E", EXPIRED, key=key), ExitReason.ENTRY_EXPIRED),
        (lambda s, key: s.report("E", CANCELED, key=key), ExitReason.ENTRY_CANCELED),
    ],
    ids=["rejected", "rejected_retryable", "withdrawn", "absent", "expired", "canceled"],
)
def test_an_entry_without_fill_is_over_and_is_never_tried_again(how, reason: ExitReason) -> None:  # type: ignore[no-untyped-def]
    story = Story()
    how(story, story.enter())
    assert story.state is State.EXIT_COMPLETE
    assert story.bracket.exit_reason is reason
    story.wait(60)
    assert story.log == ["place entry 1"]


@pytest.mark.parametrize("end", [CANCELED, EXPIRED])
def test_an_entry_that_ends_with_a_part_filled_is_a_position_of_that_part(end: OrderStatus) -> None:
    story = Story()
    story.accept(story.enter(), "E")
    story.report("E", end, "0.4")
    assert story.state is State.ENTRY_FILLED
    story.report("S", OPEN, of="0.4", parent="E")
    assert story.state is State.BRACKET_ACTIVE
    assert story.bracket.coins == D("0.4")


def test_no_secondary_a_stop_of_ours_after_the_margin_and_not_before() -> None:
    story = Story().filled_entry()
    story.wait(9)
    assert story.words == []
    story.wait(1)
    assert story.words == ["place stop 1 at 95"]
    stop = story.newest
    story.accept(stop, "S")
    assert story.state is State.ENTRY_FILLED, "our own send is no reading"
    story.report("S", OPEN)
    assert story.state is State.BRACKET_ACTIVE


def test_time_alone_does_not_prove_that_there_is_no_stop() -> None:
    """Until a complete look at the venue's orders did not show it, it may stand for the coins."""
    story = Story().filled_entry()
    story.compared = False
    story.wait(20)
    assert story.words == []
    story.compared = True
    story.wait(1)
    assert story.words == ["place stop 1 at 95"]


def test_kill_does_not_sell_coins_whose_stop_was_never_looked_for() -> None:
    story = Story().filled_entry()
    story.compared = False
    story.close(ExitReason.KILL_SWITCH)
    story.wait(20)
    assert story.words == []
    story.report("S", OPEN, parent="E")
    assert story.words == ["cancel stop S"]


def test_part_of_the_coins_without_a_secondary_is_added_to_the_stop_that_rests() -> None:
    story = Story().filled_entry()
    story.report("S", OPEN, of="0.6", parent="E")
    story.wait(9)
    assert story.words == [], "its own stop may still show"
    story.wait(1)
    assert story.words == ["amend stop S quantity 1"]
    story.amended("S")
    assert story.state is State.BRACKET_ACTIVE


def test_price_through_the_stop_sells_instead_of_placing_a_stop_above_the_market() -> None:
    story = Story().filled_entry()
    story.wait(9, price="95")
    assert story.state is State.ENTRY_FILLED, "its own stop may be selling already and not be visible yet"
    story.wait(1, price="95")
    assert story.state is State.EXITING
    assert story.bracket.exit_reason is ExitReason.STOP_LOSS
    assert story.words == ["place exit 1"]


@pytest.mark.parametrize("reason", ["bad_price", "permission", "invalid_arguments", "below_minimum", "other"])
def test_a_stop_refused_for_good_is_a_rollback(reason: str) -> None:
    story = Story().filled_entry()
    story.wait(10)
    story.refuse(story.newest, reason)
    story.wait(1)
    assert story.state is State.EXITING
    assert story.bracket.exit_reason is ExitReason.ROLLBACK
    assert story.words == ["place exit 1"]


@pytest.mark.parametrize("reason", ["insufficient_funds", "rate_limited", "market_limited", "deadline"])
def test_a_stop_refused_for_now_is_tried_again_until_the_timeout(reason: str) -> None:
    story = Story().filled_entry()
    story.wait(10)
    for _ in range(20):
        if story.bracket.live_stops:
            story.refuse(story.newest, reason)
            assert story.words == [], "spaced, never in the same moment"
        story.wait(1)
    assert story.state is State.EXITING, "30 s after the fill"
    assert story.bracket.exit_reason is ExitReason.ROLLBACK or story.words == ["place exit 1"]
    tries = story.log.count("place stop 1 at 95")
    assert 4 <= tries <= 8 if reason == "insufficient_funds" else 15 <= tries <= 20


def test_a_stop_of_ours_that_is_unknown_is_waited_for_and_an_absent_one_placed_again() -> None:
    story = Story().filled_entry()
    story.wait(10)
    stop = story.newest
    story.unknown(stop)
    story.wait(8)
    assert story.words == [], "it may exist"
    story.absent(stop)
    assert story.words == ["place stop 1 at 95"]
    assert story.newest != stop, "a new attempt has a new id"


def test_no_protection_in_time_is_a_rollback_that_clears_what_may_exist_first() -> None:
    story = Story().filled_entry()
    story.wait(10)
    stop = story.newest
    story.unknown(stop)
    story.wait(20)
    assert (story.state, story.words) == (State.EXITING, ["cancel stop unsent"])
    story.absent(stop)
    assert story.words == ["place exit 1"]


def test_a_secondary_that_shows_up_after_our_stop_leaves_one_of_them() -> None:
    story = Story().filled_entry()
    story.wait(10)
    ours = story.newest
    story.accept(ours, "O")
    story.report("O", OPEN)
    assert story.state is State.BRACKET_ACTIVE
    story.report("S", OPEN, parent="E")
    assert len(story.words) == 1
    assert story.words[0].startswith("cancel stop")
    assert story.state is State.ENTRY_FILLED
    canceled = next(o for o in story.bracket.orders if o.cancel_wanted)
    story.report(canceled.venue_order_id or "", CANCELED)
    assert story.state is State.BRACKET_ACTIVE
    assert story.bracket.standing == 1


def test_a_fill_too_small_for_a_stop_is_sold_or_named_dust() -> None:
    story = Story()
    story.accept(story.enter(), "E")
    story.report("E", CANCELED, "0.005")
    story.wait(10)
    assert story.words == []
    story.wait(20)
    story.book("E", "0.005")
    assert story.state is State.EXIT_COMPLETE
    assert story.bracket.dust == D("0.005")
    assert story.log == ["place entry 1"]


# --- leaving before being in -----------------------------------------------------------------


def test_kill_before_the_entry_left() -> None:
    story = Story()
    key = story.enter()
    story.close(ExitReason.KILL_SWITCH)
    assert story.words == ["cancel entry unsent"]
    story.withdraw(key)
    assert story.state is State.EXIT_COMPLETE
    assert story.bracket.exit_reason is ExitReason.ENTRY_CANCELED


def test_kill_during_an_unknown_entry_that_had_filled() -> None:
    story = Story()
    key = story.enter()
    story.unknown(key)
    story.close(ExitReason.KILL_SWITCH)
    story.report("E", FILLED, "1", key=key)
    assert story.words == [], "its secondary stands for the coins and is not seen yet"
    story.report("S", OPEN, parent="E")
    assert story.words == ["cancel stop S"]
    story.report("S", CANCELED, parent="E")
    assert story.words == ["place exit 1"]
    assert story.bracket.exit_reason is ExitReason.KILL_SWITCH


def test_kill_with_a_secondary_that_never_shows_sells_after_the_margin() -> None:
    story = Story().filled_entry()
    story.close(ExitReason.KILL_SWITCH)
    story.wait(9)
    assert story.words == []
    story.wait(1)
    assert story.words == ["place exit 1"]


def test_kill_with_a_part_filled_cancels_the_rest_and_sells_the_part() -> None:
    story = Story()
    story.accept(story.enter(), "E")
    story.report("E", OPEN, "0.5")
    story.report("S", OPEN, of="0.5", parent="E")
    story.close(ExitReason.KILL_SWITCH)
    assert story.words == ["cancel entry E", "cancel stop S"]
    story.report("S", CANCELED, of="0.5")
    assert story.words == [], "the entry may still fill"
    story.report("E", CANCELED, "0.5")
    assert story.words == ["place exit 0.5"]


def test_a_secondary_that_sold_before_its_entry_was_read() -> None:
    story = Story()
    story.accept(story.enter(), "E")
    story.report("S", FILLED, "1", parent="E", triggered=True)
    assert story.state is State.ENTRY_PLACED
    story.report("E", FILLED, "1")
    story.book("E", "1")
    story.book("S", "1")
    assert story.state is State.EXIT_COMPLETE
    assert story.bracket.exit_reason is ExitReason.STOP_LOSS
    assert story.log == ["place entry 1"]


def test_a_secondary_of_another_order_or_kind_is_not_adopted() -> None:
    story = Story().filled_entry()
    for parent, role in (("Q", "stop"), ("E", None)):
        with pytest.raises(RefusedEvent) as refused:
            story.report("S", OPEN, parent=parent, role=role)  # type: ignore[arg-type]
        assert refused.value.refusal is Refusal.UNKNOWN_ORDER
    assert len(story.bracket.orders) == 1
