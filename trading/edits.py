"""Moving the legs of an open position: judged by risk, stored as an event, brought to the venue by the
machine (in place, where the venue allows it)."""

from __future__ import annotations

from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from brackets import accounts, operations, outbox, records
from brackets.core.events import EditRequested
from brackets.core.machine import RefusedEvent
from brackets.models import Instrument
from risk.core.edits import Edit, EditFacts, judge_edit
from trading import configuration, market, settle
from trading.exits import locked, trade_named
from trading.inputs import (
    BadInput,
    Changed,
    ChangeVerdict,
    Denied,
    Within,
    denied,
    refused_by_machine,
    require_price,
)
from trading.models import Trade

TRADE_CLOSED = "trade_closed"


def edit_position(
    trade_id: int,
    *,
    stop_loss_price: Decimal | None = None,
    take_profit_price: Decimal | None = None,
    actor: str = "system",
    within: Within | None = None,
) -> ChangeVerdict:
    """Move the stop, the target, or both, of an open trade; what is None stays. Passes when paused.

    Returns Changed, or Denied with every limit that was broken and nothing written. `within` is called with
    the Trade inside the transaction. Raises BadInput, UnknownTrade and MarketUnavailable.
    """
    account = accounts.current()
    if stop_loss_price is None and take_profit_price is None:
        raise BadInput("stop_loss_price", "A stop, a target, or both must be given.")
    named = trade_named(account, trade_id)
    instrument = Instrument.objects.get(account=account, symbol=named.symbol)
    require_price("stop_loss_price", stop_loss_price, instrument.tick_size, instrument.quote)
    require_price("take_profit_price", take_profit_price, instrument.tick_size, instrument.quote)
    view = market.view(account, instrument, configuration.of(account), with_atr=False)
    edit = Edit(symbol=named.symbol, stop_price=stop_loss_price, target_price=take_profit_price)
    with transaction.atomic():
        trade = locked(Trade.objects.filter(pk=named.pk)) or named
        refusal = judged(trade, edit, view) or applied(trade, edit, actor=actor)
        if refusal is not None:
            return refusal
        trade.bracket.refresh_from_db()
        settle.project(trade, timezone.now())  # who is told that it is done sees it on the trade
        if within is not None:
            within(trade)
    outbox.wake(account)
    return Changed(trade=trade)


def judged(trade: Trade, edit: Edit, view: market.MarketView) -> Denied | None:
    """What the law says to it; None: nothing."""
    if trade.status == Trade.Status.CLOSED:
        return denied(
            TRADE_CLOSED,
            f"Trade {trade.pk} is already closed ({trade.exit_reason}); there are no legs to move.",
            limit=Trade.Status.OPEN,
            value=trade.status,
        )
    bracket = records.load(trade.bracket)
    facts = EditFacts(
        bid=view.bid,
        ask=view.ask,
        price_age_seconds=view.age_seconds(timezone.now()),
        maximum_price_age_seconds=configuration.of(trade.account).maximum_price_age_seconds,
        stop_price=bracket.stop_price,
        target_price=bracket.target_price,
        approved_stop_price=bracket.initial_stop_price or bracket.plan.stop_price,
    )
    denials = judge_edit(edit, facts)
    return Denied(denials=denials) if denials else None


def applied(trade: Trade, edit: Edit, *, actor: str) -> Denied | None:
    """Hand it to the machine; None when it was taken."""
    event = EditRequested(at=timezone.now(), stop_price=edit.stop_price, target_price=edit.target_price)
    try:
        operations.apply(trade.bracket_id, event, actor=actor)
    except RefusedEvent as refused:
        return refused_by_machine(trade, refused)
    return None
