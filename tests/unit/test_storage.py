"""Which trouble of the database an error stands for, as the drivers really word it."""

import sqlite3

import psycopg
import pytest
from django.db import IntegrityError, InterfaceError, OperationalError

from brackets.storage import Trouble, Voice, trouble_of
from trading.api.problems import problem_of


def of_sqlite(name: str) -> OperationalError:
    cause = sqlite3.OperationalError("some words")
    cause.sqlite_errorname = name
    return caused_by(cause)


def of_postgres(kind: type[psycopg.Error]) -> OperationalError:
    return caused_by(kind("some words"))


def caused_by(cause: Exception) -> OperationalError:
    error = OperationalError(str(cause))
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (of_sqlite("SQLITE_FULL"), Trouble.DISK_FULL),
        (of_sqlite("SQLITE_IOERR_WRITE"), Trouble.NOT_WRITABLE),
        (of_sqlite("SQLITE_READONLY_DBMOVED"), Trouble.NOT_WRITABLE),
        (of_sqlite("SQLITE_BUSY"), Trouble.BUSY),
        (of_sqlite("SQLITE_ERROR"), None),
        (of_postgres(psycopg.errors.DiskFull), Trouble.DISK_FULL),
        (of_postgres(psycopg.errors.AdminShutdown), Trouble.UNAVAILABLE),
        (of_postgres(psycopg.errors.CannotConnectNow), Trouble.UNAVAILABLE),
        (of_postgres(psycopg.errors.TooManyConnections), Trouble.UNAVAILABLE),
        (of_postgres(psycopg.errors.ReadOnlySqlTransaction), Trouble.NOT_WRITABLE),
        (of_postgres(psycopg.OperationalError), Trouble.UNAVAILABLE),  # no server said anything
        (of_postgres(psycopg.errors.QueryCanceled), None),
        (InterfaceError("connection already closed"), Trouble.UNAVAILABLE),
        (IntegrityError("UNIQUE constraint failed"), None),
        (ValueError("no database"), None),
        (None, None),
    ],
)
def test_an_error_is_named_by_what_is_wrong(error: BaseException | None, trouble: Trouble | None) -> None:
    assert trouble_of(error) is trouble


def test_a_trouble_is_said_once_and_again_after_it_was_over(caplog: pytest.LogCaptureFixture) -> None:
    voice = Voice()
    full = of_sqlite("SQLITE_FULL")
    assert voice.tell(full)
    assert voice.tell(full)
    assert len(caplog.records) == 1
    voice.well()
    voice.well()
    assert len(caplog.records) == 2
    assert voice.tell(full)
    assert len(caplog.records) == 3


def test_what_is_no_trouble_of_the_database_is_left_to_others(caplog: pytest.LogCaptureFixture) -> None:
    assert not Voice().tell(ValueError("a defect"))
    assert caplog.records == []


def test_scripts_are_told_to_come_back_with_the_same_key() -> None:
    problem = problem_of(of_sqlite("SQLITE_FULL"))
    assert (problem.status, problem.code) == (503, "disk_full")
    assert int(problem.headers["Retry-After"]) > 0
    assert "Idempotency-Key" in problem.detail


def test_a_defect_is_no_trouble_of_the_database() -> None:
    assert problem_of(of_sqlite("SQLITE_ERROR")).code == "internal_error"
