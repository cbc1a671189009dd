"""An account's looks at the venue's orders: noted as they are taken in, and what they have proven.

`core/looks.py` says what they prove; `Account.compared_at` is the moment the proof holds for: a stop that
must have been visible then, and that nobody has shown, does not exist.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from brackets import operations
from brackets.core.looks import Look, kept, next_look, proven
from brackets.models import Account

FIELDS = ("open_orders_read_at", "open_looks", "closed_orders_read_at", "compared_at")
"""What is to be saved of an account whose looks were noted."""


def note_open(account: Account, *, asked_at: datetime, answered_at: datetime) -> None:
    """All open orders were read and taken in. Changes `account`; the caller saves it."""
    been = [
        look for look in looks_of(account) if look.asked_at <= asked_at
    ]  # not ahead: a clock was set since
    looks = kept(been, Look(asked_at=asked_at, answered_at=answered_at), visible=visible_within())
    account.open_orders_read_at = asked_at
    account.open_looks = [[look.asked_at.isoformat(), look.answered_at.isoformat()] for look in looks]


def note_closed(account: Account, *, asked_at: datetime) -> None:
    """The ended orders, as far back as every entry whose stop was not seen, were read and taken in. Changes
    `account`; the caller saves it."""
    account.closed_orders_read_at = asked_at
    if account.compared_at is not None and account.compared_at > asked_at:
        account.compared_at = None  # a clock was set since: it would prove what nobody looked for
    moment = proven(looks_of(account), closed_asked_at=asked_at, visible=visible_within())
    if moment is not None and not is_proven(account, moment):
        account.compared_at = moment


def is_proven(account: Account, due_at: datetime) -> bool:
    """Whether the looks so far have told every order that must have been visible by `due_at`."""
    return account.compared_at is not None and account.compared_at >= due_at


def would_prove(account: Account, due: Iterable[datetime], now: datetime) -> bool:
    """Whether a look at the ended orders, asked for now, would prove what is due and not proven yet."""
    moment = proven(looks_of(account), closed_asked_at=now, visible=visible_within())
    return moment is not None and any(due_at <= moment and not is_proven(account, due_at) for due_at in due)


def next_at(account: Account, due: Iterable[datetime], now: datetime) -> datetime | None:
    """When the next look can tell something of what is due and not proven yet; None: nothing is. At a pace of
    its own a look may come just before its moment, and the next one a long time after it."""
    been = [look for look in looks_of(account) if look.answered_at <= now]  # not ahead: a clock was set since
    waits = (due_at for due_at in due if not is_proven(account, due_at))
    return min((next_look(been, due_at, visible=visible_within()) for due_at in waits), default=None)


def looks_of(account: Account) -> list[Look]:
    return [
        Look(asked_at=datetime.fromisoformat(asked), answered_at=datetime.fromisoformat(answered))
        for asked, answered in account.open_looks
    ]


def visible_within() -> timedelta:
    return timedelta(seconds=operations.RULES.visibility_seconds)
