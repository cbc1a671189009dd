"""One sender per key: turns, nonces and budget in the database, over threads, processes and clocks."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction

from brackets.models.sender import SenderKey
from brackets.venue import line, sender, wishes
from brackets.venue.kraken import pair_budget
from brackets.venue.port import Accepted, BudgetExhausted, VenueUnavailable
from brackets.venue.sender import InsideTransaction, SenderSlot
from brackets.venue.wishes import Wish
from tests.contract.kraken_case import slot_for, venue_on
from tests.contract.sender_case import NAME, NOON, SetClock, row, slot, take
from tests.contract.stub import Stub, ok, serving

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serving() as server:
        yield server


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


# --- nonces --------------------------------------------------------------------------------------


def test_a_nonce_is_the_time_or_one_more_than_the_last(clock: SetClock) -> None:
    row()
    milliseconds = int(NOON.timestamp() * 1000)
    assert take(slot(clock)) == milliseconds
    assert take(slot(clock)) == milliseconds + 1
    clock.now += timedelta(seconds=1)
    assert take(slot(clock)) == milliseconds + 1000


def test_a_clock_set_back_does_not_lower_the_nonce(clock: SetClock) -> None:
    row()
    first = take(slot(clock))
    clock.now -= timedelta(days=1)
    assert take(slot(clock)) == first + 1


def test_a_turn_is_given_back_also_after_an_error(clock: SetClock) -> None:
    row()
    with pytest.raises(ZeroDivisionError), slot(clock).turn(cost=0, urgent=True):
        raise ZeroDivisionError
    assert take(slot(clock))


def test_threads_and_processes_arrive_in_the_order_of_their_nonces(stub: Stub, tmp_path: Path) -> None:
    stub.always("CancelOrder", ok({"count": 1}))
    with world(tmp_path) as environment:
        racers = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.contract.racer", stub.url, "2", "8"],
                env=environment,
                cwd=settings.BASE_DIR,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(3)
        ]
        for racer in racers:
            _, said = racer.communicate(timeout=100)
            assert racer.returncode == 0, said
    nonces = [request.nonce for request in stub.sent("CancelOrder")]
    assert len(nonces) == 3 * 2 * 8
    assert nonces == sorted(set(nonces))


class world:
    """The environment of processes that share the sender's table with each other, on either database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> dict[str, str]:
        path = os.pathsep.join([str(settings.BASE_DIR), os.environ.get("PYTHONPATH", "")])
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "config.settings"),
            "PYTHONPATH": path,
        }
        if connection.vendor != "sqlite":
            login = connection.settings_dict
            where = f"{login['HOST']}:{login['PORT']}/{login['NAME']}"
            return environment | {"DATABASE_URL": f"postgres://{login['USER']}:{login['PASSWORD']}@{where}"}
        environment["DATABASE_URL"] = f"sqlite:///{self.folder / 'race.sqlite3'}"
        subprocess.run([sys.executable, "-c", MAKE_TABLE], env=environment, check=True, timeout=60)
        return environment

    def __exit__(self, *error: object) -> None:
        """Nothing to undo: the folder is the test's own."""


MAKE_TABLE = """
import django; django.setup()
from django.db import connection
from brackets.models.sender import SenderKey
with connection.schema_editor() as editor: editor.create_model(SenderKey)
"""


# --- the lease -----------------------------------------------------------------------------------


def test_a_turn_excludes_another_until_it_is_given_back(clock: SetClock) -> None:
    row()
    with slot(clock).turn(cost=0, urgent=True), pytest.raises(VenueUnavailable, match="no turn"):
        take(slot(clock))
    assert take(slot(clock))


def test_a_lease_that_ran_out_is_taken_and_the_late_holder_changes_nothing(clock: SetClock) -> None:
    row()
    with slot(clock).turn(cost=0, urgent=True) as former:
        clock.now += slot(clock).lease
        late = slot(clock).turn(cost=0, urgent=True)
        assert late.__enter__().nonce > former.nonce
    assert SenderKey.objects.get().holder, "the former holder must not give back the turn of the next"
    late.__exit__(None, None, None)
    assert not SenderKey.objects.get().holder


