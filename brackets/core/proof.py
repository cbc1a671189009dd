"""Comparing the book with the venue: every difference is one sentence.

Pure. Both sides are plain values; the venue's come from its REST answers alone. Nothing here decides
whether a difference matters: `trading/proof.py` reads twice and keeps what both readings show.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal

ZERO = Decimal(0)
MONEY = Decimal("1E-10")  # what is reckoned, and not moved, is rounded to


@dataclass(frozen=True, kw_only=True, slots=True)
class BookOrder:
    venue_order_id: str
    client_order_id: str | None
    bracket: int
    sell: bool
    base_asset: str
    live: bool
    quantity: Decimal
    filled: Decimal
    booking_due: bool = True  # False: its fills may still wait to be booked in a batch
    shares_coins: bool = False  # a target that rests beside its stop, for the same coins


@dataclass(frozen=True, kw_only=True, slots=True)
class VenueOrder:
    venue_order_id: str
    client_order_id: str | None
    parent_venue_order_id: str | None
    live: bool
    quantity: Decimal
    filled: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """A fill (book) or a trade (venue). `moved` is asset → (amount, fee), as ledgers state it."""

    trade_id: str
    venue_order_id: str
    quantity: Decimal
    price: Decimal
    cost: Decimal
    fee: Decimal
    moved: Mapping[str, tuple[Decimal, Decimal]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClosedTrade:
    trade: int
    bracket: int
    base_asset: str
    quote_asset: str
    realized_pnl: Decimal
    held_price: Decimal | None = None  # of the plan, for coins that were there before; None: there were none


@dataclass(frozen=True, kw_only=True, slots=True)
class Book:
    orders: Sequence[BookOrder]
    client_ids: frozenset[str]  # every id ever intended
    fills: Sequence[Execution]
    coins: Mapping[str, Decimal]  # base asset → coins of unfinished brackets
    closed_trades: Sequence[ClosedTrade]
    first_totals: Mapping[str, Decimal]  # asset → what was there when the account was first seen


@dataclass(frozen=True, kw_only=True, slots=True)
class VenueSide:
    orders: Mapping[str, VenueOrder]
    trades: Mapping[str, Execution]
    ledger: Mapping[str, Mapping[str, tuple[Decimal, Decimal]]]  # refid → asset → (amount, fee)
    totals: Mapping[str, Decimal]
    holds: Mapping[str, Decimal]


def differences(book: Book, venue: VenueSide) -> tuple[str, ...]:
    """Every disagreement, one sentence each; empty when book and venue agree to the last digit."""
    rules = (compare_orders, strange_orders, compare_fills, compare_ledger, compare_holds, compare_balances)
    return tuple(s for rule in (*rules, compare_pnl) for s in rule(book, venue))


def compare_orders(book: Book, venue: VenueSide) -> Iterator[str]:
    for order in book.orders:
        seen = venue.orders.get(order.venue_order_id)
        if seen is None:
            yield f"order {order.venue_order_id} of bracket {order.bracket} is not known to the venue"
            continue
        if seen.live != order.live:
            words = {True: "open", False: "ended"}
            yield (
                f"order {order.venue_order_id} of bracket {order.bracket} is {words[order.live]} in the "
                f"book and {words[seen.live]} at the venue"
            )
        if seen.filled != order.filled:
            yield (
                f"order {order.venue_order_id} of bracket {order.bracket} is filled {order.filled} in the "
                f"book and {seen.filled} at the venue"
            )


def strange_orders(book: Book, venue: VenueSide) -> Iterator[str]:
    """Orders at the venue that must be ours and are not in the book."""
    known = {order.venue_order_id for order in book.orders}
    clients: dict[str, str] = {}
    for order in venue.orders.values():
        if order.client_order_id in book.client_ids and order.client_order_id is not None:
            twin = clients.setdefault(order.client_order_id, order.venue_order_id)
            if twin != order.venue_order_id:
                yield f"intent {order.client_order_id} is at the venue twice: {twin}, {order.venue_order_id}"
        if order.venue_order_id in known:
            continue
        if order.client_order_id in book.client_ids:
            yield f"order {order.venue_order_id} has our id {order.client_order_id} and is not in the book"
        elif order.parent_venue_order_id in known:
            yield (
                f"order {order.venue_order_id} was made by our order {order.parent_venue_order_id} and is "
                "not in the book"
            )


def compare_fills(book: Book, venue: VenueSide) -> Iterator[str]:
    booked = {fill.trade_id: fill for fill in book.fills}
    ours = {order.venue_order_id for order in book.orders if order.booking_due}
    for trade in venue.trades.values():
        if trade.venue_order_id in ours and trade.trade_id not in booked:
            yield f"trade {trade.trade_id} of order {trade.venue_order_id} is not booked"
    for fill in book.fills:
        seen = venue.trades.get(fill.trade_id)
        if seen is None:
            yield f"fill {fill.trade_id} is booked and not known to the venue"
            continue
        for name in ("venue_order_id", "quantity", "price", "cost", "fee"):
            mine, theirs = getattr(fill, name), getattr(seen, name)
            if mine != theirs:
                yield f"fill {fill.trade_id} has {name} {mine} in the book and {theirs} at the venue"


def compare_ledger(book: Book, venue: VenueSide) -> Iterator[str]:
    for fill in book.fills:
        entries = venue.ledger.get(fill.trade_id, {})
        for asset in sorted(set(entries) | set(fill.moved)):
            mine = fill.moved.get(asset, (ZERO, ZERO))
            theirs = entries.get(asset, (ZERO, ZERO))
            if mine != theirs:
                yield (
                    f"fill {fill.trade_id} moved {asset} {mine[0]} with fee {mine[1]} in the book and "
                    f"{theirs[0]} with fee {theirs[1]} in the venue's ledger"
                )


def compare_holds(book: Book, venue: VenueSide) -> Iterator[str]:
    """Coins reserved by our sells are reserved at the venue; more is somebody else's order."""
    leaves: dict[str, Decimal] = {}
    for order in book.orders:
        if order.sell and order.live and not order.shares_coins:
            leaves[order.base_asset] = leaves.get(order.base_asset, ZERO) + order.quantity - order.filled
    for asset, quantity in sorted(leaves.items()):
        held = venue.holds.get(asset, ZERO)
        if held < quantity:
            yield f"our sells reserve {quantity} {asset}, the venue holds only {held}"


