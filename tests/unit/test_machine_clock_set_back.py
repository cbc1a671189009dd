"""Stories in which the clock is set back by minutes: nobody waits for what was noted before."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from brackets.core.events import CoinsCounted, Tick
from brackets.core.leaving import resting_targets
from brackets.core.states import OrderStatus, State
from tests.unit.machine_story import Story
from tests.unit.swap_story import target_rests

CANCELED = OrderStatus.CANCELED
STOP = "place stop 1 at 95"


def set_back(story: Story, minutes: int = 7) -> None:
    story.now -= timedelta(minutes=minutes)


def test_an_edit_is_followed_though_one_before_it_was_followed_by_the_other_clock() -> None:
    story = Story().protected()
    story.edit(stop="96")
    story.amended("S")
    set_back(story)
    story.edit(stop="97")
    assert story.words == []

    story.wait(1)

    assert story.words == ["amend stop S trigger 97"]


def test_a_stop_that_others_canceled_comes_back() -> None:
    story = Story().protected()
    story.report("S", CANCELED)
    set_back(story)

    story.wait(1)
    story.wait(8)

    assert story.words == [STOP]


def test_a_stop_that_the_venue_did_not_make_is_made_by_us() -> None:
    story = Story().filled_entry()
    set_back(story)

    story.wait(1)
    assert story.words == []  # it may have to become visible still
    story.wait(10)

    assert story.words == [STOP]


def test_a_sell_that_was_refused_in_passing_is_tried_again() -> None:
    story = Story().selling_at_target()
    story.refuse(story.newest, "insufficient_funds")
    set_back(story)

    story.wait(1)

    assert story.words == ["place target 1"]


def test_a_restored_stop_does_not_keep_a_close_waiting() -> None:
    story = Story().protected()
    story.close()
    story.report("S", CANCELED)
    story.refuse(story.newest, "market_closed")
    story.accept(story.newest, "S2")
    story.report("S2", OrderStatus.OPEN)
    assert (story.state, story.bracket.close_again) == (State.BRACKET_ACTIVE, "manual")
    set_back(story, minutes=60)

    story.wait(1)

    assert story.words == ["cancel stop S2"]


def test_what_rested_before_the_exit_is_still_told_from_what_the_exit_sells() -> None:
    story = target_rests()
    story.wait(1)
    story.close()
    before = resting_targets(story.bracket)
    assert before
    set_back(story)

    story.wait(0)

    assert [order.key for order in resting_targets(story.bracket)] == [order.key for order in before]
    assert story.bracket.exit_began_at == story.now


def test_a_look_of_the_future_proves_nothing() -> None:
    story = Story().filled_entry()
    ahead = story.now + timedelta(minutes=7)
    story.now += timedelta(seconds=11)

    story.say(Tick(at=story.now, price=Decimal(100), market="online", watched=True, compared_at=ahead))

    assert story.words == []


def test_bare_coins_without_a_price_are_sold_though_their_stop_ended_by_the_other_clock() -> None:
    story = Story().protected()
    story.market = "limit_only"
    story.close()
    story.wait(1)
    story.report("S", CANCELED)
    set_back(story)

    story.wait(1, None)
    story.wait(5, None)

    assert story.words == ["place exit 1 limit 95"]


def test_clocks_that_differ_by_seconds_change_nothing() -> None:
    story = Story().filled_entry()
    known = story.bracket
    story.now -= timedelta(seconds=9)

    story.see("100")

    assert story.bracket == known


def test_coins_that_are_gone_are_counted() -> None:
    """The entry's end, after which a balance is young enough, was dated by the clock that was wrong."""
    story = Story().protected()
    story.lose("S")
    story.refuse(story.newest, "insufficient_funds")
    set_back(story)

    count(story, "0.5")
    story.wait(9)
    count(story, "0.5")
    assert story.bracket.missing == 0  # a balance may be older than the coins: so far apart none is
    story.wait(1)
    count(story, "0.5")

    assert story.bracket.missing == Decimal("0.5")


def count(story: Story, total: str) -> None:
    story.say(CoinsCounted(at=story.now, total=Decimal(total)))
