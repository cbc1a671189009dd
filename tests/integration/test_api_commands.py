"""Commands over REST: 202 with the Command, 409 with its denials, and a problem for everything else."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from brackets.models import Account, Quote
from risk.models import AuditRow, SystemConfig
from tests import factories
from tests.integration.conftest import Caller
from trading import commands
from trading.api import command_views
from trading.models import Command, Trade

PROBLEM = "application/problem+json"
BUY = {"symbol": "ETH/USD", "amount_usd": "50"}


def test_a_buy_is_202_with_the_command(caller: Caller) -> None:
    answer = caller.post("commands/buy/", BUY)
    assert answer.status_code == 202
    trade = Trade.objects.get()
    order = trade.bracket.orders.get()
    assert answer.json() == {
        "id": Command.objects.get().pk,
        "kind": "buy",
        "status": "accepted",
        "denials": [],
        "trade": trade.pk,
        "trades": [trade.pk],
        "orders": [order.pk],
        "message": "",
    }
    assert caller.get(f"commands/{answer.json()['id']}/").json() == answer.json()


def test_the_journal_names_user_and_token(caller: Caller) -> None:
    caller.post("commands/buy/", BUY)
    assert AuditRow.objects.get(action="command.buy").actor.startswith("root (token ")


def test_a_path_without_its_last_slash_works(caller: Caller) -> None:
    assert caller.post("commands/buy", BUY).status_code == 202
    assert caller.get("trades").status_code == 200


def test_a_denial_is_409_with_the_command_and_nothing_else_written(caller: Caller) -> None:
    before = factories.everything_written()
    answer = caller.post("commands/buy/", {**BUY, "amount_usd": "1000.5"})
    assert (answer.status_code, answer["Content-Type"]) == (409, "application/json")
    body = answer.json()
    assert (body["status"], body["trade"], body["orders"]) == ("denied", None, [])
    assert set(body["denials"][0]) == {"code", "message", "limit", "value"}
    assert body["denials"][0]["code"] == "maximum_notional"
    assert factories.everything_written() == before


def test_paused_is_409(caller: Caller) -> None:
    assert caller.post("commands/pause/", {"reason": "storm"}).status_code == 202
    answer = caller.post("commands/buy/", BUY)
    assert (answer.status_code, answer.json()["denials"][0]["code"]) == (409, "paused")
    assert caller.post("commands/resume/", {"reason": "calm"}).status_code == 202
    assert caller.post("commands/buy/", BUY).status_code == 202


def test_a_venue_that_is_away_is_409_by_name(caller: Caller) -> None:
    Quote.objects.update(read_at=timezone.now() - timedelta(seconds=30))
    answer = caller.post("commands/buy/", BUY)
    assert (answer.status_code, answer.json()["denials"][0]["code"]) == (409, "venue_unreachable")


def test_before_recovery_an_entry_is_503_with_retry_after(caller: Caller) -> None:
    Account.objects.update(recovered_at=None)
    for kind in ("buy", "force-test"):
        answer = caller.post(f"commands/{kind}/", BUY, **{"Idempotency-Key": kind})
        assert (answer.status_code, answer["Retry-After"], answer["Content-Type"]) == (503, "2", PROBLEM)
    assert caller.post("commands/pause/", {"reason": "x"}).status_code == 202
    caller.post("commands/resume/", {"reason": "x"})
    Account.objects.update(recovered_at=timezone.now())
    # What was put off used up no key.
    assert caller.post("commands/buy/", BUY, **{"Idempotency-Key": "buy"}).status_code == 202


def test_an_unknown_symbol_is_400_and_says_what_is_offered(caller: Caller) -> None:
    answer = caller.post("commands/buy/", {**BUY, "symbol": "FOO/USD"})
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_symbol")
    assert "FOO/USD" in answer.json()["detail"] and "ETH/USD" in answer.json()["detail"]


@pytest.mark.parametrize(
    "amount",
    [
        *("0", "-5", "NaN", "Infinity", "abc", "", "1e2", "1_0", "٥", "9" * 30, "0.00000000001", "100000000"),
        *(0, -1, True, [], {}, None, 1e300),
    ],
)
def test_an_amount_that_is_none_is_400_naming_field_and_value(caller: Caller, amount: object) -> None:
    answer = caller.post("commands/buy/", {**BUY, "amount_usd": amount})
    assert (answer.status_code, answer["Content-Type"]) == (400, PROBLEM)
    assert answer.json()["field"] == "amount_usd"
    assert "amount_usd" in answer.json()["detail"]
    assert Command.objects.count() == 0


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", "1e999999999", "9" * 5000])
def test_a_number_that_is_none_is_400(caller: Caller, amount: str) -> None:
    answer = caller.post("commands/buy/", f'{{"symbol": "ETH/USD", "amount_usd": {amount}}}')
    assert (answer.status_code, answer["Content-Type"]) == (400, PROBLEM)


def test_a_number_is_read_with_every_digit(caller: Caller) -> None:
    body = '{"symbol": "ETH/USD", "amount_usd": 50.0000000001, "stop_loss_price": 2400.10}'
    assert caller.post("commands/buy/", body).status_code == 202
    assert Command.objects.get().payload == {
        "symbol": "ETH/USD",
        "amount_usd": "50.0000000001",
        "stop_loss_price": "2400.1",
    }


def test_a_price_off_the_venues_grid_is_400_naming_the_step(caller: Caller) -> None:
    answer = caller.post("commands/buy/", {**BUY, "stop_loss_price": "2400.123"})
    assert (answer.status_code, answer.json()["field"]) == (400, "stop_loss_price")
    assert "0.01" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("legs", "codes"),
    [
        ({"stop_loss_price": "2600", "take_profit_price": "2550"}, ["stop_not_below_price"]),
        ({"stop_loss_price": "9000"}, ["stop_not_below_price"]),
        ({"take_profit_price": "100"}, ["target_not_above_price"]),
    ],
)
def test_a_leg_on_the_wrong_side_is_denied_by_its_own_name(
    caller: Caller, legs: dict[str, str], codes: list[str]
) -> None:
    answer = caller.post("commands/buy/", {**BUY, **legs})
    assert answer.status_code == 409
    assert [denial["code"] for denial in answer.json()["denials"]] == codes
    assert Trade.objects.count() == 0


def test_an_unknown_field_is_refused_by_name(caller: Caller) -> None:
    answer = caller.post("commands/buy/", {**BUY, "leverage": 10})
    assert (answer.status_code, answer.json()["field"]) == (400, "leverage")


def test_a_close_is_202_and_shows_the_exits_orders(caller: Caller) -> None:
    trade = factories.protect(factories.open_trade())
    answer = caller.post("commands/close/", {"trade": trade.pk, "reason": "enough"})
    assert (answer.status_code, answer.json()["trade"]) == (202, trade.pk)
    trade.bracket.refresh_from_db()
    assert trade.bracket.state == "EXITING"


def test_closing_an_unknown_trade_is_404_naming_it(caller: Caller) -> None:
    answer = caller.post("commands/close/", {"trade": 4711})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_trade")
    assert "4711" in answer.json()["detail"]


def test_closing_a_closed_trade_is_409(caller: Caller) -> None:
    trade = factories.close_by_stop(factories.protect(factories.open_trade()))
    answer = caller.post("commands/close/", {"trade": trade.pk})
    assert (answer.status_code, answer.json()["denials"][0]["code"]) == (409, "trade_closed")


def test_the_same_key_and_body_is_the_same_command(caller: Caller) -> None:
    key = {"Idempotency-Key": "abc"}
    first = caller.post("commands/buy/", BUY, **key)
    again = caller.post("commands/buy/", '{"amount_usd": 50.0, "symbol": "eth/usd"}', **key)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    assert (Trade.objects.count(), Command.objects.count()) == (1, 1)


def test_a_denied_command_is_repeated_as_denied(caller: Caller) -> None:
    key = {"Idempotency-Key": "abc"}
    caller.post("commands/pause/", {"reason": "x"})
    first = caller.post("commands/buy/", BUY, **key)
    caller.post("commands/resume/", {"reason": "x"})
    again = caller.post("commands/buy/", BUY, **key)
    assert (first.status_code, again.status_code) == (409, 409)
    assert first.json() == again.json()


@pytest.mark.parametrize(
    ("kind", "body"), [("buy", {**BUY, "amount_usd": "51"}), ("force-test", BUY), ("pause", {"reason": "x"})]
)
def test_the_same_key_with_another_body_is_422(caller: Caller, kind: str, body: dict[str, str]) -> None:
    key = {"Idempotency-Key": "abc"}
    caller.post("commands/buy/", BUY, **key)
    answer = caller.post(f"commands/{kind}/", body, **key)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_conflict")
    assert (Trade.objects.count(), Command.objects.count()) == (1, 1)


def test_a_key_belongs_to_its_user(caller: Caller) -> None:
    other = Caller(factories.a_token(factories.a_user("trading.trade")))
    key = {"Idempotency-Key": "abc"}
    first = caller.post("commands/buy/", BUY, **key)
    second = other.post("commands/buy/", {**BUY, "symbol": "SOL/USD"}, **key)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] != second.json()["id"]


@pytest.mark.parametrize("key", ["", "x" * 129])
def test_a_key_that_is_none_is_400(caller: Caller, key: str) -> None:
    assert caller.post("commands/buy/", BUY, **{"Idempotency-Key": key}).status_code == 400


@pytest.mark.parametrize("wait", ["-1", "x", "1.5", ""])
def test_a_wait_that_is_none_is_400_and_does_nothing(caller: Caller, wait: str) -> None:
    assert caller.post(f"commands/buy/?wait={wait}", BUY).status_code == 400
    assert Command.objects.count() == 0


def test_waiting_ends_with_the_outcome(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bracket gets protected while the answer is held; the clock stands in for the watch."""
    looks: list[float] = []

    def another_process(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            factories.protect(Trade.objects.get())

    monkeypatch.setattr("trading.api.command_views.time.sleep", another_process)
    answer = caller.post("commands/buy/?wait=30", BUY)
    assert (answer.status_code, answer.json()["status"], len(looks)) == (202, "done", 3)
    assert len(answer.json()["orders"]) == 2


def test_waiting_gives_up_at_its_end(caller: Caller) -> None:
    answer = caller.post("commands/buy/?wait=1", BUY)
    assert (answer.status_code, answer.json()["status"]) == (202, "accepted")


@pytest.mark.django_db(transaction=True)
def test_two_that_ask_the_same_at_once_get_one_command(caller: Caller) -> None:
    answers = at_once(8, lambda n: caller_copy(caller).post("commands/buy/", BUY, **{"Idempotency-Key": "k"}))
    assert [a.status_code for a in answers] == [202] * 8
    assert len({a.json()["id"] for a in answers}) == 1
    assert (Trade.objects.count(), Command.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_two_that_pause_with_one_key_at_once_get_one_command(caller: Caller) -> None:
    body = {"reason": "x"}
    answers = at_once(
        6, lambda n: caller_copy(caller).post("commands/pause/", body, **{"Idempotency-Key": "k"})
    )
    assert [a.status_code for a in answers] == [202] * 6
    assert Command.objects.count() == 1
    assert SystemConfig.objects.get().system_status == "PAUSED"


@pytest.mark.django_db(transaction=True)
def test_two_bodies_with_one_key_at_once_one_wins(caller: Caller) -> None:
    symbols = ["ETH/USD", "BTC/USD"]
    answers = at_once(
        2,
        lambda n: caller_copy(caller).post(
            "commands/buy/", {**BUY, "symbol": symbols[n]}, **{"Idempotency-Key": "k"}
        ),
    )
    assert sorted(a.status_code for a in answers) == [202, 422]
    assert (Trade.objects.count(), Command.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_two_that_buy_the_same_coin_at_once_open_one_trade(caller: Caller) -> None:
    answers = at_once(4, lambda n: caller_copy(caller).post("commands/buy/", BUY))
    assert sorted(a.status_code for a in answers) == [202, 409, 409, 409]
    denied = [a.json()["denials"][0]["code"] for a in answers if a.status_code == 409]
    assert denied == ["position_open"] * 3
    assert Trade.objects.count() == 1


def caller_copy(caller: Caller) -> Caller:
    """A caller of its own for each thread, with the same token."""
    copy = Caller(None)
    copy.headers = dict(caller.headers)
    return copy


def at_once(count: int, act: Any) -> list[Any]:
    """What `count` threads get that begin together, each with a connection of its own."""
    start, answers = threading.Barrier(count), [None] * count

    def run(number: int) -> None:
        try:
            start.wait(10)
            answers[number] = act(number)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


def test_the_loser_of_a_race_gets_the_winners_command(market: Account, admin_user: Any) -> None:
    """The unique constraint decides even when both looked before either wrote."""
    asker = commands.Asker(user=admin_user, actor="test", idempotency_key="k")
    ask = commands.asks.parse("pause", {"reason": "x"})
    winner = commands.perform(ask, asker)
    looks = iter([None])

    def blind_first(*arguments: Any) -> Command | None:
        return next(looks, winner)

    original = commands.asked_before
    commands.asked_before = blind_first  # type: ignore[assignment]
    try:
        assert commands.perform(ask, asker) == winner
    finally:
        commands.asked_before = original
    assert Command.objects.count() == 1


def test_many_who_wait_leave_threads_to_a_pause(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_views, "WAITERS", threading.BoundedSemaphore(1))
    command_views.WAITERS.acquire()  # somebody waits already
    began = time.monotonic()
    assert caller.post("commands/buy/?wait=30", BUY).status_code == 202
    assert time.monotonic() - began < 15  # it was answered without its wait
