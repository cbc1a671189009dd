"""What was last read of the venue's world, and who may speak to it now."""

from __future__ import annotations

from django.contrib import admin

from brackets.models import Account, AssetBalance, Instrument, Lease, Quote, SenderKey
from trading.admin.accounts import AccountFilter, OwnNameFilter
from trading.admin.base import LookOnlyAdmin, exact


@admin.register(Account)
class AccountAdmin(LookOnlyAdmin):
    list_display = [
        "name",
        "mode",
        "recovered_at",
        "recovering_because",
        "reconciled_at",
        "venue_seen_at",
        "venue_system",
        "venue_error",
    ]
    list_filter = [OwnNameFilter]


@admin.register(Instrument)
class InstrumentAdmin(LookOnlyAdmin):
    list_display = [
        "symbol",
        "status",
        exact("tick_size"),
        exact("lot_step"),
        exact("minimum_quantity"),
        exact("minimum_cost"),
        exact("taker_fee_ratio"),
        exact("maker_fee_ratio"),
        "read_at",
    ]
    list_filter = ["status", "quote", AccountFilter]
    search_fields = ["symbol", "altname", "venue_symbol"]


@admin.register(Quote)
class QuoteAdmin(LookOnlyAdmin):
    list_display = ["symbol", exact("bid"), exact("ask"), exact("last"), "read_at"]
    list_filter = [AccountFilter]
    search_fields = ["symbol"]


@admin.register(AssetBalance)
class AssetBalanceAdmin(LookOnlyAdmin):
    list_display = ["asset", exact("total"), exact("held"), exact("first_total"), "read_at"]
    list_filter = [AccountFilter]
    search_fields = ["asset"]


@admin.register(Lease)
class LeaseAdmin(LookOnlyAdmin):
    list_display = ["name", "holder", "fence", "renewed_at", "expires_at"]


@admin.register(SenderKey)
class SenderKeyAdmin(LookOnlyAdmin):
    list_display = ["key", "holder", "fence", "lease_expires_at", "last_nonce", "updated_at"]

    @admin.display(description="key", ordering="key_fingerprint")
    def key(self, row: SenderKey) -> str:
        return str(row)
