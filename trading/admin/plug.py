"""The page "Pull the plug": what would rest, and what could be lost, if this machine died now."""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_safe

from brackets import accounts, plug
from brackets.core.plug import Standing
from risk.core.plain import text
from trading.admin.base import NOTHING
from trading.plug import loss, picture, words

TITLE = "Pull the plug"
STANDINGS = {
    Standing.EMPTY: "holds nothing",
    Standing.STOPPED: "stopped",
    Standing.SWAPPED: "near its target",
    Standing.TOO_SMALL: "rest too small",
    Standing.BARE_ENTRY: "entry without stop",
    Standing.UNSTOPPED: "no stop",
    Standing.BARE: "nothing rests",
}


def urls(site: admin.AdminSite) -> list[URLPattern]:
    """Among the pages of the brackets, under a name that leads here."""

    @require_safe
    def show(request: HttpRequest) -> TemplateResponse:
        if not request.user.has_perm("brackets.view_bracket"):
            raise PermissionDenied
        context = {**site.each_context(request), "title": TITLE, **told()}
        return TemplateResponse(request, "admin/plug.html", context)

    return [path("pull-the-plug/", site.admin_view(show), name="plug")]


def told() -> dict[str, Any]:
    """What the page is made of."""
    view = plug.look(accounts.current(), timezone.now())
    return {
        "view": view,
        "slippage": f"{view.slippage_ratio:.1%}",
        "positions": [position(one) for one in view.positions],
        "totals": [
            {
                "quote": one.quote,
                "loss_at_stop": loss(one.loss_at_stop),
                "unprotected_value": loss(one.unprotected_value),
                "worst_loss": loss(one.worst_loss),
            }
            for one in view.totals
        ],
    }


def position(one: plug.Position) -> dict[str, Any]:
    line = one.line
    drawn = picture(line)
    return {
        "bracket": one.bracket,
        "state": one.state,
        "line": line,
        "standing": STANDINGS[line.standing],
        "kind": "active" if line.well else "alarm",
        "loss_at_stop": loss(line.loss_at_stop),
        "unprotected_value": loss(line.unprotected_value),
        "worst_loss": loss(line.worst_loss),
        "cost_per_coin": brief(line.cost_per_coin),
        "rests": [words(order) for order in line.rests],
        "picture": drawn,
        "marks": [
            {
                "kind": mark.kind,
                "at": share(mark.x),
                "price": brief(mark.price),
                "solid": mark.solid,
                "anchor": anchor(mark.x),
            }
            for mark in drawn.marks
        ],
        "loss_from": share(drawn.stop_x if line.stopped or not line.coins else 0, edge=not line.stopped),
        "cost_at": share(drawn.cost_x),
        "target_at": share(drawn.target_x),
    }


GLANCE = Context(prec=8)
MARGIN, WIDTH = 4, 92  # per cent of the bar: room for marks at its ends


def share(x: int, *, edge: bool = False) -> str:
    """A place from 0 to 1000 as per cent of the picture's width; `edge`: 0 is the very edge of it."""
    return "0%" if edge and x == 0 else f"{MARGIN + x * WIDTH / 1000:.2f}%"


def brief(value: Decimal | None) -> str:
    """A price in as many digits as somebody reads at a glance."""
    return NOTHING if value is None else text(GLANCE.plus(value))


def anchor(x: int) -> str:
    """On which side of its mark a label stands, so that none leaves the picture."""
    return "start" if x < 200 else "end" if x > 800 else "middle"
