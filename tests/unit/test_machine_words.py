"""What is called out says what happened: coins that came back are no loss, and numbers are legible."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brackets.core.events import CoinsCounted
from brackets.core.states import OrderStatus, State
from tests.unit.machine_story import Story

D = Decimal
OPEN, FILLED, CANCELED, EXPIRED = (
    OrderStatus.OPEN,
    OrderStatus.FILLED,
    OrderStatus.CANCELED,
    OrderStatus.EXPIRED,
)
LOST = "is gone from the venue"


def count(story: Story, total: str) -> None:
    story.say(CoinsCounted(at=story.now, total=D(total)))


def sixty_of_a_hundred(*, held: bool = False) -> Story:
    """40 of 100 ADA are gone, and the stop rests for the 60 that are left."""
    story = Story(
        symbol="ADA/USD",
        held_quantity=D("100.00000000"),
        held_price=D(100),
        lot_step=D("0.00000001"),
        minimum_quantity=D(5),
    )
    story.accept(story.protect(), "S")
    story.report("S", OPEN, of="100.00000000")
    story.wait(30)
    if held:
        story.hold()
    story.lose("S")
    story.refuse(story.newest, "insufficient_funds")
    count(story, "60.00000000")
    story.wait(4)
    count(story, "60.00000000")
    story.accept(story.newest, "S2")
    story.report("S2", OPEN)
    story.wait(1)
    assert story.state is (State.HELD if held else State.BRACKET_ACTIVE)
    assert story.bracket.standing == 60
    return story


@pytest.mark.parametrize("held", [False, True])
def test_coins_that_came_back_are_said_to_be_back(held: bool) -> None:
    story = sixty_of_a_hundred(held=held)
    before = len(story.said)
    count(story, "100.00000000")
    story.wait(4)
    count(story, "100.00000000")
    assert story.said[before:] == ["40 ADA are back: the stop grows"]
    assert story.log[-1] == "amend stop S2 quantity 100"
    story.amended("S2")
    story.wait(1)
    assert story.state is (State.HELD if held else State.BRACKET_ACTIVE)
    assert story.bracket.standing == 100


def test_of_coins_that_came_back_in_part_the_rest_is_named_too() -> None:
    story = sixty_of_a_hundred()
    count(story, "70")
    story.wait(4)
    count(story, "70")
    assert story.alarms == ("10 ADA are back, 30 are still gone: the stop grows",)


def test_coins_that_come_back_while_nothing_rests_are_said_to_get_a_stop() -> None:
    story = sixty_of_a_hundred()
    story.lose("S2")  # it waits for its minute
    count(story, "100")
    story.wait(4)
    count(story, "100")
    assert story.alarms == ("40 ADA are back: they get a stop",)


def test_coins_that_came_back_while_the_position_is_left_are_sold_too() -> None:
    story = sixty_of_a_hundred()
    story.close()
    count(story, "100")
    story.wait(4)
    count(story, "100")
    assert story.alarms[0] == "40 ADA are back: they are sold too"


def test_a_late_fill_of_the_entry_is_no_lost_order() -> None:
    story = Story(attach_stop=False)
    story.accept(story.enter(), "E")
    story.report("E", OPEN, "0.5")
    story.accept(story.newest, "S")
    story.report("S", OPEN, of="0.5")
    story.report("E", CANCELED, "0.5")
    assert story.state is State.BRACKET_ACTIVE
    story.report("E", CANCELED, "0.7")
    assert story.words == ["amend stop S quantity 0.7"]
    assert not any(LOST in said for said in story.said)


def test_an_order_that_expired_at_the_venue_is_said_to_be_gone() -> None:
    story = Story().protected()
    story.wait(30)
    story.report("S", EXPIRED)
    assert any(LOST in said for said in story.alarms)


def test_one_that_was_lost_long_ago_is_not_said_again_when_coins_come() -> None:
    story = Story(attach_stop=False)
    story.accept(story.enter(), "E")
    story.report("E", OPEN, "0.5")
    story.accept(story.newest, "S")
    story.report("S", OPEN, of="0.5")
    story.report("E", CANCELED, "0.5")
    story.wait(30)
    story.report("S", EXPIRED)
    story.wait(1)
    story.accept(story.newest, "S2")
    story.report("S2", OPEN, of="0.5")
    assert story.state is State.BRACKET_ACTIVE
    said = len(story.said)
    story.wait(1)
    story.report("E", CANCELED, "0.7")
    assert not any(LOST in sentence for sentence in story.said[said:])


def test_dust_and_oversold_coins_are_written_for_people() -> None:
    story = Story(held_quantity=D("1.00000000"), held_price=D(100), lot_step=D("0.00000001"))
    story.accept(story.protect(), "S")
    story.report("S", OPEN)
    story.report("S", FILLED, "1.00000000", triggered=True)
    story.book_all()
    assert not any("E-" in said or ".00000000" in said for said in story.said)
