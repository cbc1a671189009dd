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

from brackets import accounts, booking, leases, models, records
from brackets.core.holdings import code_of, codes_of, fold
from brackets.core.invariants import violations
from brackets.core.orders import ZERO
from brackets.core.proof import Book, BookOrder, ClosedTrade, Execution, VenueOrder, VenueSide, differences
from brackets.core.states import LIVE, Policy, Role, State
from brackets.venue.port import LedgerEntry, OrderReport, TradeReport, Venue, VenueStatus
from risk import journal
from risk.models import AuditRow
from trading import settle
from trading.models import EventCursor, Trade

Say = Callable[[str], None]
CATCH_UP_SECONDS = 90
LONGEST_READING_SECONDS = 90
MARGIN = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    differences: tuple[str, ...]
    orders: int
    fills: int
    trades: int


def prove(account: models.Account, venue: Venue, say: Say) -> Verdict:
    """Compare everything since the account was first seen. Raises VenueUnavailable when the venue
    cannot be read: then nothing is proven. While it runs the demo trader opens nothing new."""
    reading = Reading(account, venue, say)
    found, book = reading.compare()
    if found and accounts.watch_is_alive(account, timezone.now()):
        say(f"{len(found)} differences; reading again when the book had time to catch up")
        wait_for_cycle(account, say)
        again, book = reading.compare()
        found = tuple(sentence for sentence in found if sentence in again)
    return Verdict(
        differences=(*found, *broken_invariants(account)),
        orders=len(book.orders),
        fills=len(book.fills),
        trades=len(book.closed_trades),
    )


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


class Reading:
    """What the venue has said so far. Its history only grows, so a second reading asks for what is new;
    open orders and balances are asked for anew."""

    def __init__(self, account: models.Account, venue: Venue, say: Say) -> None:
        self.account, self.venue, self.say = account, venue, say
        self.began_at = account.first_balances_at or account.created_at
        self.since = self.began_at - MARGIN
        self.ended: dict[str, OrderReport] = {}
        self.trades: dict[str, TradeReport] = {}
        self.entries: dict[str, LedgerEntry] = {}

    def compare(self) -> tuple[tuple[str, ...], Book]:
        """One reading of both sides; the watch leaves most of the rate budget to it meanwhile."""
        with leases.held(accounts.proof_lease_name(self.account), seconds=LONGEST_READING_SECONDS):
            side = self.read()
        book = read_book(self.account)
        return differences(book, side), book

    def read(self) -> VenueSide:
        asked_at = timezone.now()
        self.say("reading orders")
        still_open = {report.venue_order_id: report for report in self.venue.open_orders()}
        self.ended |= {r.venue_order_id: r for r in self.venue.closed_orders(since=self.since)}
        self.say("reading trades")
        self.trades |= {trade.venue_trade_id: trade for trade in self.venue.trades_since(self.since)}
        self.say("reading the ledger")
        self.entries |= {entry.ledger_id: entry for entry in self.venue.ledgers(since=self.since)}
        self.say("reading balances")
        holdings = fold(self.venue.balances(), self.account.instruments.all())
        self.since = max(self.since, asked_at - MARGIN)
        return VenueSide(
            orders={key: venue_order(r) for key, r in (still_open | self.ended).items()},
            trades={trade.venue_trade_id: execution(trade) for trade in self.trades.values()},
            ledger=self.ledger(),
            totals={code: coins.total for code, coins in holdings.items()},
            holds={code: coins.held for code, coins in holdings.items()},
        )

    def ledger(self) -> dict[str, dict[str, tuple[Decimal, Decimal]]]:
        """By refid and coin: what moved and what it cost, since the first reading of the balances. Coins
        that went from one wallet of theirs into the other one did not move."""
        codes = codes_of(self.account.instruments.all())
        amounts: dict[str, dict[str, tuple[Decimal, Decimal]]] = {}
        for entry in self.entries.values():
            if entry.booked_at >= self.began_at:
                of_reference = amounts.setdefault(entry.reference, {})
                coin = code_of(entry.asset, codes)
                amount, fee = of_reference.get(coin, (ZERO, ZERO))
                of_reference[coin] = (amount + entry.amount, fee + entry.fee)
        return amounts


