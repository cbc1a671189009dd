"""Every bad or dangerous setting is said by its check, by id, and with what to set instead."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import ERROR, CheckMessage

from brackets.checks import check_venue
from trading.checks import check_house

PAPER = {
    "TRADING_MODE": "paper",
    "PAPER_MARKET": "feed",
    "PAPER_FEED_URL": "https://api.kraken.com",
    "PAPER_FEED_WS_URL": "wss://ws.kraken.com/v2",
}
ROOT = Path(__file__).resolve().parents[2]
SECRET = base64.b64encode(b"a private key of a test").decode()
LIVE = {
    "TRADING_MODE": "live",
    "ON_PAPER_VENUE": False,
    "KRAKEN_API_KEY": "key",
    "KRAKEN_PRIVATE_KEY": SECRET,
    "KRAKEN_API_URL": "https://api.kraken.com",
    "KRAKEN_WS_URL": "wss://ws-auth.kraken.com/v2",
    "KRAKEN_WS_PUBLIC_URL": "wss://ws.kraken.com/v2",
}


def complaints(settings: Any, **changes: object) -> list[CheckMessage]:
    for name, value in changes.items():
        setattr(settings, name, value)
    return [*check_venue(), *check_house()]


def ids(settings: Any, **changes: object) -> list[str]:
    return [str(message.id) for message in complaints(settings, **changes)]


@pytest.fixture(autouse=True)
def _demo(settings: Any) -> None:
    """The settings of a first start, whatever this machine's environment says."""
    for name, value in {
        "TRADING_MODE": "demo",
        "ON_PAPER_VENUE": True,
        "EXECUTION_MODE": "LIMIT_BRACKET",
        "KRAKEN_API_URL": "http://127.0.0.1:5001",
        "KRAKEN_WS_URL": "ws://127.0.0.1:5001/v2",
        "KRAKEN_WS_PUBLIC_URL": "ws://127.0.0.1:5001/v2",
        "KRAKEN_TIER": "starter",
        "KRAKEN_TIMEOUT_SECONDS": "5",
        "PAPER_MARKET": "synthetic",
        "PAPER_START": "",
        "PAPER_SPEED": "",
        "PAPER_SEED": "1",
        "INITIAL_BALANCE": "",
        "HOST": "127.0.0.1",
        "PORT": 5000,
        "VENUE_PORT": 5001,
        "DEBUG": False,
        "SECURE": False,
        "SECRET_KEY": "x" * 64,
    }.items():
        setattr(settings, name, value)


