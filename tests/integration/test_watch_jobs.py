"""The watch: who may hold it, what its loops do, and what they survive. Time is real here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from brackets import accounts, readers, tasks
from brackets.core.states import State
from brackets.models import Account, Bracket, Lease
from brackets.venue.port import KeyRefused, VenueUnavailable
from brackets.watch import Runner, Watch, guarded, patience_after
from brackets.watch.house import AWAITED_STATUS_SECONDS
from tests.integration.engine_venue import Fault
from tests.integration.engine_world import TARGET, World, database_for_threads, fresh
from trading.models import Trade

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE_SECONDS = 20
seen: list[str] = []


def failing_hook(account: Account) -> None:
    seen.append("failing")
    raise ZeroDivisionError


def quiet_hook(account: Account) -> None:
    seen.append("quiet")


@pytest.fixture
def world(transactional_db: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
    """A world that runs with the real clock once it stands."""
    seen.clear()
    real = timezone.now
    with database_for_threads(tmp_path):
        monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)  # no thread leaves one behind
        with monkeypatch.context() as patch:
            made = World(patch, owner_coins=Decimal(3), now=real() - timedelta(seconds=2))
        made.clock = real  # type: ignore[assignment]
        made.venue.clock = real
        monkeypatch.setattr("brackets.venues.of", lambda account, patience_seconds=0.0: made.venue)
        yield made


def a_watch(world: World) -> Watch:
    return Watch(account=fresh(world.account), venue=world.venue)


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), PATIENCE_SECONDS * 2))


async def eventually(true: Callable[[], bool]) -> None:
    patience = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while not await asyncio.to_thread(guarded, true):
        assert asyncio.get_running_loop().time() < patience, "it did not come about"
        await asyncio.sleep(0.05)


# --- the lease ---------------------------------------------------------------------------------------


def test_a_second_watch_stands_by_until_the_first_lets_go(world: World) -> None:
    first, second = a_watch(world), a_watch(world)
    assert first.take_lease()
    assert not second.take_lease()
    assert first.renew_lease()
    first.release()
    assert second.take_lease()
    assert not first.renew_lease()


def test_taking_the_watch_begins_with_recovering(world: World) -> None:
    watch = a_watch(world)
    assert watch.account.recovered_at is not None
    watch.take_lease()
    assert fresh(world.account).recovered_at is None
    watch.read()
    assert fresh(world.account).recovered_at is not None


def test_a_watch_is_alive_for_seconds_after_its_last_sign(world: World) -> None:
    now = timezone.now()
    assert not accounts.watch_is_alive(world.account, now)
    watch = a_watch(world)
    watch.take_lease()
    assert accounts.watch_is_alive(world.account, timezone.now())
    later = timezone.now() + timedelta(seconds=accounts.WATCH_STALE_SECONDS + 1)
    assert not accounts.watch_is_alive(world.account, later)
    set_back = timezone.now() - timedelta(minutes=7)
    assert not accounts.watch_is_alive(world.account, set_back)  # it says nothing of this clock's now
    watch.release()
    assert not accounts.watch_is_alive(world.account, timezone.now())


def test_a_watch_whose_lease_is_taken_over_stops_its_loops(world: World) -> None:
    watch = a_watch(world)
    runner = Runner(watch)

    async def scenario() -> None:
        holding = asyncio.create_task(take_and_hold(runner))
        await eventually(lambda: watch.fence > 0 and fresh(world.account).recovered_at is not None)
        await asyncio.to_thread(guarded, steal)
        await asyncio.wait_for(holding, PATIENCE_SECONDS)
        assert not watch.stopping.is_set()  # it did not end: it goes back to standing by
        calls = len(world.venue.asked)
        await asyncio.sleep(0.5)
        assert len(world.venue.asked) == calls  # nothing of it runs on

    def steal() -> None:
        in_an_hour = timezone.now() + timedelta(hours=1)
        Lease.objects.filter(name=accounts.watch_lease_name(world.account)).update(
            holder="thief", fence=F("fence") + 1, expires_at=in_an_hour
        )

    run(scenario)
    runner.threads.shutdown()
    lease = Lease.objects.get(name=accounts.watch_lease_name(world.account))
    assert lease.holder == "thief"  # the loser's release did not take it away


async def take_and_hold(runner: Runner) -> None:
    assert await runner.job(runner.watch.take_lease)
    await runner.hold()


# --- the loops -----------------------------------------------------------------------------------------


def test_a_whole_trade_under_the_running_watch(world: World, settings) -> None:
    settings.WATCH_HOOKS = [f"{__name__}.failing_hook", "trading.hooks.settle"]
    watch = a_watch(world)
    other = a_watch(world)
    made: list[Trade] = []

    async def scenario() -> None:
        running = asyncio.create_task(Runner(watch).run())
        await eventually(lambda: watch.fence > 0 and fresh(world.account).recovered_at is not None)
        standing_by = asyncio.create_task(Runner(other).run())
        await asyncio.to_thread(guarded, lambda: made.append(world.open()))
        await eventually(lambda: world.bracket(made[0]).state == State.BRACKET_ACTIVE)
        assert other.fence == 0
        world.price(TARGET + 1)
        await eventually(lambda: Trade.objects.get(pk=made[0].pk).status == "CLOSED")
        watch.stopping.set()
        await asyncio.wait_for(running, PATIENCE_SECONDS)
        await eventually(lambda: other.fence > 0)  # the second takes over
        other.stopping.set()
        await asyncio.wait_for(standing_by, PATIENCE_SECONDS)

    run(scenario)
    assert Lease.objects.get(name=accounts.watch_lease_name(world.account)).holder == ""
    world.assert_over(made[0], "take_profit")


def test_only_who_holds_the_lease_looks_whether_all_is_well(world: World, settings) -> None:
    """The dead man's ping of a second watch would hide that the first one is gone."""
    settings.DEADMAN_SECRET_URL = "http://127.0.0.1:1/"  # nobody listens
    first, second = Runner(a_watch(world)), Runner(a_watch(world))

    async def scenario() -> None:
        running = asyncio.create_task(first.run())
        await eventually(lambda: first.dead_man.due_at is not None)
        standing_by = asyncio.create_task(second.run())
        for _ in range(2):
            first.dead_man.due_at = None
            await eventually(lambda: first.dead_man.due_at is not None)
        assert second.dead_man.due_at is None
        first.watch.stopping.set()
        await asyncio.wait_for(running, PATIENCE_SECONDS)
        await eventually(lambda: second.dead_man.due_at is not None)
        second.watch.stopping.set()
        await asyncio.wait_for(standing_by, PATIENCE_SECONDS)

    run(scenario)


