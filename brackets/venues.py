"""The venue an account trades on; one adapter a process and patience."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from brackets.models import Account
from brackets.venue.kraken.adapter import KrakenVenue
from brackets.venue.port import Venue


@lru_cache(maxsize=4)
def _kraken(patience_seconds: float, give_way: Callable[[], bool]) -> KrakenVenue:
    return KrakenVenue.from_settings(patience_seconds=patience_seconds, give_way=give_way)


def never() -> bool:
    return False


def of(account: Account, *, patience_seconds: float = 0.0, give_way: Callable[[], bool] = never) -> Venue:
    """The adapter of this process; demo and paper speak to the paper venue through the same class.

    `patience_seconds` is how long a read that is not urgent may wait for rate budget before it raises
    BudgetExhausted; it gives up before, when `give_way` says that something urgent came.
    """
    return _kraken(patience_seconds, give_way)
