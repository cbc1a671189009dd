"""A fresh reading beside the book: what differs is said, what is missing protects nothing."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from brackets.core.events import OrderReported
from brackets.core.plug import Certainty, Market, PlugLine, Standing, plug_line
from brackets.core.plug_asked import Asked, as_read
from brackets.core.states import OrderStatus, Role
from tests.unit.machine_story import Story

D = Decimal
MARKET = Market(bid=D(100), taker_fee_ratio=D(0), slippage_ratio=D(0))
SHOWN = OrderReported(
    at=Story().now,
    venue_order_id="S",
    client_order_id=None,
    parent_venue_order_id="E",
    role_if_new=Role.STOP,
    status=OrderStatus.OPEN,
    quantity=D(1),
    filled=D(0),
    trigger_price=D(95),
)


def line(asked: Asked) -> PlugLine:
    return plug_line(asked.bracket, market=MARKET, sendings={}, unseen=asked.unseen)


def test_a_reading_that_agrees_says_nothing() -> None:
    asked = as_read(Story().protected().bracket, [SHOWN])
    assert (asked.differences, asked.unseen) == ((), frozenset())
    assert line(asked).standing is Standing.STOPPED


def test_a_stop_that_is_gone_is_said_and_not_counted() -> None:
    book = Story().protected().bracket
    asked = as_read(book, [])
    assert asked.differences == ("Stop S is live in the book and not among the venue's open orders.",)
    assert line(asked).standing is Standing.BARE
    assert book == Story().protected().bracket  # nothing was taken into the book


def test_other_terms_are_said_and_counted() -> None:
    asked = as_read(Story().protected().bracket, [replace(SHOWN, quantity=D("0.6"), trigger_price=D(90))])
    assert asked.differences == (
        "Stop S has a quantity of 1 in the book and 0.6 at the venue.",
        "Stop S has a trigger at 95 in the book and 90 at the venue.",
    )
    told = line(asked)
    assert (told.stopped, told.bare, told.loss_at_stop) == (D("0.6"), D("0.4"), 6)


def test_the_venues_own_stop_is_found() -> None:
    asked = as_read(Story().filled_entry().bracket, [SHOWN])
    assert asked.differences == ("Stop S rests at the venue and is not in the book.",)
    assert line(asked).standing is Standing.STOPPED


def test_an_order_nobody_was_certain_of_is_found() -> None:
    story = Story().protected()
    story.lose("S", parent="E")
    story.unknown(key := story.newest)
    found = replace(SHOWN, venue_order_id="S2", client_order_id=key, parent_venue_order_id=None)
    asked = as_read(story.bracket, [found])
    assert asked.differences == ("Stop S2 rests at the venue; the book did not know for certain.",)
    assert [rest.certainty for rest in line(asked).rests] == [Certainty.READ]


def test_two_orders_under_one_id_are_said_and_change_nothing() -> None:
    story = Story()
    key = story.enter()
    story.accept(key, "E")
    twin = replace(SHOWN, venue_order_id="X", client_order_id=key, parent_venue_order_id=None)
    asked = as_read(story.bracket, [twin])
    assert asked.differences[0].startswith("The venue shows X, which the book cannot take:")
    assert asked.bracket == story.bracket
