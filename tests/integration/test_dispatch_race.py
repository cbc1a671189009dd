"""Several workers at once: threads with connections of their own, on the real database's locks."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from brackets import dispatch, leases, operations
from brackets.core.events import CloseRequested
from brackets.core.states import ExitReason, State
from brackets.models import BracketEvent, Effect
from tests.integration.engine_world import TARGET, World, in_thread
from trading import settle

pytest_plugins = ["tests.integration.worlds"]
pytestmark = pytest.mark.django_db(transaction=True)


def at_once(count: int, function: Callable[[], object]) -> list[object]:
    """What each of `count` threads got, all let go at the same moment; an exception is a result too."""
    barrier = threading.Barrier(count, timeout=10)
    results: list[object] = []

    def run() -> None:
        barrier.wait()
        try:
            results.append(function())
        except Exception as error:
            results.append(error)

    threads = [threading.Thread(target=in_thread(run)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(results) == count
    return results


def test_one_effect_is_claimed_by_one_of_many(threads_world: World) -> None:
    world = threads_world
    world.open()
    effect = Effect.objects.get()

    claims = at_once(4, lambda: dispatch.take_claim(effect.pk, world.venue, world.clock.now))

    assert sum(isinstance(claim, dispatch.Claim) for claim in claims) == 1
    assert sum(claim is None for claim in claims) == 3


def test_workers_that_drive_the_same_outbox_send_once(threads_world: World) -> None:
    world = threads_world
    trade = world.open()

    results = at_once(3, world.send)

    assert results == [None, None, None]
    assert len(world.venue.sent) == 1
    world.until(trade, State.BRACKET_ACTIVE)
    world.price(TARGET + 1)
    world.look()
    at_once(3, world.send)
    at_once(2, world.read)
    world.until_closed(trade)
    world.assert_over(trade, "take_profit")
    assert len(world.venue.sent) == 2


def test_the_same_reading_absorbed_twice_at_once_adopts_the_stop_once(threads_world: World) -> None:
    world = threads_world
    trade = world.open()
    world.send()

    results = at_once(3, world.read)

    assert results == [None, None, None]
    bracket = world.until(trade, State.BRACKET_ACTIVE)
    assert bracket.orders.filter(role="stop").count() == 1
    world.assert_sound()


def test_fills_booked_by_two_at_once_are_booked_once(threads_world: World) -> None:
    world = threads_world
    trade = world.open_active()
    world.price(2400)
    world.read()
    assert world.bracket(trade).state in (State.SL_FILLED, State.EXIT_COMPLETE)

    at_once(3, world.read)

    world.until_closed(trade)
    assert trade.bracket.fills.count() == 2
    world.assert_over(trade, "stop_loss")


def test_two_wishes_at_once_leave_one_reason(threads_world: World) -> None:
    world = threads_world
    trade = world.open_active()
    wish = CloseRequested(at=world.clock.now, reason=ExitReason.MANUAL)

    results = at_once(3, lambda: operations.apply(trade.bracket_id, wish, actor="test"))

    assert sum(isinstance(result, operations.RefusedEvent) for result in results) == 2
    assert BracketEvent.objects.filter(bracket=trade.bracket_id, kind="CloseRequested").count() == 1
    world.until_closed(trade)
    world.assert_over(trade, "manual")


def test_events_settled_by_two_at_once_are_consumed_once(threads_world: World) -> None:
    world = threads_world
    trade = world.open()
    world.send()
    world.read()
    waiting = BracketEvent.objects.count()  # nothing was settled yet

    results = at_once(3, lambda: settle.consume(world.account))

    assert sorted(results) == [0, 0, waiting]  # type: ignore[type-var]
    trade.refresh_from_db()
    assert trade.entry_price == 2500


def test_a_lease_is_taken_by_one_of_many(threads_world: World) -> None:
    world = threads_world
    names = iter(f"holder {number}" for number in range(4))
    guard = threading.Lock()

    def take() -> int | None:
        with guard:
            name = next(names)
        return leases.take("watch:test", name, now=world.clock.now, seconds=5)

    fences = at_once(4, take)

    assert sorted(fence is None for fence in fences) == [False, True, True, True]