def test_a_hook_that_fails_is_said_and_the_others_run(world: World, settings) -> None:
    settings.WATCH_HOOKS = [f"{__name__}.failing_hook", f"{__name__}.quiet_hook"]
    watch = a_watch(world)
    for _ in range(2):
        assert guarded(watch.run_hooks) is None
    assert seen == ["failing", "quiet"] * 2


@pytest.mark.parametrize("error", [VenueUnavailable("down"), ZeroDivisionError(), KeyError("x")])
def test_a_job_that_fails_is_survived(world: World, error: Exception) -> None:
    def job() -> None:
        raise error

    outcome = guarded(job)
    assert outcome is (error if isinstance(error, VenueUnavailable) else None)


@pytest.mark.parametrize(
    ("outcome", "failures", "seconds"),
    [
        (None, 0, 0),
        (VenueUnavailable("down"), 1, 1),
        (VenueUnavailable("down"), 50, 5),
        (KeyRefused("wrong key"), 1, 5),
        (KeyRefused("wrong key"), 3, 20),
        (KeyRefused("wrong key"), 50, 60),
    ],
)
def test_a_venue_that_does_not_answer_is_left_alone_for_longer(
    outcome: Exception | None, failures: int, seconds: float
) -> None:
    assert patience_after(outcome, failures) == seconds