def test_the_defaults_are_clean(settings: Any) -> None:
    assert ids(settings) == []
    assert ids(settings, **LIVE) == []
    assert ids(settings, **{**LIVE, "TRADING_MODE": "validate"}) == []
    assert ids(settings, EXECUTION_MODE="MARKET_ONLY", **{**LIVE, **PAPER, "ON_PAPER_VENUE": True}) == []
    assert ids(settings, PAPER_FEED_URL="http://127.0.0.1:9", PAPER_FEED_WS_URL="") == []


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"TRADING_MODE": "yolo"}, "trading.E001"),
        ({"EXECUTION_MODE": "FOO"}, "trading.E003"),
        ({"INITIAL_BALANCE": "ten"}, "trading.E005"),
        ({"INITIAL_BALANCE": "-1"}, "trading.E005"),
        ({"INITIAL_BALANCE": "0"}, "trading.E005"),
        ({"INITIAL_BALANCE": "NaN"}, "trading.E005"),
        ({"INITIAL_BALANCE": "Infinity"}, "trading.E005"),
        ({"INITIAL_BALANCE": "1e300"}, "trading.E005"),
        ({"INITIAL_BALANCE": "0.00000000001"}, "trading.E005"),
        ({"PORT": 0}, "trading.E006"),
        ({"PORT": 65536}, "trading.E006"),
        ({"VENUE_PORT": -5}, "trading.E006"),
        ({"PORT": 5001}, "trading.E007"),
        ({**LIVE, "DEBUG": True}, "trading.W001"),
        ({"HOST": "0.0.0.0"}, "trading.W002"),
        ({"SECRET_KEY": "short"}, "trading.W003"),
        ({"KRAKEN_API_URL": "api.kraken.com"}, "brackets.E001"),
        ({"KRAKEN_API_URL": "ftp://api.kraken.com"}, "brackets.E001"),
        ({"KRAKEN_API_URL": "https://"}, "brackets.E001"),
        ({"KRAKEN_API_URL": "https://api.kraken.com:port"}, "brackets.E001"),
        ({"KRAKEN_API_URL": "https://[::1"}, "brackets.E001"),
        ({"KRAKEN_API_URL": "https://api.kraken.com/0"}, "brackets.E002"),
        ({"KRAKEN_API_URL": "https://api.kraken.com?x=1"}, "brackets.E002"),
        ({"KRAKEN_API_URL": "https://me:secret@api.kraken.com"}, "brackets.E002"),
        ({**LIVE, "KRAKEN_API_URL": "http://10.0.0.5:80"}, "brackets.W001"),
        ({"KRAKEN_WS_URL": "https://ws-auth.kraken.com/v2"}, "brackets.E009"),
        ({"KRAKEN_WS_URL": "wss:///v2"}, "brackets.E009"),
        ({"KRAKEN_WS_PUBLIC_URL": "wss://ws.kraken.com:port/v2"}, "brackets.E009"),
        ({"KRAKEN_WS_URL": "wss://ws-auth.kraken.com"}, "brackets.E010"),
        ({"KRAKEN_WS_PUBLIC_URL": "wss://ws.kraken.com/v1"}, "brackets.E010"),
        ({"KRAKEN_WS_URL": "wss://ws-auth.kraken.com/v2?token=1"}, "brackets.E010"),
        ({"KRAKEN_WS_URL": "wss://me:secret@ws-auth.kraken.com/v2"}, "brackets.E010"),
        ({**LIVE, "KRAKEN_WS_URL": "ws://10.0.0.5:80/v2"}, "brackets.W002"),
        ({**LIVE, "KRAKEN_WS_PUBLIC_URL": "ws://10.0.0.5:80/v2"}, "brackets.W002"),
        ({**LIVE, "KRAKEN_API_KEY": ""}, "brackets.E003"),
        ({**LIVE, "KRAKEN_PRIVATE_KEY": ""}, "brackets.E003"),
        ({**LIVE, "KRAKEN_PRIVATE_KEY": "not base64!"}, "brackets.E004"),
        ({"KRAKEN_TIER": "gold"}, "brackets.E005"),
        ({"KRAKEN_TIMEOUT_SECONDS": "soon"}, "brackets.E006"),
        ({"KRAKEN_TIMEOUT_SECONDS": "0.5"}, "brackets.E006"),
        ({"KRAKEN_TIMEOUT_SECONDS": "61"}, "brackets.E006"),
        ({"KRAKEN_TIMEOUT_SECONDS": "NaN"}, "brackets.E006"),
        ({"PAPER_MARKET": "/no/such/file.csv"}, "brackets.E007"),
        ({"PAPER_MARKET": "x" * 5000}, "brackets.E007"),
        ({**PAPER, "PAPER_FEED_URL": "api.kraken.com"}, "brackets.E011"),
        ({**PAPER, "PAPER_FEED_URL": "https://api.kraken.com/0"}, "brackets.E011"),
        ({**PAPER, "PAPER_FEED_URL": "https://me:secret@api.kraken.com"}, "brackets.E011"),
        ({**PAPER, "PAPER_FEED_WS_URL": "https://ws.kraken.com/v2"}, "brackets.E009"),
        ({**PAPER, "PAPER_FEED_WS_URL": "wss://ws.kraken.com"}, "brackets.E010"),
        ({"PAPER_SPEED": "fast"}, "brackets.E008"),
        ({"PAPER_SPEED": "-1"}, "brackets.E008"),
        ({"PAPER_SEED": "a"}, "brackets.E008"),
        ({"PAPER_START": "2024-08-05T00:30:00Z"}, "brackets.E008"),
        ({"PAPER_MARKET": __file__, "PAPER_START": "yesterday"}, "brackets.E008"),
    ],
)
def test_a_bad_setting_is_said_once_by_its_id(settings: Any, changes: dict[str, Any], wanted: str) -> None:
    found = complaints(settings, **changes)
    assert [message.id for message in found] == [wanted]
    assert found[0].hint
    assert (found[0].level >= ERROR) == (".E" in wanted)


