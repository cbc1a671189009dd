"""Stories of a held bracket whose stop the venue refuses: it is asked again, ever more rarely."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from brackets.core.states import Answer, OrderStatus, State
from tests.unit.machine_story import Story

D = Decimal
OPEN, CANCELED = OrderStatus.OPEN, OrderStatus.CANCELED
STOP = "place stop 1 at 95"


def refused_at_protect(reason: str = "permission") -> Story:
    """One coin to be protected, whose stop the venue refuses once."""
    story = Story(held_quantity=D(1), held_price=D(100))
    story.refuse(story.protect(), reason)
    story.wait(1)
    assert (story.state, story.log) == (State.HELD, [STOP])
    return story


def live(story: Story, seconds: int, *, refuse: str = "", each: int = 5) -> list[int]:
    """Let so many seconds pass; after how many each stop was asked for. `refuse`: the venue's answer."""
    began, asked = story.now, []
    while story.now < began + timedelta(seconds=seconds):
        story.wait(each, price="90")
        if STOP in story.words:
            asked.append((story.now - began) // timedelta(seconds=1))
            if refuse:
                story.refuse(story.newest, refuse)
    return asked


@pytest.mark.parametrize("reason", ["permission", "bad_price", "other"])
def test_a_healthy_venue_is_asked_again_after_a_minute(reason: str) -> None:
    story = refused_at_protect(reason)
    assert live(story, 120) == [60]
    story.accept(story.newest, "S")
    story.report("S", OPEN)
    bracket = story.bracket
    assert (story.state, bracket.standing) == (State.HELD, D(1))
    assert (bracket.repairs, bracket.repairs_refused, bracket.repairing) == (1, 0, False)
    said = story.said[:]
    story.wait(3600)
    assert (story.words, story.said) == ([], said)


def test_refused_again_and_again_it_is_asked_ever_more_rarely_and_said_once() -> None:
    story = refused_at_protect()
    asked = live(story, 4000, refuse="permission")
    gaps = [later - earlier for earlier, later in zip([0, *asked], asked, strict=False)]
    assert gaps[:6] == [60, 120, 240, 480, 900, 900]
    assert story.bracket.repairs == len(asked)
    assert len(story.said) == len(set(story.said))
    assert story.state is State.HELD
    assert "exit" not in " ".join(story.log)


def test_three_comparisons_are_waited_for_too() -> None:
    story = Story(held_quantity=D(1), held_price=D(100))
    story.cycle = 7
    story.refuse(story.protect(), "permission")
    story.wait(1)
    assert live(story, 300) == []
    story.cycle = 10
    assert live(story, 5) == [5]


def test_what_was_given_up_in_time_is_taken_up_again() -> None:
    """The venue refuses in passing until the time is up."""
    story = Story(held_quantity=D(1), held_price=D(100))
    story.protect()
    while story.state is State.ENTRY_FILLED:
        if story.bracket.live_sells:
            story.refuse(story.newest, "rate_limited")
        story.wait(1)
    for order in story.bracket.live_sells:
        story.refuse(order.key, "rate_limited")
    assert len(live(story, 100)) == 1
    story.accept(story.newest, "S")
    story.report("S", OPEN)
    assert (story.state, story.bracket.standing) == (State.HELD, D(1))


def refused_until_time_is_up() -> Story:
    """A stop on its way out when it was held, and a market in which none is taken until the time is up."""
    story = Story().leaving_by_target()
    story.market = "post_only"
    story.hold()
    story.report("S", CANCELED)
    story.refuse(story.newest, "market_limited")
    live(story, 35, refuse="market_limited", each=1)
    assert story.bracket.repairs_refused == 1
    return story


def test_a_market_that_opens_is_asked_at_once() -> None:
    story = refused_until_time_is_up()
    story.wait(1)
    assert story.words == []
    story.market = "online"
    story.wait(1)
    assert story.words == [STOP]
    story.refuse(story.newest, "market_limited")
    assert live(story, 100) == [60], "refused again it has its pause again"


def test_what_is_being_looked_up_was_not_refused() -> None:
    """Nobody knows what became of the growth of the stop that stands; when that is known it is asked for."""
    story = Story().filled_in_parts("0.2", "0.8")
    story.wait(45)
    story.hold()
    story.report("S1", CANCELED)
    story.answer_amend("S2", Answer.UNKNOWN)
    story.wait(40)
    assert (story.words, story.bracket.repairs_refused) == ([], 0)
    story.report("S2", OPEN, of="0.8")
    assert story.words == ["amend stop S2 quantity 1"]


def test_coins_whose_stop_was_looked_up_until_their_time_was_up_get_it_at_once() -> None:
    """Nobody refused it: its sender died, and whether it had arrived was known late."""
    story = Story(held_quantity=D(1), held_price=D(100))
    lost = story.protect()
    story.unknown(lost)
    story.wait(31)
    assert (story.state, story.words) == (State.HELD, [])
    story.absent(lost)
    assert story.words == [STOP]


def test_neither_sell_nor_stop_was_taken_and_the_stop_is_asked_for_again() -> None:
    story = Story().protected()
    story.close()
    story.report("S", CANCELED)
    story.refuse(story.newest, "permission")
    assert story.words == [STOP]
    story.refuse(story.newest, "permission")
    story.wait(1)
    assert story.state is State.HELD
    assert live(story, 100) == [60]


def test_a_sell_that_is_refused_while_held_gives_the_stop_back() -> None:
    story = Story().selling_at_target()
    story.hold()
    story.refuse(story.newest, "permission")
    assert (story.state, story.words) == (State.HELD, [STOP])


def test_a_close_or_release_waits_for_nothing() -> None:
    story = refused_at_protect()
    story.wait(5)
    story.close()
    assert story.words == ["place exit 1"]


def test_a_stop_that_goes_off_at_once_for_coins_that_are_gone_is_not_asked_for_again_and_again() -> None:
    """The owner took the coins, and the price stands below the stop: the venue takes it, and ends it."""
    story = Story().protected()
    story.hold()
    story.report("S", CANCELED)
    story.wait(8)
    assert story.words == [STOP]
    story.accept(story.newest, "S2")
    story.report("S2", CANCELED, triggered=True, reason="Insufficient funds")
    assert live(story, 70) == [60]
