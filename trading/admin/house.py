"""The law and the journal: the configuration may be changed, the audit rows only read."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest

from brackets import accounts
from risk.core.plain import text
from risk.models import AuditRow, SystemConfig
from trading import amendments
from trading.admin.accounts import NamedAccountFilter
from trading.admin.base import LookOnlyAdmin, actor_of, exact
from trading.core.asks import Malformed


class SystemConfigForm(ModelForm):
    """The form judges what `amendments.change` would refuse, and says it beside the field."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        config = SystemConfig.objects.get(pk=self.instance.pk)
        for name, value in cleaned.items():
            setattr(config, name, value)
        try:
            amendments.require_probed(config, accounts.named(config.account))
        except Malformed as malformed:
            self.add_error(malformed.field, str(malformed))
        return cleaned


@admin.register(SystemConfig)
class SystemConfigAdmin(admin.ModelAdmin):
    """One row an account, made by the machine; a change is journalled with before and after."""

    form = SystemConfigForm
    list_filter = [NamedAccountFilter]
    list_display = [
        "account",
        "system_status",
        "is_trading_active",
        "execution_mode",
        exact("equity"),
        exact("high_water_mark"),
        "drawdown_shown",
        "status_reason",
        "updated_at",
    ]
    readonly_fields = [
        "account",
        "status_reason",
        exact("initial_balance"),
        exact("equity"),
        exact("high_water_mark"),
        "drawdown_shown",
        "equity_at",
        "updated_at",
    ]
    fieldsets = [
        (None, {"fields": ["account", "system_status", "status_reason", "is_trading_active"]}),
        ("How it trades", {"fields": ["execution_mode", "autopilot_enabled"]}),
        ("Legs", {"fields": ["leg_policy", "swap_in_bps", "swap_out_bps"]}),
        (
            "Limit entries",
            {
                "fields": [
                    "entry_offset_bps",
                    "entry_offset_ticks",
                    "entry_timeout_seconds",
                    "entry_on_timeout",
                    "entry_most_reprices",
                    "entry_reprice_seconds",
                    "entry_reprice_bps",
                    "entry_runaway_bps",
                    "entry_on_runaway",
                    "entry_stop",
                ]
            },
        ),
        ("Stop", {"fields": ["stop_method", "stop_atr_multiple", "stop_ratio"]}),
        ("Target", {"fields": ["target_method", "target_r_multiple", "target_atr_multiple"]}),
        ("ATR", {"fields": ["atr_minutes", "atr_period"]}),
        (
            "Limits of an entry",
            {"fields": ["maximum_notional", "maximum_open_trades", "maximum_price_age_seconds"]},
        ),
        ("Sentinel", {"fields": ["unprotected_alarm_seconds", "unstopped_alarm_seconds"]}),
        (
            "Measured",
            {
                "fields": [
                    exact("initial_balance"),
                    exact("equity"),
                    exact("high_water_mark"),
                    "drawdown_shown",
                    "equity_at",
                    "updated_at",
                ]
            },
        ),
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: SystemConfig | None = None) -> bool:
        """What another account keeps to is changed where it runs, under its own banner."""
        others = obj is not None and obj.account != accounts.current().name
        return not others and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: SystemConfig, form: ModelForm, change: bool) -> None:
        """Only what this form changed is written: equity and the rest belong to the machine."""
        wanted = {name: form.cleaned_data[name] for name in form.changed_data}
        amendments.change(accounts.named(obj.account), wanted, actor=actor_of(request))

    @admin.display(description="drawdown")
    def drawdown_shown(self, row: SystemConfig) -> str:
        return "–" if row.drawdown is None else text(row.drawdown)


@admin.register(AuditRow)
class AuditRowAdmin(LookOnlyAdmin):
    list_display = ["seq", "at", "actor", "action", "subject"]
    list_filter = ["action"]
    search_fields = ["subject", "actor", "action", "=seq"]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        """A whole subject ("bracket 12") is looked up by its index."""
        found = queryset.filter(subject=search_term) if " " in search_term else queryset.none()
        if found.exists():
            return found, False
        return super().get_search_results(request, queryset, search_term)
