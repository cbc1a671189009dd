"""How accepted commands end: what a bracket must show before a buy, sell, close, edit or protect is done.

Called by settlement for each trade whose bracket changed, in the transaction that moves the cursor. The
kill switch ends in `liquidation.py`, because it asks the venue.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from brackets import records
from brackets.core.orders import Bracket as CoreBracket
from brackets.core.orders import BracketOrder
from brackets.core.states import ExitReason, OrderStatus, Role, State
from brackets.models import Order
from risk.core.plain import text
from trading.core.asks import Kind
from trading.models import Command, Trade

PROTECTED = frozenset({State.BRACKET_ACTIVE, State.TP_FILLED, State.SL_FILLED})
DONE, FAILED = Command.Status.DONE, Command.Status.FAILED
Outcome = tuple[str, str]
"""A final status, and how it ended in words."""


def finish_commands(trade: Trade, now: datetime) -> None:
    """Say of the accepted commands of this trade how they ended. Needs the trade's bracket."""
    for command in Command.objects.filter(trade=trade, status=Command.Status.ACCEPTED).order_by("pk"):
        outcome = outcome_of(command, trade)
        if outcome is not None:
            status, message = outcome
            if command.message:  # what was said when it was accepted stays true
                message = f"{command.message}; {message}"
            accepted = Command.objects.filter(pk=command.pk, status=Command.Status.ACCEPTED)
            accepted.update(status=status, message=message, finished_at=now)


def outcome_of(command: Command, trade: Trade) -> Outcome | None:
    """How the command ended; None: it has not."""
    match command.kind:
        case Kind.CLOSE:
            return of_close(trade)
        case Kind.SELL:
            return of_sell(command, trade)
        case Kind.EDIT:
            return of_edit(command, trade)
        case Kind.PROTECT:
            return of_protect(trade)
    return of_entry(trade)


def is_closed(trade: Trade) -> bool:
    return trade.status == Trade.Status.CLOSED


def of_entry(trade: Trade) -> Outcome | None:
    """A limit entry stays accepted while it rests; done is what is bought and protected."""
    bracket = trade.bracket
    if is_closed(trade) and not trade.quantity:
        return without_fill(trade)
    if is_closed(trade) or bracket.state in PROTECTED:
        return DONE, "bought and protected"
    if bracket.state == State.HELD:
        return FAILED, bracket.alarm
    return None


def without_fill(trade: Trade) -> Outcome:
    entries = [order for order in trade.bracket.orders.all() if order.role == Role.ENTRY]
    words = next((order.message for order in entries if order.message), "")
    if trade.exit_reason == ExitReason.VALIDATED:
        return DONE, f"validated: {words or 'the venue takes the order'}; nothing was placed"
    return FAILED, f"{trade.exit_reason}: {words}" if words else trade.exit_reason


def of_protect(trade: Trade) -> Outcome | None:
    bracket = trade.bracket
    if is_closed(trade) or bracket.state in PROTECTED:
        return DONE, "protected"
    if bracket.state == State.HELD:
        return FAILED, bracket.alarm
    return None


def of_close(trade: Trade) -> Outcome | None:
    """A refused close that is tried again by itself stays accepted."""
    bracket = trade.bracket
    if is_closed(trade):
        return DONE, f"closed: {trade.exit_reason}"
    if bracket.state == State.HELD or (bracket.restoring and not bracket.close_again):
        return FAILED, bracket.alarm
    return None


# --- selling a part ----------------------------------------------------------------------------------


def of_sell(command: Command, trade: Trade) -> Outcome | None:
    """Done when the amount is sold and booked. A sale of everything ends as a close does."""
    if is_closed(trade) or "amount_token" not in command.payload:
        return of_close(trade)
    bracket = trade.bracket
    if bracket.state in (State.EXITING, State.TP_FILLED, State.SL_FILLED, State.EXIT_COMPLETE):
        return None  # everything goes: it ends when the trade is closed
    if bracket.reduce_quantity > 0:
        return None
    sales = [o for o in bracket.orders.all() if o.role == Role.EXIT and o.created_at >= command.created_at]
    sold = sum((order.filled_quantity for order in sales), Decimal(0))
    wanted = Decimal(str(command.payload["amount_token"]))
    if sold < wanted:
        return FAILED, f"sold {text(sold)} of {text(wanted)} {trade.base}: {bracket.alarm or bracket.state}"
    return (DONE, f"sold {text(sold)} {trade.base}") if are_booked(sales, trade) else None


def are_booked(orders: list[Order], trade: Trade) -> bool:
    booked: dict[int, Decimal] = {}
    for fill in trade.bracket.fills.all():
        booked[fill.order_id] = booked.get(fill.order_id, Decimal(0)) + fill.quantity
    return all(booked.get(order.pk, Decimal(0)) == order.filled_quantity for order in orders)


# --- moving the legs ---------------------------------------------------------------------------------


def of_edit(command: Command, trade: Trade) -> Outcome | None:
    """Done when the venue shows what was asked (a leg in our hands: when we watch it there)."""
    if is_closed(trade):
        return FAILED, f"the trade closed first: {trade.exit_reason}"
    bracket = trade.bracket
    if bracket.state == State.HELD:
        return FAILED, bracket.alarm
    value = records.load(bracket)
    for name, now_at, what in (
        ("stop_loss_price", value.stop_price, "stop"),
        ("take_profit_price", value.target_price, "target"),
    ):
        wanted = command.payload.get(name)
        if wanted is not None and Decimal(str(wanted)) != now_at:
            return FAILED, replaced_by(command, name) or (
                f"the {what} stays at {text(now_at)}: {bracket.alarm or 'the venue did not take it'}"
            )
    return (DONE, "the legs stand as asked") if stands_as_asked(value) else None


def replaced_by(command: Command, name: str) -> str:
    later = Command.objects.filter(trade=command.trade_id, kind=Kind.EDIT, pk__gt=command.pk)
    newest = next((one for one in later.exclude(status=Command.Status.DENIED) if name in one.payload), None)
    return f"replaced by command {newest.pk}" if newest else ""


def stands_as_asked(value: CoreBracket) -> bool:
    """Whether every resting leg was read back at the bracket's prices."""
    if value.state is not State.BRACKET_ACTIVE:
        return False
    stops = (is_at(order, order.trigger_price, value.stop_price) for order in value.live_stops)
    targets = (is_at(order, order.limit_price, value.target_price) for order in value.live_targets)
    return all(stops) and all(targets)


def is_at(order: BracketOrder, price: Decimal | None, wanted: Decimal) -> bool:
    read = order.status is OrderStatus.OPEN and order.read_back and order.amendment is None
    return read and price == wanted
