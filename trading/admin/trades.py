"""Trades as people see them, the commands that caused them, and the tokens that may ask for more."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString

from brackets import accounts
from trading import commands, door, tokens
from trading.admin import control
from trading.admin.accounts import AccountFilter
from trading.admin.base import NOTHING, LookOnlyAdmin, Refreshing, actor_of, exact, plain, tag
from trading.core.asks import Kind
from trading.models import ApiToken, Command, EventCursor, Trade


@admin.register(Trade)
class TradeAdmin(Refreshing, LookOnlyAdmin):
    list_display = [
        "id",
        "symbol",
        "status_tag",
        "exit_reason",
        "pnl",
        exact("r_multiple"),
        exact("quantity"),
        exact("entry_price"),
        exact("stop_loss_price"),
        exact("take_profit_price"),
        exact("exit_price"),
        "source",
        "opened_at",
        "exit_at",
    ]
    list_filter = ["status", "exit_reason", "symbol", "source", AccountFilter]
    search_fields = ["=id", "symbol", "exit_reason", "=bracket__id"]
    list_select_related = ["bracket"]
    actions = ["close_at_market"]

    @admin.display(description="status", ordering="status")
    def status_tag(self, row: Trade) -> SafeString:
        return tag(row.status)

    @admin.display(description="PnL", ordering="realized_pnl")
    def pnl(self, row: Trade) -> SafeString | str:
        if row.realized_pnl is None:
            return NOTHING
        kind = "gain" if row.realized_pnl > 0 else "loss" if row.realized_pnl < 0 else "quiet"
        return format_html('<span class="{}">{}</span>', kind, plain(row.realized_pnl))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of a trade; an open one of the running account has its buttons there."""
        row = self.get_object(request, object_id)
        running = row is not None and row.account_id == accounts.current().pk
        may_act = running and row.status == Trade.Status.OPEN and self.has_trade_permission(request)
        return super().change_view(
            request, object_id, form_url, {**(extra_context or {}), "may_act": may_act}
        )

    def has_trade_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("trading.trade")

    @admin.action(description="Close at market", permissions=["trade"])
    def close_at_market(self, request: HttpRequest, rows: QuerySet[Trade]) -> None:
        for trade in rows:
            try:
                command = commands.submit(
                    Kind.CLOSE, {"trade": trade.pk}, user=request.user, actor=actor_of(request)
                )
            except (door.BadInput, door.UnknownTrade) as refusal:
                self.message_user(request, str(refusal), messages.ERROR)
                continue
            control.say(request, command)


@admin.register(Command)
class CommandAdmin(LookOnlyAdmin):
    list_display = ["id", "created_at", "kind", "status_tag", "actor", "asked", "why", "trade"]
    list_filter = ["kind", "status", AccountFilter]
    search_fields = ["=id", "actor", "idempotency_key", "=trade__id"]
    list_select_related = ["trade"]

    def get_urls(self) -> list[URLPattern]:
        return [*control.urls(self.admin_site), *super().get_urls()]

    @admin.display(description="status", ordering="status")
    def status_tag(self, row: Command) -> SafeString:
        return tag(row.status)

    @admin.display(description="asked")
    def asked(self, row: Command) -> str:
        return ", ".join(f"{name} {value}" for name, value in row.payload.items()) or NOTHING

    @admin.display(description="outcome")
    def why(self, row: Command) -> str:
        return " ".join([*(denial["message"] for denial in row.denials), row.message]).strip() or NOTHING


@admin.register(ApiToken)
class ApiTokenAdmin(LookOnlyAdmin):
    """Tokens are made by `manage.py api_token`, because they can be shown only once; here they end."""

    list_display = ["id", "user", "created_at", "last_used_at", "revoked_at"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter)]
    search_fields = ["user__username"]
    list_select_related = ["user"]
    exclude_from_page = ("digest",)
    actions = ["revoke"]

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("trading.change_apitoken")

    @admin.action(description="Revoke (for good)", permissions=["revoke"])
    def revoke(self, request: HttpRequest, rows: QuerySet[ApiToken]) -> None:
        ended = sum(tokens.revoke(token, actor=actor_of(request)) for token in rows.select_related("user"))
        self.message_user(request, f"{ended} revoked; they are refused from now on.")


@admin.register(EventCursor)
class EventCursorAdmin(LookOnlyAdmin):
    list_display: list[Any] = ["id", "consumer", "account", "last_event_id"]
    list_filter = [AccountFilter]
    list_select_related = ["account"]
