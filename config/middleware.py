"""What every request passes on its way to the views, beyond what Django brings."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

API_ROOT = "/api/v1"


class SlashlessApi:
    """Let `/api/v1/trades` mean `/api/v1/trades/`, for every method.

    The path is completed in place: a redirect would lose the body of a POST.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if f"{request.path_info}/".startswith(f"{API_ROOT}/") and not request.path_info.endswith("/"):
            request.path_info += "/"
            request.path += "/"
        return self.get_response(request)
