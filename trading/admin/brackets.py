"""Brackets with both legs, and what they are made of: orders, fills, events, the outbox."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import URLPattern
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from brackets import records
from brackets.core.legs import Leg, legs
from brackets.core.orders import Bracket as CoreBracket
from brackets.core.verdicts import BAD
from brackets.models import Bracket, BracketEvent, Effect, Fill, Order, Quote
from risk.models import AuditRow
from trading.admin import plug
from trading.admin.accounts import AccountFilter
from trading.admin.base import NOTHING, LookOnlyAdmin, LookOnlyInline, Refreshing, exact, plain, tag
from trading.admin.held import ShowsHeld

PERCENT = Decimal("0.01")
AUDIT_ROWS_SHOWN = 200


def value_of(row: Bracket) -> CoreBracket:
    """The bracket as a value, loaded once a row."""
    if not hasattr(row, "_value"):
        row._value = records.load(row)
    return row._value


def distance(price: Decimal, last: Decimal | None) -> str:
    """How far the last price is from a leg, as a share of the last price."""
    if not last:
        return NOTHING
    return f"{((price - last) * 100 / last).quantize(PERCENT):+f} %"


def leg_cell(leg: Leg, last: Decimal | None) -> SafeString:
    if leg.custody is None:
        return format_html('<span class="quiet">{}</span>', plain(leg.price))
    return format_html(
        '<span class="leg">{} {} <span class="quiet">{}</span></span>',
        tag(leg.custody),
        plain(leg.price),
        distance(leg.price, last),
    )


def verdict_tag(verdict: str) -> SafeString | str:
    return tag(verdict, "alarm" if verdict in BAD else verdict) if verdict else NOTHING


def with_last_price(rows: QuerySet[Bracket]) -> QuerySet[Bracket]:
    quotes = Quote.objects.filter(account=OuterRef("account"), symbol=OuterRef("symbol"))
    return rows.annotate(last_price=Subquery(quotes.values("last")[:1]))


class OrderInline(LookOnlyInline):
    model = Order
    ordering = ["pk"]
    fields = [
        "role",
        "status",
        exact("quantity"),
        exact("filled_quantity"),
        exact("average_price"),
        exact("limit_price"),
        exact("trigger_price"),
        "venue_order_id",
        "message",
        "opened_at",
        "ended_at",
    ]


class FillInline(LookOnlyInline):
    model = Fill
    ordering = ["pk"]
    fields = [
        "side",
        exact("price"),
        exact("quantity"),
        exact("quote_amount"),
        exact("quote_fee"),
        "venue_trade_id",
        "executed_at",
    ]


class EventInline(LookOnlyInline):
    model = BracketEvent
    verbose_name_plural = "timeline"
    ordering = ["pk"]
    fields = ["at", "kind", "from_state", "to_state", "version"]


@admin.register(Bracket)
class BracketAdmin(ShowsHeld, Refreshing, LookOnlyAdmin):
    list_display = [
        "id",
        "symbol",
        "state_tag",
        "policy",
        "stop_leg",
        "last",
        "target_leg",
        "coins",
        "unprotected",
        "verdicts",
        "last_alarm",
        "source",
        "created_at",
    ]
    list_filter = ["state", "symbol", "source", AccountFilter]
    search_fields = ["=id", "symbol", "uid", "alarm"]
    list_select_related = ["account"]
    inlines = [OrderInline, FillInline, EventInline]

    def get_urls(self) -> list[URLPattern]:
        return [*plug.urls(self.admin_site), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Bracket]:
        return with_last_price(super().get_queryset(request)).prefetch_related("orders", "fills")

    def extra_fields(self) -> tuple[Any, ...]:
        shown = ("state_tag", "stop_leg", "target_leg", "coins", "last", "unprotected", "verdicts")
        return (*shown, "verified", "audit_rows")

    @admin.display(description="state", ordering="state")
    def state_tag(self, row: Bracket) -> SafeString:
        return tag(row.state)

    @admin.display(description="stop")
    def stop_leg(self, row: Bracket) -> SafeString:
        return leg_cell(legs(value_of(row))[0], row.last_price)

    @admin.display(description="target")
    def target_leg(self, row: Bracket) -> SafeString:
        return leg_cell(legs(value_of(row))[1], row.last_price)

    @admin.display(description="coins held / planned")
    def coins(self, row: Bracket) -> str:
        return f"{plain(max(value_of(row).coins, Decimal(0)))} / {plain(row.planned_quantity)}"

    @admin.display(description="last price")
    def last(self, row: Bracket) -> str:
        return plain(row.last_price)

    @admin.display(description="unprotected / unstopped s")
    def unprotected(self, row: Bracket) -> str:
        until: datetime = row.completed_at or timezone.now()
        measured = records.measure(row, value_of(row), until)
        return f"{plain(measured.unprotected_seconds)} / {plain(measured.unstopped_seconds)}"

    @admin.display(description="stop / target judged", ordering="stop_verdict")
    def verdicts(self, row: Bracket) -> SafeString | str:
        """How the sentinel last found each leg."""
        if not (row.stop_verdict or row.target_verdict):
            return NOTHING
        return format_html("{} {}", verdict_tag(row.stop_verdict), verdict_tag(row.target_verdict))

    @admin.display(description="last alarm", ordering="alarm_at")
    def last_alarm(self, row: Bracket) -> str:
        """The last thing that was said aloud of it, and when: it may be over."""
        if not row.alarm:
            return NOTHING
        return row.alarm if row.alarm_at is None else f"{row.alarm_at:%Y-%m-%d %H:%M:%S} {row.alarm}"

    @admin.display(description="last verified")
    def verified(self, row: Bracket) -> str:
        at = row.account.verified_at if row.verdict_at else None
        return NOTHING if at is None else f"{at:%Y-%m-%d %H:%M:%S}"

    @admin.display(description="audit rows")
    def audit_rows(self, row: Bracket) -> SafeString:
        rows = AuditRow.objects.filter(subject=f"bracket {row.pk}").order_by("seq")[:AUDIT_ROWS_SHOWN]
        lines = ((r.seq, f"{r.at:%H:%M:%S}", r.actor, r.action, "; ".join(effects_of(r))) for r in rows)
        cells = format_html_join(
            "", "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>", lines
        )
        return format_html(
            "<table><thead><tr><th>seq</th><th>at</th><th>actor</th><th>action</th><th>to send</th></tr>"
            "</thead><tbody>{}</tbody></table>",
            cells,
        )


def effects_of(row: AuditRow) -> list[str]:
    return [str(effect) for effect in row.payload.get("effects", [])]


@admin.register(Order)
class OrderAdmin(Refreshing, LookOnlyAdmin):
    list_display = [
        "id",
        "bracket",
        "role",
        "status_tag",
        exact("quantity"),
        exact("filled_quantity"),
        exact("average_price"),
        exact("limit_price"),
        exact("trigger_price"),
        "venue_order_id",
        "message",
        "created_at",
    ]
    list_filter = ["status", "role", "bracket__symbol", AccountFilter]
    search_fields = ["=id", "venue_order_id", "client_order_id", "bracket__symbol"]
    list_select_related = ["bracket"]

    @admin.display(description="status", ordering="status")
    def status_tag(self, row: Order) -> SafeString:
        return tag(row.status)


@admin.register(Fill)
class FillAdmin(LookOnlyAdmin):
    list_display = [
        "id",
        "bracket",
        "side",
        exact("price"),
        exact("quantity"),
        exact("quote_amount"),
        exact("quote_fee"),
        "maker",
        "venue_trade_id",
        "executed_at",
    ]
    list_filter = ["side", "bracket__symbol", "maker", AccountFilter]
    search_fields = ["=id", "venue_trade_id", "order__venue_order_id", "bracket__symbol"]
    list_select_related = ["bracket"]


@admin.register(BracketEvent)
class BracketEventAdmin(LookOnlyAdmin):
    list_display = ["id", "at", "bracket", "kind", "from_state", "to_state", "version"]
    list_filter = ["kind", "to_state", AccountFilter]
    search_fields = ["=id", "=bracket__id", "kind"]
    list_select_related = ["bracket"]


@admin.register(Effect)
class EffectAdmin(LookOnlyAdmin):
    """The outbox: what is to be sent, and what became of it."""

    list_display = [
        "id",
        "bracket",
        "order",
        "kind",
        "outcome",
        "attempts",
        "created_at",
        "sent_at",
        "done_at",
        "message",
    ]
    list_filter = ["kind", "outcome", ("done_at", admin.EmptyFieldListFilter), AccountFilter]
    search_fields = ["=id", "=bracket__id", "order__venue_order_id", "order__client_order_id"]
    list_select_related = ["bracket", "order"]
