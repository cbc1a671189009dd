"""The paper venue's memory: one SQLite file that a kill -9 cannot bring behind what was answered.

Stands under the venue. Every change of a step (orders, trades, ledger entries, the engine's numbers,
the market's position, the key's nonce) is one transaction, committed before the answer leaves. Open
orders live in the engine; here is everything, and the queries over what is past.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from brackets.venue.paper.bars import KEPT
from brackets.venue.paper.codec import decode, encode
from brackets.venue.paper.orders import Changes, Entry, Order, Status, Trade

LAYOUT = 1
SCHEMA = """
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS nonces (key TEXT PRIMARY KEY, nonce TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS orders (
    number INTEGER PRIMARY KEY, txid TEXT NOT NULL UNIQUE, cl_ord_id TEXT, userref INTEGER,
    open INTEGER NOT NULL, opened INTEGER NOT NULL, closed INTEGER, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS orders_open ON orders (open) WHERE open = 1;
CREATE INDEX IF NOT EXISTS orders_closed ON orders (closed, number) WHERE open = 0;
CREATE INDEX IF NOT EXISTS orders_cl_ord_id ON orders (cl_ord_id) WHERE cl_ord_id IS NOT NULL;
CREATE TABLE IF NOT EXISTS trades (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, txid TEXT NOT NULL, at INTEGER NOT NULL,
    symbol TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS trades_at ON trades (at, number);
CREATE TABLE IF NOT EXISTS entries (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, asset TEXT NOT NULL,
    at INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS entries_at ON entries (at, number);
CREATE TABLE IF NOT EXISTS bars (
    symbol TEXT NOT NULL, minutes INTEGER NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (symbol, minutes, at)) WITHOUT ROWID;
"""


class BadState(Exception):
    """The state file cannot be used; one sentence says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which part of the past is asked for; times in Unix seconds, `after` excluded, `until` included."""

    after: Decimal | None = None
    until: Decimal | None = None
    offset: int = 0
    limit: int = 50


@dataclass(slots=True)
class Where:
    """Conditions of one query, joined by AND; every value is a parameter."""

    conditions: list[str] = field(default_factory=lambda: ["1"])
    values: list[object] = field(default_factory=list)

    def add(self, condition: str, *values: object) -> None:
        self.conditions.append(condition)
        self.values.extend(values)

    def between(self, column: str, page: Page) -> None:
        if page.after is not None:
            self.add(f"{column} > ?", micros(page.after))
        if page.until is not None:
            self.add(f"{column} <= ?", micros(page.until))

    def among(self, column: str, wanted: Sequence[object]) -> None:
        self.add(f"{column} IN ({','.join('?' * len(wanted))})", *wanted)

    @property
    def text(self) -> str:
        return " AND ".join(self.conditions)


class Store:
    """One open state file, or one in memory when `path` is None. Raises BadState when it cannot be used."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._lock: IO[str] | None = None
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._lock = _sole_user(path)
            self._db = sqlite3.connect(path or ":memory:", isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            with self._transaction():
                for statement in SCHEMA.split(";"):
                    self._db.execute(statement)
        except (OSError, sqlite3.Error) as error:
            self._unlock()
            raise BadState(
                f"the state file {path} cannot be used: {_reason(error)}; name another one."
            ) from None
        layout = self.read("layout")
        if layout not in (None, LAYOUT):
            raise BadState(f"the state file {path} has layout {layout}, this program knows {LAYOUT}.")

    def close(self) -> None:
        self._db.close()
        self._unlock()

    # --- writing -----------------------------------------------------------------------------------

    def commit(
        self,
        changes: Changes,
        *,
        state: Mapping[str, Any],
        nonce: tuple[str, int] | None = None,
        bars: Iterable[tuple[str, int, int, str]] = (),
    ) -> None:
        """Everything one step changed, or nothing. `bars` are (symbol, minutes, at, text)."""
        with self._transaction():
            for name, body in state.items():
                self._write(name, body)
            if nonce is not None:
                self._db.execute("INSERT OR REPLACE INTO nonces VALUES (?, ?)", (nonce[0], str(nonce[1])))
            self._db.executemany(
                "INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [_order_row(order) for order in changes.orders.values()],
            )
            self._db.executemany(
                "INSERT INTO trades VALUES (?, ?, ?, ?, ?, ?)",
                [(t.number, t.trade_id, t.txid, micros(t.at), t.symbol, encode(t)) for t in changes.trades],
            )
            self._db.executemany(
                "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)",
                [(e.number, e.ledger_id, e.kind, e.asset, micros(e.at), encode(e)) for e in changes.entries],
            )
            self._keep_bars(list(bars))

    def _keep_bars(self, bars: list[tuple[str, int, int, str]]) -> None:
        """Store ended bars, and drop those of the same kind that no answer can reach any more."""
        self._db.executemany("INSERT OR REPLACE INTO bars VALUES (?, ?, ?, ?)", bars)
        self._db.executemany(
            "DELETE FROM bars WHERE symbol = ? AND minutes = ? AND at < ?",
            [(symbol, minutes, at - KEPT * minutes * 60) for symbol, minutes, at, _ in bars],
        )

    def begin(self, *, world: str | None) -> None:
        """Mark a fresh file as this program's."""
        with self._transaction():
            self._write("layout", LAYOUT)
            self._write("world", world)

    def remember(self, name: str, body: Any) -> None:
        """Store one part of the state by itself."""
        with self._transaction():
            self._write(name, body)

    # --- reading -----------------------------------------------------------------------------------

    def read(self, name: str) -> Any:
        """One part of the state; None when it was never written."""
        row = self._db.execute("SELECT body FROM state WHERE name = ?", (name,)).fetchone()
        return None if row is None else json.loads(row[0])

    def nonces(self) -> dict[str, int]:
        return {key: int(nonce) for key, nonce in self._db.execute("SELECT key, nonce FROM nonces")}

    def open_orders(self) -> list[Order]:
        rows = self._db.execute("SELECT body FROM orders WHERE open = 1 ORDER BY number")
        return [decode(Order, body) for (body,) in rows]

    def orders(self, txids: Sequence[str]) -> list[Order]:
        """These orders, in no particular order; unknown ids are left out."""
        where = Where()
        where.among("txid", txids)
        rows = self._db.execute(f"SELECT body FROM orders WHERE {where.text}", where.values)  # noqa: S608
        return [decode(Order, body) for (body,) in rows]

    def closed_orders(
        self, page: Page, *, by: str = "both", cl_ord_id: str | None = None, userref: int | None = None
    ) -> tuple[list[Order], int]:
        """A page of ended orders, last ended first, and how many fit. `by`: open, close, or both times."""
        where = Where()
        where.add("open = 0")
        for column, words in (("opened", {"open"}), ("closed", {"close", "both"})):
            if by in words:
                where.between(column, page)
        if cl_ord_id is not None:
            where.add("cl_ord_id = ?", cl_ord_id)
        if userref is not None:
            where.add("userref = ?", userref)
        bodies, count = self._page("orders", where, page, newest="closed DESC, number DESC")
        return [decode(Order, body) for body in bodies], count

    def trades(self, page: Page) -> tuple[list[Trade], int]:
        """A page of trades, newest first, and how many fit."""
        where = Where()
        where.between("at", page)
        bodies, count = self._page("trades", where, page, newest="at DESC, number DESC")
        return [decode(Trade, body) for body in bodies], count

    def trades_by_id(self, ids: Sequence[str]) -> list[Trade]:
        where = Where()
        where.among("id", ids)
        rows = self._db.execute(f"SELECT body FROM trades WHERE {where.text}", where.values)  # noqa: S608
        return [decode(Trade, body) for (body,) in rows]

    def entries(
        self, page: Page, *, assets: Sequence[str] = (), kind: str | None = None
    ) -> tuple[list[Entry], int]:
        """A page of ledger entries, newest first, and how many fit."""
        where = Where()
        where.between("at", page)
        if assets:
            where.among("asset", assets)
        if kind is not None:
            where.add("kind = ?", kind)
        bodies, count = self._page("entries", where, page, newest="at DESC, number DESC")
        return [decode(Entry, body) for body in bodies], count

    def entries_by_id(self, ids: Sequence[str]) -> list[Entry]:
        where = Where()
        where.among("id", ids)
        rows = self._db.execute(f"SELECT body FROM entries WHERE {where.text}", where.values)  # noqa: S608
        return [decode(Entry, body) for (body,) in rows]

    def bars(self, *, symbol: str, minutes: int, limit: int) -> list[str]:
        """The last finished bars, oldest first."""
        rows = self._db.execute(
            "SELECT body FROM bars WHERE symbol = ? AND minutes = ? ORDER BY at DESC LIMIT ?",
            (symbol, minutes, limit),
        ).fetchall()
        return [body for (body,) in reversed(rows)]

    # --- small things ------------------------------------------------------------------------------

    def _page(self, table: str, where: Where, page: Page, *, newest: str) -> tuple[list[str], int]:
        count = self._db.execute(
            f"SELECT COUNT(*) FROM {table} WHERE {where.text}",  # noqa: S608 - names are ours, values are parameters
            where.values,
        ).fetchone()[0]
        rows = self._db.execute(
            f"SELECT body FROM {table} WHERE {where.text} ORDER BY {newest} LIMIT ? OFFSET ?",  # noqa: S608
            [*where.values, page.limit, page.offset],
        )
        return [body for (body,) in rows], count

    def _write(self, name: str, body: Any) -> None:
        text = json.dumps(body, separators=(",", ":"))
        self._db.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (name, text))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()


def micros(seconds: Decimal) -> int:
    """Unix seconds as whole microseconds: exact in SQLite, and comparable."""
    return int(seconds * 1_000_000)


def move_aside(path: Path, *, suffix: str) -> Path:
    """Give a state file, with its write-ahead log, another name; the new name of the file itself."""
    target = path.with_name(path.name + suffix)
    for ending in ("", "-wal", "-shm"):
        part = path.with_name(path.name + ending)
        if part.exists():
            part.rename(target.with_name(target.name + ending))
    return target


def _order_row(order: Order) -> tuple[object, ...]:
    return (
        order.number,
        order.txid,
        order.cl_ord_id,
        order.userref,
        int(order.status is Status.OPEN),
        micros(order.opened_at),
        None if order.closed_at is None else micros(order.closed_at),
        encode(order),
    )


def _sole_user(path: Path) -> IO[str]:
    """A lock beside the state file, held as long as the process lives: two venues never share one file."""
    lock = open(path.with_name(path.name + ".lock"), "a")  # noqa: SIM115 - it stays open
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise BadState(
            f"the state file {path} is in use by another paper venue; stop that one first."
        ) from None
    return lock


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return str(error)
