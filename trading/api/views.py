"""The views that read: status, the lists and their rows, and the configuration."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from brackets import accounts, plug
from trading import amendments, configuration
from trading.api.base import ApiView, actor_of, require_permission
from trading.api.paging import NewestFirst
from trading.api.resources import TRADES, Resource
from trading.plug import shape
from trading.status import read_status

SWITCHES = frozenset({"system_status", "is_trading_active"})


def require_view(request: Request, resource: Resource) -> None:
    """Raises the 403 problem when the caller may not look at rows of this kind."""
    names = resource.rows().model._meta
    require_permission(request, f"{names.app_label}.view_{names.model_name}")


class StatusView(ApiView):
    """Whether this house is alive; with a token, how it stands."""

    permission_classes = [AllowAny]

    def get(self, request: Request) -> Response:
        if request.user is None:
            return Response({"alive": True})
        return Response(read_status(accounts.current()))


class PlugView(ApiView):
    """What would rest at the venue, and what could be lost, if this machine died now; from the book as last
    compared and heard. The web asks the venue nothing."""

    def get(self, request: Request) -> Response:
        require_permission(request, "brackets.view_bracket")
        return Response(shape(plug.look(accounts.current(), timezone.now())))


class ListView(ApiView):
    """A list: `?status=`, `?symbol=`, `?limit=` and the cursor of the next or previous page."""

    resource: Resource = TRADES  # each address sets its own
    parameters = frozenset({"status", "symbol", "limit", "cursor"})

    def get(self, request: Request) -> Response:
        require_view(request, self.resource)
        account = accounts.current()
        rows = self.resource.of(account)
        if (status := request.query_params.get("status")) is not None:
            rows = self.resource.by_status(rows, status)
        if (symbol := request.query_params.get("symbol")) is not None:
            rows = self.resource.by_symbol(rows, account, symbol)
        pages = NewestFirst()
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response([self.resource.show(row) for row in page or ()])


class DetailView(ApiView):
    """One row by its id."""

    resource: Resource = TRADES  # each address sets its own

    def get(self, request: Request, key: int) -> Response:
        require_view(request, self.resource)
        return Response(self.resource.show(self.resource.one(accounts.current(), key)))


class ConfigView(ApiView):
    """The configuration; PATCH changes any part of it, whole or not at all."""

    def get(self, request: Request) -> Response:
        require_permission(request, "risk.view_systemconfig")
        return Response(amendments.values(configuration.of(accounts.current())))

    def patch(self, request: Request, *args: Any) -> Response:
        require_permission(request, "risk.change_systemconfig")
        if isinstance(request.data, dict) and SWITCHES & request.data.keys():
            require_permission(request, "trading.pause")
        config = amendments.change(accounts.current(), request.data, actor=actor_of(request))
        return Response(amendments.values(config))
