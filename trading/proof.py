"""Proving the book: read the venue through its REST alone, compare, run the invariants.

While trading goes on the book lags the venue by a reading. A difference therefore counts only when
two readings agree on it, the second after the book had a full cycle to catch up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from brackets import accounts, booking, models, records
from brackets.core.invariants import violations
from brackets.core.orders import ZERO
from brackets.core.proof import Book, BookOrder, ClosedTrade, Execution, VenueOrder, VenueSide, differences
from brackets.core.states import LIVE, Role, State
from brackets.venue.port import OrderReport, Venue, VenueStatus
from risk import journal
from trading.models import Trade

Say = Callable[[str], None]
CATCH_UP_SECONDS = 90
MARGIN = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    differences: tuple[str, ...]
    orders: int
    fills: int
    trades: int


def prove(account: models.Account, venue: Venue, say: Say) -> Verdict:
    """Compare everything since the account was first seen. Raises VenueUnavailable when the venue
    cannot be read: then nothing is proven."""
    found, book = one_reading(account, venue, say)
    if found and accounts.watch_is_alive(account, timezone.now()):
        say(f"{len(found)} differences; reading again when the book had time to catch up")
        wait_for_cycle(account, say)
        again, book = one_reading(account, venue, say)
        found = tuple(sentence for sentence in found if sentence in again)
    return Verdict(
        differences=(*found, *broken_invariants(account)),
        orders=len(book.orders),
        fills=len(book.fills),
        trades=len(book.closed_trades),
    )


def one_reading(account: models.Account, venue: Venue, say: Say) -> tuple[tuple[str, ...], Book]:
    side = read_venue(account, venue, say)
    book = read_book(account)
    return differences(book, side), book


def wait_for_cycle(account: models.Account, say: Say) -> None:
    """Until the watch has begun and finished a cycle after now."""
    asked_at = timezone.now()
    while timezone.now() - asked_at < timedelta(seconds=CATCH_UP_SECONDS):
        account.refresh_from_db()
        if account.reconciled_at and account.reconciled_at > asked_at + timedelta(seconds=2):
            return
        time.sleep(0.5)
    say("the watch finished no cycle in that time")


# --- the venue's side --------------------------------------------------------------------------


def read_venue(account: models.Account, venue: Venue, say: Say) -> VenueSide:
    began_at = account.first_balances_at or account.created_at
    since = began_at - MARGIN
    say("reading open orders")
    reports = list(venue.open_orders())
    say("reading closed orders")
    reports += venue.closed_orders(since=since)
    say("reading trades")
    trades = venue.trades_since(since)
    say("reading the ledger")
    ledger: dict[str, dict[str, tuple[Decimal, Decimal]]] = {}
    for entry in venue.ledgers(since=since):
        if entry.booked_at < began_at:
            continue  # counted in the first reading of the balances
        amounts = ledger.setdefault(entry.reference, {})
        amount, fee = amounts.get(entry.asset, (ZERO, ZERO))
        amounts[entry.asset] = (amount + entry.amount, fee + entry.fee)
    say("reading balances")
    balances = venue.balances()
    return VenueSide(
        orders={report.venue_order_id: venue_order(report) for report in reports},
        trades={
            trade.venue_trade_id: Execution(
                trade_id=trade.venue_trade_id,
                venue_order_id=trade.venue_order_id,
                quantity=trade.quantity,
                price=trade.price,
                cost=trade.cost,
                fee=trade.fee,
            )
            for trade in trades
        },
        ledger=ledger,
        totals={balance.asset: balance.total for balance in balances},
        holds={balance.asset: balance.held for balance in balances},
    )


def venue_order(report: OrderReport) -> VenueOrder:
    return VenueOrder(
        venue_order_id=report.venue_order_id,
        client_order_id=report.client_order_id,
        parent_venue_order_id=report.parent_venue_order_id,
        live=report.status in (VenueStatus.PENDING, VenueStatus.OPEN),
        quantity=report.quantity,
        filled=report.filled_quantity,
    )


# --- our side ----------------------------------------------------------------------------------


def read_book(account: models.Account) -> Book:
    with transaction.atomic():
        assets = {i.symbol: (i.base_asset, i.quote_asset) for i in account.instruments.all()}
        orders = list(models.Order.objects.filter(account=account).select_related("bracket"))
        waiting = waiting_to_be_booked(account)
        fills = list(models.Fill.objects.filter(account=account).select_related("bracket", "order"))
        closed = list(Trade.objects.filter(account=account, status=Trade.Status.CLOSED))
        firsts = dict(account.balances.values_list("asset", "first_total"))
        brackets = models.Bracket.objects.filter(account=account).prefetch_related("orders", "fills")
        coins: dict[str, Decimal] = {}
        for bracket in brackets.exclude(state=State.EXIT_COMPLETE, dust=0):
            asset = assets[bracket.symbol][0]
            coins[asset] = coins.get(asset, ZERO) + records.load(bracket).coins
    by_bracket: dict[int, list[str]] = {}
    for fill in fills:
        by_bracket.setdefault(fill.bracket_id, []).append(fill.venue_trade_id)
    return Book(
        orders=[book_order(order, assets, waiting) for order in orders if order.venue_order_id],
        client_ids=frozenset(str(order.client_order_id) for order in orders if order.client_order_id),
        fills=[book_fill(fill, assets) for fill in fills],
        coins=coins,
        closed_trades=[
            ClosedTrade(
                trade=trade.pk,
                quote_asset=assets[trade.symbol][1],
                realized_pnl=trade.realized_pnl or ZERO,
                trade_ids=tuple(by_bracket.get(trade.bracket_id, ())),
            )
            for trade in closed
        ],
        first_totals=firsts,
    )


def waiting_to_be_booked(account: models.Account) -> set[int]:
    """Orders of open brackets whose fills are known and are booked with a later batch."""
    now = timezone.now()
    return {order.pk for order in booking.unbooked_orders(account) if not booking.is_due([order], now)}


def book_order(order: models.Order, assets: dict[str, tuple[str, str]], waiting: set[int]) -> BookOrder:
    return BookOrder(
        venue_order_id=order.venue_order_id or "",
        client_order_id=str(order.client_order_id) if order.client_order_id else None,
        bracket=order.bracket_id,
        sell=order.role != Role.ENTRY,
        base_asset=assets[order.bracket.symbol][0],
        live=order.status in LIVE,
        quantity=order.quantity,
        filled=order.filled_quantity,
        booking_due=order.pk not in waiting,
    )


def book_fill(fill: models.Fill, assets: dict[str, tuple[str, str]]) -> Execution:
    base, quote = assets[fill.bracket.symbol]
    return Execution(
        trade_id=fill.venue_trade_id,
        venue_order_id=fill.order.venue_order_id or "",
        quantity=fill.quantity,
        price=fill.price,
        cost=fill.cost,
        fee=fill.fee,
        moved={base: (fill.base_amount, fill.base_fee), quote: (fill.quote_amount, fill.quote_fee)},
    )


def broken_invariants(account: models.Account) -> Iterable[str]:
    """The invariants of every bracket, the journal's chain, and trades that should be closed."""
    brackets = models.Bracket.objects.filter(account=account).prefetch_related("orders", "fills")
    for row in brackets.order_by("pk").iterator(chunk_size=500):
        for sentence in violations(records.load(row)):
            yield f"bracket {row.pk}: {sentence}"
    if (broken := journal.first_broken_row()) is not None:
        yield broken