@pytest.mark.parametrize("url", ["http://127.0.0.1:5001", "http://localhost:8080/", "http://[::1]:9"])
def test_plain_http_to_this_machine_is_fine_in_live(settings: Any, url: str) -> None:
    assert ids(settings, **{**LIVE, "KRAKEN_API_URL": url}) == []


@pytest.mark.parametrize("url", ["ws://127.0.0.1:5001/v2", "ws://localhost:8080/v2/", "ws://[::1]:9/v2"])
def test_a_plain_stream_of_this_machine_is_fine_in_live(settings: Any, url: str) -> None:
    assert ids(settings, **{**LIVE, "KRAKEN_WS_URL": url, "KRAKEN_WS_PUBLIC_URL": url}) == []


def test_without_a_stream_the_watch_polls_and_that_is_fine(settings: Any) -> None:
    assert ids(settings, **{**LIVE, "KRAKEN_WS_URL": "", "KRAKEN_WS_PUBLIC_URL": ""}) == []


@pytest.mark.parametrize(
    ("given", "private", "public"),
    [
        ({}, "wss://ws-auth.kraken.com/v2", "wss://ws.kraken.com/v2"),
        (
            {"KRAKEN_API_URL": "https://api.kraken.com/"},
            "wss://ws-auth.kraken.com/v2",
            "wss://ws.kraken.com/v2",
        ),
        ({"KRAKEN_API_URL": "http://127.0.0.1:1"}, "", ""),
        ({"KRAKEN_API_URL": "http://127.0.0.1:1", "KRAKEN_WS_URL": "ws://h/v2"}, "ws://h/v2", "ws://h/v2"),
        ({"KRAKEN_WS_URL": "ws://h/v2", "KRAKEN_WS_PUBLIC_URL": "ws://p/v2/"}, "ws://h/v2", "ws://p/v2"),
        (
            {"TRADING_MODE": "demo", "KRAKEN_WS_URL": "ws://h/v2"},
            "ws://127.0.0.1:5001/v2",
            "ws://127.0.0.1:5001/v2",
        ),
    ],
)
def test_the_streams_are_those_of_the_venue_that_is_traded_on(
    tmp_path: Path, given: dict[str, str], private: str, public: str
) -> None:
    names = ("TRADING_MODE", "KRAKEN_API_URL", "KRAKEN_WS_URL", "KRAKEN_WS_PUBLIC_URL", "VENUE_PORT")
    # An empty value hides what a .env file of this machine says.
    environment = {**os.environ, **dict.fromkeys(names, ""), "TRADING_MODE": "live", **given}
    environment |= {"BACKSTOP_STATE_DIR": str(tmp_path), "SECRET_KEY": "x" * 64}
    script = (
        "from config import settings; print(settings.KRAKEN_WS_URL, settings.KRAKEN_WS_PUBLIC_URL, sep='|')"
    )
    seen = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert seen.stdout.strip().split("|") == [private, public], seen.stderr


def test_one_wrong_url_for_both_streams_is_said_once(settings: Any) -> None:
    url = "wss://ws.kraken.com"
    assert ids(settings, KRAKEN_WS_URL=url, KRAKEN_WS_PUBLIC_URL=url) == ["brackets.E010"]


