"""A stop that nobody has shown: when looks at open and ended orders prove that there is none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from brackets import looks
from brackets.core.states import State
from brackets.models import Bracket
from brackets.venue import port
from brackets.venue.paper.orders import Side
from tests.integration.engine_world import QUANTITY, World, fresh
from trading.models import Trade

pytest_plugins = ["tests.integration.worlds"]
LAG = timedelta(seconds=9)
"""Within the visibility margin, as an honest venue may lag."""


def slow(world: World) -> None:
    """From here on a stop is shown as open only when it is old enough, as ended only long after its end."""
    shown_open, shown_ended = world.venue.open_orders, world.venue.closed_orders

    def is_visible(since: datetime | None) -> bool:
        return since is not None and since + LAG <= world.clock().astimezone(UTC)

    def open_orders(**options: Any) -> Sequence[port.OrderReport]:
        return [r for r in shown_open(**options) if r.side is port.Side.BUY or is_visible(r.opened_at)]

    def closed_orders(**options: Any) -> Sequence[port.OrderReport]:
        return [r for r in shown_ended(**options) if r.side is port.Side.BUY or is_visible(r.closed_at)]

    world.venue.open_orders = open_orders  # type: ignore[method-assign]
    world.venue.closed_orders = closed_orders  # type: ignore[method-assign]


def bought_on_a_slow_venue(world: World) -> Trade:
    slow(world)
    trade = world.open()
    world.turn()
    assert world.bracket(trade).state == State.ENTRY_FILLED
    return trade


@pytest.mark.parametrize("seconds", [1, 9, 12])
def test_a_stop_that_sold_between_the_looks_is_waited_for(world: World, seconds: int) -> None:
    """It is not open any more for the one look and not ended yet for the other: to sell beside it would
    sell the owner's coins."""
    trade = bought_on_a_slow_venue(world)
    world.turns(seconds - 1)
    world.price(2440)
    world.price(2500)
    world.until_closed(trade)

    assert len(world.venue.sent) == 1  # the entry
    world.turns(1, seconds=LAG.total_seconds())
    world.assert_over(trade, "stop_loss")


def seconds_to_a_stop_of_ours(world: World, trade: Trade) -> int:
    """How long after the turn that bought; nothing is sold for it meanwhile."""
    for seconds in range(1, 60):
        world.turn()
        if len(world.venue.sent) > 1:
            assert [order.trigger_price is None for order in world.venue.sent] == [True, False]
            assert world.bracket(trade).state in (State.ENTRY_FILLED, State.BRACKET_ACTIVE)
            return seconds
    raise AssertionError("no stop came")


def test_a_stop_that_was_never_made_is_missed_before_the_coins_would_be_sold(world: World) -> None:
    trade = world.open()
    world.send()
    (made,) = world.at_venue(side=Side.SELL)
    world.venue.cancel_by_hand(made.txid)
    hide_what_was_made(world)
    world.turn()

    assert 20 <= seconds_to_a_stop_of_ours(world, trade) <= 23
    world.until(trade, State.BRACKET_ACTIVE)
    assert world.stops_at_venue() == [QUANTITY]
    world.assert_sound()


def hide_what_was_made(world: World) -> None:
    """The venue made no stop of its own, as far as anybody can read."""
    for name in ("open_orders", "closed_orders"):
        answer = getattr(world.venue, name)

        def lacking(answer: Any = answer, **options: Any) -> list[port.OrderReport]:
            return [report for report in answer(**options) if report.parent_venue_order_id is None]

        setattr(world.venue, name, lacking)


def test_the_looks_at_the_ended_orders_stay_few(world: World) -> None:
    """Each turn until the stop must have been visible, and one more that proves that there is none."""
    world.open()
    world.send()
    hide_what_was_made(world)
    asked = world.venue.asked.count("closed_orders")

    world.turns(24)

    assert world.venue.asked.count("closed_orders") - asked <= 13


def test_the_round_says_when_the_next_look_can_prove_something(world: World) -> None:
    """Where a stream makes looks rare, one that comes just before its moment would cost many seconds."""
    trade = world.open()
    world.send()
    hide_what_was_made(world)
    world.turn()
    due = Bracket.objects.get(pk=trade.bracket_id).secondaries_due_at
    assert due is not None
    assert world.look().look_at == due

    world.clock.now = due
    world.read()
    asked = world.clock()
    assert world.look().look_at == asked + timedelta(seconds=10)

    world.clock.pass_seconds(10)
    world.read()
    assert fresh(world.account).compared_at == asked


def test_a_look_that_failed_or_was_not_taken_in_is_none(world: World) -> None:
    before = fresh(world.account)
    world.venue.set_down(True)
    world.turns(3, seconds=15)
    world.account.save(update_fields=looks.FIELDS)
    after = fresh(world.account)
    assert (after.open_looks, after.compared_at) == (before.open_looks, before.compared_at)


def test_a_second_fill_is_not_proven_by_looks_from_before_it(world: World) -> None:
    """Each fill has a stop of its own, and a time of its own to show."""
    hide_what_was_made(world)
    world.price(2500, depth=Decimal("0.04"))
    trade = world.open()
    world.turns(12)
    world.price(2500, depth=Decimal(100))
    world.turns(2)
    second = Bracket.objects.get(pk=trade.bracket_id).secondaries_due_at

    world.turns(12)

    account = fresh(world.account)
    assert second is not None
    assert account.compared_at is not None
    assert account.compared_at < second
    assert len(world.venue.sent) == 1
