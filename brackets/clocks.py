"""Our clock and the venue's: moments of ours as the venue's history knows them, and a clock that is wrong.

Orders, trades and the ledger bear the venue's times. Whoever asks for what is newer than a moment of ours
must not rely on our clock: it may be minutes off, or have been set since.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from brackets.models import Account
from brackets.venue.port import Venue
from risk import alerts

CLOCK_IS_OFF = "clock_is_off"
MOST_OFF = timedelta(seconds=10)
MARGIN = timedelta(minutes=10)  # a clock may have been set since the moment was noted


def by_venue(venue: Venue, moment: datetime) -> datetime:
    """A moment of our clock by the venue's clock, as far as their difference is known. May ask the venue's
    time: call it outside a transaction."""
    return moment + (venue.clock_offset() or timedelta(0))


def not_later_by_venue(venue: Venue, moment: datetime) -> datetime:
    """A moment of the venue's clock that is certainly not after this one of ours."""
    return by_venue(venue, moment) - MARGIN


def tell(account: Account, venue: Venue, at: datetime) -> None:
    """Raise or resolve the alert that the clock of this machine is wrong."""
    offset = venue.clock_offset()
    if offset is None:
        return
    subject = f"account {account.name}"
    if abs(offset) <= MOST_OFF:
        alerts.resolve_alert(account=account.name, code=CLOCK_IS_OFF, subject=subject, at=at)
        return
    seconds, way = abs(offset).total_seconds(), "behind" if offset > timedelta(0) else "ahead of"
    alerts.raise_alert(
        account=account.name,
        severity=alerts.Severity.WARNING,
        code=CLOCK_IS_OFF,
        subject=subject,
        message=f"the clock of this machine is {seconds:.0f} s {way} the venue's: orders are sent and "
        "looked up by the venue's time all the same, but the seconds of protection shown are wrong by as "
        "much. Set it by NTP",
        at=at,
    )