def test_live_does_not_judge_the_paper_venues_settings(settings: Any) -> None:
    assert ids(settings, **LIVE, VENUE_PORT=5000, PAPER_MARKET="/no/such/file.csv") == []


def test_no_secret_is_said(settings: Any) -> None:
    secrets = {"KRAKEN_PRIVATE_KEY": "pr1vate!", "SECRET_KEY": "s3cret"}
    url = "https://me:passw0rd@api.kraken.com"
    said = "".join(
        f"{m.msg} {m.hint}" for m in complaints(settings, **{**LIVE, **secrets, "KRAKEN_API_URL": url})
    )
    assert said
    assert not any(word in said for word in (*secrets.values(), "passw0rd"))
    said = "".join(f"{m.msg} {m.hint}" for m in complaints(settings, KRAKEN_WS_URL="wss://me:passw0rd@x/v1"))
    assert said and "passw0rd" not in said


def test_check_deploy_is_clean_with_production_settings(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}",
        "BACKSTOP_STATE_DIR": str(tmp_path),
        "SECURE": "true",
        "SECRET_KEY": "aZ3-" + "qWeRtY7890uIoPlKjHgF" * 3,
        "ALLOWED_HOSTS": "desk.example",
        "HOST": "0.0.0.0",
        "TRADING_MODE": "live",
        "KRAKEN_API_KEY": "key",
        "KRAKEN_PRIVATE_KEY": SECRET,
        # An empty value hides what a .env file of this machine says.
        **dict.fromkeys(("KRAKEN_API_URL", "EXECUTION_MODE", "INITIAL_BALANCE", "DEBUG", "KRAKEN_TIER"), ""),
    }
    seen = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert seen.returncode == 0, seen.stderr
    assert "no issues" in seen.stdout


# --- the dead man's ping ---------------------------------------------------------------------------

SECRET_PATH = "a-token-nobody-may-read"


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("", []),
        (f"https://hc-ping.com/{SECRET_PATH}", []),
        (f"http://127.0.0.1:8000/{SECRET_PATH}", []),
        (f"http://localhost/{SECRET_PATH}?a=b", []),
        (f"http://hc-ping.com/{SECRET_PATH}", ["brackets.E013"]),
        (f"ftp://hc-ping.com/{SECRET_PATH}", ["brackets.E012"]),
        (f"hc-ping.com/{SECRET_PATH}", ["brackets.E012"]),
        (f"https:///{SECRET_PATH}", ["brackets.E012"]),
        (f"https://hc-ping.com:99999/{SECRET_PATH}", ["brackets.E012"]),
        (f"https://hc-ping.com/{SECRET_PATH}#part", ["brackets.E012"]),
    ],
)
def test_the_dead_mans_address_is_judged_and_never_said(settings: Any, url: str, found: list[str]) -> None:
    messages = complaints(settings, DEADMAN_SECRET_URL=url)
    assert [str(message.id) for message in messages] == found
    assert SECRET_PATH not in str(messages)


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("DEADMAN_FAIL_PATH", "/fail", []),
        ("DEADMAN_FAIL_PATH", "/fail?x", ["brackets.E014"]),
        ("DEADMAN_FAIL_PATH", "https://elsewhere", ["brackets.E014"]),
        ("DEADMAN_SECONDS", 10, []),
        ("DEADMAN_SECONDS", 9, ["brackets.E015"]),
        ("DEADMAN_SECONDS", 86_401, ["brackets.E015"]),
    ],
)
def test_the_dead_mans_terms_are_judged(settings: Any, name: str, value: object, found: list[str]) -> None:
    assert ids(settings, DEADMAN_SECRET_URL="https://hc-ping.com/x", **{name: value}) == found
    assert ids(settings, DEADMAN_SECRET_URL="", **{name: value}) == []
