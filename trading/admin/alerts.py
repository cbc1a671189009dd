"""What a person should know of, and the button that says that somebody saw it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from brackets import accounts
from risk.models import Alert
from trading import alerts
from trading.admin.accounts import NamedAccountFilter
from trading.admin.base import NOTHING, LookOnlyAdmin, Refreshing, actor_of, tag


class StatusFilter(admin.SimpleListFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "open"), ("resolved", "resolved")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:
        chosen = self.value()
        return queryset if chosen is None else queryset.filter(resolved_at__isnull=chosen == "open")


@admin.register(Alert)
class AlertAdmin(Refreshing, LookOnlyAdmin):
    list_display = [
        "id",
        "severity_tag",
        "status_tag",
        "subject",
        "message",
        "times",
        "raised_at",
        "last_at",
        "seen_by",
        "code",
    ]
    list_filter = [StatusFilter, "severity", "code", NamedAccountFilter]
    search_fields = ["=id", "subject", "code", "message"]
    actions = ["acknowledge"]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.acknowledge_view)
        return [path("<int:key>/acknowledge/", view, name="risk_alert_acknowledge"), *super().get_urls()]

    def has_acknowledge_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(alerts.RIGHT)

    @admin.action(description="Acknowledge", permissions=["acknowledge"])
    def acknowledge(self, request: HttpRequest, rows: QuerySet[Alert]) -> None:
        of_this_account = rows.filter(account=accounts.current().name)
        for alert in of_this_account:
            alerts.acknowledge(accounts.current(), alert.pk, actor=actor_of(request))
        self.message_user(request, f"{len(of_this_account)} acknowledged.")

    @method_decorator(require_POST)
    def acknowledge_view(self, request: HttpRequest, key: int) -> HttpResponse:
        """The button beside an alert on the first page."""
        if not self.has_acknowledge_permission(request):
            raise PermissionDenied
        try:
            alert = alerts.acknowledge(accounts.current(), key, actor=actor_of(request))
        except Alert.DoesNotExist:
            messages.error(request, f"There is no alert {key} on the {accounts.current().name} account.")
        else:
            messages.success(request, f"Alert {key} acknowledged by {alert.acknowledged_by}.")
        return redirect("admin:index")

    @admin.display(description="severity", ordering="severity")
    def severity_tag(self, row: Alert) -> SafeString:
        return tag(row.severity)

    @admin.display(description="status", ordering="resolved_at")
    def status_tag(self, row: Alert) -> SafeString:
        return tag(row.status)

    @admin.display(description="acknowledged", ordering="acknowledged_at")
    def seen_by(self, row: Alert) -> str:
        return row.acknowledged_by or NOTHING
