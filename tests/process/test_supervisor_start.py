"""`python -m config.supervisor` itself: what it refuses in one sentence, and a database's first start."""

import socket
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.process.conftest import PYTHON, Program, free_port

pytestmark = pytest.mark.process


@pytest.fixture
def settings_of(tmp_path: Path) -> dict[str, str]:
    """An environment of its own: free ports, a database and a state folder of this test."""
    return {
        "HOST": "127.0.0.1",
        "PORT": str(free_port()),
        "VENUE_PORT": str(free_port()),
        "TRADING_MODE": "demo",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}",
        "BACKSTOP_STATE_DIR": str(tmp_path / "state"),
        "SECRET_KEY": "a key of the tests, long and random enough to pass: 8f3kd92kd0s9f8",
        "ADMIN_PASSWORD": "",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }


@pytest.fixture
def refusal(start: Callable[..., Program], settings_of: dict[str, str]) -> Callable[..., str]:
    """Start with these changes; the sentence of the refusal. Nothing may have been started."""

    def run(**changes: str) -> str:
        program = start([PYTHON, "-m", "config.supervisor"], environment={**settings_of, **changes})
        assert program.exit_code() == 2, (program.out, program.err)
        assert program.out == []
        assert not any("Traceback" in line for line in program.err)
        return "\n".join(program.err)

    return run


@pytest.fixture
def taken() -> Iterator[str]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield str(server.getsockname()[1])


@pytest.mark.parametrize("variable", ["PORT", "VENUE_PORT"])
def test_a_taken_port_is_named_with_its_variable(refusal, taken: str, tmp_path: Path, variable: str) -> None:
    said = refusal(**{variable: taken})
    assert f"port {taken} on 127.0.0.1 is taken" in said
    assert f"set {variable} " in said
    assert "nothing was started" in said
    assert not (tmp_path / "db.sqlite3").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"PORT": "abc"}, "PORT must be a whole number"),
        ({"PORT": "70000"}, "PORT=70000 is not a port"),
        ({"VENUE_PORT": "-1"}, "VENUE_PORT=-1 is not a port"),
        ({"HOST": "no such host"}, "not an address"),
        ({"DATABASE_URL": "mysql://nobody@127.0.0.1/x"}, "SQLite or PostgreSQL"),
        ({"DATABASE_URL": "sqlite:////nowhere/at/all/db.sqlite3"}, "cannot be written"),
        ({"DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing"}, "cannot be written"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else None,
)
def test_what_cannot_work_is_refused_in_a_sentence(refusal, changes: dict[str, str], words: str) -> None:
    said = refusal(**changes)
    assert words in said
    assert "nothing was started" in said


def test_one_port_for_two_servers_is_refused(refusal) -> None:
    port = str(free_port())
    assert f"PORT and VENUE_PORT are both {port}" in refusal(PORT=port, VENUE_PORT=port)


def test_a_file_that_is_no_database_is_refused(refusal, tmp_path: Path) -> None:
    (tmp_path / "db.sqlite3").write_bytes(b"these are somebody's notes\n" * 100)
    assert "cannot be written" in refusal()
    assert (tmp_path / "db.sqlite3").read_bytes().startswith(b"these are somebody's notes")


@pytest.fixture
def prepare(start: Callable[..., Program], settings_of: dict[str, str]) -> Callable[..., Program]:
    def run(**changes: str) -> Program:
        program = start([PYTHON, "-m", "config.supervisor.prepare"], environment={**settings_of, **changes})
        assert program.exit_code(seconds=60) == 0, program.err
        return program

    return run


def users(database: Path) -> list[str]:
    with sqlite3.connect(database) as connection:
        return [name for (name,) in connection.execute("SELECT username FROM auth_user WHERE is_superuser")]


def test_a_generated_password_is_said_on_the_first_start_only(prepare, tmp_path: Path) -> None:
    first = prepare()
    (line,) = first.out
    assert line.startswith("admin password: ")
    assert len(line.split()[-1]) >= 12
    assert users(tmp_path / "db.sqlite3") == ["admin"]
    assert prepare().out == []
    assert users(tmp_path / "db.sqlite3") == ["admin"]


def test_a_given_password_is_never_said(prepare, tmp_path: Path) -> None:
    assert prepare(ADMIN_PASSWORD="of-my-own-choosing").out == []
    assert users(tmp_path / "db.sqlite3") == ["admin"]


def test_a_database_with_a_user_gets_no_admin(prepare, tmp_path: Path) -> None:
    prepare()
    with sqlite3.connect(tmp_path / "db.sqlite3") as connection:
        connection.execute("UPDATE auth_user SET username = 'somebody', is_superuser = 0")
    assert prepare().out == []
    assert users(tmp_path / "db.sqlite3") == []
