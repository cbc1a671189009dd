"""What the admin pages share: machine-owned rows to be looked at and nothing else, and legible cells."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any

from django.contrib import admin
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from risk.core.plain import text
from risk.fields import ExactDecimalField
from trading.admin.accounts import lists_others, whose

NOTHING = "–"


def plain(value: Decimal | None) -> str:
    """A number without idle zeros."""
    return NOTHING if value is None else text(value)


@cache
def exact(name: str) -> Callable[[models.Model], str]:
    """A column that shows the decimal field `name` without idle zeros and sorts by it."""

    def column(row: models.Model) -> str:
        return plain(getattr(row, name))

    column.__name__ = name
    return admin.display(description=name.replace("_", " "), ordering=name)(column)


def tag(word: str, kind: str = "") -> SafeString:
    """A word as a coloured label; `kind` is a class of admin.css."""
    return format_html('<span class="tag tag-{}">{}</span>', (kind or word).lower().replace(" ", "-"), word)


def pretty(value: Any) -> SafeString:
    return format_html(
        '<pre class="payload">{}</pre>', json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    )


def actor_of(request: HttpRequest) -> str:
    """How the journal names a person at the admin."""
    return f"{request.user.get_username()} (admin)"


class LookOnly:
    """No row is added, changed or deleted by hand. For ModelAdmin and inlines alike."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class LookOnlyAdmin(LookOnly, admin.ModelAdmin):
    """A machine-owned table. Decimals and JSON are shown legibly on the page of a row."""

    list_per_page = 50
    show_full_result_count = False  # counting a million rows twice serves nobody
    exclude_from_page: tuple[str, ...] = ()

    class Media:
        css = {"all": ["trading/admin.css"]}

    def says_whose(self, request: HttpRequest) -> bool:
        names = {field.name for field in self.model._meta.concrete_fields if field.is_relation}
        return "account" in names and "account" not in self.list_display and lists_others(request)

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Where rows of other accounts are listed, each says whose it is."""
        first, *others = super().get_list_display(request)
        return [first, whose, *others] if self.says_whose(request) else [first, *others]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        if not self.says_whose(request):
            return rows
        wanted = self.list_select_related
        return rows.select_related("account", *(wanted if isinstance(wanted, list | tuple) else ()))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        fields = (f for f in self.model._meta.concrete_fields if f.name not in self.exclude_from_page)
        return [*self.extra_fields(), *(shown_field(field) for field in fields)]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return self.get_fields(request, obj)

    def extra_fields(self) -> tuple[Any, ...]:
        """Columns shown first on the page of a row."""
        return ()


def shown_field(field: models.Field) -> Any:
    if isinstance(field, ExactDecimalField):
        return exact(field.name)
    return json_field(field.name) if isinstance(field, models.JSONField) else field.name


@cache
def json_field(name: str) -> Callable[[models.Model], SafeString]:
    def column(row: models.Model) -> SafeString:
        return pretty(getattr(row, name))

    column.__name__ = name
    return admin.display(description=name.replace("_", " "))(column)


class LookOnlyInline(LookOnly, admin.TabularInline):
    """Rows that belong to the row shown, newest last."""

    extra = 0
    max_num = 0
    can_delete = False
    show_change_link = True

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields or ()


class Refreshing:
    """A list that renews itself every few seconds, from this host alone."""

    class Media:
        js = ["trading/refresh.js"]