def test_a_lease_from_an_impossible_future_has_lapsed(clock: SetClock) -> None:
    row(holder="elsewhere 1 1", lease_expires_at=NOON + timedelta(hours=1))
    assert take(slot(clock))


def test_a_dead_process_of_this_host_is_not_waited_for(clock: SetClock) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    row(
        holder=f"{sender.this_host()} {ended.pid} 1",
        lease_expires_at=NOON + timedelta(seconds=7),
        last_nonce=10**15,
    )
    assert take(slot(clock)) == 10**15 + 1


def test_a_reused_process_id_is_another_process(clock: SetClock) -> None:
    row(holder=f"{sender.this_host()} {os.getpid()} 1", lease_expires_at=NOON + timedelta(seconds=7))
    assert take(slot(clock))


@pytest.mark.parametrize("holder", ["another-host/boot/table 1 1", "nonsense", "ourselves"])
def test_a_holder_not_known_to_be_dead_is_waited_for(clock: SetClock, holder: str) -> None:
    holder = sender.holder_name() if holder == "ourselves" else holder
    row(holder=holder, lease_expires_at=NOON + timedelta(seconds=7))
    with pytest.raises(VenueUnavailable):
        take(slot(clock))


WAITS = sender.Wanted(cost=0, urgent=True, spending=None)
POLLS = sender.Wanted(cost=0, urgent=False, spending=None)


PLACING = replace(WAITS, spending=pair_budget.Spending(deed=pair_budget.Deed.ADD, symbol="ETH/USD"))
CANCELING = replace(WAITS, spending=pair_budget.Spending(deed=pair_budget.Deed.CANCEL, symbol="ETH/USD"))


@pytest.fixture(autouse=True)
def an_empty_line() -> None:
    """Nobody waits for a turn since the test before."""
    line.LINES.clear()


def waiting(of: SenderSlot, wanted: sender.Wanted = WAITS) -> Wish:
    """One who is urgent and found the turn taken."""
    wish = of._wish(wanted)
    wish.insist()
    return wish


def test_somebody_urgent_goes_first(clock: SetClock) -> None:
    row()
    shared = slot(clock)
    wish = waiting(shared)
    with pytest.raises(VenueUnavailable):
        take(shared, urgent=False)
    assert isinstance(shared._attempt(WAITS, newcomer=False, wish=wish), sender.Turn)


def test_polls_go_on_at_once_after_what_was_urgent(clock: SetClock) -> None:
    row()
    shared = slot(clock)
    with shared.turn(cost=0, urgent=False), pytest.raises(VenueUnavailable):
        take(shared, urgent=True)  # it waited in vain, and waits no more
    assert take(shared, urgent=False)
    wish = waiting(shared)
    turn = shared._attempt(WAITS, newcomer=False, wish=wish)
    assert isinstance(turn, sender.Turn)
    shared._release(turn)
    assert take(shared, urgent=False)


def test_one_who_is_kept_from_renewing_its_wish_goes_first_all_the_same(clock: SetClock) -> None:
    """A loaded machine may let a waiter sleep ten times as long as it meant to."""
    row()
    waiting(slot(clock))
    clock.now += timedelta(seconds=1)
    assert isinstance(slot(clock)._attempt(POLLS, newcomer=False), sender.Busy)


def test_a_wish_of_one_who_was_killed_lapses(clock: SetClock) -> None:
    row()
    waiting(slot(clock))
    clock.now += timedelta(seconds=wishes.WISH_SECONDS)
    assert take(slot(clock), urgent=False)
    waiting(slot(clock))
    assert SenderKey.objects.get().urgent_waiting == 1, "the dead are not counted again"


