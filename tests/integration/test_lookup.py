"""Looking an Unknown order up: what proves that it never was, and what proves nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from brackets import dispatch, lookup, reports
from brackets.core.states import OrderStatus, State
from brackets.models import Effect, Order
from brackets.venue.port import Reason, Refused, Side, VenueUnavailable
from tests.integration.engine_venue import Fault
from tests.integration.engine_world import World
from trading import door, proof
from trading.models import Trade

pytest_plugins = ["tests.integration.worlds"]


@pytest.fixture
def lost(world: World) -> World:
    """A world whose entry was sent and never heard of again; it never arrived."""
    world.venue.script("place", Fault.LOST_REQUEST)
    world.open()
    world.send()
    return world


def look(world: World) -> bool:
    (effect,) = lookup.unresolved(world.account, world.clock.now)
    return lookup.resolve(world.account, world.venue, effect, [], asked_at=world.clock.now)


def status() -> str:
    return Order.objects.get(role="entry").status


def provable(world: World) -> timedelta:
    effect = Effect.objects.get()
    return effect.deadline_at + timedelta(seconds=lookup.VISIBILITY_SECONDS) - world.clock.now


def test_absence_before_the_deadline_and_its_margin_proves_nothing(lost: World) -> None:
    for _ in range(5):
        lost.clock.pass_seconds(2)
        assert not look(lost)
    assert provable(lost) > timedelta(0)
    assert (status(), Effect.objects.get().absences) == (OrderStatus.UNKNOWN, 0)


def test_it_takes_two_late_looks(lost: World) -> None:
    lost.clock.pass_seconds(provable(lost).total_seconds())
    assert not look(lost)
    assert status() == OrderStatus.UNKNOWN
    lost.clock.pass_seconds(lookup.PROOF_SPACING_SECONDS)
    assert look(lost)
    assert status() == OrderStatus.ABSENT
    assert lookup.unresolved(lost.account, lost.clock.now) == []


def test_a_look_that_fails_counts_for_nothing(lost: World) -> None:
    lost.clock.pass_seconds(provable(lost).total_seconds())
    assert not look(lost)
    lost.venue.script("closed_orders", Fault.LOST_REQUEST)
    lost.clock.pass_seconds(3)
    with pytest.raises(VenueUnavailable):
        look(lost)
    assert (status(), Effect.objects.get().absences) == (OrderStatus.UNKNOWN, 1)


def test_no_look_is_made_that_can_prove_nothing(lost: World) -> None:
    """At once, once more a little later, then only the two proofs, each at its moment."""
    sent_at = Effect.objects.get().sent_at
    looks = []
    for _ in range(4):
        (effect,) = lookup.unresolved(lost.account, lost.clock.now)
        lost.clock.now = max(lost.clock.now, effect.next_attempt_at)
        assert lookup.due([effect], lost.clock.now) == [effect]
        assert lookup.due([effect], lost.clock.now - timedelta(milliseconds=1)) == []
        looks.append((lost.clock.now - sent_at).total_seconds())
        look(lost)
    provable = dispatch.DEADLINE_SECONDS + lookup.VISIBILITY_SECONDS
    assert looks == [0, lookup.SECOND_LOOK_SECONDS, provable, provable + lookup.PROOF_SPACING_SECONDS]
    assert status() == OrderStatus.ABSENT


def test_a_look_that_could_not_be_made_stays_due(lost: World) -> None:
    lost.venue.script("closed_orders", Fault.LOST_REQUEST)
    with pytest.raises(VenueUnavailable):
        look(lost)
    assert lookup.due(lookup.unresolved(lost.account, lost.clock.now), lost.clock.now) != []


@pytest.mark.parametrize("skew_seconds", [-30, 30])
def test_the_deadline_is_judged_by_the_clock_of_the_venue(world: World, skew_seconds: int) -> None:
    world.venue.skew = timedelta(seconds=skew_seconds)
    world.venue.script("place", Fault.LOST_REQUEST)
    world.open()
    world.send()
    effect = Effect.objects.get()
    expected = world.clock.now + timedelta(seconds=dispatch.DEADLINE_SECONDS + lookup.VISIBILITY_SECONDS)
    assert lookup.provable_from(effect, world.venue.clock_offset()) == expected


@pytest.mark.parametrize("skew_seconds", [-400, 400])
def test_an_order_that_has_ended_is_found_however_wrong_our_clock_is(world: World, skew_seconds: int) -> None:
    """Set while the answer was awaited: what was noted at the send is of another time."""
    world.venue.script("place", Fault.LOST_ANSWER)
    world.open()
    world.send()
    world.clock.pass_seconds(skew_seconds)
    world.venue.skew = timedelta(seconds=-skew_seconds)
    assert look(world)
    assert status() == OrderStatus.FILLED


def test_without_a_known_clock_there_is_no_deadline_and_more_patience(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.venue, "clock_offset", lambda: None)
    world.venue.script("place", Fault.LOST_REQUEST)
    world.open()
    world.send()
    assert world.venue.sent[0].deadline_at is None
    effect = Effect.objects.get()
    patience = lookup.provable_from(effect, world.venue.clock_offset()) - world.clock.now
    assert patience == timedelta(seconds=lookup.NO_DEADLINE_SECONDS + lookup.VISIBILITY_SECONDS)


def test_a_claim_still_running_is_not_looked_up(world: World) -> None:
    world.open()
    dispatch.take_claim(Effect.objects.get().pk, world.venue, world.clock.now)
    assert lookup.unresolved(world.account, world.clock.now) == []
    after = world.clock.now + timedelta(seconds=dispatch.CLAIM_SECONDS + 1)
    assert len(lookup.unresolved(world.account, after)) == 1


def test_an_order_taken_before_its_nonce_was_refused_is_found_however_late_it_shows(world: World) -> None:
    """A request that comes twice is refused the second time, and only that answer may arrive."""
    world.venue.freeze("open_orders", "orders", "closed_orders", calls=3)
    world.venue.script("place", Fault.TWICE)
    trade = world.open()
    world.send()
    assert status() == OrderStatus.UNKNOWN
    world.until(trade, State.BRACKET_ACTIVE)
    assert len(world.venue.sent) == 1
    world.assert_sound()


def test_an_exit_refused_for_its_nonce_is_sent_again_once_it_is_proven_absent(world: World) -> None:
    trade = world.open_active()
    refused = Refused(reason=Reason.INVALID_NONCE, message="EAPI:Invalid nonce")
    world.venue.script("place", refused)
    door.close_position(trade.pk)
    world.until_closed(trade)
    world.assert_over(trade, "manual")
    first, second = (request for request in world.venue.sent if request.side is Side.SELL)
    assert second.client_order_id != first.client_order_id


def test_an_order_given_up_that_exists_after_all_is_found_by_prove(lost: World) -> None:
    """A venue that broke its own deadline: its attached stop protects the coins, and prove names it."""
    lost.turns(30)
    assert status() == OrderStatus.ABSENT
    (late,) = lost.venue.sent

    lost.venue.place(replace(late, deadline_at=None), urgent=False)

    assert lost.stop_at_venue().volume == late.quantity
    found = proof.prove(lost.account, lost.venue, lambda line: None).differences
    assert any(late.client_order_id in sentence for sentence in found)


def test_an_order_given_up_that_a_reading_shows_is_taken_back_and_left(lost: World) -> None:
    lost.turns(30)
    assert status() == OrderStatus.ABSENT
    (late,) = lost.venue.sent
    lost.venue.place(replace(late, deadline_at=None), urgent=False)

    reports.absorb(lost.account, lost.venue.closed_orders(client_order_id=late.client_order_id))
    trade = Trade.objects.get()
    assert lost.bracket(trade).state == State.EXITING
    lost.until_closed(trade)

    lost.assert_over(trade, "rollback")


def test_a_proof_of_absence_is_doubted_once_more_some_minutes_later(lost: World) -> None:
    """The order was made, filled and stopped out without ever being visible in time: it is found."""
    lost.turns(30)
    assert status() == OrderStatus.ABSENT
    trade = Trade.objects.get()
    assert lost.bracket(trade).state == State.EXIT_COMPLETE
    (late,) = lost.venue.sent
    lost.venue.place(replace(late, deadline_at=None), urgent=False)
    lost.price(2400)  # its stop sold it: nothing of it is open any more

    lost.turn(lookup.RECHECK_SECONDS)
    lost.until_closed(trade)

    assert lost.bought_at_venue() == lost.sold_at_venue() == trade.quantity > 0
    lost.assert_sound()


def test_a_proof_is_doubted_only_once(lost: World) -> None:
    lost.turns(30)
    lost.turn(lookup.RECHECK_SECONDS)
    asked = lost.venue.asked.count("closed_orders")
    assert Effect.objects.get().rechecked_at is not None
    lost.turn(lookup.RECHECK_SECONDS)
    lost.turn(lookup.RECHECK_SECONDS)
    assert lost.venue.asked.count("closed_orders") == asked


def test_a_doubt_that_could_not_be_asked_is_asked_again(lost: World) -> None:
    lost.turns(30)
    lost.venue.script("closed_orders", Fault.LOST_REQUEST)
    lost.turn(lookup.RECHECK_SECONDS)
    assert Effect.objects.get().rechecked_at is None
    lost.turn()
    assert Effect.objects.get().rechecked_at is not None
