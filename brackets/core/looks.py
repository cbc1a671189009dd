"""Looks at the venue's orders, and what they prove together: that an order nobody has shown does not exist.

Pure. An order that is visible when a look at the open orders is asked for is shown by it, or has ended by the
time it was answered. What has ended by then is shown by a look at the ended orders that is asked for when
every end must have become visible. So neither look proves anything alone, and no two looks made together
do: an order may be open for the one and ended for the other, and be in neither.

The proof holds for the moment the look at the open orders was asked for: what the venue made early enough
to be visible then (the visibility margin before it) and was in neither look was never made.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """One look at all open orders of an account, taken in."""

    asked_at: datetime
    answered_at: datetime  # what was open for it may have been read as late as this


def kept(looks: Iterable[Look], newest: Look, *, visible: timedelta) -> tuple[Look, ...]:
    """The looks that can still prove something, the oldest first: all that are too young to, and the newest
    of those that are not. A handful, however long nobody asks for the ended orders."""
    known = sorted((*looks, newest), key=lambda look: look.asked_at)
    ripe = [look for look in known if is_ripe(look, newest.answered_at, visible)]
    return (*ripe[-1:], *(look for look in known if look not in ripe))


def proven(looks: Iterable[Look], *, closed_asked_at: datetime, visible: timedelta) -> datetime | None:
    """For which moment a look at the ended orders, asked for at `closed_asked_at`, completes the proof; None:
    no look at the open orders is old enough."""
    ripe = (look.asked_at for look in looks if is_ripe(look, closed_asked_at, visible))
    return max(ripe, default=None)


def next_look(looks: Iterable[Look], due_at: datetime, *, visible: timedelta) -> datetime:
    """When the next look can tell something of orders that must be visible by `due_at`: then, at the open
    orders; after one that was made since, at the ended ones, as soon as that one is ripe."""
    return min((look.answered_at + visible for look in looks if look.asked_at >= due_at), default=due_at)


def is_ripe(look: Look, at: datetime, visible: timedelta) -> bool:
    """Whether every order that ended before this look was answered is visible as ended by now."""
    return look.answered_at + visible <= at