def test_a_wish_from_an_impossible_future_has_lapsed(clock: SetClock) -> None:
    row(urgent_waiting=1, urgent_until=NOON + timedelta(hours=1))
    assert take(slot(clock), urgent=False)


def test_who_still_waits_keeps_polls_back_when_another_got_its_turn(clock: SetClock) -> None:
    row()
    shared = slot(clock)
    first, second = waiting(shared), waiting(shared)
    for wish in (first, second):
        assert isinstance(shared._attempt(POLLS, newcomer=False), sender.Busy)
        turn = shared._attempt(WAITS, newcomer=False, wish=wish)
        assert isinstance(turn, sender.Turn)
        shared._release(turn)
    assert isinstance(shared._attempt(POLLS, newcomer=False), sender.Turn)


def test_a_wish_written_while_a_poll_was_looking_holds_it_back(clock: SetClock) -> None:
    class Slow(SenderSlot):
        """Somebody urgent comes between its look and its claim."""

        def _charged(self, *arguments: Any) -> sender.Turn:
            waiting(slot(clock))
            return super()._charged(*arguments)

    row()
    slow = Slow(key_fingerprint=NAME, clock=clock)
    assert isinstance(slow._attempt(POLLS, newcomer=False), sender.Busy)
    assert isinstance(slow._attempt(WAITS, newcomer=False), sender.Turn)


def test_one_who_waits_for_budget_keeps_nobody_back(clock: SetClock) -> None:
    """Whoever held the turn used up the budget of its pair: it could not go anyway."""
    row(pair_counters={"ETH/USD": [60_000, int(NOON.timestamp() * 1000)]})
    shared = slot(clock)
    spending = pair_budget.Spending(deed=pair_budget.Deed.ADD, symbol="ETH/USD")
    with pytest.raises(BudgetExhausted):
        shared._wait(replace(WAITS, spending=spending), waiting(shared), 0.0, lambda: False)
    assert isinstance(shared._attempt(POLLS, newcomer=False), sender.Turn)


def test_one_who_waits_goes_before_one_just_as_urgent_that_comes_later(clock: SetClock) -> None:
    row()
    shared = slot(clock)
    wish = waiting(shared)
    assert isinstance(shared._attempt(WAITS, newcomer=True), sender.Busy)
    turn = shared._attempt(WAITS, newcomer=False, wish=wish)
    assert isinstance(turn, sender.Turn)
    shared._release(turn)
    assert isinstance(shared._attempt(WAITS, newcomer=True), sender.Turn), "nobody waits any more"


def test_those_who_wait_in_one_process_take_turns_but_what_covers_coins_goes_first(clock: SetClock) -> None:
    """By chance alone a placing might wait until its deadline has passed, behind readings."""
    row()
    shared = slot(clock)
    came = (WAITS, CANCELING, PLACING, WAITS)
    waiters = [(wanted, waiting(shared, wanted)) for wanted in came]
    served: list[int] = []
    while len(served) < len(waiters):
        for number, (wanted, wish) in reversed(list(enumerate(waiters))):
            if number in served:
                continue
            turn = shared._attempt(wanted, newcomer=False, wish=wish)
            if isinstance(turn, sender.Turn):
                served.append(number)
                shared._release(turn)
    assert served == [2, 0, 1, 3]


def test_a_waiting_thread_gets_the_turn_when_it_is_given_back(stub: Stub) -> None:
    shared = slot_for(stub)
    stub.will("CancelOrder", ok({"count": 1}))
    venue = venue_on(stub, slot=shared)
    outcomes: list[object] = []

    def cancel() -> None:
        outcomes.append(venue.cancel("OAAAAA-BBBBB-CCCCCC"))
        connection.close()

    with shared.turn(cost=0, urgent=False):
        waiting = threading.Thread(target=cancel)
        waiting.start()
        waiting.join(timeout=0.1)
        assert stub.sent("CancelOrder") == []
    waiting.join()
    assert outcomes == [Accepted(venue_order_id=None)]


