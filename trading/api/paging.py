"""Lists in pages, newest first, by a cursor over the id: as fast on the last page as on the first."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from trading.api.problems import Problem

USUAL, MOST = 100, 500


class NewestFirst(CursorPagination):
    """`{results, next, previous}` with absolute URLs; `?limit=` up to 500."""

    ordering = "-id"
    page_size = USUAL
    max_page_size = MOST
    page_size_query_param = "limit"

    def get_page_size(self, request: Request) -> int:
        text = request.query_params.get("limit", str(USUAL))
        if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) > 0):
            raise Problem(
                HTTPStatus.BAD_REQUEST,
                "malformed",
                f"limit must be a whole number from 1, not {text[:40]!r}; at most {MOST} are shown at once.",
                field="limit",
                limit=f"1 to {MOST}",
                value=text[:40],
            )
        return min(int(text), MOST)

    def decode_cursor(self, request: Request) -> Any:
        try:
            return super().decode_cursor(request)
        except NotFound:
            raise Problem(
                HTTPStatus.BAD_REQUEST,
                "malformed",
                "cursor must be one from next or previous.",
                field="cursor",
            ) from None

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"results": data, "next": self.get_next_link(), "previous": self.get_previous_link()})
