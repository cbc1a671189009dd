"""Pulling the plug on an account: its open brackets as lines of `core/plug.py`, read from the rows, or beside
a fresh reading of the venue's open orders.

Looking asks nobody and changes nothing; asking costs one private call and changes nothing either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import QuerySet

from brackets import accounts, records, reports
from brackets.core.events import OrderReported
from brackets.core.plug import SLIPPAGE, Market, PlugLine, Sending, Standing, plug_line
from brackets.core.plug_asked import Asked, as_read
from brackets.core.plug_words import Total, sentence, totals
from brackets.core.states import LIVE, State
from brackets.models import Account, Bracket, Effect, Instrument, Order, Quote
from brackets.venue.port import OrderReport, Venue
from risk.core.plain import text

FRESH = timedelta(seconds=120)
"""A book that was compared longer ago says too little of what rests. A quiet watch compares every 30 s."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """One open bracket and its line."""

    bracket: int
    state: str
    line: PlugLine
    quote_read_at: datetime | None  # how old the bid is that it is reckoned with


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """All of an account. `compared_at`: when book and venue last agreed on what rests; None: not since the
    start. `asked`: it is beside a reading made for it, and `differences` is what that said otherwise."""

    at: datetime
    venue: str  # how people call it
    compared_at: datetime | None
    watched: bool
    positions: tuple[Position, ...]
    asked: bool = False
    differences: tuple[str, ...] = ()
    slippage_ratio: Decimal = SLIPPAGE

    @property
    def lines(self) -> tuple[PlugLine, ...]:
        return tuple(position.line for position in self.positions)

    @property
    def totals(self) -> tuple[Total, ...]:
        return totals(self.lines)

    @property
    def sentence(self) -> str:
        return sentence(self.lines, venue=self.venue, slippage=self.slippage_ratio)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is not well, one sentence each; empty: every coin above the venue's minimum has a stop that
        was read at the venue, or its target rests there by the rules while a living watch keeps the stop;
        nothing that may still be bought would come without one; and the book is fresh enough to know."""
        return (*staleness(self), *(trouble(one) for one in self.positions if not one.line.well))

    @property
    def well(self) -> bool:
        return not self.reasons


def look(account: Account, now: datetime) -> View:
    """The book as it stands: what rests as last compared and heard."""
    return view(account, now, asked=None)


def ask(account: Account, venue: Venue, now: datetime) -> View:
    """The book beside the venue's open orders, read now by one private call. Raises VenueUnavailable."""
    return view(account, now, asked=list(venue.open_orders()))


def view(account: Account, now: datetime, *, asked: list[OrderReport] | None) -> View:
    rows = open_brackets(account)
    shown = {} if asked is None else events_by_bracket(account, asked, now)
    watched = accounts.watch_is_alive(account, now)
    symbols = {row.symbol for row in rows}
    quotes = {row.symbol: row for row in Quote.objects.filter(account=account, symbol__in=symbols)}
    pairs = Instrument.objects.filter(account=account, symbol__in=symbols)
    fees = dict(pairs.values_list("symbol", "taker_fee_ratio"))
    sendings = sendings_of(account, rows)
    positions, differences = [], []
    for row in rows:
        value, quote = records.load(row), quotes.get(row.symbol)
        read = Asked(bracket=value, unseen=frozenset(), differences=())
        if asked is not None:
            read = as_read(value, shown.pop(row.pk, []))
            differences += [f"Bracket {row.pk}: {said}" for said in read.differences]
        line = plug_line(
            read.bracket,
            market=Market(bid=quote and quote.bid, taker_fee_ratio=fees.get(row.symbol, Decimal(0))),
            sendings=sendings.get(row.pk, {}),
            entry_fees=sum((f.quote_fee for f in row.fills.all() if f.side == "buy"), Decimal(0)),
            watched=watched,
            unseen=read.unseen,
        )
        read_at = quote.read_at if quote else None
        positions.append(Position(bracket=row.pk, state=row.state, line=line, quote_read_at=read_at))
    return View(
        at=now,
        venue="Kraken" if account.mode in ("validate", "live") else "the paper venue",
        compared_at=None if account.recovered_at is None else account.reconciled_at,
        watched=watched,
        positions=tuple(positions),
        asked=asked is not None,
        differences=(*differences, *left_over(shown)),
    )


def open_brackets(account: Account) -> list[Bracket]:
    rows: QuerySet[Bracket] = Bracket.objects.filter(account=account).exclude(state=State.EXIT_COMPLETE)
    return list(rows.order_by("pk").prefetch_related("orders", "fills"))


def sendings_of(account: Account, rows: Iterable[Bracket]) -> dict[int, Mapping[str, Sending]]:
    """By bracket and the order's key: how each live order of ours was sent."""
    keys = {order.pk: (row.pk, order.key) for row in rows for order in row.orders.all()}
    placed = Effect.objects.filter(account=account, kind=Effect.Kind.PLACE, order__status__in=LIVE)
    found: dict[int, dict[str, Sending]] = {}
    for effect in placed:
        if effect.order_id not in keys:
            continue  # its bracket was opened meanwhile
        bracket, key = keys[effect.order_id]
        found.setdefault(bracket, {})[key] = Sending(
            sent=effect.sent_at is not None,
            close_stop_price=effect.close_stop_price,
            expires_at=effect.expires_at,
        )
    return {**found}


# --- a reading made for it -----------------------------------------------------------------------


def events_by_bracket(
    account: Account, asked: list[OrderReport], now: datetime
) -> dict[int, list[OrderReported]]:
    """The reports of our orders, as events of their brackets; foreign orders are left alone."""
    parents_first = sorted(asked, key=lambda report: report.parent_venue_order_id is not None)
    ours = reports.our_orders(account, parents_first)
    found: dict[int, list[OrderReported]] = {}
    for report in parents_first:
        order = reports.match(ours, report)
        if order is not None:
            adopting = is_made_of(order, report)
            found.setdefault(order.bracket_id, []).append(reports.event_of(report, adopting, now))
    return found


def is_made_of(order: Order, report: OrderReport) -> bool:
    return order.venue_order_id is not None and order.venue_order_id == report.parent_venue_order_id


def left_over(shown: Mapping[int, list[OrderReported]]) -> list[str]:
    """Orders of brackets that the book has closed."""
    return [
        f"Bracket {bracket} is over in the book, and its order {event.venue_order_id} rests at the venue."
        for bracket, events in sorted(shown.items())
        for event in events
    ]


# --- is it well ----------------------------------------------------------------------------------


def staleness(view: View) -> list[str]:
    if view.asked:
        return []
    if view.compared_at is None:
        return ["The book has not been compared with the venue since the start."]
    age = view.at - view.compared_at
    if age <= FRESH:
        return []
    return [f"The book was last compared with the venue {age // timedelta(seconds=1)} s ago."]


def trouble(position: Position) -> str:
    """One sentence on a bracket that is not well."""
    line = position.line
    match line.standing:
        case Standing.BARE:
            what = f"no order at the venue is certain for {text(line.bare)} {line.base}"
        case Standing.UNSTOPPED:
            what = f"{text(line.sell_only + line.bare)} {line.base} have no stop, and nobody watches for them"
        case _:
            what = "what it may still buy would have no stop"
    return f"Bracket {position.bracket} ({line.symbol}): {what}."
