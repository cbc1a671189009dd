"""The buttons: buy, close, pause, resume. POST only, with the right to do it; each says what it did."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST

from trading import commands, door
from trading.admin.base import actor_of
from trading.core.asks import Kind
from trading.market import UnknownSymbol
from trading.models import Command

# What a button sends on, and the right it takes.
FIELDS = {
    Kind.BUY: ("symbol", "amount_usd", "stop_loss_price", "take_profit_price"),
    Kind.CLOSE: ("trade", "reason"),
    Kind.PAUSE: ("reason",),
    Kind.RESUME: ("reason",),
}
PERMISSIONS = {
    Kind.BUY: "trading.trade",
    Kind.CLOSE: "trading.trade",
    Kind.PAUSE: "trading.pause",
    Kind.RESUME: "trading.pause",
}
REFUSALS = (door.BadInput, door.UnknownTrade, door.Recovering, UnknownSymbol, commands.IdempotencyConflict)


def urls(site: admin.AdminSite) -> list[URLPattern]:
    return [
        path(f"do/{kind}/", site.admin_view(button(kind)), name=f"trading_command_{kind}") for kind in FIELDS
    ]


def button(kind: Kind) -> Callable[[HttpRequest], HttpResponse]:
    @require_POST
    def press(request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm(PERMISSIONS[kind]):
            raise PermissionDenied
        asked = {name: request.POST[name] for name in FIELDS[kind] if request.POST.get(name, "").strip()}
        try:
            command = commands.submit(
                kind,
                asked,
                user=request.user,
                actor=actor_of(request),
                idempotency_key=request.POST.get("key", "")[:128] or None,  # a second click is the same ask
            )
        except REFUSALS as refusal:
            messages.error(request, f"{kind}: {refusal}")
        else:
            say(request, command)
        return redirect("admin:index")

    return press


def say(request: HttpRequest, command: Command) -> None:
    """What became of a command, for the person who gave it."""
    if command.status == Command.Status.DENIED:
        for denial in command.denials:
            messages.error(request, f"Command {command.pk} ({command.kind}) denied: {denial['message']}")
        return
    what = f"trade {command.trade_id}" if command.trade_id else command.message
    messages.success(request, f"Command {command.pk} ({command.kind}) {command.status}: {what}")
