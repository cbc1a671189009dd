"""The private stream's conversation: messages in, news out; sparse messages put together, order kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from brackets.venue.kraken.stream import executions
from brackets.venue.kraken.stream.news import (
    AssetTotal,
    BalancesChanged,
    Illegible,
    News,
    OpenOrders,
    OrdersChanged,
    OrderUnclear,
    StreamBroken,
    Subscribed,
    SubscriptionRefused,
    SystemStatusSaid,
)
from brackets.venue.kraken.stream.private import PrivateSession
from brackets.venue.kraken.stream.session import Patience
from brackets.venue.port import OrderKind, OrderUpdate, Side, UnknownWord, VenueStatus

FIXTURE = Path(settings.BASE_DIR).parent / "shared" / "kraken_fixtures" / "ws_v2_executions_balances.json"
captured = pytest.mark.skipif(not FIXTURE.is_file(), reason="kraken_fixtures is not beside the project")
TOKEN = "WW91ciBhdXRo-secret"
AT = "2026-03-02T12:00:00.123456Z"
TRADE = {"exec_type": "trade", "order_status": "partially_filled"}
ORDER, CHILD = "OENTRY-AAAAA-BBBBBB", "OSTOP1-AAAAA-BBBBBB"


def session(**options: Any) -> PrivateSession:
    return PrivateSession(token=TOKEN, now=100.0, **options)


def hear(conversation: PrivateSession, *messages: dict[str, Any] | str, now: float = 100.0) -> list[News]:
    told: list[News] = []
    for message in messages:
        text = message if isinstance(message, str) else json.dumps(message)
        told += conversation.hear(text, now=now)
    return told


def executions_message(
    *data: dict[str, Any], kind: str = "update", number: int | None = None
) -> dict[str, Any]:
    message = {"channel": "executions", "type": kind, "data": list(data)}
    return message if number is None else message | {"sequence": number}


def execution(**fields: Any) -> dict[str, Any]:
    return {"order_id": ORDER, "exec_type": "new", "order_status": "new", "timestamp": AT} | fields


def pending(**fields: Any) -> dict[str, Any]:
    """The first message of an order, which states it whole."""
    whole = {
        "exec_type": "pending_new",
        "order_status": "pending_new",
        "symbol": "BTC/USD",
        "side": "sell",
        "order_type": "stop-loss",
        "order_qty": 0.5,
        "cum_cost": 0,
        "triggers": {"price": 59000.1, "price_type": "static", "reference": "last", "status": "untriggered"},
        "stop_price": 59000.1,
    }
    return execution(**(whole | fields))


def the_update(news: list[News]) -> OrderUpdate:
    (only,) = news
    assert isinstance(only, OpenOrders | OrdersChanged)
    (update,) = only.updates
    return update


# --- opening -----------------------------------------------------------------------------------------


def test_it_opens_with_the_open_orders_and_the_balances() -> None:
    orders, balances = (json.loads(text) for text in session().openings())
    assert orders["method"] == "subscribe"
    assert orders["params"] == {
        "channel": "executions",
        "token": TOKEN,
        "snap_orders": True,
        "snap_trades": False,
    }
    assert balances["params"]["channel"] == "balances"
    assert orders["req_id"] != balances["req_id"]


def test_it_is_of_use_once_the_snapshot_is_in() -> None:
    conversation = session()
    acknowledged = {"method": "subscribe", "success": True, "result": {"channel": "executions"}, "req_id": 1}
    assert hear(conversation, acknowledged) == [Subscribed(channel="executions")]
    assert not conversation.ready
    assert hear(conversation, executions_message(kind="snapshot", number=1)) == [OpenOrders(updates=())]
    assert conversation.ready


@pytest.mark.parametrize("error", ["EGeneral:Permission denied", "ESession:Invalid session"])
def test_a_refused_subscription_ends_it_without_repeating_the_token(error: str) -> None:
    refusal = {"method": "subscribe", "success": False, "error": f"{error} {TOKEN}", "req_id": 1}
    with pytest.raises(StreamBroken) as broken:
        hear(session(), refusal)
    assert error in str(broken.value)
    assert TOKEN not in str(broken.value)


def test_refused_balances_are_only_said() -> None:
    conversation = session()
    conversation.openings()
    refusal = {"method": "subscribe", "success": False, "error": "EGeneral:Unknown channel", "req_id": 2}
    (news,) = hear(conversation, refusal)
    assert news == SubscriptionRefused(channel="balances", symbol=None, error="EGeneral:Unknown channel")


def test_subscriptions_nothing_comes_of_end_it() -> None:
    conversation = session(patience=Patience(opening_seconds=10))
    assert conversation.due(109.0) == ()
    with pytest.raises(StreamBroken):
        conversation.due(110.5)


# --- living ------------------------------------------------------------------------------------------


def test_heartbeats_keep_it_alive_and_tell_nothing() -> None:
    conversation = session(patience=Patience(silence_seconds=5))
    assert hear(conversation, {"channel": "heartbeat"}, now=104.0) == []
    assert not conversation.is_silent(108.9)
    assert conversation.is_silent(109.1)


def test_it_pings_now_and_then() -> None:
    conversation = session(patience=Patience(ping_seconds=15, opening_seconds=1000))
    assert conversation.due(114.0) == ()
    (ping,) = conversation.due(115.0)
    assert json.loads(ping)["method"] == "ping"
    assert conversation.due(116.0) == ()
    assert hear(conversation, {"method": "pong", "req_id": 1}) == []


def test_the_systems_status_is_told() -> None:
    status = {"channel": "status", "type": "update", "data": [{"system": "maintenance", "version": "2.0.10"}]}
    assert hear(session(), status) == [SystemStatusSaid(status="maintenance")]


@pytest.mark.parametrize(
    "message",
    [
        "",
        "<html>502</html>",
        "[]",
        "9" * 5000,
        "[" * 100_000,
        {},
        {"channel": "book", "data": []},
        {"channel": "status", "data": [{"system": "sleeping"}]},
        {"method": "dance"},
        {"channel": "balances", "type": "update", "data": [{"asset": "USD", "balance": "a lot"}]},
    ],
)
def test_what_is_not_understood_is_said_and_nothing_else(message: Any) -> None:
    (news,) = hear(session(), message)
    assert isinstance(news, Illegible)


@pytest.mark.parametrize(
    "message",
    [
        executions_message(kind="revision"),
        {"channel": "executions", "type": "update", "data": {}},
        executions_message() | {"sequence": "next"},
        executions_message({"exec_type": "trade"}),
        executions_message("an order"),  # type: ignore[arg-type]
        {"channel": "balances", "type": "update"},
    ],
)
def test_a_message_that_may_be_about_any_order_ends_it(message: dict[str, Any]) -> None:
    with pytest.raises(StreamBroken):
        hear(session(), message)


# --- sequence ----------------------------------------------------------------------------------------


def numbered(*numbers: tuple[str, int]) -> list[dict[str, Any]]:
    return [{"channel": name, "type": "update", "data": [], "sequence": number} for name, number in numbers]


E, B = "executions", "balances"


@pytest.mark.parametrize(
    "numbers",
    [
        [(E, 1), (B, 1), (E, 2), (E, 3), (B, 2)],  # each channel for itself
        [(E, 1), (B, 2), (E, 3), (E, 4), (B, 5)],  # all channels together
        [(E, 120), (E, 121)],  # wherever it begins
    ],
)
def test_messages_in_order_are_taken(numbers: list[tuple[str, int]]) -> None:
    hear(session(), *numbered(*numbers))


@pytest.mark.parametrize(
    "numbers",
    [
        [(E, 1), (E, 3)],  # a gap
        [(E, 1), (E, 2), (E, 2)],  # a repeat
        [(E, 1), (E, 3), (E, 2)],
        [(E, 2), (E, 1)],  # disorder
        [(E, 1), (B, 1), (E, 2), (B, 3)],  # a gap in one channel
        [(E, 1), (B, 2), (E, 3), (B, 5)],  # a gap where all are counted together
        [(E, 1), (B, 2), (E, 3), (E, 4), (B, 3)],  # the ways of counting are not mixed
    ],
)
def test_a_message_missing_repeated_or_out_of_order_ends_it(numbers: list[tuple[str, int]]) -> None:
    *before, last = numbered(*numbers)
    conversation = session()
    with pytest.raises(StreamBroken):
        hear(conversation, *before, last)


def test_messages_without_a_number_are_taken() -> None:
    news = hear(session(), executions_message(pending()))
    assert the_update(news).status is VenueStatus.PENDING


# --- orders ------------------------------------------------------------------------------------------


def test_the_first_message_states_the_order_whole() -> None:
    told = pending(cl_ord_id="6d1b345e", ord_ref_id="OPARENT")
    assert the_update(hear(session(), executions_message(told))) == OrderUpdate(
        venue_order_id=ORDER,
        at=datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC),
        client_order_id="6d1b345e",
        parent_venue_order_id="OPARENT",
        symbol="BTC/USD",
        side=Side.SELL,
        kind=OrderKind.STOP_LOSS,
        status=VenueStatus.PENDING,
        quantity=Decimal("0.5"),
        trigger_price=Decimal("59000.1"),
    )


def test_later_messages_are_put_together_with_it() -> None:
    conversation = session()
    trade = TRADE | {"last_qty": 0.2, "exec_id": "T1"}
    hear(conversation, executions_message(pending()), executions_message(execution()))
    part = the_update(
        hear(conversation, executions_message(execution(**trade, cum_qty=0.2, avg_price=58990)))
    )
    assert (part.status, part.filled_quantity, part.trade_ids) == (VenueStatus.OPEN, Decimal("0.2"), ("T1",))
    assert part.average_price == 58990
    ended = execution(exec_type="canceled", order_status="canceled", cum_qty=0.2, reason="User requested")
    end = the_update(hear(conversation, executions_message(ended)))
    assert (end.status, end.filled_quantity) == (VenueStatus.CANCELED, Decimal("0.2"))
    assert (end.symbol, end.side, end.kind) == ("BTC/USD", Side.SELL, OrderKind.STOP_LOSS)
    assert (end.trade_ids, end.reason) == (("T1",), "User requested")


def test_terms_are_told_only_where_they_are_stated() -> None:
    """They may have been changed by then; what was said of them earlier is not news."""
    conversation = session()
    hear(conversation, executions_message(pending()))
    update = the_update(hear(conversation, executions_message(execution())))
    assert (update.quantity, update.trigger_price, update.limit_price) == (None, None, None)


def test_an_order_nobody_introduced_tells_only_what_was_said() -> None:
    update = the_update(hear(session(), executions_message(execution())))
    assert update == OrderUpdate(venue_order_id=ORDER, at=update.at, status=VenueStatus.OPEN)


def test_filled_means_all_of_it() -> None:
    conversation = session()
    hear(conversation, executions_message(pending()))
    filled = execution(exec_type="filled", order_status="filled")
    update = the_update(hear(conversation, executions_message(filled)))
    assert (update.status, update.filled_quantity) == (VenueStatus.CLOSED, Decimal("0.5"))


def test_a_trade_that_fills_it_whole_does_not_end_it_yet() -> None:
    trade = execution(
        exec_type="trade", order_status="partially_filled", cum_qty=0.5, exec_id="T1", last_qty=0.5
    )
    update = the_update(hear(session(), executions_message(pending(), trade)))
    assert (update.status, update.filled_quantity) == (VenueStatus.OPEN, Decimal("0.5"))


def test_trades_without_a_sum_are_summed_once_each() -> None:
    trades = [execution(**TRADE, exec_id=name, last_qty=0.1) for name in ("T1", "T2", "T2")]
    update = the_update(hear(session(), executions_message(pending(), *trades)))
    assert (update.filled_quantity, update.trade_ids) == (Decimal("0.2"), ("T1", "T2"))


def test_neither_fills_nor_ends_are_taken_back() -> None:
    conversation = session()
    end = execution(exec_type="canceled", order_status="canceled", cum_qty=0.3)
    late = execution(exec_type="status", order_status="new", cum_qty=0.1)
    hear(conversation, executions_message(pending(), end))
    update = the_update(hear(conversation, executions_message(late)))
    assert (update.status, update.filled_quantity) == (VenueStatus.CANCELED, Decimal("0.3"))


def test_a_stop_that_triggered_is_still_the_stop_that_was_placed() -> None:
    conversation = session()
    hear(conversation, executions_message(pending()))
    triggered = execution(
        exec_type="status",
        order_type="market",
        triggers={"price": 59000.1, "actual_price": 58990, "status": "triggered"},
    )
    update = the_update(hear(conversation, executions_message(triggered)))
    assert (update.triggered, update.kind) == (True, OrderKind.STOP_LOSS)


def test_a_relative_trigger_is_told_by_its_actual_price() -> None:
    trailing = {"price": 1.0, "price_type": "pct", "actual_price": 58410.5, "status": "untriggered"}
    told = pending(order_type="trailing-stop", triggers=trailing)
    assert the_update(hear(session(), executions_message(told))).trigger_price == Decimal("58410.5")


def test_new_terms_replace_the_old_ones() -> None:
    conversation = session()
    hear(conversation, executions_message(pending()))
    amended = execution(
        exec_type="amended", order_qty=0.7, triggers={"price": 59100, "status": "untriggered"}
    )
    update = the_update(hear(conversation, executions_message(amended)))
    assert (update.quantity, update.trigger_price) == (Decimal("0.7"), Decimal("59100"))


def test_terms_that_changed_without_being_said_are_to_be_read_and_never_guessed() -> None:
    conversation = session()
    hear(conversation, executions_message(pending()))
    (news,) = hear(conversation, executions_message(execution(exec_type="amended")))
    assert isinstance(news, OrderUnclear)
    assert (news.venue_order_id, news.introduced) == (ORDER, True)
    later = the_update(hear(conversation, executions_message(execution())))
    assert (later.quantity, later.trigger_price, later.symbol) == (None, None, "BTC/USD")


@pytest.mark.parametrize(
    "fields",
    [
        {"order_status": "frozen"},
        {"exec_type": "teleported"},
        {"order_type": "wish"},
        {"side": "hold"},
        {"triggers": {"price": 1, "status": "wobbling"}},
        {"cum_qty": "many"},
        {"cum_qty": float("nan")},
        {"timestamp": "yesterday"},
        {"timestamp": "2026-03-02T12:00:00"},
    ],
)
def test_an_order_something_unknown_is_said_of_is_to_be_read(fields: dict[str, Any]) -> None:
    other = execution(order_id=CHILD)
    told, unclear = hear(session(), executions_message(execution(**fields), other))
    assert isinstance(told, OrdersChanged)
    assert [update.venue_order_id for update in told.updates] == [CHILD]
    assert isinstance(unclear, OrderUnclear)
    assert (unclear.venue_order_id, unclear.introduced) == (ORDER, False)


def test_a_message_with_several_words_of_one_order_tells_the_sum_of_them() -> None:
    trade = execution(
        exec_type="trade", order_status="partially_filled", cum_qty=0.5, exec_id="T1", last_qty=0.5
    )
    child = pending(order_id=CHILD, ord_ref_id=ORDER)
    filled = execution(exec_type="filled", order_status="filled")
    (news,) = hear(session(), executions_message(pending(side="buy"), trade, child, filled))
    assert isinstance(news, OrdersChanged)
    assert [(u.venue_order_id, u.status) for u in news.updates] == [
        (CHILD, VenueStatus.PENDING),
        (ORDER, VenueStatus.CLOSED),
    ]
    assert (news.updates[1].trade_ids, news.updates[1].quantity) == (("T1",), Decimal("0.5"))


def test_prices_of_zero_are_none() -> None:
    told = pending(triggers=None, stop_price=0, limit_price=0, avg_price=0, order_type="market")
    update = the_update(hear(session(), executions_message(told)))
    assert (update.trigger_price, update.limit_price, update.average_price) == (None, None, None)


def test_the_memory_is_bounded_and_keeps_what_is_open() -> None:
    memory = executions.Executions(most_remembered=10)
    memory.take(pending(order_id="OPEN", order_qty="0.5", stop_price=None, triggers=None))
    for number in range(100):
        memory.take(execution(order_id=f"O{number}", exec_type="canceled", order_status="canceled"))
    assert len(memory) <= 10
    assert memory.take(execution(order_id="OPEN")).symbol == "BTC/USD"


# --- balances ----------------------------------------------------------------------------------------


def test_coins_in_earn_are_not_to_trade_with() -> None:
    wallets = [{"type": "spot", "id": "main", "balance": 300}, {"type": "earn", "id": "flex", "balance": 200}]
    snapshot = {
        "channel": "balances",
        "type": "snapshot",
        "data": [{"asset": "MATIC", "balance": 500, "wallets": wallets}],
    }
    assert hear(session(), snapshot) == [
        BalancesChanged(totals=(AssetTotal(asset="MATIC", total=Decimal(300)),))
    ]


def test_the_newest_entry_of_an_asset_counts_and_earn_entries_do_not() -> None:
    entries = [
        {"asset": "USD", "balance": 90, "wallet_type": "spot"},
        {"asset": "USD", "balance": 80, "wallet_type": "spot"},
        {"asset": "BTC", "balance": 7, "wallet_type": "earn"},
    ]
    message = {"channel": "balances", "type": "update", "data": entries}
    newest = (AssetTotal(asset="USD", total=Decimal(80)),)
    assert hear(session(), message) == [BalancesChanged(totals=newest, elsewhere=True)]


@pytest.mark.parametrize("kind", ["earn", "transfer", "something new"])
def test_half_of_a_move_between_wallets_tells_no_total(kind: str) -> None:
    """The coins are still there, under another name: only a reading counts them."""
    entry = {"asset": "ETH", "balance": 0, "wallet_type": "spot", "type": kind}
    message = {"channel": "balances", "type": "update", "data": [entry]}
    assert hear(session(), message) == [BalancesChanged(totals=(), elsewhere=True)]


@pytest.mark.parametrize("kind", ["trade", "deposit", "withdrawal"])
def test_whole_bookings_tell_their_totals(kind: str) -> None:
    entry = {"asset": "ETH", "balance": 5, "wallet_type": "spot", "type": kind}
    message = {"channel": "balances", "type": "update", "data": [entry]}
    totals = (AssetTotal(asset="ETH", total=Decimal(5)),)
    assert hear(session(), message) == [BalancesChanged(totals=totals)]


# --- what Kraken really said --------------------------------------------------------------------------


@captured
def test_the_samples_are_understood_to_the_last_word() -> None:
    samples = json.loads(FIXTURE.read_text(), parse_float=str)
    # Numbers as they stand in the file: a float would have lost their digits.
    conversation = session()
    news: list[News] = []
    told = ["subscribe_response", "pending", "live_order", "execution", "canceled_captured_2025"]
    for name in [*told, "balances_snapshot"]:
        news += hear(conversation, samples[name])
    for message in samples["balances_trade_updates"]:
        news += hear(session(), message)
    assert [type(item) for item in news] == [Subscribed, *[OrdersChanged] * 4, *[BalancesChanged] * 3]
    execution_said = the_update([news[3]])
    assert execution_said.client_order_id is None
    assert (execution_said.symbol, execution_said.side) == ("BTC/USD", Side.SELL)
    stated = the_update([news[1]])
    assert (stated.quantity, stated.limit_price) == (Decimal("0.005"), Decimal("26500.0"))
    assert (execution_said.filled_quantity, execution_said.average_price) == (
        Decimal("0.005"),
        Decimal("26599.9"),
    )
    assert execution_said.trade_ids == ("TGBB7L-HT5LX-J3BZ4A",)
    canceled = the_update([news[4]])
    assert (canceled.status, canceled.reason) == (VenueStatus.CANCELED, "User requested")
    assert canceled.filled_quantity == 0


@captured
def test_what_we_ask_for_has_the_shape_of_the_sample() -> None:
    sample = json.loads(FIXTURE.read_text())["subscribe_request"]
    ours = json.loads(session().openings()[0])
    assert ours["params"].keys() == sample["params"].keys()
    assert ours["method"] == sample["method"]


def test_an_exact_number_stays_exact() -> None:
    told = json.dumps(executions_message(pending())).replace("0.5", "0.10000000000000000001")
    assert the_update(hear(session(), told)).quantity == Decimal("0.10000000000000000001")


def test_a_word_not_known_raises_in_the_memory_itself() -> None:
    with pytest.raises(UnknownWord):
        executions.Executions().take(execution(order_status="frozen"))
