"""The judge of the stories: reads the venue's own log and says what really happened there.

Shares no code with the product: a text comes in, a record of the venue's orders, fills and refusals comes
out, and of it sentences about what must not have been. Quantities are base coins, prices quote currency,
times Unix seconds by the venue's clock; seconds without an order count only while the coins are at least
the venue's minimum, for fewer cannot have one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

ZERO = Decimal(0)
FUNDS = "EOrder:Insufficient funds"
BOOKED = {"OPEN": "open", "FILLED": "closed", "CANCELED": "canceled", "EXPIRED": "expired"}
"""What the book calls an order's status → what the venue calls it."""


@dataclass(slots=True)
class Order:
    """One order of the product at the venue."""

    txid: str
    side: str
    kind: str
    volume: Decimal
    price: Decimal | None  # limit of a limit order, trigger of a stop
    opened: Decimal
    cl_ord_id: str = ""
    refid: str = ""
    post_only: bool = False
    filled: Decimal = ZERO
    status: str = "open"
    reason: str = ""
    ended: Decimal | None = None
    triggered: bool = False

    @property
    def leaves(self) -> Decimal:
        return self.volume - self.filled if self.status == "open" else ZERO

    @property
    def is_stop(self) -> bool:
        return self.side == "sell" and self.kind == "stop-loss"


@dataclass(frozen=True, slots=True)
class Ask:
    """One request that reached the venue's judgement, with what the venue said to it."""

    at: Decimal
    method: str
    fields: Mapping[str, str]
    said: str  # `txid=…`, `count=…`, `amend_id=…`, `error=…`

    @property
    def error(self) -> str:
        return self.said.removeprefix("error=") if self.said.startswith("error=") else ""


@dataclass(slots=True)
class Naked:
    """Seconds the coins stood there with too little."""

    unprotected: Decimal = ZERO  # no live sell order at all
    unstopped: Decimal = ZERO  # no live stop
    uncovered: Decimal = ZERO  # part of them without a live sell order

    @property
    def seconds(self) -> dict[str, Decimal]:
        return {name: getattr(self, name) for name in ("unprotected", "unstopped", "uncovered")}


@dataclass(slots=True)
class Record:
    """What one story did at the venue."""

    held: Decimal = ZERO  # coins of the bracket that were there before
    minimum: Decimal = Decimal("0.002")  # the venue's, of the pair
    orders: dict[str, Order] = field(default_factory=dict)
    asks: list[Ask] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    naked: Naked = field(default_factory=Naked)
    overcommitted: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)  # the venue itself failed

    # --- what there was --------------------------------------------------------------------------

    @property
    def entries(self) -> list[Order]:
        return [order for order in self.orders.values() if order.side == "buy"]

    @property
    def sells(self) -> list[Order]:
        return [order for order in self.orders.values() if order.side == "sell"]

    @property
    def live(self) -> list[Order]:
        return [order for order in self.orders.values() if order.status == "open"]

    @property
    def bought(self) -> Decimal:
        return sum((order.filled for order in self.entries), ZERO)

    @property
    def sold(self) -> Decimal:
        return sum((order.filled for order in self.sells), ZERO)

    @property
    def coins(self) -> Decimal:
        return self.held + self.bought - self.sold

    def asked(self, method: str, **fields: str) -> list[Ask]:
        """The requests of a method whose fields have these texts."""
        return [
            ask
            for ask in self.asks
            if ask.method == method and all(ask.fields.get(name) == text for name, text in fields.items())
        ]

    def done(self, method: str, **fields: str) -> list[Ask]:
        """Those of them that the venue executed."""
        return [ask for ask in self.asked(method, **fields) if not ask.error]

    @property
    def oversells(self) -> list[Ask]:
        """Attempts to sell, or to reserve for a sale, what was not there."""
        tried = [*self.asked("AddOrder", type="sell"), *self.asked("AmendOrder")]
        return [ask for ask in tried if ask.error == FUNDS]

    # --- reading ---------------------------------------------------------------------------------

    def read(self, text: str) -> Record:
        """Take in the lines of the log, in their order."""
        before: Decimal | None = None
        for line in text.splitlines():
            stamp, words = line.split(" ", 1)
            at = Decimal(str(datetime.fromisoformat(stamp).timestamp()))
            if before is not None and at > before:
                self._pass(at - before)
            before = at
            self._take(at, words)
        return self

    def until(self, last: Decimal, now: Decimal) -> Record:
        """The time from the last line to the end of the story counts as well."""
        self._pass(max(now - last, ZERO))
        return self

    def _take(self, at: Decimal, line: str) -> None:
        head, _, rest = line.partition(" ")
        if head == "FAULT":
            self.faults.append(rest)
        elif head in ("FILL", "END", "TRIGGER", "ATTACHED"):
            self._happened(at, head, rest)
        elif " -> " in line:
            self._asked(at, line)

    def _asked(self, at: Decimal, line: str) -> None:
        request, _, said = line.rpartition(" -> ")
        method, *words = request.split(" ")
        ask = Ask(at, method, named(words), said)
        self.asks.append(ask)
        if said.startswith("fault="):
            self.broken.append(line)
        elif method == "AddOrder" and said.startswith("txid="):
            self._placed(ask, said.removeprefix("txid="))
        elif method == "AmendOrder" and not ask.error:
            self._amended(ask)

    def _placed(self, ask: Ask, txid: str) -> None:
        fields = ask.fields
        self.orders[txid] = Order(
            txid=txid,
            side=fields["type"],
            kind=fields["ordertype"],
            volume=Decimal(fields["volume"]),
            price=Decimal(fields["price"]) if "price" in fields else None,
            opened=ask.at,
            cl_ord_id=fields.get("cl_ord_id", ""),
            post_only="post" in fields.get("oflags", ""),
        )

    def _amended(self, ask: Ask) -> None:
        order = self.orders.get(ask.fields["txid"])
        if order is None:
            return
        if "order_qty" in ask.fields:
            order.volume = Decimal(ask.fields["order_qty"])
        price = ask.fields.get("trigger_price") or ask.fields.get("limit_price")
        if price is not None:
            order.price = Decimal(price)

    def _happened(self, at: Decimal, head: str, rest: str) -> None:
        words = rest.split(" ")
        fields = named(words)
        txid, side, kind = fields["txid"], words[2], words[3]
        if head == "ATTACHED":
            if fields["refid"] in self.orders:
                volume, price = Decimal(fields["volume"]), Decimal(fields["price"])
                self.orders[txid] = Order(txid, side, kind, volume, price, at, refid=fields["refid"])
            return
        order = self.orders.get(txid)
        if order is None:
            return  # of somebody else
        if head == "FILL":
            order.filled += Decimal(fields["volume"])
        elif head == "TRIGGER":
            order.triggered = True
        else:
            order.status, order.ended = fields["status"], at
            order.reason = rest.partition(" reason=")[2]

    # --- time ------------------------------------------------------------------------------------

    def _pass(self, seconds: Decimal) -> None:
        """So long everything stood as it stands now."""
        sells = [order for order in self.live if order.side == "sell"]
        reserved = sum((order.leaves for order in sells), ZERO)
        coins = self.coins
        if reserved > coins:
            self.overcommitted.append(f"{reserved} for sale of {coins} coins, for {seconds} s")
        if coins < self.minimum:
            return
        if not sells:
            self.naked.unprotected += seconds
        if not any(order.is_stop for order in sells):
            self.naked.unstopped += seconds
        if coins - reserved >= self.minimum:
            self.naked.uncovered += seconds


