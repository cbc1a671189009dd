"""The page of a held bracket: what is known, what is not, and a button for each act it takes."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from brackets import accounts
from brackets.core.held import Held
from brackets.models import Bracket
from trading.admin.base import plain
from trading.core.asks import Kind
from trading.held import told, with_reason

Shown = list[tuple[str, str]]
UNKNOWN = "not known now"


class ShowsHeld:
    """For the ModelAdmin of brackets."""

    change_form_template = "admin/brackets/bracket/change_form.html"

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return super().change_view(  # type: ignore[misc]
            request, object_id, form_url, {**(extra_context or {}), **held_context(request, object_id)}
        )


def held_context(request: HttpRequest, object_id: str) -> dict[str, Any]:
    """What the page shows of a held bracket: its sentences, and its acts to who may do them here."""
    if not is_id(object_id):
        return {}
    row = rows().filter(pk=object_id).first()
    held = None if row is None else told(row)
    if row is None or held is None or not request.user.has_perm("brackets.view_bracket"):
        return {}
    running = row.account_id == accounts.current().pk
    may_act = running and hasattr(row, "trade") and request.user.has_perm("trading.trade")
    return {
        "held": held,
        "held_prices": prices(held),
        "held_trade": getattr(row, "trade", None),
        "may_act": may_act,
        "offered": {act.name for act in held.actions if act.offered},
    }


def consequence(kind: Kind, trade: str) -> tuple[str, Shown] | None:
    """What an act on a held trade of the running account does now, and the prices it depends on; None where
    the trade is not held, or the act none of those."""
    if kind not in (Kind.CLOSE, Kind.RELEASE) or not is_id(trade):
        return None
    row = rows().filter(account=accounts.current(), trade__pk=trade).first()
    held = None if row is None else told(row)
    if held is None:
        return None
    act = next(act for act in held.actions if act.name == kind)
    return (act.does if act.offered else f"Not now: {act.why_not}"), prices(held)


def rows() -> QuerySet[Bracket]:
    return with_reason(Bracket.objects.select_related("trade").prefetch_related("orders", "fills"))


def prices(held: Held) -> Shown:
    """Bid, stop and target as they are shown."""
    return [(name, UNKNOWN if price is None else plain(price)) for name, price in held.prices]


def is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18
