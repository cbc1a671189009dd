"""The streams against the paper venue's own server: what happens there is told, and trouble is survived."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
from aiohttp import web

from brackets.venue.kraken.stream.news import (
    BalancesChanged,
    OpenOrders,
    OrdersChanged,
    OrderUnclear,
    PairStatusesSaid,
    PricesChanged,
    Subscribed,
    SubscriptionRefused,
    SystemStatusSaid,
)
from brackets.venue.kraken.stream.private import PrivateSession
from brackets.venue.kraken.stream.public import PublicSession
from brackets.venue.kraken.stream.session import Patience
from brackets.venue.paper.server import wall_clock
from brackets.venue.paper.stream.trouble import Mishap
from brackets.venue.port import OrderKind, OrderUpdate, Side, VenueStatus
from tests.contract.paper_house import House
from tests.contract.stream_listener import Listener

PATIENT = Patience(silence_seconds=60)  # the house's clock beats only when it is moved
Open = Callable[..., Listener]


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def private(house: House) -> Iterator[Open]:
    listeners: list[Listener] = []

    def listen(
        token: Callable[[], str] = lambda: str(house.result("GetWebSocketsToken")["token"]),
        patience: Patience = PATIENT,
    ) -> Listener:
        async def new_session() -> PrivateSession:
            said = await asyncio.to_thread(token)
            return PrivateSession(token=said, now=time.monotonic(), patience=patience)

        listeners.append(Listener(address(house), new_session))
        return listeners[-1]

    yield listen
    for listener in listeners:
        listener.close()


@pytest.fixture
def public(house: House) -> Iterator[Open]:
    listeners: list[Listener] = []

    def listen(*symbols: str) -> Listener:
        async def new_session() -> PublicSession:
            return PublicSession(symbols=symbols, now=time.monotonic(), patience=PATIENT)

        listeners.append(Listener(address(house), new_session))
        return listeners[-1]

    yield listen
    for listener in listeners:
        listener.close()


def address(house: House) -> str:
    return house.url.replace("http", "ws", 1) + "/v2"


def rest_a_buy(house: House, **fields: str) -> str:
    terms = {"pair": "XETHZUSD", "type": "buy", "ordertype": "limit", "volume": "0.5", "price": "1500"}
    return str(house.result("AddOrder", **(terms | fields))["txid"][0])


def told_of(listener: Listener, order_id: str) -> list[OrderUpdate]:
    told = [item for item in listener.news if isinstance(item, OpenOrders | OrdersChanged)]
    return [update for item in told for update in item.updates if update.venue_order_id == order_id]


def until_ended(listener: Listener, order_id: str) -> OrderUpdate:
    ended = {VenueStatus.CLOSED, VenueStatus.CANCELED, VenueStatus.EXPIRED}
    listener.wait(lambda: any(update.status in ended for update in told_of(listener, order_id)))
    return told_of(listener, order_id)[-1]


# --- private -------------------------------------------------------------------------------------------


def test_the_snapshot_tells_what_is_open(house: House, private: Open) -> None:
    order_id = rest_a_buy(house, cl_ord_id="6d1b345e-2821-40e2-ad83-4ecb18a06876")
    listener = private()
    (snapshot,) = listener.heard(OpenOrders)
    (update,) = snapshot.updates
    assert (update.venue_order_id, update.status) == (order_id, VenueStatus.OPEN)
    assert update.client_order_id == "6d1b345e-2821-40e2-ad83-4ecb18a06876"
    assert (update.symbol, update.side, update.kind) == ("ETH/USD", Side.BUY, OrderKind.LIMIT)
    assert (update.quantity, update.limit_price) == (Decimal("0.5"), Decimal("1500"))
    listener.opened()
    assert listener.heard(BalancesChanged)


def test_a_fill_is_told_with_the_trade_that_rest_knows(house: House, private: Open) -> None:
    listener = private()
    listener.opened()
    order_id = rest_a_buy(house, price="2100", volume="0.25")
    end = until_ended(listener, order_id)
    assert (end.status, end.filled_quantity) == (VenueStatus.CLOSED, Decimal("0.25"))
    assert end.average_price == Decimal("2000.01")
    assert set(end.trade_ids) == set(
        house.result("QueryOrders", txid=order_id, trades="true")[order_id]["trades"]
    )
    assert told_of(listener, order_id)[0].status is VenueStatus.PENDING


def test_a_fill_in_parts_is_told_part_by_part(house: House, private: Open) -> None:
    listener = private()
    listener.opened()
    order_id = rest_a_buy(house, price="1990", volume="3")
    house.move("1989", depth="1")
    listener.wait(lambda: bool((told_of(listener, order_id)[-1:] or [None])[0].filled_quantity))  # type: ignore[union-attr]
    part = told_of(listener, order_id)[-1]
    assert part.status is VenueStatus.OPEN
    assert part.filled_quantity is not None
    assert 0 < part.filled_quantity < 3


def test_the_stop_the_venue_makes_of_a_fill_names_its_entry(house: House, private: Open) -> None:
    listener = private()
    listener.opened()
    entry = rest_a_buy(house, price="2100", **{"close[ordertype]": "stop-loss", "close[price]": "1900"})
    until_ended(listener, entry)

    def made() -> list[OrderUpdate]:
        told = [item for item in listener.news if isinstance(item, OrdersChanged)]
        return [u for item in told for u in item.updates if u.parent_venue_order_id == entry]

    listener.wait(lambda: bool(made()))
    stop = made()[0]
    assert (stop.kind, stop.side, stop.quantity) == (OrderKind.STOP_LOSS, Side.SELL, Decimal("0.5"))
    assert stop.trigger_price == Decimal("1900")
    house.move("1899")
    end = until_ended(listener, stop.venue_order_id)
    assert (end.status, end.triggered, end.filled_quantity) == (VenueStatus.CLOSED, True, Decimal("0.5"))


def test_a_cancel_is_told_with_its_reason(house: House, private: Open) -> None:
    order_id = rest_a_buy(house)
    listener = private()
    listener.opened()
    house.result("CancelOrder", txid=order_id)
    end = until_ended(listener, order_id)
    assert (end.status, end.filled_quantity, end.reason) == (VenueStatus.CANCELED, 0, "User requested")


def test_an_amended_order_is_to_be_read(house: House, private: Open) -> None:
    order_id = rest_a_buy(house)
    listener = private()
    listener.opened()
    house.result("AmendOrder", txid=order_id, limit_price="1501")
    (unclear,) = listener.heard(OrderUnclear)
    assert (unclear.venue_order_id, unclear.introduced) == (order_id, True)


@pytest.mark.parametrize("mishap", [Mishap.SKIP, Mishap.LOSE, Mishap.DUPLICATE, Mishap.DISORDER])
def test_a_message_that_does_not_follow_brings_a_new_snapshot(
    house: House, private: Open, mishap: Mishap
) -> None:
    """What was lost on the way is in the snapshot, or not open any more."""
    listener = private()
    listener.opened()
    house.inside(lambda: house.service.hub.trouble.arm(mishap, channel="executions"))
    first, second = rest_a_buy(house), rest_a_buy(house)
    listener.opened(count=2)
    assert "came after" in listener.lost()
    snapshot = listener.heard(OpenOrders, count=2)[1]
    assert {update.venue_order_id for update in snapshot.updates} == {first, second}


def test_a_dropped_connection_comes_back_with_a_new_token(house: House, private: Open) -> None:
    tokens: list[str] = []

    def token() -> str:
        tokens.append(str(house.result("GetWebSocketsToken")["token"]))
        return tokens[-1]

    listener = private(token)
    listener.opened()
    house.inside(house.service.hub.drop_all)
    listener.opened(count=2)
    order_id = rest_a_buy(house, price="2100")
    assert until_ended(listener, order_id).status is VenueStatus.CLOSED
    assert len(set(tokens)) == 2


def test_a_wrong_token_is_told_without_repeating_it(house: House, private: Open) -> None:
    tokens = iter(["a-wrong-secret-token"])
    listener = private(lambda: next(tokens, "") or str(house.result("GetWebSocketsToken")["token"]))
    why = listener.lost()
    assert "ESession:Invalid session" in why
    assert "a-wrong-secret-token" not in why
    listener.opened()  # the next one is right


def test_silence_is_a_loss(house: House, private: Open) -> None:
    listener = private(patience=Patience(silence_seconds=0.4))
    assert "nothing was heard" in listener.lost()


def test_a_silent_venue_is_left_and_found_again(house: House, private: Open) -> None:
    house.inside(lambda: setattr(house.service.hub.trouble, "silent_until", wall_clock() + 3600))
    listener = private(patience=Patience(silence_seconds=0.4))
    listener.lost(count=2)
    house.inside(house.service.hub.trouble.calm)
    listener.opened()


def test_whoever_missed_something_may_ask_for_a_new_connection(private: Open) -> None:
    listener = private()
    listener.opened()
    listener.connection.distrust("news could not be taken in")
    listener.opened(count=2)
    assert listener.lost() == "news could not be taken in"


# --- public ----------------------------------------------------------------------------------------------


def test_prices_come_when_they_change(house: House, public: Open) -> None:
    listener = public("ETH/USD")
    (snapshot,) = listener.heard(PricesChanged)
    assert snapshot.readings[0].quote.last == Decimal("2000.00")
    house.move("2010")
    update = listener.heard(PricesChanged, count=2)[1]
    quote = update.readings[0].quote
    assert (quote.symbol, quote.bid, quote.ask, quote.last) == (
        "ETH/USD",
        Decimal("2009.99"),
        Decimal("2010.01"),
        Decimal("2010"),
    )


def test_other_pairs_can_be_wanted_on_the_way(public: Open) -> None:
    listener = public("ETH/USD")
    listener.heard(PricesChanged)
    session = listener.connection.session
    assert isinstance(session, PublicSession)
    session.want(["BTC/USD"])
    prices = listener.heard(PricesChanged, count=2)[1]
    assert [reading.quote.symbol for reading in prices.readings] == ["BTC/USD"]
    assert Subscribed(channel="ticker", symbol="BTC/USD") in listener.news


def test_a_pair_that_is_not_traded_hides_no_other(public: Open) -> None:
    listener = public("NO/USD", "ETH/USD")
    assert listener.heard(PricesChanged)[0].readings[0].quote.symbol == "ETH/USD"
    (refusal,) = listener.heard(SubscriptionRefused)
    assert refusal.symbol == "NO/USD"


def test_the_statuses_of_system_and_pairs_are_told(public: Open) -> None:
    listener = public()
    assert listener.heard(SystemStatusSaid) == [SystemStatusSaid(status="online")]
    (pairs,) = listener.heard(PairStatusesSaid)
    assert dict(pairs.statuses)["ETH/USD"] == "online"


# --- the way there ---------------------------------------------------------------------------------------


def test_a_venue_that_is_not_there_is_tried_again() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]

    async def new_session() -> PublicSession:
        return PublicSession(symbols=(), now=time.monotonic())

    listener = Listener(f"ws://127.0.0.1:{port}/v2", new_session)
    try:
        listener.lost(count=3)
    finally:
        listener.close()


def test_a_redirect_is_not_followed_with_the_token() -> None:
    asked: list[str] = []

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        raise web.HTTPFound("/stolen")

    async def new_session() -> PublicSession:
        return PublicSession(symbols=(), now=time.monotonic())

    async def scenario() -> str:
        app = web.Application()
        app.router.add_get("/{anywhere}", elsewhere)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        listener = Listener(f"ws://127.0.0.1:{runner.addresses[0][1]}/v2", new_session)
        try:
            return await asyncio.to_thread(listener.lost)
        finally:
            await asyncio.to_thread(listener.close)
            await runner.cleanup()

    assert "redirect" in asyncio.run(scenario())
    assert set(asked) == {"/v2"}
