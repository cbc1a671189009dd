"""The venue an account trades on, one adapter a process."""

from __future__ import annotations

from functools import lru_cache

from brackets.models import Account
from brackets.venue.kraken.adapter import KrakenVenue
from brackets.venue.port import Venue
from brackets.venue.sender import SenderSlot


@lru_cache(maxsize=1)
def _kraken() -> KrakenVenue:
    return KrakenVenue.from_settings(SenderSlot.from_settings())


def of(account: Account) -> Venue:
    """The adapter of this process; demo and paper speak to the paper venue through the same class."""
    return _kraken()
