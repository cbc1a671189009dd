"""Every error of the API in one shape: `application/problem+json` (RFC 9457) with a stable `code`.

The one exception is a denied command, which answers 409 with the Command itself. Nothing here tells
a traceback or a secret; what is unexpected is logged and answered as `internal_error`.
"""

from __future__ import annotations

import logging
import sys
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import patch_cache_control
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from brackets import storage
from trading import commands, door
from trading.core.asks import Malformed
from trading.market import UnknownSymbol

log = logging.getLogger("backstop.api")
MEDIA_TYPE = "application/problem+json"
RECOVERING_RETRY_SECONDS = 2
STORAGE_RETRY_SECONDS = 10
ASK_AGAIN = "A command may be asked again with the same Idempotency-Key: it is done once."


class Problem(Exception):
    """An answer other than success: its HTTP status, a stable code, one sentence, and more members."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str,
        *,
        headers: dict[str, str] | None = None,
        **members: str,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
        self.headers = headers or {}
        self.members = {name: value for name, value in members.items() if value}

    def body(self) -> dict[str, Any]:
        return {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "code": self.code,
            "detail": self.detail,
            **self.members,
        }


def problem_response(error: Exception, context: dict[str, Any]) -> Response:
    """What the REST framework answers when a view raised."""
    problem = problem_of(error)
    set_rollback()
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR and problem.code == "internal_error":
        log.error("unexpected error in %s", context.get("view"), exc_info=error)
    response = Response(
        problem.body(), status=problem.status, headers=problem.headers, content_type=MEDIA_TYPE
    )
    patch_cache_control(response, no_store=True)
    return response


def problem_of(error: Exception) -> Problem:
    """The problem an exception stands for."""
    match error:
        case Problem():
            return error
        case exceptions.APIException():
            return framework_problem(error)
        case Malformed() | commands.BadCommand():
            return Problem(
                HTTPStatus.BAD_REQUEST,
                "malformed",
                str(error),
                field=error.field,
                limit=error.limit,
                value=error.value,
            )
        case door.BadInput():
            return Problem(HTTPStatus.BAD_REQUEST, "malformed", str(error), field=error.field)
        case UnknownSymbol():
            return Problem(HTTPStatus.BAD_REQUEST, "unknown_symbol", str(error), field="symbol")
        case door.UnknownTrade():
            return Problem(HTTPStatus.NOT_FOUND, "unknown_trade", str(error), field="trade")
        case door.Recovering():
            return Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "recovering",
                f"No entry yet: {error}.",
                headers={"Retry-After": str(RECOVERING_RETRY_SECONDS)},
            )
        case commands.IdempotencyConflict():
            return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "idempotency_conflict", str(error))
        case Http404():
            return Problem(HTTPStatus.NOT_FOUND, "not_found", "There is nothing at this address.")
        case PermissionDenied():
            return Problem(HTTPStatus.FORBIDDEN, "forbidden", "Your user may not do this.")
        case RequestDataTooBig():
            return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", "The body is too large.")
    if (trouble := storage.trouble_of(error)) is not None:
        storage.VOICE.tell(error)
        return Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            trouble.value,
            f"{storage.sentence(trouble)}. {ASK_AGAIN}",
            headers={"Retry-After": str(STORAGE_RETRY_SECONDS)},
        )
    return Problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal_error",
        "Something unexpected happened; it was logged. Look up what you asked for before asking again.",
    )


def framework_problem(error: exceptions.APIException) -> Problem:
    """The REST framework's own refusals, with codes of ours that do not follow its versions."""
    codes = {
        400: "malformed",
        401: "not_authenticated",
        403: "forbidden",
        404: "not_found",
        405: "method_not_allowed",
        406: "not_acceptable",
        413: "too_large",
        415: "unsupported_media_type",
        429: "throttled",
    }
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    detail = error.detail if isinstance(error.detail, str) else str(error.detail)
    status = HTTPStatus(error.status_code)
    return Problem(status, codes.get(error.status_code, "error"), str(detail), headers=headers)


def plain_response(problem: Problem) -> HttpResponse:
    """A problem outside the REST framework."""
    response = JsonResponse(problem.body(), status=problem.status, headers=problem.headers)
    response["Content-Type"] = MEDIA_TYPE
    patch_cache_control(response, no_store=True)
    return response


def is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/")


@csrf_exempt
def no_such_path(request: HttpRequest) -> HttpResponse:
    """Anything under /api/ that is not an address of it."""
    return plain_response(
        Problem(HTTPStatus.NOT_FOUND, "not_found", f"There is no address {request.path[:200]} in this API.")
    )


# The four pages Django shows by itself.
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not is_api(request):
        return defaults.bad_request(request, exception)
    if isinstance(exception, RequestDataTooBig):
        return plain_response(problem_of(exception))
    detail = "The request was refused before it was read."
    if isinstance(exception, SuspiciousOperation):
        detail = f"The request was refused before it was read ({type(exception).__name__})."
    return plain_response(Problem(HTTPStatus.BAD_REQUEST, "malformed", detail))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not is_api(request):
        return defaults.permission_denied(request, exception)
    return plain_response(Problem(HTTPStatus.FORBIDDEN, "forbidden", "Your user may not do this."))


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return no_such_path(request) if is_api(request) else defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    problem = problem_of(sys.exc_info()[1] or RuntimeError())
    if is_api(request):
        return plain_response(problem)
    if problem.status is HTTPStatus.SERVICE_UNAVAILABLE:  # people read the same sentence, without the styles
        return HttpResponse(
            problem.detail.removesuffix(ASK_AGAIN),
            content_type="text/plain",
            status=problem.status,
            headers=problem.headers,
        )
    return defaults.server_error(request)