def execution(trade: TradeReport) -> Execution:
    return Execution(
        trade_id=trade.venue_trade_id,
        venue_order_id=trade.venue_order_id,
        quantity=trade.quantity,
        price=trade.price,
        cost=trade.cost,
        fee=trade.fee,
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
        closed = list(
            Trade.objects.filter(account=account, status=Trade.Status.CLOSED).select_related("bracket")
        )
        firsts = first_totals(account)
        brackets = models.Bracket.objects.filter(account=account).prefetch_related("orders", "fills")
        coins: dict[str, Decimal] = {}
        for bracket in brackets.exclude(state=State.EXIT_COMPLETE):  # dust of the others is the owner's again
            asset = assets[bracket.symbol][0]
            coins[asset] = coins.get(asset, ZERO) + records.load(bracket).coins
    return Book(
        orders=[book_order(order, assets, waiting) for order in orders if order.venue_order_id],
        client_ids=frozenset(str(order.client_order_id) for order in orders if order.client_order_id),
        fills=[book_fill(fill, assets) for fill in fills],
        coins=coins,
        closed_trades=[
            ClosedTrade(
                trade=trade.pk,
                bracket=trade.bracket_id,
                base_asset=assets[trade.symbol][0],
                quote_asset=assets[trade.symbol][1],
                realized_pnl=trade.realized_pnl or ZERO,
                held_price=trade.bracket.held_price if trade.bracket.held_quantity else None,
            )
            for trade in closed
        ],
        first_totals=firsts,
    )


def first_totals(account: models.Account) -> dict[str, Decimal]:
    """By coin: what was there when the account was first seen, in all its wallets."""
    codes = codes_of(account.instruments.all())
    firsts: dict[str, Decimal] = {}
    for asset, total in account.balances.values_list("asset", "first_total"):
        coin = code_of(asset, codes)
        firsts[coin] = firsts.get(coin, ZERO) + total
    return firsts


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
        shares_coins=order.role == Role.TARGET and order.bracket.policy == Policy.BOTH_REST,
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
    """The invariants of every bracket, what the trades say of them, and the journal with its chain."""
    brackets = models.Bracket.objects.filter(account=account).prefetch_related("orders", "fills")
    for row in brackets.order_by("pk").iterator(chunk_size=500):
        for sentence in violations(records.load(row)):
            yield f"bracket {row.pk}: {sentence}"
    yield from untrue_trades(account)
    yield from lost_brackets(account)
    if (broken := journal.first_broken_row()) is not None:
        yield broken


def untrue_trades(account: models.Account) -> Iterable[str]:
    """Trades that do not say what their finished bracket, its orders and fills say."""
    trades = Trade.objects.filter(account=account, bracket__state=State.EXIT_COMPLETE)
    cursor = EventCursor.objects.filter(consumer=settle.CONSUMER, account=account).first()
    unsettled = models.BracketEvent.objects.filter(account=account)
    unsettled = unsettled.filter(pk__gt=cursor.last_event_id) if cursor else unsettled
    behind = set(unsettled.values_list("bracket", flat=True))
    related = trades.select_related("bracket").prefetch_related("bracket__orders", "bracket__fills")
    for trade in related.order_by("pk").iterator(chunk_size=500):
        if trade.bracket_id in behind:
            continue  # about to be settled
        told = {name: getattr(trade, name) for name in settle.PROJECTED}
        settle.project(trade, trade.updated_at, save=False)
        for name in settle.PROJECTED:
            true = getattr(trade, name)
            if told[name] != true:
                yield f"trade {trade.pk} says {name} is {told[name]}, its bracket and fills say {true}"


def lost_brackets(account: models.Account) -> Iterable[str]:
    """Brackets the journal tells of and the book does not have."""
    subjects = AuditRow.objects.filter(action="bracket.EntryRequested").values_list("subject", flat=True)
    opened = {int(subject.rpartition(" ")[2]) for subject in subjects}
    kept = set(models.Bracket.objects.values_list("pk", flat=True))
    for number in sorted(opened - kept):
        yield f"bracket {number} was opened, the journal says, and is not in the book"
