"""What the account holds beyond our book, with one button for each thing that can be done about it.

Every button is asked twice: the first POST shows what was found and what follows, the second does it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from brackets import accounts
from brackets.core.strangers import STANDING, Status
from brackets.models import Account, Stranger
from trading import strangers
from trading.admin.accounts import AccountFilter
from trading.admin.base import NOTHING, LookOnlyAdmin, Refreshing, actor_of, exact, tag
from trading.admin.control import REFUSALS

CONSEQUENCES = {
    "protect": "A bracket is put around these coins, with a stop and a target by the house's rule: they are "
    "sold when either is reached.",
    "ignore": "It is left alone and not shown as open, until it grows or becomes another one.",
    "alarm": "An alert is raised; it stays until this is gone or ignored.",
}
CHANGELIST = "admin:brackets_stranger_changelist"
SHOWN = 20


class StandingFilter(admin.SimpleListFilter):
    """Without a choice, what is there now."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("all", "all"), *((status.value, status.value) for status in Status)]

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        first, *others = super().choices(changelist)
        yield {**first, "display": "there now"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Stranger]) -> QuerySet[Stranger]:
        chosen = self.value()
        if chosen == "all":
            return queryset
        return queryset.filter(status__in=STANDING if chosen is None else [chosen])


@dataclass(frozen=True, kw_only=True, slots=True)
class Button:
    """An act with its address; where it is not offered, why not."""

    act: str
    address: str
    why_not: str


def buttons(row: Stranger, user: AbstractBaseUser) -> list[Button]:
    """What this person may do about a finding of the running account; what was done is not offered again."""
    if row.account_id != accounts.current().pk or row.status not in STANDING:
        return []
    done = {Status.IGNORED: "ignore", Status.ALARMED: "alarm"}.get(Status(row.status))
    return [
        Button(
            act=act,
            address=reverse("admin:brackets_stranger_act", args=[row.pk, act]),
            why_not=strangers.why_not_now(row) if act == "protect" else "",
        )
        for act, right in strangers.RIGHTS.items()
        if act != done and user.has_perm(right)
    ]


def lines(account: Account, user: AbstractBaseUser) -> list[dict[str, Any]]:
    """The findings nobody has decided about, for the first page; none for who may not look."""
    if not user.has_perm("brackets.view_stranger"):
        return []
    rows = Stranger.objects.filter(account=account, status=Status.OPEN).select_related("account")[:SHOWN]
    return [{"row": row, "what": strangers.described(row), "buttons": buttons(row, user)} for row in rows]


@admin.register(Stranger)
class StrangerAdmin(Refreshing, LookOnlyAdmin):
    list_display = [
        "id",
        "kind",
        "what",
        exact("quantity"),
        "status_tag",
        "first_seen_at",
        "last_seen_at",
        "decided",
    ]
    list_filter = [StandingFilter, "kind", AccountFilter]
    search_fields = ["=id", "subject", "symbol"]
    list_select_related = ["account"]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.act_view)
        return [path("<int:key>/<str:act>/do/", view, name="brackets_stranger_act"), *super().get_urls()]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return [*super().get_list_display(request), acts_for(request.user)]

    @method_decorator(require_POST)
    def act_view(self, request: HttpRequest, key: int, act: str) -> HttpResponse:
        right = strangers.RIGHTS.get(act)
        if right is None or not request.user.has_perm(right):
            raise PermissionDenied
        row = Stranger.objects.filter(account=accounts.current(), pk=key).first()
        if row is None:
            messages.error(request, f"There is no finding {key} on the {accounts.current().name} account.")
        elif request.POST.get("confirmed") != "yes":
            return self.ask_again(request, row, act)
        else:
            self.do(request, row, act)
        return redirect(CHANGELIST)

    def ask_again(self, request: HttpRequest, row: Stranger, act: str) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"{act}?",
            "act": act,
            "consequence": CONSEQUENCES[act],
            "what": strangers.described(row),
            "action": reverse("admin:brackets_stranger_act", args=[row.pk, act]),
            "back": reverse(CHANGELIST),
        }
        return TemplateResponse(request, "admin/confirm_stranger.html", context)

    def do(self, request: HttpRequest, row: Stranger, act: str) -> None:
        """Do it, and say what became of it."""
        account, actor = accounts.current(), actor_of(request)
        try:
            match act:
                case "protect":
                    done = strangers.protect(account, row.pk, user=request.user, actor=actor)
                case "ignore":
                    done = strangers.ignore(account, row.pk, actor=actor)
                case _:
                    done = strangers.alarm(account, row.pk, actor=actor)
        except (strangers.NotOffered, strangers.NotProtected, *REFUSALS) as refusal:
            messages.error(request, f"{act}: {refusal}")
        else:
            messages.success(request, f"Finding {done.pk} is {done.status}.")

    @admin.display(description="what")
    def what(self, row: Stranger) -> str:
        return strangers.described(row)

    @admin.display(description="status", ordering="status")
    def status_tag(self, row: Stranger) -> SafeString:
        return tag(row.status, "alarm" if row.status == Status.OPEN else row.status)

    @admin.display(description="decided", ordering="decided_at")
    def decided(self, row: Stranger) -> str:
        return f"{row.decided_by}, {row.decided_at:%Y-%m-%d %H:%M}" if row.decided_at else NOTHING


def acts_for(user: AbstractBaseUser) -> Callable[[Stranger], SafeString | str]:
    """The column of buttons for this person. They stand inside the list's own form, which carries the token;
    each has an address of its own."""

    def acts(row: Stranger) -> SafeString | str:
        both = buttons(row, user)
        html = '<button type="submit" class="button" formaction="{}">{}</button> '
        offered = [(button.address, button.act) for button in both if not button.why_not]
        why = format_html_join(" ", "<i>{}: {}</i>", [(b.act, b.why_not) for b in both if b.why_not])
        return format_html("{}{}", format_html_join("", html, offered), why) or NOTHING

    return admin.display(description="what to do")(acts)
