"""Releasing a held position: an operator looked, and the machine goes on, deciding anew from the facts."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from brackets import accounts, operations, outbox
from brackets.core.events import ReleaseRequested
from brackets.core.machine import RefusedEvent
from brackets.core.states import Refusal, State
from trading.exits import locked, trade_named
from trading.inputs import Changed, ChangeVerdict, Within, denied
from trading.models import Trade


def release_position(
    trade_id: int, reason: str, *, actor: str = "system", within: Within | None = None
) -> ChangeVerdict:
    """Let the machine go on with a held bracket; `reason` is journalled. Passes when paused.

    Returns Changed, or Denied where it is not held or its facts do not let the machine go on. `within` is
    called with the Trade inside the transaction. Raises UnknownTrade.
    """
    account = accounts.current()
    named = trade_named(account, trade_id)
    event = ReleaseRequested(at=timezone.now(), reason=reason)
    with transaction.atomic():
        trade = locked(Trade.objects.filter(pk=named.pk)) or named
        try:
            operations.apply(trade.bracket_id, event, actor=actor)
        except RefusedEvent as refused:
            return denied(
                refused.refusal, why_not(trade, refused), limit=State.HELD, value=trade.bracket.state
            )
        trade.bracket.refresh_from_db()
        if within is not None:
            within(trade)
    outbox.wake(account)
    return Changed(trade=trade)


def why_not(trade: Trade, refused: RefusedEvent) -> str:
    if refused.refusal is Refusal.NOT_RELEASABLE:
        return f"Trade {trade.pk} stays on hold: {refused}"
    return f"Trade {trade.pk} is not on hold: its bracket is {trade.bracket.state}."
