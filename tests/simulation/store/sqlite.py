"""The other store, to compare with: a real SQLite database in memory, migrated once a process.

Every store is a copy of the migrated template (SQLite's own backup, a millisecond), emptied of what
migrations put there, behind a connection of its own: the configured database is not touched.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from functools import cache, wraps
from typing import Any
from unittest.mock import patch

from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connection, connections, models, transaction
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.db.models.query import QuerySet
from django.db.transaction import Atomic

from tests.simulation.store.ledger import AFTER, BEFORE, Boundary


def private_connection() -> DatabaseWrapper:
    """A connection to a SQLite database in memory that nobody else sees, not connected yet."""
    values: dict[str, Any] = deepcopy(connections[DEFAULT_DB_ALIAS].settings_dict)
    values |= {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": ":memory:",
        "OPTIONS": {"transaction_mode": "IMMEDIATE"},
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": False,
        "ATOMIC_REQUESTS": False,
        "AUTOCOMMIT": True,
        "TIME_ZONE": None,
    }
    return DatabaseWrapper(values, DEFAULT_DB_ALIAS)


@contextmanager
def sqlite_store(boundary: Boundary) -> Iterator[None]:
    """An empty, migrated database until the block ends; boundaries as `memory_store` has them."""
    fresh = private_connection()
    with ExitStack() as stack:
        use(fresh, stack)
        fresh.ensure_connection()
        template().backup(fresh.connection)
        stack.callback(fresh.connection.close)
        watch_commits(stack, boundary)
        yield


def use(fresh: DatabaseWrapper, stack: ExitStack) -> None:
    kept = connections[DEFAULT_DB_ALIAS]
    connections[DEFAULT_DB_ALIAS] = fresh
    stack.callback(connections.__setitem__, DEFAULT_DB_ALIAS, kept)


@cache
def template() -> sqlite3.Connection:
    """The migrated, emptied database that every store begins as."""
    made = private_connection()
    with ExitStack() as stack:
        use(made, stack)
        call_command("migrate", verbosity=0, interactive=False, run_syncdb=True)
        names = [name for name in connection.introspection.table_names() if name != "django_migrations"]
        made.disable_constraint_checking()
        with connection.cursor() as cursor:
            for name in (*names, "sqlite_sequence"):
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(name)}")  # noqa: S608
    kept: sqlite3.Connection = made.connection
    return kept


# --- boundaries ------------------------------------------------------------------------------------


def watch_commits(stack: ExitStack, boundary: Boundary) -> None:
    """Call the boundaries around every outermost commit that changed a row."""
    changes = Changes()
    enter, leave = Atomic.__enter__, Atomic.__exit__

    def entered(self: Atomic) -> None:
        enter(self)
        changes.push()

    def left(self: Atomic, kind: Any, error: BaseException | None, trace: Any) -> None:
        failed = error is not None or connection.needs_rollback
        wrote = changes.pop(failed=failed)
        if failed or changes.depth or not wrote:
            leave(self, kind, error, trace)
            return
        try:
            boundary(BEFORE)
        except BaseException as crash:
            leave(self, type(crash), crash, crash.__traceback__)
            raise
        leave(self, None, None, None)
        boundary(AFTER)

    stack.enter_context(patch.object(Atomic, "__enter__", entered))
    stack.enter_context(patch.object(Atomic, "__exit__", left))
    for owner, name in ((models.Model, "save_base"), (models.Model, "delete"), *QUERYSET_WRITES):
        stack.enter_context(patch.object(owner, name, alone(getattr(owner, name))))


QUERYSET_WRITES = ((QuerySet, "update"), (QuerySet, "delete"))


def alone(write: Callable[..., Any]) -> Callable[..., Any]:
    """A write outside any transaction becomes one, so that it has the boundaries of a commit."""

    @wraps(write)
    def written(*args: Any, **options: Any) -> Any:
        if connection.in_atomic_block:
            return write(*args, **options)
        with transaction.atomic():
            return write(*args, **options)

    return written


class Changes:
    """How many rows the running transaction changed, without what was rolled back inside it. SQLite's own
    counter never goes down."""

    def __init__(self) -> None:
        self.marks: list[
            tuple[int, int]
        ] = []  # the counter at the start of a block, and what was undone then
        self.undone = 0

    @property
    def depth(self) -> int:
        return len(self.marks)

    def push(self) -> None:
        if not self.marks:
            self.undone = 0
        self.marks.append((self.counter(), self.undone))

    def pop(self, *, failed: bool) -> int:
        """The end of a block: the rows that it changed."""
        start, undone = self.marks.pop()
        wrote = self.counter() - start - (self.undone - undone)
        if failed:
            self.undone = undone + self.counter() - start
        return wrote

    @staticmethod
    def counter() -> int:
        return connection.connection.total_changes  # type: ignore[no-any-return]
