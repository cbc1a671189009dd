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
        ({"HOST": "192.0.2.1"}, "Set HOST"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL must be one of"),
        ({"DATABASE_URL": "nonsense"}, "DATABASE_URL is not a database URL"),
        ({"DATABASE_URL": "sqlite://"}, "in memory"),
        ({"DATABASE_URL": "sqlite:///"}, "in memory"),
        ({"DATABASE_URL": "sqlite://:memory:"}, "in memory"),
        ({"DATABASE_URL": "sqlite:///:memory:"}, "in memory"),
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


HEADER = "timestamp,open,high,low,close,volume\n"
BAR = "2024-08-05T00:00:00Z,2900,2950,2850,2900,1\n"


@pytest.mark.parametrize(
    ("name", "content", "begins", "words"),
    [
        ("notes.txt", BAR, "", "neither synthetic nor a candle file's name"),
        ("kraken_EURCHF_5m.csv", HEADER + BAR, "", "unknown pair EURCHF"),
        ("kraken_ETHUSD_5m.csv", "these are somebody's notes\n", "", "has the columns"),
        ("kraken_ETHUSD_5m.csv", HEADER, "", "has no bars"),
        ("kraken_ETHUSD_5m.csv", HEADER + BAR.replace("2950", "1"), "", "line 2"),
        ("kraken_ETHUSD_5m.csv.gz", HEADER + BAR, "", "cannot be read"),
        ("kraken_ETHUSD_5m.csv", HEADER + BAR, "2030-01-01T00:00:00Z", "PAPER_START"),
    ],
    ids=["name", "pair", "columns", "empty", "bar", "gzip", "start"],
)
def test_a_file_that_is_no_market_is_refused(
    refusal, tmp_path: Path, name: str, content: str, begins: str, words: str
) -> None:
    (tmp_path / name).write_text(content)
    said = refusal(PAPER_MARKET=str(tmp_path / name), PAPER_START=begins)
    assert words in said
    assert said.lower().count("nothing was started") == 1
    assert not (tmp_path / "db.sqlite3").exists()


def test_one_port_for_two_servers_is_refused(refusal) -> None:
    port = str(free_port())
    assert f"PORT and VENUE_PORT are both {port}" in refusal(PORT=port, VENUE_PORT=port)


def test_a_file_that_is_no_database_is_refused(refusal, tmp_path: Path) -> None:
    (tmp_path / "db.sqlite3").write_bytes(b"these are somebody's notes\n" * 100)
    assert "cannot be written" in refusal()
    assert (tmp_path / "db.sqlite3").read_bytes().startswith(b"these are somebody's notes")


def printed(start: Callable[..., Program], code: str, environment: dict[str, str]) -> str:
    program = start([PYTHON, "-c", code], environment=environment)
    assert program.exit_code() == 0, program.err
    return "\n".join(program.out)


def test_blanks_around_commas_are_no_part_of_a_host(start, settings_of: dict[str, str]) -> None:
    given = {
        "ALLOWED_HOSTS": "desk.example , other.example,",
        "CSRF_TRUSTED_ORIGINS": "https://a.b, https://c.d",
    }
    said = printed(
        start,
        "from config import settings as s; print(s.ALLOWED_HOSTS, s.CSRF_TRUSTED_ORIGINS)",
        {**settings_of, **given},
    )
    assert said == "['desk.example', 'other.example'] ['https://a.b', 'https://c.d']"


def test_the_supervisor_knows_its_settings_by_itself(start, settings_of: dict[str, str]) -> None:
    """Its main, ended by a port that is no port, leaves Django ready for what the heartbeat asks."""
    said = printed(
        start,
        "import os; os.environ.pop('DJANGO_SETTINGS_MODULE', None)\n"
        "from config.supervisor.__main__ import main; code = main()\n"
        "from django.conf import settings; print(code, settings.PORT)",
        {**settings_of, "PORT": "70000"},
    )
    assert said == "2 70000"


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


def test_every_start_begins_with_recovering(start, prepare, settings_of: dict[str, str]) -> None:
    """Before the web answers: what the last run had compared says nothing of what happened since."""
    django = "import django; django.setup(); from brackets.models import Account\n"
    prepare()
    printed(
        start,
        django + "from django.utils.timezone import now\n"
        "for mode in ('demo', 'paper'): Account.objects.create(name=mode, mode=mode, recovered_at=now())",
        settings_of,
    )
    prepare()
    left = "print(*Account.objects.exclude(recovered_at=None).values_list('name', flat=True))"
    assert printed(start, django + left, settings_of) == "paper"  # another mode's account is left alone


def test_a_given_password_is_never_said(prepare, tmp_path: Path) -> None:
    assert prepare(ADMIN_PASSWORD="of-my-own-choosing").out == []
    assert users(tmp_path / "db.sqlite3") == ["admin"]


def test_a_database_with_a_user_gets_no_admin(prepare, tmp_path: Path) -> None:
    prepare()
    with sqlite3.connect(tmp_path / "db.sqlite3") as connection:
        connection.execute("UPDATE auth_user SET username = 'somebody', is_superuser = 0")
    assert prepare().out == []
    assert users(tmp_path / "db.sqlite3") == []
