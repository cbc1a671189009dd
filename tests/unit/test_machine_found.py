"""Stories that the property tests found (`tests/property/test_machine.py`), each told the short way."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

from brackets.core.events import FillBooked
from brackets.core.states import OrderStatus, Policy, State
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
