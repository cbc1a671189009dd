"""The addresses under /api/v1/. What is not here is answered as a problem document by config/urls.py."""

from django.urls import URLPattern, path

from trading import strangers
from trading.api import resources
from trading.api.alert_views import AcknowledgeView
from trading.api.command_views import CommandView
from trading.api.stranger_views import StrangerView
from trading.api.views import ConfigView, DetailView, ListView, PlugView, StatusView
from trading.core.asks import Kind

LISTS = {
    "trades": resources.TRADES,
    "brackets": resources.BRACKETS,
    "orders": resources.ORDERS,
    "fills": resources.FILLS,
    "events": resources.EVENTS,
    "commands": resources.COMMANDS,
    "alerts": resources.ALERTS,
    "strangers": resources.STRANGERS,
}


def list_paths() -> list[URLPattern]:
    return [
        pattern
        for name, resource in LISTS.items()
        for pattern in (
            path(f"{name}/", ListView.as_view(resource=resource), name=name),
            path(f"{name}/<int:key>/", DetailView.as_view(resource=resource), name=resource.name),
        )
    ]


app_name = "api"
urlpatterns = [
    path("status/", StatusView.as_view(), name="status"),
    path("plug/", PlugView.as_view(), name="plug"),
    path("config/", ConfigView.as_view(), name="config"),
    *(path(f"commands/{kind}/", CommandView.as_view(kind=kind), name=kind) for kind in Kind),
    path("alerts/<int:key>/acknowledge/", AcknowledgeView.as_view(), name="alert_acknowledge"),
    *(
        path(f"strangers/<int:key>/{act}/", StrangerView.as_view(act=act), name=f"stranger_{act}")
        for act in strangers.RIGHTS
    ),
    *list_paths(),
]
