"""What a person does about what the account holds beyond our book: protect, ignore, alarm.

One function an act; REST and admin only call them. Each is journalled, and given again it changes nothing.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from brackets.core.prices import round_down
from brackets.core.strangers import STANDING, Kind, Status
from brackets.models import Account, Instrument, Stranger
from brackets.strangers import ALERT
from risk import alerts, journal
from risk.core.gate import Denial
from risk.core.plain import text
from trading import coins, commands
from trading.core import asks
from trading.models import Command

DECIDE = "brackets.decide_stranger"
PROTECT = "trading.trade"
RIGHTS = {"protect": PROTECT, "ignore": DECIDE, "alarm": DECIDE}
"""The acts, and the right that each takes."""
NOT_FOR = {
    Kind.ORDER: "An order of somebody else is not ours to guard: what it buys is found as coins, "
    "and can be protected then.",
    Kind.MISSING: "Coins that are not there cannot be protected; the bracket they belong to takes care "
    "of what is left.",
}
"""Why an act is not offered for a kind of finding."""


class NotOffered(Exception):
    """This act is not for this finding, or not any more; the message says why."""


class NotProtected(Exception):
    """The door denied the bracket around the coins; the command tells every limit."""

    def __init__(self, command: Command) -> None:
        denials = [Denial(**denial) for denial in command.denials]
        super().__init__(" ".join(denial.message for denial in denials))
        self.command, self.code = command, denials[0].code if denials else "denied"


def why_not_protect(row: Stranger) -> str:
    """Why a bracket cannot be put around this finding; empty: it can, as far as is known."""
    if row.status not in STANDING:
        return f"It is {row.status}: there is nothing to be done about it any more."
    return NOT_FOR.get(Kind(row.kind), "")


def why_not_now(row: Stranger) -> str:
    """Why a button to protect would only be refused, as far as is known; empty: it would not. The door, asked
    all the same, decides by itself."""
    return why_not_protect(row) or why_not_these_coins(row)


def why_not_these_coins(row: Stranger) -> str:
    """Why the door would refuse a bracket around these coins: one per coin, and only free coins."""
    if trade := coins.open_trade_in(row.account, row.base):
        return f"Trade {trade.pk} in {row.base} is open, and a coin has one at a time: protect it after that."
    orders = coins.foreign_sells(row.account, row.base)
    if not orders:
        return ""
    pair = Instrument.objects.get(account=row.account_id, symbol=row.symbol)
    total = coins.total_of(row.account, pair)
    held = sum((order.quantity for order in orders), Decimal(0))
    if round_down(row.quantity, pair.lot_step) <= total - held:
        return ""
    which = ", ".join(f"{order.subject} ({order.terms})" for order in orders[:3])
    return (
        f"Of {text(total)} {row.base} in the account, orders that are not ours hold {text(held)}: {which}. "
        "Cancel them at the venue, then it can be protected."
    )


def protect(
    account: Account,
    stranger_id: int,
    *,
    user: AbstractBaseUser | None,
    actor: str,
    stop_loss_price: Decimal | None = None,
    take_profit_price: Decimal | None = None,
) -> Stranger:
    """Open a bracket around these coins, through the door as `protect` does, all whole lots of them; prices
    not given are the house's. Protected already, nothing is done.

    Raises Stranger.DoesNotExist, NotOffered, NotProtected, and what the door raises (BadInput, Recovering,
    MarketUnavailable is a denial).
    """
    row = Stranger.objects.get(account=account, pk=stranger_id)
    if row.status == Status.PROTECTED:
        return row
    if why := why_not_protect(row):
        raise NotOffered(why)
    lot = Instrument.objects.get(account=account, symbol=row.symbol).lot_step
    ask = asks.Protect(
        symbol=row.symbol,
        quantity=round_down(row.quantity, lot),
        stop_loss_price=stop_loss_price,
        take_profit_price=take_profit_price,
    )
    command = commands.perform(ask, commands.Asker(user=user, actor=actor))
    if command.status == Command.Status.DENIED or command.trade is None:
        raise NotProtected(command)
    return decide(row, Status.PROTECTED, actor=actor, bracket=command.trade.bracket_id, command=command.pk)


def ignore(account: Account, stranger_id: int, *, actor: str) -> Stranger:
    """Leave it, until it grows or becomes another one. Raises Stranger.DoesNotExist and NotOffered."""
    row = Stranger.objects.get(account=account, pk=stranger_id)
    return decide(row, Status.IGNORED, actor=actor)


def alarm(account: Account, stranger_id: int, *, actor: str) -> Stranger:
    """Say it aloud: an alert that stays until the finding is gone or ignored. Raises Stranger.DoesNotExist
    and NotOffered."""
    row = Stranger.objects.get(account=account, pk=stranger_id)
    return decide(row, Status.ALARMED, actor=actor)


def decide(row: Stranger, status: Status, *, actor: str, **more: Any) -> Stranger:
    """Store a decision with its journal row and its alert, in one transaction; the row is locked, for a
    comparison may be changing it."""
    at = timezone.now()
    with transaction.atomic():
        row = Stranger.objects.select_for_update().get(pk=row.pk)
        if row.status == status:
            return row
        if row.status not in STANDING and status is not Status.PROTECTED:  # that bracket stands already
            raise NotOffered(f"It is {row.status}: there is nothing to be decided any more.")
        before, row.status = row.status, status
        row.decided_by, row.decided_at = actor[:100], at
        if status is Status.PROTECTED:
            row.bracket_id, row.last_seen_at = more["bracket"], at  # an older reading says nothing more
        row.save()
        tell(row, before, at=at, actor=actor, **more)
    return row


def tell(row: Stranger, before: str, *, at: datetime, actor: str, **more: Any) -> None:
    """The journal and the alert of a decision."""
    account, subject = row.account.name, f"stranger {row.pk}"
    found = {"kind": row.kind, "subject": row.subject, "quantity": text(row.quantity), "before": before}
    journal.write(
        at=at, actor=actor, action=f"stranger.{row.status}", subject=subject, payload={**found, **more}
    )
    if row.status != Status.ALARMED:
        alerts.resolve_alert(account=account, code=ALERT, subject=subject, at=at)
        return
    alerts.raise_alert(
        account=account,
        severity=alerts.Severity.WARNING,
        code=ALERT,
        subject=subject,
        message=described(row),
        at=at,
    )


def described(row: Stranger) -> str:
    """A finding in a sentence."""
    match Kind(row.kind):
        case Kind.ORDER:
            return f"Order {row.subject} in {row.symbol} is not ours: {row.terms}, {text(row.quantity)} left."
        case Kind.COINS:
            return f"{text(row.quantity)} {row.base} are in the account beyond our book."
        case Kind.MISSING:
            return f"{text(row.quantity)} {row.base} of our brackets are not in the account."
