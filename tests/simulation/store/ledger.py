"""Transactions over tables in memory: an undo log of touched rows, savepoints, and the commit's boundaries.

The flags live on Django's own connection object (`in_atomic_block`, `needs_rollback`), which the product and
`transaction.mark_for_rollback_on_error` look at; `enter` and `leave` stand in for `transaction.Atomic`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError
from django.db.transaction import Atomic, TransactionManagementError

if TYPE_CHECKING:
    from tests.simulation.store.tables import Row, Table

Boundary = Callable[[str], None]
NO_ROW = object()  # in the undo log: a key was taken, no row was touched
BEFORE, AFTER = "before commit", "after commit"
BROKEN = (
    "An error occurred in the current transaction. You can't execute queries until the end of the 'atomic' "
    "block."
)


@dataclass(slots=True)
class Ledger:
    """What the transaction that runs has done so far."""

    boundary: Boundary
    connection: Any  # never connected; the transaction's flags stand on it
    undo: list[tuple[Table, Any, Row | None, int]] = field(default_factory=list)
    savepoints: list[tuple[int, int] | None] = field(default_factory=list)
    hooks: list[Callable[[], object]] = field(default_factory=list)
    doubtful: list[tuple[Table, Any]] = field(default_factory=list)  # rows that refer to nothing yet
    version: int = 0  # goes up with every change of a row, an undone one too

    # --- the outermost block and its savepoints ----------------------------------------------------

    def enter(self, block: Atomic) -> None:
        connection = self.connection
        if not connection.in_atomic_block:
            connection.in_atomic_block, connection.needs_rollback = True, False
            self.forget()
            return
        if block.durable:
            self.refuse_durable()
        if block.savepoint and not connection.needs_rollback:
            self.savepoints.append((len(self.undo), len(self.hooks)))
        else:
            self.savepoints.append(None)

    def leave(self, error: BaseException | None) -> None:
        """The end of a block: commit, release, or roll back."""
        connection = self.connection
        failed = error is not None or connection.needs_rollback
        connection.needs_rollback = False
        if not self.savepoints:
            self.finish(failed)
            return
        savepoint = self.savepoints.pop()
        if not failed:
            return
        if savepoint is None:
            connection.needs_rollback = True
        else:
            self.undo_to(savepoint[0])
            del self.hooks[savepoint[1] :]

    def finish(self, failed: bool) -> None:
        """The end of the outermost block, or of a statement that stands alone."""
        connection = self.connection
        wrote = any(entry[1] is not NO_ROW for entry in self.undo)
        try:
            if not failed:
                self.commit(wrote)
        except BaseException:
            failed = True
            raise
        finally:
            if failed:
                self.undo_to(0)
            hooks = [] if failed else self.hooks
            connection.in_atomic_block = False
            self.forget()
        if failed:
            return
        for hook in hooks:
            hook()
        if wrote:
            self.boundary(AFTER)

    def commit(self, wrote: bool) -> None:
        if wrote:
            self.boundary(BEFORE)
        for table, key in self.doubtful:
            table.check_references(key)

    def forget(self) -> None:
        self.undo, self.hooks, self.doubtful, self.savepoints = [], [], [], []

    def undo_to(self, mark: int) -> None:
        undo = self.undo
        while len(undo) > mark:
            table, key, row, last_key = undo.pop()
            if key is not NO_ROW:
                table.place(key, row)
            table.last_key = last_key

    def refuse_durable(self) -> None:
        raise RuntimeError("A durable atomic block cannot be nested within another atomic block.")

    def on_commit(self, function: Callable[[], object]) -> None:
        if self.connection.in_atomic_block:
            self.hooks.append(function)
        else:
            function()

    # --- single statements -------------------------------------------------------------------------

    def check_usable(self) -> None:
        """As every cursor of Django's does. Raises TransactionManagementError in a broken transaction."""
        connection = self.connection
        if connection.needs_rollback and connection.in_atomic_block:
            raise TransactionManagementError(BROKEN)


class Statement:
    """One statement that writes: all of it or nothing; alone it is its own transaction, inside one a failure
    breaks the transaction, as Django has it."""

    __slots__ = ("alone", "ledger", "mark")

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def __enter__(self) -> None:
        ledger = self.ledger
        ledger.check_usable()
        connection = ledger.connection
        self.alone = not connection.in_atomic_block
        if self.alone:
            connection.in_atomic_block = True
            ledger.forget()
        self.mark = len(ledger.undo)

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        ledger = self.ledger
        if self.alone:
            ledger.finish(error is not None)
        elif error is not None:
            ledger.undo_to(self.mark)
            if isinstance(error, Exception):
                ledger.connection.needs_rollback = True


__all__ = ["AFTER", "BEFORE", "Boundary", "DatabaseError", "Ledger", "Statement"]
