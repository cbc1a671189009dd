"""The buttons: every command, by POST, with the right to give it; each says what it did.

What sells, moves legs or binds coins is asked twice: the first POST shows what was understood, the second
(`confirmed`) does it. The idempotency key of the form goes along, so a second click is the same command.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST

from trading import commands, door
from trading.admin import held
from trading.admin.base import actor_of
from trading.core.asks import ASKS, Kind
from trading.market import UnknownSymbol
from trading.models import Command
from trading.rights import RIGHTS

CONSEQUENCES = {
    Kind.SELL: "Coins are sold at market now; the rest keeps its stop and its target.",
    Kind.CLOSE: "The whole position is sold at market now.",
    Kind.EDIT: "The legs are moved to these prices.",
    Kind.PROTECT: "These coins come into a bracket: they are sold when the stop or the target is reached.",
    Kind.RELEASE: "The machine goes on with this held position: what rests and fits stays, what lacks a stop "
    "gets one, and coins that cannot get one in time are sold.",
    Kind.LIQUIDATE_ALL: "Trading is paused, every order of ours is canceled, and every position is sold at "
    "market. Orders and coins of others are left alone.",
}
"""What is asked twice, and what it does."""
FIELDS = {kind: tuple(field.name for field in fields(shape)) for kind, shape in ASKS.items()}
NEEDED = {
    kind: tuple(field.name for field in fields(shape) if field.default is MISSING)
    for kind, shape in ASKS.items()
}
LONGEST_KEY = 128
REFUSALS = (door.BadInput, door.UnknownTrade, door.Recovering, UnknownSymbol, commands.IdempotencyConflict)


def urls(site: admin.AdminSite) -> list[URLPattern]:
    return [
        path(f"do/{kind}/", site.admin_view(button(site, kind)), name=f"trading_command_{kind}")
        for kind in Kind
    ]


def button(site: admin.AdminSite, kind: Kind) -> Callable[[HttpRequest], HttpResponse]:
    @require_POST
    def press(request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm(RIGHTS[kind]):
            raise PermissionDenied
        asked = {name: request.POST[name] for name in FIELDS[kind] if request.POST.get(name, "").strip()}
        complete = all(name in asked for name in NEEDED[kind])
        if kind in CONSEQUENCES and complete and request.POST.get("confirmed") != "yes":
            return ask_again(request, site, kind, asked)
        give(request, kind, asked)
        return redirect("admin:index")

    return press


def ask_again(
    request: HttpRequest, site: admin.AdminSite, kind: Kind, asked: dict[str, str]
) -> TemplateResponse:
    """What was understood and what it does, with a button to do it and one to leave it."""
    shown = [(name.replace("_", " "), value) for name, value in asked.items()]
    of_held = held.consequence(kind, asked.get("trade", ""))
    does, prices = of_held or (CONSEQUENCES[kind], [])
    context = {
        **site.each_context(request),
        "title": f"{kind.replace('-', ' ')}?",
        "kind": kind,
        "action": f"admin:trading_command_{kind}",
        "consequence": does,
        "shown": [*shown, *prices],
        "asked": asked,
        "key": key_of(request),
    }
    return TemplateResponse(request, "admin/confirm_command.html", context)


def give(request: HttpRequest, kind: Kind, asked: dict[str, str]) -> None:
    """Give the command, and say what became of it."""
    try:
        command = commands.submit(
            kind, asked, user=request.user, actor=actor_of(request), idempotency_key=key_of(request) or None
        )
    except REFUSALS as refusal:
        messages.error(request, f"{kind}: {refusal}")
    else:
        say(request, command)


def key_of(request: HttpRequest) -> str:
    return request.POST.get("key", "")[:LONGEST_KEY]


def say(request: HttpRequest, command: Command) -> None:
    """What became of a command, for the person who gave it."""
    if command.status == Command.Status.DENIED:
        for denial in command.denials:
            messages.error(request, f"Command {command.pk} ({command.kind}) denied: {denial['message']}")
        return
    what = f"trade {command.trade_id} {command.message}" if command.trade_id else command.message
    if command.kind == Kind.LIQUIDATE_ALL and not what:
        what = f"paused; {command.trades.count()} trades are leaving, and the venue is read until it is flat"
    messages.success(request, f"Command {command.pk} ({command.kind}) {command.status}: {what}".rstrip())
