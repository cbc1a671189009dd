"""The view that notes that somebody saw an alert."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from brackets import accounts
from trading import alerts
from trading.api import shapes
from trading.api.base import ApiView, actor_of, require_permission
from trading.api.resources import ALERTS


class AcknowledgeView(ApiView):
    """`POST alerts/ID/acknowledge/`: answers the alert; given again, it changes nothing."""

    def post(self, request: Request, key: int) -> Response:
        require_permission(request, alerts.RIGHT)
        account = accounts.current()
        alert = ALERTS.one(account, key)
        return Response(shapes.alert(alerts.acknowledge(account, alert.pk, actor=actor_of(request))))
