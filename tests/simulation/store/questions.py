"""Queries as the product puts them, for comparing two stores: joins, subqueries, sums, prefetching, upserts.

Each takes a key and a time and returns what can be compared.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Max, Min, Q, Sum, Value
from django.db.models.functions import Coalesce

from brackets.models import Bracket, Effect, Fill, Lease, Order, Quote
from risk.fields import quantity_field
from trading.models import Command, Trade


def liquidate(key: int, at: datetime) -> Any:
    command = Command.objects.create(
        account_id=key,
        kind="liquidate_all",
        actor="x",
        payload={"at": str(at), "pair": (1, 2)},
        created_at=at,
    )
    command.trades.set(Trade.objects.filter(status="OPEN"))
    return command.pk, sorted(command.trades.values_list("pk", flat=True))


def refreshed(key: int, at: datetime) -> Any:
    order = Order.objects.get(pk=key)
    before = order.bracket.state
    Order.objects.filter(pk=key).update(message="again", ended_at=at)
    Bracket.objects.filter(pk=order.bracket_id).update(alarm="again")
    order.refresh_from_db(fields=["message"])
    seen = order.ended_at, order.message, order.bracket.alarm
    order.refresh_from_db()
    return before, seen, order.ended_at, order.bracket.alarm


QUESTIONS: list[Callable[[int, datetime], Any]] = [
    lambda key, at: Order.objects.filter(effects__pk=key).update(message="seen"),
    lambda key, at: list(Order.objects.filter(effects__pk=key).values_list("pk", flat=True)),
    lambda key, at: [
        (order.pk, order.booked)
        for order in Order.objects.filter(filled_quantity__gt=0)
        .annotate(booked=Coalesce(Sum("fills__quantity"), Value(Decimal(0)), output_field=quantity_field()))
        .filter(booked__lt=F("filled_quantity"))
    ],
    lambda key, at: Order.objects.exclude(role="entry").aggregate(
        leaves=Sum(F("quantity") - F("filled_quantity"), output_field=quantity_field())
    ),
    lambda key, at: Order.objects.aggregate(least=Min("quantity"), most=Max("average_price")),
    lambda key, at: [
        (
            b.pk,
            [(o.pk, o.bracket is b, o.bracket.state) for o in b.orders.all()],
            list(map(str, b.fills.all())),
        )
        for b in Bracket.objects.prefetch_related("orders", "fills").order_by("pk")
    ],
    lambda key, at: [
        (effect.pk, effect.order.role, effect.bracket.state)
        for effect in Effect.objects.select_related("order", "bracket")
    ],
    lambda key, at: [
        (trade.pk, trade.bracket.uid, trade.bracket.trade is trade)
        for trade in Trade.objects.select_related("bracket")
    ],
    lambda key, at: [
        [o.pk for o in trade.bracket.orders.all()]
        for trade in Trade.objects.select_related("bracket").prefetch_related("bracket__orders")
    ],
    lambda key, at: Bracket.objects.get(pk=key).trade.status,
    lambda key, at: list(
        Bracket.objects.get(pk=key).orders.order_by("pk").values("pk", "status", "trade_ids")
    ),
    lambda key, at: list(
        Bracket.objects.filter(pk__in=Order.objects.filter(role="stop").values("bracket_id"))
        .exclude(state="EXIT_COMPLETE")
        .values_list("pk", "version")
    ),
    lambda key, at: [
        effect.pk
        for effect in Effect.objects.filter(account=key, done_at=None, next_attempt_at__lte=at)
        .filter(Q(claim_expires_at=None) | Q(claim_expires_at__lt=at))
        .exclude(Q(kind__in=["PLACE", "AMEND"]) & ~Q(outcome=""))
    ],
    lambda key, at: Lease.objects.update_or_create(name="a", defaults={"holder": "me", "renewed_at": at})[1],
    lambda key, at: Lease.objects.filter(name="a").count(),
    lambda key, at: Quote.objects.bulk_update(
        [
            Quote(pk=key, bid=Decimal(7), ask=Decimal(8), read_at=at),
            Quote(pk=9, bid=Decimal(1), ask=Decimal(1), read_at=at),
        ],
        ["bid", "ask", "read_at"],
    ),
    lambda key, at: liquidate(key, at),
    lambda key, at: [
        [(trade.pk, trade.bracket.pk) for trade in command.trades.order_by("pk")]
        for command in Command.objects.prefetch_related("trades__bracket").order_by("pk")
    ],
    lambda key, at: [
        t.pk for c in Command.objects.prefetch_related("trades__bracket") for t in c.trades.all()
    ],
    lambda key, at: list(Trade.objects.filter(liquidations=key).values_list("pk", flat=True)),
    lambda key, at: refreshed(key, at),
    lambda key, at: Order.objects.get(bracket=key).pk,
    lambda key, at: list(
        Bracket.objects.filter(trade__status="OPEN").values_list("trade__base", "account__name")
    ),
    lambda key, at: list(
        Bracket.objects.filter(
            Q(pk__in=Fill.objects.values("bracket")) | Q(state="ENTRY_PLACED")
        ).values_list("pk")
    ),
    lambda key, at: list(
        Order.objects.exclude(bracket__in=Trade.objects.filter(status="OPEN").values("bracket")).values("pk")
    ),
    lambda key, at: sorted(Order.objects.order_by().values_list("status").annotate(number=Count("pk"))),
    lambda key, at: (Effect.objects.latest("pk").pk, Order.objects.earliest("created_at", "-pk").pk),
    lambda key, at: Order.objects.in_bulk([key, 9]).keys(),
]
