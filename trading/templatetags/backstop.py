"""What the admin's templates show on every page and on the first: the mode, and the control room."""

from __future__ import annotations

import uuid
from typing import Any

from django import template
from django.conf import settings
from django.template import Context

from brackets import accounts
from brackets.core.legs import legs
from brackets.core.states import State
from brackets.models import Bracket, Instrument
from risk import alerts
from trading.admin.base import plain
from trading.admin.brackets import leg_cell, value_of, with_last_price
from trading.admin.strangers import lines
from trading.alerts import RIGHT as ACKNOWLEDGE
from trading.status import read_status

register = template.Library()
BRACKETS_SHOWN = 50
ALERTS_SHOWN = 20


@register.simple_tag
def trading_mode() -> str:
    """DEMO, PAPER, VALIDATE or LIVE."""
    return str(settings.TRADING_MODE).upper()


@register.simple_tag
def fresh_key() -> str:
    """An idempotency key: a form sent twice is one command."""
    return str(uuid.uuid4())


@register.inclusion_tag("admin/control_room.html", takes_context=True)
def control_room(context: Context) -> dict[str, Any]:
    """Status, buttons and open brackets, for who may see them."""
    user = context["request"].user
    account = accounts.current()
    return {
        "account": account,
        "status": read_status(account),
        "may_look": user.has_perm("brackets.view_bracket"),
        "may_trade": user.has_perm("trading.trade"),
        "may_pause": user.has_perm("trading.pause"),
        "may_liquidate": user.has_perm("trading.liquidate"),
        "may_acknowledge": user.has_perm(ACKNOWLEDGE),
        "alerts": alerts.open_alerts(account.name)[:ALERTS_SHOWN] if user.has_perm("risk.view_alert") else [],
        "strangers": lines(account, user),
        "brackets": open_rows() if user.has_perm("brackets.view_bracket") else [],
        "symbols": Instrument.objects.filter(account=account, status="online", quote="USD").values_list(
            "symbol", flat=True
        )[:200],
    }


def open_rows() -> list[dict[str, Any]]:
    """The open brackets, newest first, as cells."""
    rows = (
        with_last_price(Bracket.objects.filter(account=accounts.current()))
        .exclude(state=State.EXIT_COMPLETE)
        .select_related("trade")
        .prefetch_related("orders", "fills")[:BRACKETS_SHOWN]
    )
    return [
        {
            "row": row,
            "stop": leg_cell(legs(value_of(row))[0], row.last_price),
            "target": leg_cell(legs(value_of(row))[1], row.last_price),
            "coins": value_of(row).coins,
            "leaving": row.state in ("EXITING", "TP_FILLED", "SL_FILLED"),
            "trade": getattr(row, "trade", None),
        }
        for row in rows
    ]


register.filter("plain", plain)