def test_a_refused_key_is_told_where_people_look(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = a_watch(world)
    watch.take_lease()

    def refused(**options: object) -> None:
        raise KeyRefused("the venue refuses the key: EAPI:Invalid signature")

    monkeypatch.setattr(world.venue, "open_orders", refused)
    with pytest.raises(KeyRefused):
        watch.read()
    assert "Invalid signature" in fresh(world.account).private_error
    monkeypatch.undo()
    watch.last_cycle_at = None
    watch.read()
    assert fresh(world.account).private_error == ""


def test_a_venue_that_is_down_is_remembered_for_the_status_page(world: World) -> None:
    watch = a_watch(world)
    world.venue.set_down(True)
    with pytest.raises(VenueUnavailable):
        watch.ask_prices()
    assert "refused" in fresh(world.account).venue_error
    world.venue.set_down(False)
    watch.ask_prices()
    assert fresh(world.account).venue_error == ""


def test_the_first_answer_clears_what_the_status_says_of_failures(world: World) -> None:
    """Not the last one of a comparison: that may wait for rate budget."""
    world.open()
    world.send()
    readers.note_private(world.account, "connection refused")
    readers.note_venue(world.account, error="connection refused")
    said: list[tuple[str, str]] = []

    def note() -> None:
        now = fresh(world.account)
        said.append((now.private_error, now.venue_error))

    world.venue.script("orders", note)
    watch = a_watch(world)
    watch.take_lease()
    watch.read()
    assert said == [("", "")]


def test_a_quiet_book_is_read_seldom_and_a_moving_one_often(world: World) -> None:
    watch = a_watch(world)
    watch.take_lease()
    watch.read()
    now = timezone.now()
    watch.last_cycle_at = now
    assert not watch.reading_is_due(now + timedelta(seconds=3))
    assert watch.reading_is_due(now + timedelta(seconds=7))
    trade = world.open()
    watch.see_prices()
    assert world.bracket(trade).state == State.ENTRY_PLACED
    assert watch.reading_is_due(now + timedelta(seconds=3))


def test_an_awaited_market_is_asked_for_again_soon_whatever_fails(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    trade = world.open()
    Bracket.objects.filter(pk=world.bracket(trade).pk).update(market="cancel_only")
    asked: list[datetime] = []

    def refused() -> str:
        asked.append(timezone.now())
        raise VenueUnavailable("Kraken's SystemStatus refused: EService:Unavailable")

    monkeypatch.setattr(world.venue, "system_status", refused)
    watch = a_watch(world)
    watch.shelf.refresh()
    watch.keep_house()
    watch.keep_house()
    assert len(asked) == 1, "not at every turn"
    assert watch.house.status_at is not None
    watch.house.status_at -= timedelta(seconds=AWAITED_STATUS_SECONDS)
    watch.keep_house()
    assert len(asked) == 2


def test_housework_reads_the_venue_now_and_then(world: World) -> None:
    watch = a_watch(world)
    world.venue.system = "maintenance"
    watch.keep_house()
    assert fresh(world.account).venue_system == "maintenance"
    calls = len(world.venue.asked)
    watch.keep_house()
    assert len(world.venue.asked) == calls


# --- the cluster's net under it ----------------------------------------------------------------------------


def test_the_scheduled_task_does_the_work_while_no_watch_is_alive(world: World, settings) -> None:
    settings.WATCH_HOOKS = ["trading.hooks.settle"]
    trade = world.open()
    tasks.reconcile_account()
    trade.refresh_from_db()
    assert world.bracket(trade).state == State.BRACKET_ACTIVE
    assert trade.entry_price == 2500
    assert Lease.objects.filter(name=tasks.HEARTBEAT).exists()


def test_the_scheduled_task_leaves_a_living_watch_alone(world: World) -> None:
    a_watch(world).take_lease()
    calls = len(world.venue.asked)
    tasks.reconcile_account()
    assert len(world.venue.asked) == calls


def test_the_scheduled_task_survives_a_venue_that_is_down(world: World) -> None:
    trade = world.open()
    world.venue.script("place", Fault.LOST_REQUEST)
    world.venue.set_down(True)
    tasks.reconcile_account()
    assert "refused" in fresh(world.account).venue_error
    assert world.bracket(trade).state == State.ENTRY_PLACED


def test_the_time_of_the_last_sign_is_told(world: World) -> None:
    assert accounts.watch_renewed_at(world.account) is None
    a_watch(world).take_lease()
    renewed_at = accounts.watch_renewed_at(world.account)
    assert isinstance(renewed_at, datetime)
