"""What the account holds beyond our book: whose each coin is, and how a finding lives.

Pure. The shell (`brackets/strangers.py`) hands in what was read of the account; here it is taken apart
(`split`), and each finding is told from the one before (`seen`, `unseen`). One reading proves nothing: the
book and the balances are read at different moments. What two readings agree on is a finding; a person's
decision about it (ignore, alarm) holds until it grows or becomes another one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

ZERO = Decimal(0)


class Kind(StrEnum):
    ORDER = "order"  # an open order that is neither ours nor made by the venue of an entry of ours
    COINS = "coins"  # coins beyond our brackets and beyond what was there at first
    MISSING = "missing"  # coins of our brackets that the account does not hold


class Status(StrEnum):
    NOTICED = "noticed"  # by one reading; not shown yet
    OPEN = "open"  # nobody has decided about it
    IGNORED = "ignored"
    ALARMED = "alarmed"
    PROTECTED = "protected"  # a bracket stands around the coins
    GONE = "gone"


STANDING = frozenset({Status.OPEN, Status.IGNORED, Status.ALARMED})
"""Statuses of a finding that is there and can be decided about, once or anew."""
OVER = frozenset({Status.PROTECTED, Status.GONE})


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """The coins of one kind in an account, each counted once: `total == held + known + beyond`."""

    held: Decimal  # of our brackets, and there
    missing: Decimal  # of our brackets, and not there
    known: Decimal  # there when the account was first seen, as far as they are left
    beyond: Decimal  # nobody's that we know of


def split(*, total: Decimal, booked: Decimal, first: Decimal) -> Split:
    """Take `total` coins apart: first come those our brackets hold (`booked`), then those that were there
    when the account was first seen (`first`); nothing at the venue tells coins apart."""
    total, booked, first = max(total, ZERO), max(booked, ZERO), max(first, ZERO)
    held = min(total, booked)
    known = min(total - held, first)
    return Split(held=held, missing=booked - held, known=known, beyond=total - held - known)


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """One reading's word about one finding."""

    quantity: Decimal
    terms: str  # of an order: side, kind and prices; a change makes it another finding
    at: datetime  # when the reading was asked for


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A finding as it is remembered. `quantity` and `terms` are what two readings agreed on; `noticed` is the
    last reading's other word, which a second one must confirm; zero: it was not there."""

    status: Status
    quantity: Decimal
    terms: str
    first_seen_at: datetime
    last_seen_at: datetime
    noticed: Decimal | None = None
    noticed_terms: str = ""
    noticed_at: datetime | None = None

    @property
    def stands(self) -> bool:
        return self.status in STANDING


def seen(before: Finding | None, now: Seen) -> Finding:
    """The finding after a reading that shows it. An older reading, or the same one again, says nothing."""
    if before is None or before.status in OVER:
        return noticed_first(before, now)
    if now.at <= (before.noticed_at or before.last_seen_at):
        return before
    if before.stands and (before.quantity, before.terms) == (now.quantity, now.terms):
        return replace(before, last_seen_at=now.at, noticed=None, noticed_terms="", noticed_at=None)
    if (before.noticed, before.noticed_terms) != (now.quantity, now.terms):
        return replace(
            before,
            noticed=now.quantity,
            noticed_terms=now.terms,
            noticed_at=now.at,
            last_seen_at=now.at,
        )
    return confirmed(before, now)


def noticed_first(before: Finding | None, now: Seen) -> Finding:
    if before is not None and now.at <= before.last_seen_at:
        return before  # a reading from before its end
    return Finding(
        status=Status.NOTICED,
        quantity=ZERO,
        terms="",
        first_seen_at=now.at,
        last_seen_at=now.at,
        noticed=now.quantity,
        noticed_terms=now.terms,
        noticed_at=now.at,
    )


def confirmed(before: Finding, now: Seen) -> Finding:
    """Two readings agree on something new: what was decided about less or other terms is open again."""
    grew = now.quantity > before.quantity or now.terms != before.terms
    return Finding(
        status=Status.OPEN if before.status is Status.NOTICED or grew else before.status,
        quantity=now.quantity,
        terms=now.terms,
        first_seen_at=before.first_seen_at,
        last_seen_at=now.at,
    )


def unseen(before: Finding, at: datetime) -> Finding:
    """The finding after a reading that does not show it: gone when a second one agrees."""
    if before.status in OVER or at <= (before.noticed_at or before.last_seen_at):
        return before
    if before.status is Status.NOTICED or before.noticed == ZERO:
        return replace(
            before, status=Status.GONE, last_seen_at=at, noticed=None, noticed_terms="", noticed_at=None
        )
    return replace(before, noticed=ZERO, noticed_terms="", noticed_at=at)
