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
from brackets.core.plug import PlugLine, Standing
from brackets.core.plug_words import percent, within
from brackets.core.states import State
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

NOT_BOUGHT = frozenset({State.FLAT, State.ENTRY_PLACED})
NO_COINS_YET, NO_COINS = "No coins yet.", "No coins any more."


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
        "slippage": percent(view.slippage_ratio),
        "within": within(view.slippage_ratio),
        "positions": [position(one, view) for one in view.positions],
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


def position(one: plug.Position, view: plug.View) -> dict[str, Any]:
    line = one.line
    drawn = picture(line)
    return {
        "bracket": one.bracket,
        "state": one.state,
        "line": line,
        "standing": STANDINGS[line.standing],
        "kind": "active" if line.well else "alarm",
        "empty": NO_COINS_YET if one.state in NOT_BOUGHT else NO_COINS,
        "outcome": outcome(line, view),
        "cost": "reckoned at" if line.reckoned else "bought at",
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
        "loss_from": share(drawn.stop_x) if drawn.bounded else EDGE,
        "cost_at": share(drawn.cost_x),
        "target_at": share(drawn.target_x),
    }


def outcome(line: PlugLine, view: plug.View) -> str:
    """What would become of it, in words. No loss at a stop is certain: the slippage is said beside it."""
    if not line.at_stake:
        return "Nothing of it can be lost."
    if not line.unprotected_value:
        what = "still gain" if line.worst_loss < 0 else "lose"
        amount = loss(line.worst_loss).removeprefix("-")
        return f"It would {what} about {amount} {line.quote} {within(view.slippage_ratio)}."
    without = f"{loss(line.unprotected_value)} {line.quote} have no stop: all of it can be lost"
    if not line.loss_at_stop:
        return f"{without}."
    stopped = f"{loss(line.loss_at_stop)} {line.quote} {within(view.slippage_ratio)}"
    return f"{without}, and about {stopped}."


GLANCE = Context(prec=8)
EDGE = "0%"
MARGIN, WIDTH = 4, 92  # per cent of the bar: room for marks at its ends


def share(x: int) -> str:
    """A place from 0 to 1000 as per cent of the picture's width."""
    return f"{MARGIN + x * WIDTH / 1000:.2f}%"


def brief(value: Decimal | None) -> str:
    """A price in as many digits as somebody reads at a glance."""
    return NOTHING if value is None else text(GLANCE.plus(value))


def anchor(x: int) -> str:
    """On which side of its mark a label stands, so that none leaves the picture."""
    return "start" if x < 200 else "end" if x > 800 else "middle"
