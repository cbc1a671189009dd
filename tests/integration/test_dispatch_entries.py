"""Maker entries: placed post-only with an end of their own, repriced, expired, never two at once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from brackets import dispatch
from brackets.core.states import OrderStatus, State
from brackets.models import Account, Effect, Order
from brackets.venue.paper.orders import Side, Status
from brackets.venue.port import Accepted, OrderKind, Reason, Refused
from tests.integration.engine_venue import Fault
from tests.integration.engine_world import QUANTITY, STOP, TARGET, World
from trading.models import Trade

pytest_plugins = ["tests.integration.worlds"]
BID = Decimal("2499.99")


def resting(world: World, **settings: object) -> Trade:
    """A trade whose limit entry rests at the bid."""
    world.configure(**settings)
    trade = world.open(entry_type="limit")
    world.turns(2)
    (entry,) = world.at_venue(side=Side.BUY, live=True)
    assert (entry.limit_price, entry.filled) == (BID, 0)
    return trade


def fill(world: World, last: Decimal | str = "2499") -> None:
    """The market comes to the limit."""
    world.price(last)


def entries(world: World) -> list[Decimal | None]:
    return [order.limit_price for order in world.at_venue(side=Side.BUY)]


def test_it_leaves_post_only_with_an_end_and_its_stop(world: World) -> None:
    world.venue.skew = timedelta(seconds=7)
    world.configure(entry_timeout_seconds=300)
    trade = world.open(entry_type="limit")
    world.send()

    (request,) = world.venue.sent

    assert (request.kind, request.limit_price, request.trigger_price) == (OrderKind.LIMIT, BID, None)
    assert (request.post_only, request.validate_only) == (True, False)
    assert request.close_stop_price == STOP
    # 300 s of patience and a minute's margin, by the clock of the venue
    assert request.expires_at == trade.opened_at + timedelta(seconds=360 + 7)
    assert ("place", "entry", False) in world.venue.heard
    order = Order.objects.get()
    assert (order.limit_price, order.post_only) == (BID, True)


def test_a_fill_makes_a_bracket_without_a_moment_unprotected(world: World) -> None:
    trade = resting(world)
    world.turns(10)
    fill(world)

    bracket = world.until(trade, State.BRACKET_ACTIVE)

    assert world.stop_at_venue().volume == QUANTITY
    assert bracket.unprotected_seconds == bracket.unstopped_seconds == 0
    assert Order.objects.get(role="entry").first_filled_at is not None
    world.price(TARGET + 1)
    world.until_closed(trade)
    world.assert_over(trade, "take_profit")


def test_an_entry_that_rests_is_looked_at_in_quiet(world: World) -> None:
    """Minutes of waiting must not eat the rate budget: nothing of it is said to move."""
    resting(world)
    assert not world.look().soon

    fill(world)

    assert world.look().soon


def test_a_market_that_walks_away_is_followed_under_a_new_id(world: World) -> None:
    trade = resting(world)
    world.turn(10)
    world.price(2505)
    world.turns(3)

    assert entries(world) == [BID, Decimal("2504.99")]
    first, second = world.at_venue(side=Side.BUY)
    assert (first.status, second.status) == (Status.CANCELED, Status.OPEN)
    assert second.opened_at >= first.closed_at
    assert ("cancel", "entry", False) in world.venue.heard  # convenient, not urgent
    fill(world)
    world.until(trade, State.BRACKET_ACTIVE)
    assert world.stop_at_venue().volume == QUANTITY
    world.assert_sound()


def test_a_fill_that_races_the_reprice_is_counted_and_never_bought_again(world: World) -> None:
    trade = resting(world)
    world.turn(10)
    world.price(2505)
    world.venue.script("cancel", lambda: world.price(2499, depth=Decimal("0.06")))
    world.turn()
    world.price(2510, depth=Decimal(1000))
    world.turns(3)

    rest = world.at_venue(side=Side.BUY)[-1]
    assert rest.volume == Decimal("0.04")
    fill(world)
    world.until(trade, State.BRACKET_ACTIVE)

    assert world.bought_at_venue() == QUANTITY
    assert sum(world.stops_at_venue()) == QUANTITY
    world.assert_sound()


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.LOST_REQUEST])
def test_a_reprice_whose_cancel_has_no_answer_waits_for_the_end_of_the_first(
    world: World, fault: Fault
) -> None:
    trade = resting(world)
    world.venue.script("cancel", fault, fault)
    world.turn(10)
    world.price(2505)
    for _ in range(8):
        world.turn()
        assert len(world.at_venue(side=Side.BUY, live=True)) <= 1

    assert len(entries(world)) == 2
    fill(world)
    world.until(trade, State.BRACKET_ACTIVE)
    world.assert_sound()


def test_a_limit_entry_without_an_answer_is_found_where_it_rests(world: World) -> None:
    world.venue.script("place", Fault.LOST_ANSWER)
    trade = world.open(entry_type="limit")
    world.turns(2)
    assert Order.objects.get().status == OrderStatus.OPEN

    fill(world)
    world.until(trade, State.BRACKET_ACTIVE)

    assert len(world.venue.sent) == 1
    world.assert_sound()


def test_when_its_time_is_up_it_is_canceled(world: World) -> None:
    trade = resting(world, entry_timeout_seconds=60)

    world.turn(60)
    world.until_closed(trade)

    assert (trade.exit_reason, trade.quantity) == ("entry_expired", 0)
    (entry,) = world.at_venue(side=Side.BUY)
    assert entry.status is Status.CANCELED
    assert ("cancel", "entry", True) in world.venue.heard
    world.assert_sound()


def test_the_venue_ends_it_where_nobody_is_left_to(world: World) -> None:
    """This machine is gone for ten minutes: the order has an end of its own."""
    trade = resting(world, entry_timeout_seconds=60)
    world.clock.pass_seconds(600)
    world.price(2502)
    assert world.at_venue(side=Side.BUY, live=True) == []

    world.until_closed(trade)

    assert (trade.exit_reason, trade.quantity) == ("entry_expired", 0)
    world.assert_sound()


def test_what_was_bought_by_then_is_kept(world: World) -> None:
    trade = resting(world, entry_timeout_seconds=60)
    world.price(2499, depth=Decimal("0.03"))
    world.price(2502, depth=Decimal(1000))

    world.turn(60)
    world.turn()
    bracket = world.until(trade, State.BRACKET_ACTIVE)

    assert world.bought_at_venue() == Decimal("0.03")
    assert world.stops_at_venue() == [Decimal("0.03")]
    assert bracket.entry_over
    world.price(TARGET + 1)
    world.until_closed(trade)
    assert trade.quantity == world.sold_at_venue() == Decimal("0.03")
    world.assert_sound()


def test_the_rest_is_bought_at_market_where_that_is_set(world: World) -> None:
    trade = resting(world, entry_timeout_seconds=60, entry_on_timeout="market")

    world.turn(60)
    world.turn()
    world.until(trade, State.BRACKET_ACTIVE)

    assert entries(world) == [BID, None]
    assert world.bought_at_venue() == QUANTITY
    world.assert_sound()


def test_a_pause_cancels_what_rests(world: World) -> None:
    trade = resting(world)
    world.configure(system_status="PAUSED")

    world.until_closed(trade)

    assert (trade.exit_reason, trade.quantity) == ("entry_canceled", 0)
    assert world.at_venue(live=True) == []


def test_a_reprice_meets_the_pause_and_is_not_placed(world: World) -> None:
    trade = resting(world)
    world.turn(10)
    world.price(2505)
    world.venue.script("cancel", lambda: world.configure(system_status="PAUSED"))

    world.until_closed(trade)

    assert len(world.venue.sent) == 1
    assert trade.exit_reason == "entry_canceled"


@pytest.mark.parametrize("by_refusal", [True, False], ids=["refused", "accepted and canceled"])
def test_an_entry_that_would_have_taken_is_placed_anew(world: World, by_refusal: bool) -> None:
    """Both forms in which Kraken says that a post-only order crossed."""
    if by_refusal:
        words = "EOrder:Post only order"
        world.venue.script("place", Refused(reason=Reason.POST_ONLY, message=words))
    trade = world.open(entry_type="limit")
    if not by_refusal:
        world.price(2480)  # the ask is below our limit when it arrives
    world.turn()
    world.price(2500)
    world.turns(4)

    (entry,) = world.at_venue(side=Side.BUY, live=True)
    assert entry.post_only
    fill(world)
    world.until(trade, State.BRACKET_ACTIVE)
    world.assert_sound()


def test_an_entry_our_budget_did_not_let_out_leaves_a_little_later(world: World) -> None:
    spent = Refused(reason=Reason.RATE_LIMITED, message="not sent: the pair's counter is spent")
    world.venue.script("place", spent, spent, spent)
    trade = world.open(entry_type="limit")

    world.turns(5)

    (order,) = Order.objects.all()
    assert order.status == OrderStatus.OPEN
    assert len({request.client_order_id for request in world.venue.sent}) == 1
    assert Effect.objects.get().attempts == 4
    fill(world)
    world.until(trade, State.BRACKET_ACTIVE)
    world.assert_sound()


def test_an_entry_the_budget_never_lets_out_outlives_its_price(world: World) -> None:
    spent = Refused(reason=Reason.RATE_LIMITED, message="not sent: the pair's counter is spent")
    world.venue.script("place", *[spent] * 20)
    trade = world.open(entry_type="limit")

    world.until_closed(trade)

    assert trade.exit_reason == "entry_expired"  # nobody canceled it
    assert world.at_venue() == []
    assert len(world.venue.sent) <= 11  # once a second


@pytest.mark.parametrize("reason", [Reason.DEADLINE, Reason.INVALID_NONCE])
def test_an_entry_the_adapter_kept_back_leaves_a_little_later(world: World, reason: Reason) -> None:
    kept_back = Refused(reason=reason, message="not sent: the deadline is 0.4 s away, the venue wants 2 s")
    world.venue.script("place", kept_back, kept_back)
    trade = world.open(entry_type="limit")

    world.turns(4)

    (order,) = Order.objects.all()
    assert order.status == OrderStatus.OPEN
    fill(world)
    world.until(trade, State.BRACKET_ACTIVE)
    world.assert_sound()


@pytest.mark.parametrize("reason", [Reason.DEADLINE, Reason.INVALID_NONCE])
def test_an_entry_the_adapter_keeps_back_too_long_has_expired(world: World, reason: Reason) -> None:
    kept_back = Refused(reason=reason, message="not sent: the deadline is 0.4 s away, the venue wants 2 s")
    world.venue.script("place", *[kept_back] * 20)
    trade = world.open(entry_type="market")

    world.until_closed(trade)

    assert (trade.exit_reason, trade.quantity) == ("entry_expired", 0)
    assert world.at_venue() == []


def test_an_entry_that_waited_too_long_for_its_turn_has_expired(world: World) -> None:
    """Its claim lapsed while it waited, and another worker called it Unknown; then it is heard that it never
    left."""
    trade = world.open()
    effect = Effect.objects.get()
    claim = dispatch.take_claim(effect.pk, world.venue, world.clock.now)
    assert claim is not None
    world.clock.pass_seconds(dispatch.CLAIM_SECONDS + 1)
    assert dispatch.take_claim(effect.pk, world.venue, world.clock.now) is None
    assert Order.objects.get().status == OrderStatus.UNKNOWN

    no_turn = Refused(reason=Reason.RATE_LIMITED, message="not sent: no turn to send in time")
    dispatch.record(claim, no_turn, world.clock.now)

    world.until_closed(trade)
    assert (trade.exit_reason, world.venue.sent) == ("entry_expired", [])
    world.assert_sound()


def test_an_entry_that_never_left_is_not_put_off_after_its_absence_was_proven(world: World) -> None:
    trade = world.open()
    claim = dispatch.take_claim(Effect.objects.get().pk, world.venue, world.clock.now)
    assert claim is not None
    world.until_closed(trade)  # looked up, and proven absent

    no_turn = Refused(reason=Reason.RATE_LIMITED, message="not sent: no turn to send in time")
    dispatch.record(claim, no_turn, world.clock.now)

    world.turns(3)
    assert (Order.objects.get().status, world.venue.sent) == (OrderStatus.ABSENT, [])


@pytest.mark.parametrize(
    "refused",
    [
        Refused(reason=Reason.DEADLINE, message="EGeneral:Invalid arguments:deadline"),
        Refused(reason=Reason.INVALID_ARGUMENTS, message="not sent: amount is below one lot"),
    ],
    ids=["the venue's word", "nothing that passes"],
)
def test_an_entry_refused_for_good_was_rejected(world: World, refused: Refused) -> None:
    world.venue.script("place", refused)
    trade = world.open(entry_type="limit")

    world.until_closed(trade)

    assert trade.exit_reason == "entry_rejected"
    assert len(world.venue.sent) == 1


# --- validate mode ---------------------------------------------------------------------------------


def test_in_validate_mode_the_venue_only_judges(world: World) -> None:
    Account.objects.filter(pk=world.account.pk).update(mode="validate")
    trade = world.open(entry_type="limit")

    world.until_closed(trade)

    (request,) = world.venue.sent
    assert request.validate_only
    assert world.at_venue() == []
    assert (trade.exit_reason, trade.quantity) == ("validated", 0)
    assert Order.objects.get().status == OrderStatus.VALIDATED
    assert world.bracket(trade).state == State.EXIT_COMPLETE


def test_outside_validate_mode_an_answer_without_an_id_is_unknown(world: World) -> None:
    """An HTML page with status 200 looks like that."""
    world.venue.script("place", Accepted(venue_order_id=None))
    world.open(entry_type="limit")

    world.send()

    assert Order.objects.get().status == OrderStatus.UNKNOWN
