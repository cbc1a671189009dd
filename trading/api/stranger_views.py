"""The view that does something about what the account holds beyond our book."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from http import HTTPStatus

from rest_framework.request import Request
from rest_framework.response import Response

from brackets import accounts
from brackets.models import Stranger
from trading import strangers
from trading.api import shapes
from trading.api.base import ApiView, actor_of, require_permission
from trading.api.problems import Problem
from trading.api.resources import STRANGERS
from trading.core.asks import Malformed, read_amount

PRICES = ("stop_loss_price", "take_profit_price")


class StrangerView(ApiView):
    """`POST strangers/ID/protect|ignore|alarm/`: answers the finding; given again, it changes nothing.
    `protect` takes a `stop_loss_price` and a `take_profit_price`; the others take nothing."""

    act: str = "ignore"  # each address sets its own

    def post(self, request: Request, key: int) -> Response:
        require_permission(request, strangers.RIGHTS[self.act])
        given = prices_of(request.data, PRICES if self.act == "protect" else ())
        found = STRANGERS.one(accounts.current(), key)
        try:
            row = self.done(request, found.pk, given)
        except strangers.NotOffered as refusal:
            raise Problem(HTTPStatus.CONFLICT, "not_offered", str(refusal)) from refusal
        except strangers.NotProtected as refusal:
            raise Problem(HTTPStatus.CONFLICT, refusal.code, str(refusal)) from refusal
        return Response(shapes.stranger(row))

    def done(self, request: Request, key: int, given: Mapping[str, Decimal]) -> Stranger:
        account, actor = accounts.current(), actor_of(request)
        match self.act:
            case "protect":
                return strangers.protect(account, key, user=request.user, actor=actor, **given)
            case "ignore":
                return strangers.ignore(account, key, actor=actor)
            case _:
                return strangers.alarm(account, key, actor=actor)


def prices_of(body: Mapping[str, object], known: tuple[str, ...]) -> dict[str, Decimal]:
    """The prices a body gives. Raises Malformed for a field that is not `known`, and for what is no price."""
    for name in body:
        if name not in known:
            limit = ", ".join(known) or "nothing"
            raise Malformed(str(name)[:60], f"There is no field {str(name)[:60]!r} here; it takes {limit}.")
    return {name: read_amount(name, value) for name, value in body.items() if value is not None}
