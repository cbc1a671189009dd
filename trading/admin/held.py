"""The page of a held bracket: what is known, what is not, and a button for each act it takes."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from brackets import accounts
from brackets.models import Bracket
from trading.held import told, with_reason


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
    if not (object_id.isascii() and object_id.isdigit() and len(object_id) <= 18):
        return {}
    rows = with_reason(Bracket.objects.select_related("trade").prefetch_related("orders", "fills"))
    row = rows.filter(pk=object_id).first()
    held = None if row is None else told(row)
    if row is None or held is None or not request.user.has_perm("brackets.view_bracket"):
        return {}
    running = row.account_id == accounts.current().pk
    may_act = running and hasattr(row, "trade") and request.user.has_perm("trading.trade")
    offered = {act.name for act in held.actions if act.offered}
    return {"held": held, "held_trade": getattr(row, "trade", None), "may_act": may_act, "offered": offered}
