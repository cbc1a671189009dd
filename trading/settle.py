"""Settling trades: each bracket event is consumed once, and the trade it is about is brought up to date.

The cursor moves in the transaction of what it caused, so a crash repeats nothing. A trade is a pure
projection of its bracket, orders and fills; it turns CLOSED only when every fill is booked.
"""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal

from django.db import transaction
from django.utils import timezone

from brackets.core.states import Role, State
from brackets.models import Account, Bracket, BracketEvent, Fill, Order
from trading.models import EventCursor, Trade
from trading.outcomes import finish_commands

CONSUMER = "settle"
BATCH = 500
PRICE = Decimal("1E-10")
MONEY = Decimal("1E-10")
RATIO = Decimal("1E-6")
PROJECTED = (
    "status",
    "quantity",
    "entry_price",
    "entry_at",
    "initial_stop_loss_price",
    "stop_loss_price",
    "take_profit_price",
    "exit_price",
    "exit_at",
    "exit_reason",
    "fees",
    "realized_pnl",
    "r_multiple",
)
"""What a trade says by projection alone; `manage.py prove` makes it again and compares."""


def consume(account: Account) -> int:
    """Settle what happened since the last time. Returns how many events were consumed."""
    newest = BracketEvent.objects.filter(account=account).order_by("-pk").values_list("pk", flat=True).first()
    cursor, _ = EventCursor.objects.get_or_create(consumer=CONSUMER, account=account)
    if newest is None or newest <= cursor.last_event_id:
        return 0
    with transaction.atomic():
        cursor = EventCursor.objects.select_for_update().get(pk=cursor.pk)
        events = list(
            BracketEvent.objects.filter(account=account, pk__gt=cursor.last_event_id).order_by("pk")[:BATCH]
        )
        if not events:
            return 0
        now = timezone.now()
        brackets = {event.bracket_id for event in events}
        # In turn with acts that project their trade themselves; read only after the waiting.
        list(Trade.objects.select_for_update().filter(bracket_id__in=brackets).order_by("pk").values("pk"))
        for trade in trades_of(brackets):
            project(trade, now)
            finish_commands(trade, now)
        cursor.last_event_id = events[-1].pk
        cursor.save(update_fields=["last_event_id"])
    return len(events)


def trades_of(bracket_ids: set[int]) -> list[Trade]:
    return list(
        Trade.objects.filter(bracket_id__in=bracket_ids)
        .select_related("bracket")
        .prefetch_related("bracket__orders", "bracket__fills")
    )


def project(trade: Trade, now: datetime, *, save: bool = True) -> None:
    """Set (and save) what the bracket now says of the trade."""
    bracket = trade.bracket
    orders, fills = list(bracket.orders.all()), list(bracket.fills.all())
    entries = [o for o in orders if o.role == Role.ENTRY and o.filled_quantity > 0]
    exits = [o for o in orders if o.role != Role.ENTRY and o.filled_quantity > 0]
    over = bracket.state == State.EXIT_COMPLETE
    acquired = bracket.held_quantity + filled(entries)
    if bracket.held_quantity and over:  # what was not sold is the owner's again, as it was before
        acquired = max(filled(exits), filled(entries))
    if acquired or over:
        trade.quantity = acquired
    if bracket.held_quantity:  # coins that were there before, reckoned with the price of that moment
        trade.entry_price, trade.entry_at = bracket.held_price, trade.opened_at
    else:
        trade.entry_price = average([f for f in fills if f.side == "buy"], entries)
        trade.entry_at = min((began_to_fill(order) for order in entries), default=None)
    if bracket.initial_stop_price:
        trade.initial_stop_loss_price = bracket.initial_stop_price
    trade.exit_price = average([f for f in fills if f.side == "sell"], exits)
    trade.exit_at = max((o.ended_at or o.updated_at for o in exits), default=None)
    trade.stop_loss_price, trade.take_profit_price = bracket.stop_price, bracket.target_price
    trade.fees = sum((fill.quote_fee for fill in fills), Decimal(0))
    trade.updated_at = now
    if over:
        close(trade, bracket, fills)
    if save:
        trade.save()


def close(trade: Trade, bracket: Bracket, fills: list[Fill]) -> None:
    """The books are complete: what the round trip brought, net of all fees, and in units of its risk."""
    trade.status = Trade.Status.CLOSED
    trade.exit_reason = bracket.exit_reason
    trade.exit_at = trade.exit_at or bracket.completed_at
    trade.realized_pnl = sum((fill.cash for fill in fills), Decimal(0)) - basis(bracket, fills)
    risk = trade.quantity * ((trade.entry_price or Decimal(0)) - trade.initial_stop_loss_price)
    trade.r_multiple = (
        (trade.realized_pnl / risk).quantize(RATIO, rounding=ROUND_HALF_EVEN) if risk > 0 else None
    )


def basis(bracket: Bracket, fills: list[Fill]) -> Decimal:
    """What the coins that were there before and are sold now are reckoned to have cost, in quote currency.

    Coins that were bought are sold first: their cost is among the fills. Of the others only those that left
    by our sells cost anything, fees taken in coins with them; what the owner took out, and dust, is neither
    sold nor lost. 0 for a bracket that held none."""
    if not bracket.held_quantity:
        return Decimal(0)
    left = -sum((fill.base_amount - fill.base_fee for fill in fills), Decimal(0))
    cost = max(left, Decimal(0)) * (bracket.held_price or Decimal(0))
    return cost.quantize(MONEY, rounding=ROUND_HALF_EVEN)


def began_to_fill(order: Order) -> datetime:
    """When an order bought its first coins, as well as it is known."""
    return order.first_filled_at or order.ended_at or order.opened_at or order.updated_at


def filled(orders: list[Order]) -> Decimal:
    return sum((order.filled_quantity for order in orders), Decimal(0))


def average(fills: list[Fill], orders: list[Order]) -> Decimal | None:
    """Average price: from the booked fills once they are all there, until then as the orders state it."""
    quantity, booked = filled(orders), sum((fill.quantity for fill in fills), Decimal(0))
    if not quantity:
        return None
    if booked == quantity:
        total = sum((fill.price * fill.quantity for fill in fills), Decimal(0))
    else:
        total = sum(((o.average_price or Decimal(0)) * o.filled_quantity for o in orders), Decimal(0))
    return (total / quantity).quantize(PRICE, rounding=ROUND_HALF_EVEN)
