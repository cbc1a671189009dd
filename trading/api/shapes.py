"""What the API shows of each record: numbers as text, times in UTC with `Z`, ids as integers.

Pure reading of rows that were loaded with all they need; no function here asks the database again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from brackets import records
from brackets.core.held import Held
from brackets.core.legs import Leg, legs
from brackets.core.states import LIVE, Role
from brackets.core.strangers import STANDING
from brackets.core.strangers import Kind as StrangerKind
from brackets.models import Bracket, BracketEvent, Fill, Order, Stranger
from risk.models import Alert
from trading.core.asks import Kind, text
from trading.held import told
from trading.models import Command, Trade
from trading.strangers import described, why_not_now

Shape = dict[str, Any]


def number(value: Decimal | int | None) -> str | None:
    """A number as text without idle zeros; None stays None."""
    return None if value is None else text(Decimal(value))


def moment(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def trade(row: Trade) -> Shape:
    return {
        "id": row.pk,
        "symbol": row.symbol,
        "side": row.side,
        "source": row.source,
        "status": row.status,
        "quantity": number(row.quantity),
        "entry_price": number(row.entry_price),
        "entry_at": moment(row.entry_at),
        "initial_stop_loss_price": number(row.initial_stop_loss_price),
        "stop_loss_price": number(row.stop_loss_price),
        "take_profit_price": number(row.take_profit_price),
        "exit_price": number(row.exit_price),
        "exit_at": moment(row.exit_at),
        "exit_reason": row.exit_reason or None,
        "realized_pnl": number(row.realized_pnl),
        "fees": number(row.fees),
        "r_multiple": number(row.r_multiple),
        "bracket": row.bracket_id,
    }


def bracket(row: Bracket, now: datetime) -> Shape:
    """Needs `orders`, `fills`, `trade` and what `held.with_reason` brings. The seconds are up to now."""
    value = records.load(row)
    ids = {order.key: order.pk for order in row.orders.all()}
    over = row.completed_at or now
    measured = records.measure(row, value, over)
    return {
        "id": row.pk,
        "trade": row.trade.pk if hasattr(row, "trade") else None,
        "symbol": row.symbol,
        "state": row.state,
        "policy": row.policy,
        "entry_type": "held" if row.held_quantity else "limit" if row.entry_terms else "market",
        "coins": number(max(value.coins, Decimal(0))),
        "exit_reason": row.exit_reason or None,
        "alarm": row.alarm or None,
        "alarm_at": moment(row.alarm_at),
        "legs": [leg(one, ids) for one in legs(value)],
        "unprotected_seconds": number(measured.unprotected_seconds),
        "unstopped_seconds": number(measured.unstopped_seconds),
        "sentinel": sentinel(row),
        "held": held(told(row, value)),
    }


def sentinel(row: Bracket) -> Shape:
    """How each leg was last judged, and what was repaired. Needs `account` loaded. The bad cycles are
    comparisons with the venue in a row."""
    return {
        "stop": {"verdict": row.stop_verdict or None, "bad_cycles": number(row.stop_bad_cycles)},
        "target": {"verdict": row.target_verdict or None, "bad_cycles": number(row.target_bad_cycles)},
        "unstopped_cycles": number(row.unstopped_cycles),
        "verdict_at": moment(row.verdict_at),
        "verified_at": moment(row.account.verified_at if row.verdict_at else None),
        "repairing": row.repairing,
        "repairs": number(row.repairs),
        "repairs_refused": number(row.repairs_refused),
    }


def held(value: Held | None) -> Shape | None:
    """What an operator is told of a held bracket, in sentences; None of one that is not held."""
    if value is None:
        return None
    return {
        "why": value.why,
        "prices": {name: number(price) for name, price in value.prices},
        "known": list(value.known),
        "unknown": list(value.unknown),
        "actions": [
            {"command": act.name, "does": act.does, "offered": act.offered, "why_not": act.why_not or None}
            for act in value.actions
        ],
    }


def leg(value: Leg, ids: dict[str, int]) -> Shape:
    return {
        "kind": value.kind.value,
        "custody": value.custody.value if value.custody else None,
        "price": number(value.price),
        "quantity": number(value.quantity),
        "orders": [ids[order.key] for order in value.orders],
    }


def order(row: Order) -> Shape:
    """Needs `bracket` loaded."""
    return {
        "id": row.pk,
        "bracket": row.bracket_id,
        "symbol": row.bracket.symbol,
        "role": row.role,
        "side": row.side,
        "status": row.status,
        "client_order_id": str(row.client_order_id) if row.client_order_id else None,
        "venue_order_id": row.venue_order_id,
        "quantity": number(row.quantity),
        "filled_quantity": number(row.filled_quantity),
        "leaves_quantity": number(row.quantity - row.filled_quantity if row.status in LIVE else 0),
        "average_price": number(row.average_price),
        "limit_price": number(row.limit_price),
        "post_only": row.post_only,
        "trigger_price": number(row.trigger_price),
        "triggered": row.triggered,
        "cancel_wanted": row.cancel_wanted,
        "refused_reason": row.refused_reason or None,
        "end_reason": row.end_reason or None,
        "message": row.message or None,
        "created_at": moment(row.created_at),
        "opened_at": moment(row.opened_at),
        "ended_at": moment(row.ended_at),
    }


def fill(row: Fill) -> Shape:
    """Needs `bracket` loaded. Amounts are the venue's ledger: signed, the fee taken besides them."""
    return {
        "id": row.pk,
        "bracket": row.bracket_id,
        "order": row.order_id,
        "venue_trade_id": row.venue_trade_id,
        "symbol": row.bracket.symbol,
        "side": row.side,
        "price": number(row.price),
        "quantity": number(row.quantity),
        "cost": number(row.cost),
        "fee": number(row.fee),
        "quote_amount": number(row.quote_amount),
        "quote_fee": number(row.quote_fee),
        "base_amount": number(row.base_amount),
        "base_fee": number(row.base_fee),
        "maker": row.maker,
        "executed_at": moment(row.executed_at),
    }


