"""Pulling the plug on one bracket: what is certain protects, what is not may only hurt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from brackets.core.plug import Certainty, Market, PlugLine, Sending, Standing, plug_line
from brackets.core.states import Answer, OrderStatus, Policy, Role
from tests.unit.machine_story import BEGIN, Story, a_limit
from tests.unit.swap_story import nearest, placing_target, swapping_in, target_rests

D = Decimal
OPEN, CANCELED = OrderStatus.OPEN, OrderStatus.CANCELED
FREE = Market(bid=D(100), taker_fee_ratio=D(0), slippage_ratio=D(0))
ATTACHED = Sending(sent=True, close_stop_price=D(95), expires_at=BEGIN + timedelta(seconds=360))
ALONE = Sending(sent=True)


def line(story: Story, *, market: Market = FREE, sending: Sending = ATTACHED, **more: object) -> PlugLine:
    sendings = {order.key: sending for order in story.bracket.orders}
    told = plug_line(story.bracket, market=market, sendings=sendings, **more)  # type: ignore[arg-type]
    assert told.stopped + told.sell_only + told.bare == told.coins
    return told


def parts(told: PlugLine) -> tuple[Decimal, Decimal, Decimal]:
    return told.stopped, told.sell_only, told.bare


def losses(told: PlugLine) -> tuple[Decimal, Decimal, Decimal]:
    assert told.worst_loss == told.loss_at_stop + told.unprotected_value
    return told.loss_at_stop, told.unprotected_value, told.worst_loss


# --- a stop that rests ---------------------------------------------------------------------------


def test_a_resting_stop_bounds_the_loss() -> None:
    told = line(Story().protected())
    assert told.standing is Standing.STOPPED and told.well
    assert parts(told) == (1, 0, 0)
    assert losses(told) == (5, 0, 5)
    (rest,) = told.rests
    assert (rest.role, rest.venue_order_id, rest.certainty, rest.price, rest.why) == (
        Role.STOP,
        "S",
        Certainty.READ,
        D(95),
        "",
    )


def test_fees_of_both_ways_and_slippage_are_lost_too() -> None:
    """(100 + 0.4) − 95 × 0.99 × 0.996; the fee of the fill was booked."""
    story = Story().protected()
    story.book_all()
    market = Market(bid=D(100), taker_fee_ratio=D("0.004"), slippage_ratio=D("0.01"))
    told = line(story, market=market, entry_fees=D("0.4"))
    assert told.cost_per_coin == D("100.4")
    assert told.loss_at_stop == D("100.4") - D(95) * D("0.99") * D("0.996")


def test_the_fee_of_a_fill_that_is_not_booked_is_reckoned() -> None:
    told = line(Story().protected(), market=Market(bid=D(100), taker_fee_ratio=D("0.004")))
    assert told.cost_per_coin == D("100.4")


def test_a_stop_above_the_cost_is_a_gain() -> None:
    story = Story().protected()
    story.see("108")
    story.edit(stop="104")
    story.amended("S")
    assert losses(line(story, market=replace(FREE, bid=D(108)))) == (-4, 0, -4)


def test_a_stop_the_price_has_fallen_through_brings_no_more_than_the_price() -> None:
    market = Market(bid=D(90), taker_fee_ratio=D(0), slippage_ratio=D(0))
    assert line(Story().protected(), market=market).loss_at_stop == 10


def test_stops_of_several_fills_count_each_at_its_own_price() -> None:
    story = Story().filled_in_parts("0.4", "0.6")
    assert losses(line(story)) == (5, 0, 5)
    assert len(line(story).rests) == 2


def test_without_any_price_the_cost_is_what_coins_are_worth() -> None:
    nothing = Market(bid=None, taker_fee_ratio=D(0), slippage_ratio=D(0))
    assert losses(line(Story().protected(), market=nothing)) == (5, 0, 5)
    assert losses(line(Story().filled_entry(), market=nothing)) == (0, 100, 100)


# --- what is not certain -------------------------------------------------------------------------


def lost_stop(story: Story) -> None:
    story.lose("S", parent="E")


def unknown_stop(story: Story) -> None:
    lost_stop(story)
    story.unknown(story.newest)


def accepted_stop(story: Story) -> None:
    lost_stop(story)
    story.accept(story.newest, "S2")


@pytest.mark.parametrize(
    ("happen", "why"),
    [
        (lambda story: story.touch(), "being canceled"),
        (lost_stop, "may just be on its way"),
        (unknown_stop, "sent, and no certain answer"),
        (accepted_stop, "accepted, not read yet"),
    ],
    ids=["canceling", "intended", "unknown", "accepted"],
)
def test_a_stop_that_is_not_certain_protects_nothing(happen: Callable[[Story], None], why: str) -> None:
    story = Story().protected()
    happen(story)
    told = plug_line(story.bracket, market=FREE, sendings={})
    assert told.standing is Standing.BARE and not told.well
    assert losses(told) == (0, 100, 100)
    assert [(rest.certainty, rest.why) for rest in told.uncertain] == [(Certainty.UNCERTAIN, why)]


def test_an_order_that_was_never_sent_goes_with_the_machine() -> None:
    story = Story().protected()
    lost_stop(story)
    told = line(story, sending=Sending(sent=False))
    assert [rest.certainty for rest in told.rests] == [Certainty.NOT_SENT] and told.uncertain == ()
    assert told.bare == 1


def test_the_venues_own_stop_that_was_not_seen_yet_protects_nothing() -> None:
    told = line(Story().filled_entry())
    assert told.standing is Standing.BARE
    assert told.rests == ()


def test_a_stop_that_a_reading_did_not_show_protects_nothing() -> None:
    told = line(Story().protected(), unseen=frozenset({"S"}))
    assert told.standing is Standing.BARE
    assert [rest.why for rest in told.uncertain] == ["not among the open orders just read"]


def test_a_stop_that_is_being_moved_counts_at_the_lower_price() -> None:
    story = Story().protected()
    story.see("108")
    story.edit(stop="104")
    assert line(story).loss_at_stop == 5
    story = Story().protected()
    story.edit(stop="93")
    story.answer_amend("S", Answer.UNKNOWN)
    assert line(story).loss_at_stop == 7


def test_a_stop_that_is_being_enlarged_counts_with_what_it_certainly_has() -> None:
    story = Story().filled_in_parts("0.4", "0.6")
    story.wait(60)
    assert story.words == ["cancel stop S1"]
    assert parts(line(story)) == (D("0.6"), 0, D("0.4"))
    story.report("S1", CANCELED)
    assert story.words == ["amend stop S2 quantity 1"]
    assert parts(line(story)) == (D("0.6"), 0, D("0.4"))
    story.amended("S2")
    assert parts(line(story)) == (1, 0, 0)


# --- only a target -------------------------------------------------------------------------------


def test_a_resting_target_bounds_no_loss_and_is_lawful_while_somebody_watches() -> None:
    story = target_rests()
    told = line(story, watched=True)
    assert (told.standing, told.well) == (Standing.SWAPPED, True)
    assert parts(told) == (0, 1, 0)
    assert losses(told) == (0, 100, 100)
    assert line(story, watched=False).standing is Standing.UNSTOPPED


def test_on_the_way_there_the_coins_are_bare() -> None:
    assert line(nearest(), watched=True).standing is Standing.STOPPED
    for moving in (swapping_in(), placing_target()):
        assert line(moving, watched=True).standing is Standing.BARE


def test_a_target_of_another_policy_is_no_lawful_swap() -> None:
    story = target_rests()
    object.__setattr__(story.bracket, "policy", Policy.STOP_RESTS)
    assert line(story, watched=True).standing is Standing.UNSTOPPED


def test_coins_below_the_venues_minimum_are_no_trouble_and_are_counted() -> None:
    story = Story(quantity=D(1), minimum_quantity=D("0.5")).filled_entry()
    story.report("S", OPEN, of="0.6", parent="E")
    told = line(story)
    assert (told.standing, told.well) == (Standing.TOO_SMALL, True)
    assert losses(told) == (3, 40, 43)


# --- entries -------------------------------------------------------------------------------------


def resting_entry() -> Story:
    return Story(entry=a_limit(), stop_distance=D(5)).resting_limit()


def test_nothing_rests_before_anything_is_asked() -> None:
    told = line(Story())
    assert (told.standing, told.coins, told.rests, told.worst_loss) == (Standing.EMPTY, 0, (), 0)


def test_an_entry_brings_its_stop_and_ends_by_itself() -> None:
    told = line(resting_entry())
    assert (told.standing, told.well) == (Standing.EMPTY, True)
    (entry,) = told.may_buy
    assert (entry.quantity, entry.price, entry.stop_price, entry.ends_at) == (
        1,
        D(100),
        D(95),
        ATTACHED.expires_at,
    )
    assert losses(told) == (5, 0, 5)


def test_an_entry_without_a_stop_can_lose_all_it_buys() -> None:
    told = line(resting_entry(), sending=ALONE)
    assert (told.standing, told.well) == (Standing.BARE_ENTRY, False)
    assert losses(told) == (0, 100, 100)


def test_of_an_entry_that_nothing_is_known_of_the_worst_is_taken() -> None:
    told = plug_line(resting_entry().bracket, market=FREE, sendings={})
    assert (told.standing, told.unprotected_value) == (Standing.BARE_ENTRY, 100)


def test_an_unknown_entry_is_taken_to_fill_whole() -> None:
    story = Story(entry=a_limit(), stop_distance=D(5))
    story.unknown(story.enter())
    assert losses(line(story)) == (5, 0, 5)
    assert [rest.certainty for rest in line(story).rests] == [Certainty.UNCERTAIN]


def test_an_entry_on_its_way_out_may_still_fill() -> None:
    story = resting_entry()
    story.wait(301)
    assert story.words == ["cancel entry E"]
    assert line(story).loss_at_stop == 5


def test_an_entry_that_was_never_sent_buys_nothing() -> None:
    story = Story()
    story.enter()
    told = line(story, sending=Sending(sent=False, close_stop_price=D(95)))
    assert (told.may_buy, told.worst_loss, told.standing) == ((), 0, Standing.EMPTY)


def test_a_market_entry_is_reckoned_above_the_bid() -> None:
    story = Story()
    story.unknown(story.enter())
    market = Market(bid=D(100), taker_fee_ratio=D(0), slippage_ratio=D("0.01"))
    (entry,) = line(story, market=market).may_buy
    assert entry.price == 101


def test_half_an_entry_counts_as_coins_and_as_what_is_to_come() -> None:
    story = resting_entry()
    story.report("E", OPEN, "0.4")
    story.report("S", OPEN, of="0.4", parent="E")
    told = line(story)
    assert parts(told) == (D("0.4"), 0, 0)
    assert [entry.quantity for entry in told.may_buy] == [D("0.6")]
    assert losses(told) == (5, 0, 5)


def test_a_finished_bracket_holds_nothing() -> None:
    story = Story().protected()
    story.report("S", OrderStatus.FILLED, "1", price="95", triggered=True)
    story.book_all()
    told = line(story)
    assert (told.coins, told.rests, told.worst_loss, told.standing) == (0, (), 0, Standing.EMPTY)