def compare_balances(book: Book, venue: VenueSide) -> Iterator[str]:
    """What was there at first, plus every ledger entry since, is what is there now; and our coins are
    among it."""
    moved: dict[str, Decimal] = {}
    for entries in venue.ledger.values():
        for asset, (amount, fee) in entries.items():
            moved[asset] = moved.get(asset, ZERO) + amount - fee
    for asset in sorted(set(book.first_totals) | set(moved)):
        expected = book.first_totals.get(asset, ZERO) + moved.get(asset, ZERO)
        total = venue.totals.get(asset, ZERO)
        if expected != total:
            yield f"{asset}: the first reading plus the ledger since is {expected}, the balance is {total}"
    for asset, coins in sorted(book.coins.items()):
        if coins > venue.totals.get(asset, ZERO):
            yield f"our brackets hold {coins} {asset}, the account only {venue.totals.get(asset, ZERO)}"


def compare_pnl(book: Book, venue: VenueSide) -> Iterator[str]:
    """What a closed trade earned, reckoned anew from the venue's trades of its orders and their ledger; of
    our side only the plan is taken. One whose fills may still wait to be booked says nothing yet."""
    of_order: dict[str, list[str]] = {}
    for trade in venue.trades.values():
        of_order.setdefault(trade.venue_order_id, []).append(trade.trade_id)
    of_bracket: dict[int, list[str]] = {}
    for order in book.orders:
        of_bracket.setdefault(order.bracket, []).extend(of_order.get(order.venue_order_id, ()))
    waiting = {order.bracket for order in book.orders if not order.booking_due}
    for closed in book.closed_trades:
        if closed.bracket in waiting:
            continue
        trades = of_bracket.get(closed.bracket, [])
        earned, cost = moved(closed.quote_asset, trades, venue), cost_of_sold(closed, trades, venue)
        if earned - cost != closed.realized_pnl:
            reckoned = f" less the {cost} that the sold coins are reckoned with" if cost else ""
            yield (
                f"trade {closed.trade} has a realized PnL of {closed.realized_pnl}, the venue's ledger says "
                f"{earned}{reckoned}"
            )


def cost_of_sold(closed: ClosedTrade, trades: Sequence[str], venue: VenueSide) -> Decimal:
    """What the coins cost that were there before and left by these trades; those that came by them left
    first, and what they cost is in the ledger."""
    if closed.held_price is None:
        return ZERO
    left = max(-moved(closed.base_asset, trades, venue), ZERO)
    return (left * closed.held_price).quantize(MONEY, rounding=ROUND_HALF_EVEN)


def moved(asset: str, trades: Sequence[str], venue: VenueSide) -> Decimal:
    """What the venue's ledger says these trades did to an asset: signed, fees taken off."""
    entries = (venue.ledger.get(trade_id, {}).get(asset, (ZERO, ZERO)) for trade_id in trades)
    return sum((amount - fee for amount, fee in entries), ZERO)