def named(words: Iterable[str]) -> dict[str, str]:
    """`name=text` of a line; a word without a name goes on where the text before it ended."""
    found: dict[str, str] = {}
    last = ""
    for word in words:
        name, equals, text = word.partition("=")
        if equals:
            last = name
            found[name] = text
        elif last and last not in ("txid", "refid"):
            found[last] += f" {word}"
    return found


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a story may show at the venue; everything else is a complaint."""

    planned: Decimal  # coins approved
    entries: int = 1  # entry orders that the venue took
    oversells: int = 0  # refused for funds; more than none only where holds are released late
    unprotected: Decimal | None = None  # most seconds; None: stated, not judged
    unstopped: Decimal | None = None


def complaints(record: Record, expected: Expected, book: Iterable[Mapping[str, Any]]) -> list[str]:
    """Everything that must not have been; empty when all was well."""
    said = [*record.broken, *record.overcommitted]
    if len(record.entries) != expected.entries:
        said.append(f"{len(record.entries)} entries instead of {expected.entries}")
    if record.bought > expected.planned:
        said.append(f"bought {record.bought} of {expected.planned}")
    if record.sold > record.held + record.bought:
        said.append(f"sold {record.sold} of {record.held + record.bought}")
    if len(record.oversells) != expected.oversells:
        said.append(f"oversell attempts: {[(ask.method, dict(ask.fields)) for ask in record.oversells]}")
    said += twice(record)
    for name in ("unprotected", "unstopped"):
        bound, seconds = getattr(expected, name), getattr(record.naked, name)
        if bound is not None and seconds > bound:
            said.append(f"{name} for {seconds} s, at most {bound} s were expected")
    return [*said, *without_leg(record), *book_differences(record, book)]


def twice(record: Record) -> list[str]:
    """Orders that were placed a second time under one id."""
    ids = [order.cl_ord_id for order in record.orders.values() if order.cl_ord_id]
    return [f"{key} was placed twice" for key in set(ids) if ids.count(key) > 1]


def without_leg(record: Record) -> list[str]:
    """At the end every coin has its resting leg, or there is nothing left that could have one."""
    resting = sum((order.leaves for order in record.live if order.side == "sell"), ZERO)
    if record.coins == resting or (record.coins < record.minimum and resting == 0):
        return []
    return [f"{record.coins} coins are left and sells of {resting} rest"]


def book_differences(record: Record, book: Iterable[Mapping[str, Any]]) -> list[str]:
    """Where the book says another thing of an order than the venue."""
    rows = {row["venue_order_id"]: row for row in book if row["venue_order_id"]}
    said = [f"the book does not know {txid}" for txid in record.orders.keys() - rows.keys()]
    said += [f"the venue does not know {txid}" for txid in rows.keys() - record.orders.keys()]
    for txid in record.orders.keys() & rows.keys():
        order, row = record.orders[txid], rows[txid]
        pairs = (
            ("status", order.status, BOOKED.get(row["status"], row["status"])),
            ("quantity", order.volume, row["quantity"]),
            ("filled", order.filled, row["filled_quantity"]),
        )
        said += [f"{txid} {name}: venue {there}, book {here}" for name, there, here in pairs if there != here]
    return said
