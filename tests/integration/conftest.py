"""What the integration tests share: a market, callers of the API, and a venue that cannot be reached.

No test here may meet a venue that happens to run on this machine: whatever asks finds it down.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

import trading.market
from brackets import venues
from brackets.models import Account
from brackets.venue.port import VenueUnavailable
from tests import factories


class DownVenue:
    """A venue behind a cable that was pulled: every read fails."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def unreachable(*args: object, **options: object) -> None:
            raise VenueUnavailable("connection refused")

        return unreachable


class Caller:
    """A script with a token: speaks JSON over the real addresses."""

    def __init__(self, token: str | None) -> None:
        # What a view does not catch must become an answer here too, not an exception of the test.
        self.client = Client(raise_request_exception=False, enforce_csrf_checks=True)
        self.headers = {"Authorization": f"Token {token}"} if token else {}

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(address(path), headers={**self.headers, **headers})

    def post(self, path: str, body: object = None, **headers: str) -> Any:
        return self.send("post", path, {} if body is None else body, **headers)

    def patch(self, path: str, body: object, **headers: str) -> Any:
        return self.send("patch", path, body, **headers)

    def send(self, method: str, path: str, body: object, **headers: str) -> Any:
        content = body if isinstance(body, str | bytes) else json.dumps(body)
        send = getattr(self.client, method)
        return send(
            address(path), content, content_type="application/json", headers={**self.headers, **headers}
        )


def address(path: str) -> str:
    return path if path.startswith(("/", "http")) else f"/api/v1/{path}"


@pytest.fixture(autouse=True)
def _no_venue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(venues, "of", lambda account, **options: DownVenue())


@pytest.fixture
def market(db: None, monkeypatch: pytest.MonkeyPatch) -> Account:
    monkeypatch.setattr(trading.market, "FRESH_SECONDS", 25)  # its prices last while a test runs
    return factories.a_market()


@pytest.fixture
def admin_user(db: None) -> Any:
    return factories.a_user(username="root", is_superuser=True)


@pytest.fixture
def caller(market: Account, admin_user: Any) -> Caller:
    """A script of a superuser, on an account with a market."""
    return Caller(factories.a_token(admin_user))
