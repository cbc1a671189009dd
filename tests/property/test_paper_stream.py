"""Whatever happens at the paper venue: who listens to the stream and remembers knows it all."""

import base64
import json
from decimal import Decimal
from typing import Any

from hypothesis import given, settings

from brackets.venue.paper.journal import Journal
from brackets.venue.paper.orders import Status
from brackets.venue.paper.rules import Options
from brackets.venue.paper.service import Service
from brackets.venue.paper.store import Store
from brackets.venue.paper.venue import Beginning, PaperVenue
from tests.contract.paper_house import HandMarket
from tests.property.test_paper_engine import START, Run, lives

ENDINGS = {Status.CLOSED: "filled", Status.CANCELED: "canceled", Status.EXPIRED: "expired"}
MONEY = {"ZUSD": "USD", "XETH": "ETH", "XXBT": "BTC"}


class Listener:
    """A client that merges what it hears by order_id and by asset, as Kraken's sparse updates want it."""

    def __init__(self) -> None:
        self.orders: dict[str, dict[str, Any]] = {}
        self.balances: dict[str, Decimal] = {}
        self.traded: dict[str, Decimal] = {}
        self.sequences: dict[str, list[int]] = {}

    def hear(self, text: str) -> None:
        message = json.loads(text, parse_float=Decimal, parse_int=Decimal)
        channel = message.get("channel")
        if "sequence" in message:
            self.sequences.setdefault(channel, []).append(int(message["sequence"]))
        for item in message["data"] if channel == "balances" else ():
            self.balances[item["asset"]] = item["balance"]
        for item in message["data"] if channel == "executions" else ():
            order = self.orders.setdefault(item["order_id"], {})
            order |= {name: value for name, value in item.items() if name != "exec_type"}
            if item["exec_type"] == "trade":
                before = self.traded.get(item["order_id"], Decimal(0))
                self.traded[item["order_id"]] = before + item["last_qty"]


class Life(Run):
    """The life of an engine inside a venue, told on its stream."""

    def __init__(self) -> None:
        deposits = {"ZUSD": Decimal(10_000), "XETH": Decimal(2), "XXBT": Decimal("0.1")}
        venue = PaperVenue(
            store=Store(None),
            market=HandMarket(),
            now=START,
            beginning=Beginning(deposits=deposits),
            options=Options(),
        )
        self.service = Service(
            venue=venue,
            key="key",
            private_key=base64.b64encode(b"key").decode(),
            journal=Journal(None, stdout=None),
            tokens={"token": START * 2},
        )
        self.now, self.engine = START, venue.engine
        self.orders, self.trades, self.entries, self.told = {}, [], [], []

    def listen(self) -> Listener:
        listener = Listener()
        session = self.service.hub.join(post=listener.hear, cut=lambda: None, now=self.now)
        for channel in ("executions", "balances"):
            request = {"method": "subscribe", "params": {"channel": channel, "token": "token"}}
            session.hear(json.dumps(request), now=self.now)
        return listener

    def remember(self) -> None:
        changes = self.service.venue.commit_by_hand()
        self.orders |= changes.orders
        self.service.tell(changes, now=self.now)


def check(life: Life, listener: Listener) -> None:
    for txid, order in life.orders.items():
        told = listener.orders[txid]
        open_status = "partially_filled" if order.filled else "new"
        expected = ENDINGS.get(order.status, open_status)
        assert told["order_status"] == expected
        assert told.get("cum_qty", 0) == order.filled
        assert (told["symbol"], told["side"]) == (order.symbol, order.side.value)
        if order.refid is not None:
            assert told["ord_ref_id"] == order.refid
    for code, name in MONEY.items():
        assert listener.balances[name] == life.engine.account.balance(code)
    for numbers in listener.sequences.values():
        assert numbers == list(range(1, len(numbers) + 1))


@settings(max_examples=60, deadline=None)
@given(lives)
def test_a_listener_from_the_beginning_knows_every_order_and_balance(life):
    venue = Life()
    listener = venue.listen()
    for name, what in life:
        venue.step(name, what)
    check(venue, listener)
    assert listener.traded == {txid: order.filled for txid, order in venue.orders.items() if order.filled}


@settings(max_examples=60, deadline=None)
@given(lives, lives)
def test_a_listener_who_comes_later_knows_what_was_open_and_what_came(before, after):
    venue = Life()
    for name, what in before:
        venue.step(name, what)
    ended = {txid for txid, order in venue.orders.items() if order.status is not Status.OPEN}
    listener = venue.listen()
    for name, what in after:
        venue.step(name, what)
    assert not listener.orders.keys() & ended
    venue.orders = {txid: order for txid, order in venue.orders.items() if txid not in ended}
    check(venue, listener)
