"""The wire fails while new terms are sent: they leave once, a reading tells, and the coins end covered."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest

from brackets import dispatch
from brackets.core.events import EditRequested
from brackets.core.states import State
from brackets.models import Effect, Order
from brackets.venue.paper.orders import Side
from brackets.venue.port import Reason, Refused
from tests.integration.engine_venue import Fault, SenderKilled
from tests.integration.engine_world import QUANTITY, STOP, TARGET, World
from trading import door
from trading.models import Trade

pytest_plugins = ["tests.integration.worlds"]
ALMOST_OLD_SECONDS = 40  # a little later a stop is old enough to be cheap to cancel
MERGE_TURNS = 40
HIGHER = STOP + 10


def in_two_parts(world: World) -> Trade:
    """Bought as 0.06 and 0.04, each part with the stop the venue made of it."""
    world.price(2500, depth=Decimal("0.06"))
    trade = world.open()
    world.turn()
    world.price(2501)
    world.until(trade, State.BRACKET_ACTIVE)
    world.price(2502, depth=Decimal(1000))
    assert world.stops_at_venue() == [Decimal("0.06"), Decimal("0.04")]
    world.turn(ALMOST_OLD_SECONDS)
    return trade


def until_merged(world: World, trade: Trade) -> None:
    for _ in range(MERGE_TURNS):
        if world.stops_at_venue() == [QUANTITY] and world.bracket(trade).state == State.BRACKET_ACTIVE:
            return
        try:
            world.turn()
        except SenderKilled:
            pass
    raise AssertionError(f"not merged: {world.stops_at_venue()} {world.bracket(trade).alarm}")


def amended_at_venue(world: World) -> int:
    """How many of the amendments that were sent the venue really made."""
    return sum(1 for order in world.at_venue(side=Side.SELL) if order.volume == QUANTITY)


@pytest.mark.parametrize("fault", [Fault.NONE, Fault.LOST_ANSWER, Fault.TWICE, Fault.KILLED])
def test_new_terms_that_were_taken_are_never_sent_again(world: World, fault: Fault) -> None:
    trade = in_two_parts(world)
    world.venue.script("amend", fault)

    until_merged(world, trade)

    assert len(world.venue.amends) == 1
    assert len(world.at_venue(side=Side.SELL)) == 2  # no order but the two stops was ever made
    effect = Effect.objects.get(kind=Effect.Kind.AMEND)
    assert (effect.amend_number, effect.attempts) == (1, 1)
    assert effect.done_at is not None
    world.turn()
    world.assert_sound()
    world.price(2400)
    world.until_closed(trade)
    world.assert_over(trade, "stop_loss")


def test_new_terms_that_never_arrived_are_asked_for_again_when_that_is_proven(world: World) -> None:
    trade = in_two_parts(world)
    world.venue.script("amend", Fault.LOST_REQUEST)

    until_merged(world, trade)

    first, second = Effect.objects.filter(kind=Effect.Kind.AMEND).order_by("pk")
    assert (first.amend_number, second.amend_number) == (1, 2)
    assert first.outcome == Effect.Outcome.UNKNOWN
    # not before the deadline and the time an order may take to become visible
    assert second.created_at - first.sent_at >= (first.deadline_at - first.sent_at) + dispatch.VISIBLE
    assert amended_at_venue(world) == 1
    world.assert_sound()


def test_new_terms_that_hung_on_the_wire_too_long_are_not_taken(world: World) -> None:
    trade = in_two_parts(world)
    world.venue.script("amend", Fault.LATE_REQUEST)
    until_merged(world, trade)

    (answer,) = world.venue.deliver_late()

    assert "Deadline" in answer
    world.turn()
    assert world.stops_at_venue() == [QUANTITY]
    world.assert_sound()


def test_new_terms_that_arrive_in_time_are_seen_though_nobody_answered(world: World) -> None:
    trade = in_two_parts(world)
    world.venue.script("amend", Fault.LATE_REQUEST)
    for _ in range(MERGE_TURNS):
        world.turn()
        if world.venue.amends:
            break

    (answer,) = world.venue.deliver_late()
    assert "Accepted" in answer
    until_merged(world, trade)

    assert len(world.venue.amends) == 1
    world.assert_sound()


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (Reason.RATE_LIMITED, "not sent: the pair's counter is spent"),
        (Reason.INSUFFICIENT_FUNDS, "EOrder:Insufficient funds"),
        (Reason.UNKNOWN_ORDER, "EOrder:Unknown order"),
    ],
)
def test_refused_terms_are_asked_for_again_without_a_storm(world: World, refusal: Reason, words: str) -> None:
    trade = in_two_parts(world)
    world.venue.script("amend", *[Refused(reason=refusal, message=words)] * 3)

    until_merged(world, trade)

    amends = Effect.objects.filter(kind=Effect.Kind.AMEND).order_by("pk")
    assert [effect.outcome for effect in amends] == ["REFUSED"] * 3 + ["ACCEPTED"]
    moments = [effect.sent_at for effect in amends]
    assert all((b - a).total_seconds() >= 1 for a, b in pairwise(moments))
    assert amended_at_venue(world) == 1
    world.assert_sound()


def test_where_the_venue_does_not_amend_the_coins_get_a_stop_of_ours(world: World) -> None:
    trade = in_two_parts(world)
    words = "EOrder:Amend not supported:conditional close terms"
    world.venue.script("amend", *[Refused(reason=Reason.OTHER, message=words)] * 5)

    world.turns(MERGE_TURNS)

    assert world.bracket(trade).state == State.BRACKET_ACTIVE
    assert sum(world.stops_at_venue()) == QUANTITY
    assert Order.objects.filter(amend_refused=Reason.OTHER).exists()
    world.price(2400)
    world.until_closed(trade)
    world.assert_over(trade, "stop_loss")


def test_terms_of_an_order_that_ended_meanwhile_are_dropped(world: World) -> None:
    """The stop triggers between the wish and the claim: nothing is sent for it."""
    trade = world.open_active()
    world.ask(trade, EditRequested(at=world.clock.now, stop_price=HIGHER))
    assert Effect.objects.get(kind=Effect.Kind.AMEND).sent_at is None
    world.price(2400)
    world.read()

    world.until_closed(trade)

    assert world.venue.amends == []
    assert Effect.objects.get(kind=Effect.Kind.AMEND).done_at is not None
    world.assert_over(trade, "stop_loss")


def test_an_order_the_venue_does_not_know_for_an_amend_is_read_at_once(world: World) -> None:
    """The stop triggers just before its new terms arrive: the refusal is not the end of the story."""
    trade = world.open_active()
    world.ask(trade, EditRequested(at=world.clock.now, stop_price=HIGHER))
    world.venue.script("amend", lambda: world.price(2400))

    world.send()

    assert world.bracket(trade).state == State.SL_FILLED
    world.until_closed(trade)
    world.assert_over(trade, "stop_loss")


def test_an_edit_moves_the_stop_in_place(world: World) -> None:
    trade = world.open_active()
    stop = world.stop_at_venue()
    world.ask(trade, EditRequested(at=world.clock.now, stop_price=HIGHER, target_price=TARGET + 5))
    world.turns(3)

    moved = world.stop_at_venue()

    assert (moved.txid, moved.trigger_price, moved.volume) == (stop.txid, HIGHER, QUANTITY)
    bracket = world.bracket(trade)
    assert (bracket.stop_price, bracket.target_price) == (HIGHER, TARGET + 5)
    assert Order.objects.get(role="stop").trigger_price == HIGHER
    assert ("amend", "stop", False) in world.venue.heard  # a price alone can wait
    world.price(HIGHER)
    world.until_closed(trade)
    world.assert_over(trade, "stop_loss")


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.LOST_REQUEST, Fault.KILLED])
def test_an_edited_stop_never_leaves_the_venue_whatever_becomes_of_the_answer(
    world: World, fault: Fault
) -> None:
    trade = world.open_active()
    world.venue.script("amend", fault)
    world.ask(trade, EditRequested(at=world.clock.now, stop_price=HIGHER))

    for _ in range(40):
        try:
            world.turn()
        except SenderKilled:
            pass
        assert world.stops_at_venue() == [QUANTITY]

    assert world.stop_at_venue().trigger_price == HIGHER
    assert world.venue.cancels == []
    world.assert_sound()


def test_a_sender_killed_before_its_amend_left_sends_another_only_when_that_is_proven(world: World) -> None:
    trade = world.open_active()
    world.ask(trade, EditRequested(at=world.clock.now, stop_price=HIGHER))
    effect = Effect.objects.get(kind=Effect.Kind.AMEND)
    claim = dispatch.take_claim(effect.pk, world.venue, world.clock.now)
    assert claim is not None

    world.turns(14)
    assert world.venue.amends == []
    world.turns(20)

    assert len(world.venue.amends) == 1
    first, second = Effect.objects.filter(kind=Effect.Kind.AMEND).order_by("pk")
    assert (first.attempts, first.outcome) == (1, Effect.Outcome.UNKNOWN)  # never claimed a second time
    assert (second.amend_number, second.outcome) == (2, Effect.Outcome.ACCEPTED)
    assert world.stop_at_venue().trigger_price == HIGHER
    world.assert_sound()


def test_terms_of_an_order_on_its_way_out_are_dropped(world: World) -> None:
    """The position is closed between the wish and the claim: only the cancel leaves."""
    trade = world.open_active()
    world.ask(trade, EditRequested(at=world.clock.now, stop_price=HIGHER))
    door.close_position(trade.pk)

    world.until_closed(trade)

    assert world.venue.amends == []
    world.assert_over(trade, "manual")
