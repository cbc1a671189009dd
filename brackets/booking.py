"""Booking money: every fill once, with the price from the venue's trade and the amounts from its ledger.

Orders state rounded costs; the ledger is what moved. A fill whose ledger entries do not show up in
time is booked from the trade alone, and says so.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import F, Sum, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from brackets import clocks, operations
from brackets.core.events import FillBooked
from brackets.core.holdings import base_names, quote_names, wallets
from brackets.core.refusals import lacks_funds
from brackets.core.states import LIVE, Role, State
from brackets.models import Account, Bracket, Fill, Instrument, Order
from brackets.venue.port import LedgerEntry, Side, TradeReport, Venue
from risk.fields import quantity_field

log = logging.getLogger("backstop.booking")
ACTOR = "booking"
STANDING = frozenset({State.ENTRY_PLACED, State.ENTRY_FILLED, State.BRACKET_ACTIVE})
LAZY_SECONDS = 60  # while a bracket is open its fills may wait that long to be booked
LEDGER_PATIENCE_SECONDS = 60


def unbooked_orders(account: Account) -> list[Order]:
    """Orders of unfinished brackets with fills that are not booked yet (a late fill of a finished one
    brings its bracket back first)."""
    booked = Coalesce(Sum("fills__quantity"), Value(Decimal(0)), output_field=quantity_field())
    return list(
        Order.objects.filter(account=account, filled_quantity__gt=0)
        .exclude(bracket__state=State.EXIT_COMPLETE)
        .annotate(booked=booked)
        .filter(booked__lt=F("filled_quantity"))
        .select_related("bracket")
        .prefetch_related("fills", "bracket__orders")
    )


def is_due(orders: list[Order], now: datetime) -> bool:
    """Books are closed at once when a bracket waits for nothing else, a part of it was sold, or they may
    explain a refusal; otherwise in larger batches."""
    if explain_refusals(orders):
        return True
    for order in orders:
        waits_for_books = order.bracket.state not in STANDING and not any(
            o.status in LIVE for o in order.bracket.orders.all()
        )
        if order.role == Role.EXIT and order.status not in LIVE:
            return True
        if waits_for_books or now - (order.ended_at or order.updated_at) > timedelta(seconds=LAZY_SECONDS):
            return True
    return False


def explain_refusals(orders: list[Order]) -> bool:
    """Whether some of these bought coins that the venue will not let us sell, for want of funds: a fee may
    have been taken in coins, and until that is known no stop and no exit of all of them is taken."""
    return any(order.role == Role.ENTRY and lacks_funds(sells_of(order.bracket)) for order in orders)


def sells_of(bracket: Bracket) -> list[Order]:
    return sorted((o for o in bracket.orders.all() if o.role != Role.ENTRY), key=lambda o: o.pk)


def book(account: Account, venue: Venue, orders: list[Order]) -> int:
    """Book every unbooked fill of these orders that the venue shows. Returns how many. Raises
    VenueUnavailable."""
    urgent = explain_refusals(orders)
    by_venue_id = {order.venue_order_id: order for order in orders if order.venue_order_id}
    trades = [t for t in read_trades(venue, orders, urgent=urgent) if t.venue_order_id in by_venue_id]
    if not trades:
        return 0
    since = min(trade.executed_at for trade in trades) - timedelta(seconds=5)
    entries: dict[str, list[LedgerEntry]] = {}
    for entry in venue.ledgers(since=since, urgent=urgent):
        entries.setdefault(entry.reference, []).append(entry)
    symbols = {order.bracket.symbol for order in orders}
    instruments = {i.symbol: i for i in Instrument.objects.filter(account=account, symbol__in=symbols)}
    booked, now = 0, clocks.by_venue(venue, timezone.now())
    for trade in sorted(trades, key=lambda t: t.executed_at):
        order = by_venue_id[trade.venue_order_id]
        late = now - trade.executed_at >= timedelta(seconds=LEDGER_PATIENCE_SECONDS)
        booked += book_trade(order, trade, instruments[order.bracket.symbol], entries, late=late)
    return booked


def read_trades(venue: Venue, orders: list[Order], *, urgent: bool) -> list[TradeReport]:
    """The trades the orders name; where an order names none, the account's trades since it began."""
    named, nameless = set(), []
    for order in orders:
        booked = {fill.venue_trade_id for fill in order.fills.all()}
        missing = set(order.trade_ids) - booked
        named |= missing
        if not missing:
            nameless.append(order)
    trades = list(venue.trades(sorted(named), urgent=urgent)) if named else []
    if nameless:
        began = [o.opened_at or clocks.not_later_by_venue(venue, o.created_at) for o in nameless]
        trades += venue.trades_since(min(began) - timedelta(seconds=5))
    return list({trade.venue_trade_id: trade for trade in trades}.values())


def book_trade(
    order: Order,
    trade: TradeReport,
    instrument: Instrument,
    entries: dict[str, list[LedgerEntry]],
    *,
    late: bool,
) -> bool:
    """One fill with its money; False while the ledger does not show it or when it was booked already. One
    that is `late` is booked from the trade alone."""
    moved = entries.get(trade.venue_trade_id, [])
    base_wallets, quote_wallets = wallets(base_names(instrument)), wallets(quote_names(instrument))
    base = [e for e in moved if e.asset in base_wallets]
    quote = [e for e in moved if e.asset in quote_wallets]
    complete = bool(base and quote)
    if not complete and not late:
        return False  # the ledger lags; asked again with the next batch
    if not complete:
        log.warning("ALARM trade %s has no ledger entries yet: booked from the trade", trade.venue_trade_id)
    now, sign = timezone.now(), 1 if trade.side is Side.BUY else -1
    fill = Fill(
        account_id=order.account_id,
        bracket_id=order.bracket_id,
        order=order,
        venue_trade_id=trade.venue_trade_id,
        side=trade.side,
        price=trade.price,
        quantity=trade.quantity,
        cost=trade.cost,
        fee=trade.fee,
        quote_amount=total(quote, "amount") if complete else -sign * trade.cost,
        quote_fee=total(quote, "fee") if complete else trade.fee,
        base_amount=total(base, "amount") if complete else sign * trade.quantity,
        base_fee=total(base, "fee") if complete else Decimal(0),
        from_ledger=complete,
        maker=trade.maker,
        executed_at=trade.executed_at,
        booked_at=now,
    )
    return store_fill(fill, order, trade, now)


def total(entries: list[LedgerEntry], name: str) -> Decimal:
    return sum((getattr(entry, name) for entry in entries), Decimal(0))


def store_fill(fill: Fill, order: Order, trade: TradeReport, now: datetime) -> bool:
    """The fill and the step it causes, in one transaction; a fill booked by somebody else is left."""
    with transaction.atomic():
        bracket = Bracket.objects.select_for_update().get(pk=order.bracket_id)
        if Fill.objects.filter(account_id=fill.account_id, venue_trade_id=fill.venue_trade_id).exists():
            return False
        event = FillBooked(
            at=now,
            venue_order_id=trade.venue_order_id,
            venue_trade_id=trade.venue_trade_id,
            quantity=trade.quantity,
            base_fee=fill.base_fee,
            executed_at=trade.executed_at,
        )
        # The step first: it counts the fills it finds, and this one is the news.
        operations.step_row(bracket, event, actor=ACTOR)
        fill.save(force_insert=True)
    return True
