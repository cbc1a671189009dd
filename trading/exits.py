"""Leaving a position, whole or in part. Exits always pass, paused or not.

Each act is one transaction: the trade's row is locked, the machine takes the event or refuses it, and what
must be sent is stored. The venue is asked nothing here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from brackets import accounts, operations, outbox, records
from brackets.core.events import CloseRequested, ReduceRequested
from brackets.core.machine import RefusedEvent
from brackets.core.orders import Bracket as CoreBracket
from brackets.core.states import ExitReason, State
from brackets.models import Account, Bracket, Instrument
from risk.core.plain import text
from trading import market
from trading.inputs import (
    QUANTITY_LIMIT,
    BadInput,
    Changed,
    ChangeVerdict,
    Denied,
    UnknownTrade,
    denied,
    refused_by_machine,
    require_grid,
    require_positive,
)
from trading.models import Trade

NO_OPEN_TRADE = "no_open_trade"
MORE_THAN_HELD = "more_than_held"
SALE_IN_PROGRESS = "sale_in_progress"
BELOW_MINIMUM_QUANTITY = "below_minimum_quantity"
WithinSale = Callable[[Trade, str], None]
"""Called with the Trade inside the transaction of the sale's intent, and with what is done differently from
what was asked (empty where nothing is)."""
LEAVING = frozenset({State.EXITING, State.TP_FILLED, State.SL_FILLED, State.EXIT_COMPLETE})


def close_position(trade_id: int, reason: str = ExitReason.MANUAL, *, actor: str = "system") -> Trade:
    """Leave a position now: its stops are canceled, confirmed, and the coins sold at market.

    Always passes, paused or not. Asking again while it is leaving changes nothing. Raises UnknownTrade,
    and BadInput for a trade that is closed or a reason that is none.
    """
    account = accounts.current()
    if reason not in set(ExitReason):
        raise BadInput("reason", f"reason must be one of {', '.join(ExitReason)}, not {reason!r}.")
    trade = trade_named(account, trade_id)
    if trade.status == Trade.Status.CLOSED:
        raise BadInput("trade", f"Trade {trade_id} is closed ({trade.exit_reason}); nothing was sent.")
    request_close(trade, ExitReason(reason), actor=actor)
    outbox.wake(account)
    return trade


def trade_named(account: Account, trade_id: int) -> Trade:
    """Raises UnknownTrade."""
    trade = Trade.objects.filter(account=account, pk=trade_id).select_related("bracket").first()
    if trade is None:
        raise UnknownTrade(f"There is no trade {trade_id} on the {account.name} account.")
    return trade


def request_close(trade: Trade, reason: ExitReason, *, actor: str) -> None:
    """Ask the machine to leave; a bracket that is leaving already, or is over, is left alone."""
    try:
        operations.apply(trade.bracket_id, CloseRequested(at=timezone.now(), reason=reason), actor=actor)
    except RefusedEvent:
        pass  # already leaving, or over and about to be settled: what was wanted is happening


@dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """An open trade with its bracket as a value, locked until the transaction ends."""

    trade: Trade
    bracket: CoreBracket
    instrument: Instrument


def execute_sell(
    symbol: str,
    amount_token: Decimal | None = None,
    *,
    account: Account | None = None,
    actor: str = "system",
    within: WithinSale | None = None,
) -> ChangeVerdict:
    """Sell `amount_token` coins out of the open bracket of this pair at market: its stop is made smaller
    first, the rest keeps both exits. Everything is sold when no amount is given, or when what would be left
    is below the venue's minimum.

    Returns Changed with the Trade, or Denied. `within` is called inside the transaction, with the Trade and
    with why more is sold than was asked. Raises BadInput, UnknownSymbol and, while the venue's pairs were
    never read, MarketUnavailable.
    """
    account = account or accounts.current()
    instrument = market.instrument_named(account, symbol)
    if amount_token is not None:
        require_positive("amount_token", amount_token, below=QUANTITY_LIMIT)
        require_grid("amount_token", amount_token, instrument.lot_step, instrument.base)
    with transaction.atomic():
        trade = open_trade_in(account, instrument)
        if trade is None:
            return denied(
                NO_OPEN_TRADE,
                f"There is no open trade in {instrument.symbol}; only coins of a bracket are sold here.",
                limit="an open trade",
                value="none",
            )
        holding = Holding(trade=trade, bracket=records.load(trade.bracket), instrument=instrument)
        refusal = sell_from(holding, amount_token, actor=actor)
        if refusal is not None:
            return refusal
        if within is not None:
            within(trade, why_all(holding, amount_token))
    outbox.wake(account)
    return Changed(trade=trade)


def open_trade_in(account: Account, instrument: Instrument) -> Trade | None:
    """The open trade of this pair with its bracket, both locked."""
    open_trades = Trade.objects.filter(account=account, status=Trade.Status.OPEN, symbol=instrument.symbol)
    trade = locked(open_trades)
    return None if trade is None or trade.bracket.state == State.EXIT_COMPLETE else trade


def locked(trades: QuerySet[Trade]) -> Trade | None:
    """The first of these trades with its bracket, locked one after the other: who waited for the trade sees
    the bracket as it was left, not as it was when the waiting began."""
    trade = trades.select_for_update().first()
    if trade is not None:
        trade.bracket = Bracket.objects.select_for_update().get(pk=trade.bracket_id)
    return trade


def sell_from(holding: Holding, amount: Decimal | None, *, actor: str) -> Denied | None:
    """Reduce or close; None when the machine took it."""
    trade = holding.trade
    if amount is None:
        request_close(trade, ExitReason.MANUAL, actor=actor)
        return None
    refusal = cannot_sell(holding, amount)
    if refusal is not None:
        return refusal
    if amount == holding.bracket.coins or leaves_too_little(holding, amount):
        request_close(trade, ExitReason.MANUAL, actor=actor)
        return None
    try:
        operations.apply(trade.bracket_id, ReduceRequested(at=timezone.now(), quantity=amount), actor=actor)
    except RefusedEvent as refused:
        return refused_by_machine(trade, refused)
    return None


def cannot_sell(holding: Holding, amount: Decimal) -> Denied | None:
    """Why this part cannot be sold now; None: it can."""
    bracket, base = holding.bracket, holding.instrument.base
    if bracket.state in LEAVING:
        return denied(
            "already_exiting",
            f"Trade {holding.trade.pk} is leaving already ({bracket.exit_reason}); nothing more was sent.",
            limit=State.BRACKET_ACTIVE,
            value=bracket.state,
        )
    if bracket.reduce_quantity > 0:
        return denied(
            SALE_IN_PROGRESS,
            f"{text(bracket.reduce_quantity)} {base} of trade {holding.trade.pk} are being sold already; "
            "ask again when they are.",
            limit="0",
            value=text(bracket.reduce_quantity),
        )
    held = max(bracket.coins, Decimal(0))
    if amount > held:
        return denied(
            MORE_THAN_HELD,
            f"{text(amount)} {base} are more than the {text(held)} {base} the bracket of trade "
            f"{holding.trade.pk} holds.",
            limit=text(held),
            value=text(amount),
        )
    if amount < holding.instrument.minimum_quantity:
        return denied(
            BELOW_MINIMUM_QUANTITY,
            f"{text(amount)} {base} is below the venue's minimum of "
            f"{text(holding.instrument.minimum_quantity)} {base}.",
            limit=text(holding.instrument.minimum_quantity),
            value=text(amount),
        )
    return None


def leaves_too_little(holding: Holding, amount: Decimal) -> bool:
    """Whether what would be left could not have a stop of its own at the venue."""
    bracket, instrument = holding.bracket, holding.instrument
    rest = bracket.coins - amount
    return rest < instrument.minimum_quantity or rest * bracket.stop_price < instrument.minimum_cost


def why_all(holding: Holding, amount: Decimal | None) -> str:
    """Why everything is sold though a part was asked; empty where that is not so."""
    if amount is None or amount == holding.bracket.coins or not leaves_too_little(holding, amount):
        return ""
    rest, base = text(holding.bracket.coins - amount), holding.instrument.base
    return f"everything is sold: the {rest} {base} that would be left are below the venue's minimum"
