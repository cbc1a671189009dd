"""Whatever is wrong, the answer under /api/ is a problem document with a stable code and no secret."""

from __future__ import annotations

import pytest

from tests.integration.conftest import Caller
from trading.api import views
from trading.models import Command

PROBLEM = "application/problem+json"


def code_of(answer: object) -> tuple[int, str]:
    assert answer["Content-Type"] == PROBLEM  # type: ignore[index]
    body = answer.json()  # type: ignore[attr-defined]
    assert {"type", "title", "status", "code", "detail"} <= set(body)
    assert body["status"] == answer.status_code  # type: ignore[attr-defined]
    return body["status"], body["code"]


@pytest.mark.parametrize(
    "path",
    ["nothing/", "trades/abc/", "trades/1/2/", "commands/short/", "/api/", "/api/v2/status/", "/api/v1/"],
)
def test_an_unknown_address_is_404(caller: Caller, path: str) -> None:
    assert code_of(caller.get(path)) == (404, "not_found")


@pytest.mark.parametrize("kind", ["short", "liquidate", "dance"])
def test_a_command_that_is_not_offered_is_404(caller: Caller, kind: str) -> None:
    assert code_of(caller.post(f"commands/{kind}/", {})) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", "trades/"),
        ("put", "config/"),
        ("delete", "trades/1/"),
        ("get", "commands/buy/"),
        ("options", "trades/"),
    ],
)
def test_a_method_that_is_not_offered_is_405(caller: Caller, method: str, path: str) -> None:
    send = getattr(caller.client, method)
    assert code_of(send(f"/api/v1/{path}", headers=caller.headers)) == (405, "method_not_allowed")


def test_a_form_is_415(caller: Caller) -> None:
    answer = caller.client.post("/api/v1/commands/pause/", {"reason": "x"}, headers=caller.headers)
    assert code_of(answer) == (415, "unsupported_media_type")
    assert Command.objects.count() == 0


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[]",
        '"text"',
        "null",
        '{"reason": "a", "reason": "b"}',
        b"\xff\xfe",
        '{"reason": NaN}',
        "[" * 10_000,
        '{"a":' * 20_000,
    ],
)
def test_a_body_that_is_no_object_is_400(caller: Caller, body: str) -> None:
    status, code = code_of(caller.post("commands/pause/", body))
    assert (status, code) in {(400, "malformed_json"), (413, "too_large")}
    assert Command.objects.count() == 0


@pytest.mark.parametrize("size", [70_000, 5_000_000])
def test_a_body_that_is_too_large_is_413(caller: Caller, size: int) -> None:
    assert code_of(caller.post("commands/pause/", '{"reason": "%s"}' % ("x" * size))) == (413, "too_large")


@pytest.mark.parametrize("body", ['{"reason": "a\\u0000b"}', '{"reason": "a\\ud800b"}', '{"reason": 5}'])
def test_a_text_that_no_database_holds_is_400(caller: Caller, body: str) -> None:
    assert code_of(caller.post("commands/pause/", body))[0] == 400


def test_an_unexpected_error_is_500_without_its_inside(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(account: object) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(views, "read_status", fail)
    answer = caller.get("status/")
    assert code_of(answer) == (500, "internal_error")
    assert "secret" not in answer.content.decode() and "Traceback" not in answer.content.decode()


def test_a_bad_host_is_a_problem_too(caller: Caller) -> None:
    assert code_of(caller.get("trades/?limit=1", Host="evil.example"))[0] == 400


def test_what_the_caller_accepts_does_not_matter(caller: Caller) -> None:
    answer = caller.get("trades/", Accept="text/html")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")


def test_outside_the_api_pages_stay_pages(caller: Caller) -> None:
    assert caller.get("/nothing/")["Content-Type"].startswith("text/html")
    assert caller.get("/")["Location"] == "/admin/"
