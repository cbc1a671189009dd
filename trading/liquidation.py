"""The kill switch: pause, leave every position, and prove by a reading of the venue that it is flat.

`liquidate_all` pauses and asks every open bracket to leave, each in a transaction of its own. The rest is
done by `finish`, which the hooks of the watch and of the cluster call all the time: whatever a crash or a
limping venue kept from leaving is asked again, and the Command ends when nothing of ours is left. Orders
and coins of others are never touched: only brackets are asked to leave.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from brackets import accounts, operations, outbox, storage, venues
from brackets.core.events import CloseRequested
from brackets.core.machine import RefusedEvent
from brackets.core.states import ExitReason, State
from brackets.models import Account, Bracket, Order
from brackets.venue.port import OrderReport, UnknownWord, VenueUnavailable
from risk import journal
from risk.core.plain import text
from risk.models import SystemConfig
from trading import configuration
from trading.models import Command, Trade

log = logging.getLogger("backstop.liquidation")
ACTOR = "liquidation"
KIND = "liquidate-all"
ASK_AGAIN = timedelta(seconds=10)  # a bracket that stopped leaving is asked again after so long
PATIENCE = timedelta(minutes=30)  # a market in maintenance may take its time
LEAVING = frozenset({State.EXITING, State.TP_FILLED, State.SL_FILLED, State.EXIT_COMPLETE})
Within = Callable[[list[Trade], str], None]
"""Called with the open trades and the status before, inside the transaction that pauses."""


def liquidate_all(
    reason: str, *, account: Account | None = None, actor: str = "system", within: Within | None = None
) -> list[Trade]:
    """Pause, and ask every open bracket of the account to leave. Returns the trades that were open.

    Always passes. One bracket that cannot be asked does not keep the others; it is asked again by `finish`.
    """
    account = account or accounts.current()
    configuration.of(account)
    at = timezone.now()
    with transaction.atomic():
        config = SystemConfig.objects.select_for_update().get(account=account.name)
        before = config.system_status
        config.system_status = SystemConfig.SystemStatus.PAUSED
        config.status_reason = reason[:200]
        config.save(update_fields=["system_status", "status_reason", "updated_at"])
        trades = list(Trade.objects.filter(account=account, status=Trade.Status.OPEN).order_by("pk"))
        journal.write(
            at=at,
            actor=actor,
            action="liquidate_all",
            subject=f"config {account.name}",
            payload={
                "reason": reason,
                "before": {"system_status": before},
                "after": {"system_status": config.system_status},
                "trades": [trade.pk for trade in trades],
            },
        )
        if within is not None:
            within(trades, before)
    ask_to_leave(account, actor=actor)
    outbox.wake(account)
    return trades


def ask_to_leave(account: Account, *, actor: str, untouched_since: datetime | None = None) -> None:
    """Ask every open bracket that is not leaving; with `untouched_since` only those that nothing happened
    to since then."""
    rows = Bracket.objects.filter(account=account).exclude(state__in=LEAVING)
    rows = rows.filter(Q(close_again="") | Q(state=State.HELD))  # the others try again by themselves
    if untouched_since is not None:
        rows = rows.filter(updated_at__lte=untouched_since)
    for key in rows.values_list("pk", flat=True):
        event = CloseRequested(at=timezone.now(), reason=ExitReason.KILL_SWITCH)
        try:
            operations.apply(key, event, actor=actor)
        except RefusedEvent as refused:
            log.info("bracket %s is not asked to leave: %s", key, refused.refusal)
        except Exception as error:  # one that fails must not keep the others
            if not storage.VOICE.tell(error):
                log.exception("ALARM bracket %s could not be asked to leave; it is asked again", key)


# --- how the command ends --------------------------------------------------------------------------


def finish(account: Account) -> None:
    """Drive every accepted liquidate-all on, and say how it ended. Asks the venue once everything of ours
    is closed by the book; called outside any transaction."""
    pending = Command.objects.filter(account=account, kind=KIND, status=Command.Status.ACCEPTED)
    commands = list(pending.order_by("pk").prefetch_related("trades__bracket"))
    if not commands:
        return
    now = timezone.now()
    ask_to_leave(account, actor=ACTOR, untouched_since=now - ASK_AGAIN)
    left = [*open_by_the_book(account), *unsettled(commands)]
    if not left:
        left = open_at_the_venue(account)
    for command in commands:
        if not left:
            sentences = [sentence_of(trade) for trade in command.trades.order_by("pk")]
            said = " ".join(sentences) or f"Nothing was open on the {account.name} account."
            end(command, Command.Status.DONE, f"{said} The venue shows no open order of ours.", now)
        elif now - command.created_at > PATIENCE:
            words = f"After {PATIENCE // timedelta(minutes=1)} min this is left: {'; '.join(left)}."
            end(command, Command.Status.FAILED, words, now)


def end(command: Command, status: Command.Status, message: str, now: datetime) -> None:
    accepted = Command.objects.filter(pk=command.pk, status=Command.Status.ACCEPTED)
    accepted.update(status=status, message=message, finished_at=now)


def open_by_the_book(account: Account) -> list[str]:
    rows = Bracket.objects.filter(account=account).exclude(state=State.EXIT_COMPLETE).order_by("pk")
    return [f"bracket {row.pk} ({row.symbol}) is {row.state} {row.alarm}".rstrip() for row in rows]


def unsettled(commands: Iterable[Command]) -> list[str]:
    """Trades whose bracket is over and whose money is not told yet."""
    return [
        f"trade {trade.pk} is not settled"
        for command in commands
        for trade in command.trades.all()
        if trade.status == Trade.Status.OPEN and trade.bracket.state == State.EXIT_COMPLETE
    ]


def open_at_the_venue(account: Account) -> list[str]:
    """Our orders that a reading of this moment shows open; a reading that fails proves nothing."""
    try:
        reports = venues.of(account).open_orders(urgent=True)
    except (VenueUnavailable, UnknownWord) as error:
        return [f"the venue could not be read to prove it ({error})"]
    return [f"order {report.venue_order_id} is open at the venue" for report in ours_among(account, reports)]


def ours_among(account: Account, reports: Iterable[OrderReport]) -> list[OrderReport]:
    """Those placed under an id of ours, known to the book, or made by the venue of an order of ours."""
    reports = list(reports)
    named = {key for r in reports for key in (r.venue_order_id, r.parent_venue_order_id) if key}
    intended = {key for report in reports if (key := as_uuid(report.client_order_id)) is not None}
    rows = Order.objects.filter(account=account)
    rows = rows.filter(Q(venue_order_id__in=named) | Q(client_order_id__in=intended))
    known = {key for row in rows for key in (row.venue_order_id, str(row.client_order_id)) if key}
    return [
        report
        for report in reports
        if known & {report.venue_order_id, report.parent_venue_order_id, report.client_order_id}
    ]


def as_uuid(key: str | None) -> UUID | None:
    """A client order id as ours are; None for one of another form."""
    try:
        return UUID(key) if key else None
    except ValueError:
        return None


def sentence_of(trade: Trade) -> str:
    """What became of one trade."""
    if trade.exit_price is None:
        return f"Trade {trade.pk} ({trade.symbol}): nothing was sold ({trade.exit_reason})."
    return (
        f"Trade {trade.pk}: sold {text(trade.quantity)} {trade.base} at {text(trade.exit_price)} "
        f"({trade.exit_reason}), PnL {text(trade.realized_pnl or 0)}."
    )
