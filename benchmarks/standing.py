"""So many open brackets at once, true at the venue and in the book, without trading for hours.

Each bracket's entry was bought at the venue with its attached stop before the venue started (`bought.py`);
here its rows are written as they stand when everything was read and booked. `proven` says whether book
and venue agree: the product's own comparison must find nothing to change, and no invariant may be broken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import batched

from django.db.models import Sum
from django.utils import timezone

from benchmarks.bought import SIZE, entry_id, legs, uid_of
from brackets import accounts, operations, readers, reconcile, records
from brackets.core.invariants import violations
from brackets.core.states import OrderStatus, Policy, Role, State
from brackets.models import Account, Bracket, Effect, Fill, Instrument, Order
from brackets.models.sender import SenderKey
from brackets.venue.kraken.adapter import KrakenVenue
from brackets.venue.port import OrderReport
from trading import configuration

STANDING_FOR = timedelta(hours=1)  # nothing was heard of these orders for so long
A_QUERY = 50
A_STATEMENT = 200  # rows


def refill_budget() -> None:
    """Our own counters are set to nothing: how long they take to decay is no cost of a cycle."""
    SenderKey.objects.update(counter_thousandths=0, counter_at=timezone.now(), pair_counters={})


def stand(venue: KrakenVenue, count: int) -> Account:
    """So many brackets, one on each pair, of what was bought before the venue started (`bought.py`)."""
    account = accounts.current()
    configuration.of(account)
    instruments = {row.symbol: row for row in readers.refresh_instruments(account, venue)[:count]}
    refill_budget()
    stops = {report.symbol: report for report in venue.open_orders(urgent=True)}
    brackets = [
        a_bracket(account, instruments[symbol], price) for symbol, price in priced(venue, instruments)
    ]
    Bracket.objects.bulk_create(brackets, batch_size=A_STATEMENT)
    write_orders(venue, brackets, stops)
    reconcile.cycle(account, venue, urgent=True)
    return account


def priced(venue: KrakenVenue, symbols: Iterable[str]) -> Iterator[tuple[str, Decimal]]:
    for batch in batched(symbols, A_QUERY):
        yield from ((quote.symbol, quote.last) for quote in venue.quotes(batch))


def a_bracket(account: Account, instrument: Instrument, price: Decimal) -> Bracket:
    now = timezone.now()
    stop, target = legs(price, instrument.tick_size)
    return Bracket(
        account=account,
        uid=uid_of(instrument.symbol),
        symbol=instrument.symbol,
        base=instrument.base,
        quote=instrument.quote,
        source="command",
        policy=Policy.NEAREST,
        state=State.BRACKET_ACTIVE,
        version=1,
        planned_quantity=instrument.minimum_quantity * SIZE,
        planned_stop_price=stop,
        planned_target_price=target,
        planned_entry_price=price,
        stop_price=stop,
        target_price=target,
        initial_stop_price=stop,
        prices_final=True,
        entry_over=True,
        tick_size=instrument.tick_size,
        lot_step=instrument.lot_step,
        minimum_quantity=instrument.minimum_quantity,
        entry_began_at=now,
        created_at=now,
        updated_at=now,
    )


def write_orders(venue: KrakenVenue, brackets: Sequence[Bracket], stops: Mapping[str, OrderReport]) -> None:
    """Entries, stops and fills as rows, from what the venue says of them."""
    orders: list[Order] = []
    fills: list[Fill] = []
    for batch in batched(brackets, A_QUERY):
        refill_budget()
        entries = {stops[one.symbol].parent_venue_order_id or "": one for one in batch}
        for report in venue.orders(sorted(entries), urgent=True):
            bracket = entries[report.venue_order_id]
            entry = an_order(bracket, report, Role.ENTRY, OrderStatus.FILLED)
            entry.client_order_id = entry_id(bracket.symbol)
            stop = an_order(bracket, stops[bracket.symbol], Role.STOP, OrderStatus.OPEN)
            orders += [entry, stop]
            fills.append(a_fill(entry, report))
    Order.objects.bulk_create(orders, batch_size=A_STATEMENT)
    Fill.objects.bulk_create(fills, batch_size=A_STATEMENT)


def an_order(bracket: Bracket, report: OrderReport, role: Role, status: OrderStatus) -> Order:
    now = timezone.now()
    ended = report.closed_at
    return Order(
        bracket=bracket,
        account_id=bracket.account_id,
        role=role,
        status=status,
        venue_order_id=report.venue_order_id,
        quantity=report.quantity,
        filled_quantity=report.filled_quantity,
        average_price=report.average_price,
        trigger_price=report.trigger_price,
        read_back=True,
        trade_ids=list(report.trade_ids),
        created_at=report.opened_at or now,
        opened_at=report.opened_at,
        first_filled_at=ended,
        ended_at=ended,
        updated_at=now - STANDING_FOR,
    )


def a_fill(entry: Order, report: OrderReport) -> Fill:
    now = timezone.now()
    return Fill(
        account_id=entry.account_id,
        bracket=entry.bracket,
        order=entry,
        venue_trade_id=report.trade_ids[0],
        side="buy",
        price=report.average_price,
        quantity=report.filled_quantity,
        cost=report.cost,
        fee=report.fee,
        quote_amount=-report.cost,
        quote_fee=report.fee,
        base_amount=report.filled_quantity,
        base_fee=Decimal(0),
        executed_at=report.closed_at or now,
        booked_at=now,
    )


def proven(account: Account, venue: KrakenVenue, count: int) -> None:
    """Raises RuntimeError when book and venue do not agree, or an invariant is broken."""
    rows = list(operations.open_brackets(account))
    broken = [sentence for row in rows for sentence in violations(records.load(row))]
    before = versions(account)
    refill_budget()
    Account.objects.filter(pk=account.pk).update(open_orders_read_at=None)
    account.refresh_from_db()
    reconcile.cycle(account, venue, urgent=True)
    if len(rows) != count or broken or versions(account) != before or Effect.objects.exists():
        raise RuntimeError(f"{len(rows)} brackets stand, and book and venue do not agree: {broken[:3]}")


def versions(account: Account) -> int:
    return Bracket.objects.filter(account=account).aggregate(total=Sum("version"))["total"]
