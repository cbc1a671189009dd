"""What every view of the API shares: JSON whatever is accepted, exact bodies, nothing cached."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from django.utils.cache import patch_cache_control
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from trading.api.parsing import ExactJsonParser
from trading.api.problems import Problem


class AlwaysJson(BaseContentNegotiation):
    """This API has one format; what the caller would rather have does not make a request fail."""

    def select_parser(self, request: Request, parsers: Sequence[BaseParser]) -> BaseParser | None:
        given = request.content_type.partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == given), None)

    def select_renderer(
        self, request: Request, renderers: Sequence[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class ApiView(APIView):
    """A view that answers in JSON, to a valid token only (unless it says otherwise)."""

    content_negotiation_class = AlwaysJson
    parser_classes = [ExactJsonParser]
    metadata_class = None
    parameters: frozenset[str] = frozenset()
    """The query parameters it knows; any other is refused by name instead of silently passed over."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        for name in request.query_params:
            if name not in self.parameters:
                known = ", ".join(sorted(self.parameters)) or "none"
                raise Problem(
                    HTTPStatus.BAD_REQUEST,
                    "unknown_parameter",
                    f"There is no parameter {name[:60]!r} here; there is {known}.",
                    field=name[:60],
                    limit=known,
                )

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        patch_cache_control(response, no_store=True)
        return response


def actor_of(request: Request) -> str:
    """How the journal names the caller."""
    return f"{request.user.get_username()} (token {request.auth.pk})"


def require_permission(request: Request, permission: str) -> None:
    """Raises the 403 problem, naming the right that is missing."""
    if not request.user.has_perm(permission):
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "forbidden",
            f"{request.user.get_username()} lacks the permission {permission}.",
            limit=permission,
        )
