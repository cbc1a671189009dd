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
from trading.models import Command, EventCursor, Trade

CONSUMER = "settle"
BATCH = 500
PRICE = Decimal("1E-10")
RATIO = Decimal("1E-6")
PROJECTED = (
    "status",
    "quantity",
    "entry_price",
    "entry_at",
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
PROTECTED = frozenset({State.BRACKET_ACTIVE, State.TP_FILLED, State.SL_FILLED})


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
        for trade in trades_of({event.bracket_id for event in events}):
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
    bought = filled(entries)
    over = bracket.state == State.EXIT_COMPLETE
    if bought or over:
        trade.quantity = bought
    trade.entry_price = average([f for f in fills if f.side == "buy"], entries)
    trade.entry_at = min((o.ended_at or o.opened_at or o.updated_at for o in entries), default=None)
    trade.exit_price = average([f for f in fills if f.side == "sell"], exits)
    trade.exit_at = max((o.ended_at or o.updated_at for o in exits), default=None)
    trade.stop_loss_price, trade.take_profit_price = bracket.stop_price, bracket.target_price
    trade.fees = sum((fill.quote_fee for fill in fills), Decimal(0))
    trade.updated_at = now
    if over:
        close(trade, bracket, fills, bought)
    if save:
        trade.save()


def close(trade: Trade, bracket: Bracket, fills: list[Fill], bought: Decimal) -> None:
    """The books are complete: what the round trip brought, net of all fees, and in units of its risk."""
    trade.status = Trade.Status.CLOSED
    trade.exit_reason = bracket.exit_reason
    trade.exit_at = trade.exit_at or bracket.completed_at
    trade.realized_pnl = sum((fill.cash for fill in fills), Decimal(0))
    risk = bought * ((trade.entry_price or Decimal(0)) - trade.initial_stop_loss_price)
    trade.r_multiple = (
        (trade.realized_pnl / risk).quantize(RATIO, rounding=ROUND_HALF_EVEN) if risk > 0 else None
    )


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


def finish_commands(trade: Trade, now: datetime) -> None:
    """Say of accepted commands how they ended: an entry by protection, a close by a closed trade."""
    for command in Command.objects.filter(trade=trade, status=Command.Status.ACCEPTED):
        outcome = outcome_of(command, trade)
        if outcome is not None:
            command.status, command.message = outcome[0], outcome[1][:300]
            command.finished_at = now
            command.save(update_fields=["status", "message", "finished_at"])


def outcome_of(command: Command, trade: Trade) -> tuple[str, str] | None:
    bracket, closed = trade.bracket, trade.status == Trade.Status.CLOSED
    if command.kind == "close":
        if closed:
            return Command.Status.DONE, f"closed: {trade.exit_reason}"
        if bracket.restoring or bracket.state == State.HELD:
            return Command.Status.FAILED, bracket.alarm
        return None
    if closed and not trade.quantity:
        words = next((o.message for o in bracket.orders.all() if o.role == Role.ENTRY and o.message), "")
        return Command.Status.FAILED, f"{trade.exit_reason}: {words}" if words else trade.exit_reason
    if closed or bracket.state in PROTECTED:
        return Command.Status.DONE, "bought and protected"
    if bracket.state == State.HELD:
        return Command.Status.FAILED, bracket.alarm
    return None
