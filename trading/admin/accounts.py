"""Lists show the running account alone until somebody asks for another: modes never mix on a page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from brackets import accounts
from brackets.models import Account

ALL = "all"


def lists_others(request: HttpRequest) -> bool:
    """Whether this list was asked for rows of another account than the running one."""
    chosen = request.GET.get(AccountFilter.parameter_name, "")
    return chosen not in ("", accounts.current().name)


@admin.display(description="account", ordering="account__name")
def whose(row: Any) -> SafeString:
    """The account a row belongs to, in the colour of its mode: the banner names the running one alone."""
    return format_html('<span class="mode mode-{}">{}</span>', row.account.mode, row.account.name)


class AccountFilter(admin.SimpleListFilter):
    """By account; without a choice, the account of TRADING_MODE."""

    title = "account"
    parameter_name = "account"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        names = Account.objects.order_by("name").values_list("name", flat=True)
        running = accounts.current().name
        return [(ALL, "all accounts"), *((name, name) for name in names if name != running)]

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        """The running account first, as what is shown when nothing is chosen."""
        first, *others = super().choices(changelist)
        yield {**first, "display": f"{accounts.current().name} (running)"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        return queryset if chosen == ALL else self.of(queryset, chosen or accounts.current().name)

    def of(self, queryset: QuerySet[Any], name: str) -> QuerySet[Any]:
        return queryset.filter(account__name=name)


class NamedAccountFilter(AccountFilter):
    """For rows that carry the account's name instead of a key."""

    def of(self, queryset: QuerySet[Any], name: str) -> QuerySet[Any]:
        return queryset.filter(account=name)


class OwnNameFilter(AccountFilter):
    """For the accounts themselves."""

    def of(self, queryset: QuerySet[Any], name: str) -> QuerySet[Any]:
        return queryset.filter(name=name)
