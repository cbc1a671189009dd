"""Whether the venue itself can be believed after all that was done to it, and how long coins stood bare.

Reads the venue's own file with plain SQL and shares no code with the product, the paper venue included: of
its records it knows the names of their fields alone. What the product did there is judged by the simulator's
auditor (`audit.py`). Quantities are base coins, prices quote currency, times seconds by the venue's clock.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

ZERO = Decimal(0)
Row = Mapping[str, Any]
QUERIES = (
    "SELECT body FROM orders ORDER BY number",
    "SELECT body FROM trades ORDER BY number",
    "SELECT body FROM entries ORDER BY number",
)


@dataclass(frozen=True, slots=True)
class Books:
    """Everything the venue has stored: orders by txid, trades and ledger entries in their order."""

    orders: Mapping[str, Row]
    trades: list[Row]
    entries: list[Row]

    @classmethod
    def read(cls, path: Path) -> Books:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            (whole,) = database.execute("PRAGMA integrity_check").fetchone()
            if whole != "ok":
                raise ValueError(f"the venue's file is damaged: {whole}")
            orders, trades, entries = (
                [json.loads(body) for (body,) in database.execute(query)] for query in QUERIES
            )
        return cls({order["txid"]: order for order in orders}, trades, entries)

    def of(self, symbol: str, side: str) -> list[Row]:
        """Orders of a pair, oldest first."""
        return [row for row in self.orders.values() if (row["symbol"], row["side"]) == (symbol, side)]


@dataclass(frozen=True, slots=True)
class Bare:
    """Seconds in which coins of a pair stood at the venue without any order that would sell them."""

    longest: Decimal
    total: Decimal


def violations(books: Books) -> list[str]:
    """Everything that must not have been, whatever was killed."""
    return [*_oversold(books), *_ill_booked(books)]


def _oversold(books: Books) -> Iterator[str]:
    coins: dict[str, Decimal] = defaultdict(Decimal)
    for trade in books.trades:
        volume = Decimal(trade["volume"])
        coins[trade["symbol"]] += volume if trade["side"] == "buy" else -volume
        if coins[trade["symbol"]] < 0:
            more = -coins[trade["symbol"]]
            yield f"{trade['trade_id']} sold {more} {trade['symbol']} more than was bought"
            coins[trade["symbol"]] = ZERO


def signed(trade: Row) -> Decimal:
    return Decimal(trade["volume"]) * (1 if trade["side"] == "buy" else -1)


def _ill_booked(books: Books) -> Iterator[str]:
    """The venue itself: each order's fills are its trades, each trade is booked twice, balances add up."""
    filled: dict[str, Decimal] = defaultdict(Decimal)
    for trade in books.trades:
        filled[trade["txid"]] += Decimal(trade["volume"])
    for txid, row in books.orders.items():
        if filled[txid] != Decimal(row["filled"]):
            yield f"{txid} is filled by {row['filled']}, its trades by {filled[txid]}"
    booked = Counter(entry["refid"] for entry in books.entries if entry["kind"] == "trade")
    for trade in books.trades:
        if booked[trade["trade_id"]] != 2:
            yield f"{trade['trade_id']} is booked {booked[trade['trade_id']]} times instead of twice"
    balances: dict[str, Decimal] = defaultdict(Decimal)
    for entry in books.entries:
        balances[entry["asset"]] += Decimal(entry["amount"]) - Decimal(entry["fee"])
        if balances[entry["asset"]] != Decimal(entry["balance"]):
            said = f"{entry['ledger_id']} says {entry['balance']} {entry['asset']}"
            yield f"{said}, not {balances[entry['asset']]}"
            balances[entry["asset"]] = Decimal(entry["balance"])


# --- bare coins ------------------------------------------------------------------------------------


def bare(books: Books, minimums: Mapping[str, Decimal]) -> Bare:
    """How long coins that could have had an order had none, over all pairs."""
    spans = [span for symbol in minimums for span in _bare_spans(books, symbol, minimums[symbol])]
    return Bare(max(spans, default=ZERO), sum(spans, ZERO))


def _bare_spans(books: Books, symbol: str, minimum: Decimal) -> Iterator[Decimal]:
    """Walk the moments at which coins or sell orders changed."""
    moments: list[tuple[Decimal, int, Decimal]] = []  # when, live sells more or less, coins more or less
    for row in books.of(symbol, "sell"):
        moments.append((Decimal(row["opened_at"]), 1, ZERO))
        if row["closed_at"] is not None:
            moments.append((Decimal(row["closed_at"]), -1, ZERO))
    moments += [(Decimal(t["at"]), 0, signed(t)) for t in books.trades if t["symbol"] == symbol]
    moments.sort(key=lambda moment: moment[0])
    sells, coins = 0, ZERO
    since: Decimal | None = None
    for at, orders, volume in moments:
        sells, coins = sells + orders, coins + volume
        is_bare = coins >= minimum and sells == 0
        if is_bare and since is None:
            since = at
        elif not is_bare and since is not None:
            if at > since:
                yield at - since
            since = None
