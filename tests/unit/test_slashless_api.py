"""A path of the API without its last slash is the same path, for every method."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from config.middleware import SlashlessApi


def seen_path(request: HttpRequest) -> str:
    def view(inner: HttpRequest) -> HttpResponse:
        assert inner.path == inner.path_info
        return HttpResponse(inner.get_full_path())

    return str(SlashlessApi(view)(request).content.decode())  # type: ignore[attr-defined]


@pytest.mark.parametrize("method", ["get", "post", "patch"])
def test_it_completes_the_path_and_keeps_the_query(method: str) -> None:
    request = getattr(RequestFactory(), method)("/api/v1/commands/buy?wait=3")
    assert seen_path(request) == "/api/v1/commands/buy/?wait=3"


def test_it_keeps_the_body_of_a_post() -> None:
    bodies = []

    def view(request: HttpRequest) -> HttpResponse:
        bodies.append(request.body)
        return HttpResponse()

    SlashlessApi(view)(RequestFactory().post("/api/v1/commands/buy", b"{}", content_type="application/json"))
    assert bodies == [b"{}"]


@pytest.mark.parametrize("path", ["/api/v1/trades/", "/admin/login", "/api/v10/trades", "/", "/api/v1/"])
def test_it_leaves_every_other_path_alone(path: str) -> None:
    assert seen_path(RequestFactory().get(path)) == path


def test_the_root_of_the_api_is_completed_too() -> None:
    assert seen_path(RequestFactory().get("/api/v1")) == "/api/v1/"
