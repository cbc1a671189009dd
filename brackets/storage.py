"""When the database cannot be used: which trouble it is, and what people are told, once.

Nothing is ever sent that was not stored before, so a disk without space or a server that does not answer
stops decisions by itself. Here that stop gets its words: what is wrong, what stays as it is, what to do. Who
meets such an error (watch, web, lookout) says it, waits, and tries again; nobody has to be started anew.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from enum import StrEnum
from pathlib import Path

from django.db import Error, InterfaceError, connection

log = logging.getLogger("backstop.storage")
AGAIN_SECONDS = 60.0  # between two words about the same trouble
FULL_BELOW_BYTES = 256 * 1024  # what SQLite needs for one step, and less than what a person would call free


class Trouble(StrEnum):
    """Why nothing can be stored; the value is the code that scripts see."""

    DISK_FULL = "disk_full"
    NOT_WRITABLE = "database_not_writable"
    UNAVAILABLE = "database_unavailable"
    BUSY = "database_busy"


REMEDIES = {
    Trouble.DISK_FULL: "the disk is full. Free some space",
    Trouble.NOT_WRITABLE: "it cannot be written. Look at its disk, its folder and its rights",
    Trouble.UNAVAILABLE: "it does not answer. See that it runs and can be reached",
    Trouble.BUSY: "others hold it for too long. See what else writes to it",
}


def trouble_of(error: BaseException | None) -> Trouble | None:
    """The trouble a database error stands for; None where it says nothing of the database's health."""
    if not isinstance(error, Error):
        return None
    cause = error.__cause__ or error
    name = str(getattr(cause, "sqlite_errorname", "") or "")
    if name:
        return _of_sqlite(name)
    if isinstance(error, InterfaceError):
        return Trouble.UNAVAILABLE
    return _of_postgres(getattr(cause, "sqlstate", None), type(cause).__name__)


def _of_sqlite(name: str) -> Trouble | None:
    if name == "SQLITE_FULL":
        return Trouble.DISK_FULL
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return Trouble.BUSY
    if name.startswith(("SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN")):
        return Trouble.DISK_FULL if disk_is_full() else Trouble.NOT_WRITABLE
    return None


def _of_postgres(sqlstate: str | None, kind: str) -> Trouble | None:
    if sqlstate == "53100":
        return Trouble.DISK_FULL
    if sqlstate == "25006":
        return Trouble.NOT_WRITABLE
    lost = sqlstate is None and kind == "OperationalError"  # no server said it
    if lost or (sqlstate or "").startswith(("08", "57P", "53")):
        return Trouble.UNAVAILABLE
    return None


def disk_is_full() -> bool:
    """Whether the disk of a database in a file has no space left; of a server's disk nothing is known."""
    if connection.vendor != "sqlite":
        return False
    try:
        return shutil.disk_usage(Path(str(connection.settings_dict["NAME"])).parent).free < FULL_BELOW_BYTES
    except OSError:
        return False


def sentence(trouble: Trouble) -> str:
    """What is wrong, what stays, what to do; without any name or password of the database."""
    kind = "SQLite" if connection.vendor == "sqlite" else "PostgreSQL"
    return (
        f"Nothing can be stored in the {kind} database: {REMEDIES[trouble]}; it then goes on by itself. "
        "Until then nothing is decided and nothing is sent; what rests at the venue stays there"
    )


class Voice:
    """Says each trouble once a minute in a process, and once that it is over."""

    def __init__(self) -> None:
        self._said_at: dict[Trouble, float] = {}
        self._lock = threading.Lock()

    def tell(self, error: BaseException) -> bool:
        """Whether it is trouble of the database; said now, or a moment ago."""
        trouble = trouble_of(error)
        if trouble is None:
            return False
        now = time.monotonic()
        with self._lock:
            due = now - self._said_at.get(trouble, float("-inf")) >= AGAIN_SECONDS
            if due:
                self._said_at[trouble] = now
        if due:
            log.critical("ALARM %s (%s).", sentence(trouble), first_line(error))
        return True

    def well(self) -> None:
        """Something was stored: whatever was wrong is over."""
        if not self._said_at:
            return
        with self._lock:
            troubles, self._said_at = list(self._said_at), {}
        if troubles:
            log.warning("The database can be written again (it was: %s); going on.", ", ".join(troubles))


VOICE = Voice()


def first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
