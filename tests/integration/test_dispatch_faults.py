"""The wire fails while something is sent: once is once, and Unknown is looked up, never guessed."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from brackets import dispatch, lookup
from brackets.core.states import OrderStatus, State
from brackets.models import Account, Effect, Order
from brackets.venue.paper.orders import Side
from brackets.venue.port import Reason, Refused
from risk.models import SystemConfig
from tests.integration.engine_venue import Fault, SenderKilled
from tests.integration.engine_world import TARGET, World
from trading import door

pytest_plugins = ["tests.integration.worlds"]


# --- the entry ---------------------------------------------------------------------------------------


def test_an_entry_whose_answer_was_lost_is_found_and_protected(world: World) -> None:
    world.venue.script("place", Fault.LOST_ANSWER)
    trade = world.open()
    world.send()
    assert Order.objects.get(role="entry").status == OrderStatus.UNKNOWN

    world.until(trade, State.BRACKET_ACTIVE)

    assert len(world.venue.sent) == 1
    world.price(TARGET + 1)
    world.until_closed(trade)
    world.assert_over(trade, "take_profit")


def test_an_entry_that_never_arrived_is_given_up_after_two_late_looks(world: World) -> None:
    world.venue.script("place", Fault.LOST_REQUEST)
    trade = world.open()
    world.send()
    effect = Effect.objects.get()
    assert effect.outcome == Effect.Outcome.UNKNOWN
    provable = effect.deadline_at + timedelta(seconds=10)

    while world.clock.now < provable:
        assert world.bracket(trade).state == State.ENTRY_PLACED
        world.turn()
    effect.refresh_from_db()
    assert effect.absences < 2
    world.until_closed(trade)

    assert (trade.exit_reason, trade.quantity, trade.realized_pnl) == ("entry_expired", 0, 0)
    assert len(world.venue.sent) == 1  # never a second entry
    assert world.at_venue() == []
    effect.refresh_from_db()
    assert (effect.outcome, effect.absences) == (Effect.Outcome.ABSENT, 2)
    world.assert_sound()


def test_an_entry_that_hung_on_the_wire_and_arrived_in_time_is_found(world: World) -> None:
    world.venue.script("place", Fault.LATE_REQUEST)
    trade = world.open()
    world.turns(3)
    (answer,) = world.venue.deliver_late()
    assert "Accepted" in answer

    world.until(trade, State.BRACKET_ACTIVE)

    assert len(world.venue.sent) == 1
    world.assert_sound()


def test_an_entry_that_arrives_after_its_deadline_is_not_taken_by_the_venue(world: World) -> None:
    world.venue.script("place", Fault.LATE_REQUEST)
    trade = world.open()
    world.until_closed(trade)
    (answer,) = world.venue.deliver_late()
    assert "Deadline" in answer
    assert trade.exit_reason == "entry_expired"
    world.turns(3)
    assert world.at_venue() == []
    world.assert_sound()


@pytest.mark.parametrize("skew_seconds", [-40, 40])
def test_the_deadline_follows_the_clock_of_the_venue(world: World, skew_seconds: int) -> None:
    world.venue.skew = timedelta(seconds=skew_seconds)

    trade = world.open_active()

    assert world.venue.sent[0].deadline_at == trade.opened_at + timedelta(
        seconds=skew_seconds + 1 + dispatch.DEADLINE_SECONDS
    )


def test_a_failed_look_is_no_look(world: World) -> None:
    """While the venue cannot be read, an Unknown entry is not given up, however late it is."""
    world.venue.script("place", Fault.LOST_ANSWER)
    trade = world.open()
    world.send()
    world.venue.set_down(True)
    world.turns(60)
    assert world.bracket(trade).state == State.ENTRY_PLACED

    world.venue.set_down(False)
    world.until(trade, State.BRACKET_ACTIVE)

    assert len(world.venue.sent) == 1
    world.assert_sound()


def test_a_filled_entry_missing_from_lagging_lists_is_still_found(world: World) -> None:
    """The readings lag for longer than one look; absence before the deadline proves nothing."""
    world.venue.script("place", Fault.LOST_ANSWER)
    trade = world.open()
    world.venue.freeze("open_orders", "closed_orders", calls=3)
    world.send()

    world.until(trade, State.BRACKET_ACTIVE)

    assert len(world.venue.sent) == 1
    world.assert_sound()


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (Reason.INSUFFICIENT_FUNDS, "EOrder:Insufficient funds"),
        (Reason.BELOW_MINIMUM, "EOrder:Order minimum not met"),
        (Reason.MARKET_LIMITED, "EService:Market in cancel_only mode"),
        (Reason.AUTHENTICATION, "EAPI:Invalid key"),
    ],
)
def test_a_refused_entry_ends_the_trade_with_the_words_of_the_venue(
    world: World, refusal: Reason, words: str
) -> None:
    world.venue.script("place", Refused(reason=refusal, message=words))
    trade = world.open()

    world.until_closed(trade)

    assert (trade.exit_reason, trade.quantity, trade.realized_pnl) == ("entry_rejected", 0, 0)
    assert trade.r_multiple is None
    order = Order.objects.get()
    assert (order.status, order.refused_reason, order.message) == (OrderStatus.REJECTED, refusal, words)
    assert world.at_venue() == []
    world.assert_sound()


def test_the_engine_itself_refuses_an_entry_without_funds(world: World) -> None:
    """The balance was read before somebody spent it elsewhere."""
    world.open_active(
        symbol="BTC/USD", quantity=Decimal("0.0165"), stop=Decimal(59000), target=Decimal(62000)
    )
    trade = world.open(quantity=Decimal("0.39"))
    world.venue.engine.withdraw(asset="ZUSD", amount=Decimal(8100), now=Decimal(0))

    world.until_closed(trade)

    assert (trade.exit_reason, trade.quantity) == ("entry_rejected", 0)


# --- between intent and send -------------------------------------------------------------------------


def test_a_pause_between_intent_and_claim_withdraws_the_entry(world: World) -> None:
    trade = world.open()
    SystemConfig.objects.update(system_status="PAUSED")

    world.until_closed(trade)

    assert world.venue.sent == []
    assert (trade.exit_reason, trade.quantity) == ("entry_canceled", 0)
    assert Order.objects.get().status == OrderStatus.DENIED
    world.assert_sound()


def test_an_entry_waits_until_book_and_venue_were_compared(world: World) -> None:
    """Accepted before a restart: it leaves as soon as the first comparison is made."""
    trade = world.open()
    Account.objects.update(recovered_at=None)
    world.account.refresh_from_db()
    world.send()
    assert world.venue.sent == []

    world.clock.pass_seconds(2)
    world.read()
    world.send()

    assert len(world.venue.sent) == 1
    world.until(trade, State.BRACKET_ACTIVE)
    world.assert_sound()


def test_an_entry_that_waited_too_long_for_the_comparison_says_so(world: World) -> None:
    trade = world.open()
    Account.objects.update(recovered_at=None)
    world.account.refresh_from_db()
    world.send()
    world.clock.pass_seconds(11)
    world.send()

    assert world.venue.sent == []
    assert "still being compared" in Order.objects.get().message
    world.until_closed(trade)
    assert (trade.exit_reason, trade.quantity) == ("entry_expired", 0)


def test_an_exit_does_not_wait_for_the_comparison(world: World) -> None:
    trade = world.open_active()
    Account.objects.update(recovered_at=None)
    world.account.refresh_from_db()
    asked = len(world.venue.asked)
    door.close_position(trade.pk)
    world.send()

    assert "cancel" in world.venue.asked[asked:]


def test_a_pause_does_not_stop_an_exit(world: World) -> None:
    trade = world.open_active()
    SystemConfig.objects.update(system_status="PAUSED", is_trading_active=False)

    door.close_position(trade.pk)
    world.until_closed(trade)

    world.assert_over(trade, "manual")


@pytest.mark.parametrize(("seconds", "sent"), [(10, 1), (11, 0)])
def test_an_entry_that_outlived_its_price_is_not_sent(world: World, seconds: int, sent: int) -> None:
    trade = world.open()
    world.clock.pass_seconds(seconds)

    world.send()

    assert len(world.venue.sent) == sent
    if not sent:
        world.until_closed(trade)
        assert trade.exit_reason == "entry_expired"


def test_an_old_exit_is_sent_all_the_same(world: World) -> None:
    trade = world.open_active()
    door.close_position(trade.pk)
    world.clock.pass_seconds(3600)

    world.until_closed(trade)

    world.assert_over(trade, "manual")


# --- the sender dies -----------------------------------------------------------------------------------


def test_a_sender_killed_after_its_send_never_sends_again(world: World) -> None:
    world.venue.script("place", Fault.KILLED)
    trade = world.open()
    with pytest.raises(SenderKilled):
        world.send()
    effect = Effect.objects.get()
    assert effect.sent_at == world.clock.now  # committed before anything left
    assert effect.outcome == ""

    world.until(trade, State.BRACKET_ACTIVE)

    assert len(world.venue.sent) == 1
    world.assert_sound()


def test_a_sender_killed_before_its_send_is_looked_up_not_repeated(world: World) -> None:
    """From outside the two deaths look the same: the claim is committed, nothing is known."""
    trade = world.open()
    claim = dispatch.take_claim(Effect.objects.get().pk, world.venue, world.clock.now)
    assert claim is not None

    world.until_closed(trade)

    assert world.venue.sent == []
    assert trade.exit_reason == "entry_expired"
    world.assert_sound()


def test_a_sender_killed_with_the_exit_on_its_way_sells_once(world: World) -> None:
    trade = world.open_active()
    world.venue.script("place", Fault.KILLED)
    world.price(TARGET + 1)
    with pytest.raises(SenderKilled):
        world.turn()

    world.until_closed(trade)

    world.assert_over(trade, "take_profit")
    assert len(world.venue.sent) == 2


def test_a_sender_killed_between_cancel_and_exit_goes_on_to_sell(world: World) -> None:
    trade = world.open_active()
    world.venue.script("cancel", Fault.KILLED)
    world.price(TARGET + 1)
    with pytest.raises(SenderKilled):
        world.turn()
    assert world.at_venue(side=Side.SELL, live=True) == []  # no protection at this moment

    world.until_closed(trade)

    world.assert_over(trade, "take_profit")


def test_an_answer_recorded_after_the_claim_was_lost_is_still_a_fact(world: World) -> None:
    """A zombie: it claimed, slept past its lease, was taken for dead, and then told what it heard."""
    trade = world.open()
    claim = dispatch.take_claim(Effect.objects.get().pk, world.venue, world.clock.now)
    assert claim is not None
    outcome = dispatch.send(claim, world.venue, world.clock)
    world.clock.pass_seconds(dispatch.CLAIM_SECONDS + 1)
    before = world.until(trade, State.BRACKET_ACTIVE)  # somebody else looks it up

    dispatch.record(claim, outcome, world.clock.now)

    after = world.bracket(trade)
    assert (after.state, after.version) == (before.state, before.version)
    assert Effect.objects.get().done_at is not None
    assert len(world.venue.sent) == 1
    world.assert_sound()


def test_a_claim_from_before_the_clock_was_set_back_lasts_no_longer_than_one_made_now(world: World) -> None:
    """A process that hangs keeps nobody from looking up what it may have sent."""
    world.open()
    assert dispatch.take_claim(Effect.objects.get().pk, world.venue, world.clock.now) is not None
    world.clock.pass_seconds(-400)

    dispatch.release_dead_claims(world.account, world.clock.now)
    world.clock.pass_seconds(dispatch.CLAIM_SECONDS - 1)
    assert lookup.unresolved(world.account, world.clock.now) == []
    world.clock.pass_seconds(2)

    (effect,) = lookup.unresolved(world.account, world.clock.now)
    assert effect.order.role == "entry"


def test_a_claim_that_slept_past_its_deadline_is_not_sent(world: World) -> None:
    world.open()
    claim = dispatch.take_claim(Effect.objects.get().pk, world.venue, world.clock.now)
    assert claim is not None
    world.clock.pass_seconds(dispatch.DEADLINE_SECONDS)

    dispatch.send(claim, world.venue, world.clock)

    assert world.venue.sent == []


def test_a_claim_is_given_once_while_it_lasts(world: World) -> None:
    world.open()
    effect = Effect.objects.get()
    first = dispatch.take_claim(effect.pk, world.venue, world.clock.now)
    second = dispatch.take_claim(effect.pk, world.venue, world.clock.now)
    assert (first is not None, second) == (True, None)
    assert Effect.objects.get().outcome == ""  # the one that waits did not call it Unknown either