def test_the_network_is_never_waited_for_inside_a_transaction(clock: SetClock) -> None:
    row()
    with transaction.atomic(), pytest.raises(InsideTransaction):
        take(slot(clock))


# --- the budget ----------------------------------------------------------------------------------


def test_a_key_never_seen_has_no_budget_but_may_write(clock: SetClock) -> None:
    with pytest.raises(BudgetExhausted):
        take(slot(clock), cost=1, urgent=False)
    assert take(slot(clock), cost=0, urgent=False)


def test_polls_end_where_the_reserve_begins_and_urgent_reads_use_it(clock: SetClock) -> None:
    row()
    for _ in range(10):
        take(slot(clock), cost=1, urgent=False)
    with pytest.raises(BudgetExhausted, match="counter 10"):
        take(slot(clock), cost=1, urgent=False)
    for _ in range(5):
        take(slot(clock), cost=1, urgent=True)
    with pytest.raises(BudgetExhausted, match="counter 15"):
        take(slot(clock), cost=1, urgent=True)
    assert take(slot(clock), cost=0, urgent=True)


def test_budget_comes_back_with_time_at_the_tier_s_pace(clock: SetClock) -> None:
    row(counter_thousandths=15_000)
    clock.now += timedelta(seconds=18)
    with pytest.raises(BudgetExhausted):
        take(slot(clock), cost=1, urgent=False)
    clock.now += timedelta(seconds=0.2)
    assert take(slot(clock), cost=1, urgent=False)


def test_patience_waits_for_budget() -> None:
    now = datetime.now(UTC)
    row(counter_thousandths=15_000, counter_at=now)
    patient = SenderSlot(key_fingerprint=NAME, tier="pro")  # 15 is where the reserve of pro begins
    with patient.turn(cost=1, urgent=False, patience_seconds=20) as turn:
        assert turn.nonce


def test_a_poll_that_waits_for_budget_gives_way_to_what_is_urgent() -> None:
    """The poll would have waited for longer than this test may take."""
    row(counter_thousandths=15_000, counter_at=datetime.now(UTC) + timedelta(seconds=5))
    asked: list[bool] = []

    def urgent_came() -> bool:
        asked.append(len(asked) == 1)
        return asked[-1]

    patient = SenderSlot(key_fingerprint=NAME)
    waiting = patient.turn(cost=1, urgent=False, patience_seconds=300, give_way=urgent_came)
    with pytest.raises(BudgetExhausted), waiting:
        pass
    assert asked == [False, True]


def test_what_is_urgent_gives_way_to_nothing() -> None:
    row(counter_thousandths=14_100, counter_at=datetime.now(UTC))
    with SenderSlot(key_fingerprint=NAME).turn(cost=1, urgent=True, give_way=lambda: True) as turn:
        assert turn.nonce


def test_a_counter_of_the_future_heals(clock: SetClock) -> None:
    row(counter_thousandths=15_000, counter_at=NOON + timedelta(hours=1))
    with pytest.raises(BudgetExhausted):
        take(slot(clock), cost=1, urgent=False)
    clock.now += timedelta(seconds=60)
    assert take(slot(clock), cost=1, urgent=False)


def test_a_write_neither_charges_nor_spares_the_key(clock: SetClock) -> None:
    """A counter dated at a dead sender's lease's end keeps its date; an impossible date is mended."""
    row(counter_thousandths=5000, counter_at=NOON + timedelta(seconds=5))
    take(slot(clock), cost=0)
    assert SenderKey.objects.get().counter_at == NOON + timedelta(seconds=5)
    row(counter_thousandths=5000, counter_at=NOON + timedelta(hours=1))
    take(slot(clock), cost=0)
    kept = SenderKey.objects.get()
    assert (kept.counter_thousandths, kept.counter_at) == (5000, NOON)


def test_an_unknown_tier_is_named() -> None:
    with pytest.raises(ValueError, match="platinum"):
        SenderSlot(key_fingerprint=NAME, tier="platinum")