def event(row: BracketEvent) -> Shape:
    """Needs `bracket` loaded."""
    return {
        "id": row.pk,
        "bracket": row.bracket_id,
        "symbol": row.bracket.symbol,
        "version": row.version,
        "kind": row.kind,
        "from_state": row.from_state,
        "to_state": row.to_state,
        "payload": row.payload,
        "at": moment(row.at),
    }


def command(row: Command) -> Shape:
    """Needs the orders of its trades loaded. `message` says how it ended, in words."""
    return {
        "id": row.pk,
        "kind": row.kind,
        "status": row.status,
        "denials": row.denials,
        "trade": row.trade_id,
        "trades": trades_of(row),
        "orders": orders_of(row),
        "message": row.message,
    }


def alert(row: Alert) -> Shape:
    return {
        "id": row.pk,
        "severity": row.severity,
        "code": row.code,
        "subject": row.subject,
        "message": row.message,
        "status": row.status,
        "raised_at": moment(row.raised_at),
        "last_at": moment(row.last_at),
        "times": number(row.times),
        "resolved_at": moment(row.resolved_at),
        "acknowledged_by": row.acknowledged_by or None,
        "acknowledged_at": moment(row.acknowledged_at),
    }


def stranger(row: Stranger) -> Shape:
    """`acts` are what may be done about it, with why not where it may not."""
    closed = "" if row.status in STANDING else f"It is {row.status}."
    why_not = {"protect": why_not_now(row), "ignore": closed, "alarm": closed}
    return {
        "id": row.pk,
        "kind": row.kind,
        "asset": row.base,
        "symbol": row.symbol,
        "venue_order_id": row.subject if row.kind == StrangerKind.ORDER else None,
        "quantity": number(row.quantity),
        "terms": row.terms or None,
        "message": described(row),
        "status": row.status,
        "first_seen_at": moment(row.first_seen_at),
        "last_seen_at": moment(row.last_seen_at),
        "decided_by": row.decided_by or None,
        "decided_at": moment(row.decided_at),
        "bracket": row.bracket_id,
        "acts": [{"act": act, "offered": not why, "why_not": why or None} for act, why in why_not.items()],
    }


SALES = frozenset({Kind.SELL, Kind.CLOSE, Kind.LIQUIDATE_ALL})


def trades_of(row: Command) -> list[int]:
    """The trades a command is about: one, or all that a liquidate-all found open."""
    if row.kind == Kind.LIQUIDATE_ALL:
        return sorted(trade.pk for trade in row.trades.all())
    return [row.trade_id] if row.trade_id else []


def orders_of(row: Command) -> list[int]:
    """The orders a command led to: an entry's whole bracket, a sale's sells, an edit's legs that are open."""
    if row.status == Command.Status.DENIED:
        return []
    trades = row.trades.all() if row.kind == Kind.LIQUIDATE_ALL else [row.trade] if row.trade else []
    return sorted(
        placed.pk for about in trades for placed in about.bracket.orders.all() if belongs_to(row, placed)
    )


def belongs_to(row: Command, placed: Order) -> bool:
    if row.kind in SALES:
        return placed.role == Role.EXIT and placed.created_at >= row.created_at
    if row.kind == Kind.EDIT:
        return placed.role in (Role.STOP, Role.TARGET) and placed.status in LIVE
    return True
