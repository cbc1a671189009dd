"""Kraken's trading counter, one for each pair, reckoned by us: may this write be sent now?

Pure; the twin of `budget.py`, whose arithmetic it shares. Each write lifts its pair's counter, a cancel or
an amendment the more the younger the order is; the counter decays by the second, and what would lift it
above the tier's limit is refused by Kraken (`EOrder:Rate limit exceeded`). The top of the limit is kept for
urgent writes: exits, protection and their cancels.

The counters of a key are one book, stored with its sender: symbol -> [thousandths of a point, when it
stood there]. The reckoning never falls below Kraken's own of the same writes: ages are taken a second too
young, a charge does not decay before its answer is in, and a cancel that does not say its pair counts
against all. A pair never seen stands at zero; where other software used it up, Kraken says so, refuses,
and is believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from brackets.venue.kraken.budget import POINT, Tier, decayed

TIERS = {
    "starter": Tier(limit=60 * POINT, decay_per_second=1000, reserve=20 * POINT),
    "intermediate": Tier(limit=125 * POINT, decay_per_second=2340, reserve=40 * POINT),
    "pro": Tier(limit=180 * POINT, decay_per_second=3750, reserve=60 * POINT),
}
ANY_PAIR = ""  # what was charged to no pair in particular
UNSURE_SECONDS = 1.0  # how far clocks may disagree about an order's age

Book = Mapping[str, tuple[int, int]]  # symbol -> (thousandths of a point, milliseconds since 1970)


class Deed(StrEnum):
    ADD = "add"
    AMEND = "amend"
    CANCEL = "cancel"


FIXED = {Deed.ADD: 1, Deed.AMEND: 1, Deed.CANCEL: 0}  # points, also when the venue refuses
BY_AGE: dict[Deed, tuple[tuple[int, int], ...]] = {  # (younger than so many seconds, further points)
    Deed.ADD: (),
    Deed.AMEND: ((5, 3), (10, 2), (15, 1)),
    Deed.CANCEL: ((5, 8), (10, 6), (15, 5), (45, 4), (90, 2), (300, 1)),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Spending:
    """What one write costs, which depends on when it is sent."""

    deed: Deed
    symbol: str | None  # None: the pair is not told
    touched_at: datetime | None = None  # by our clock: placed or last amended; None: as dear as it gets

    def points(self, now: datetime) -> int:
        """The cost in points of sending it now."""
        age = 0.0 if self.touched_at is None else (now - self.touched_at).total_seconds() - UNSURE_SECONDS
        further = (points for limit, points in BY_AGE[self.deed] if age < limit)
        return FIXED[self.deed] + next(further, 0)


def read(stored: Mapping[str, object]) -> Book:
    """The book as the database keeps it."""
    book: dict[str, tuple[int, int]] = {}
    for symbol, entry in stored.items():
        if isinstance(entry, list | tuple) and len(entry) == 2:
            book[symbol] = (int(entry[0]), int(entry[1]))
    return book


def level(book: Book, symbol: str, *, at_milliseconds: int, tier: Tier) -> int:
    """The pair's counter now, in thousandths; what was charged to no pair in particular is in it."""
    counter, stood_at = book.get(symbol) or book.get(ANY_PAIR) or (0, at_milliseconds)
    return decayed(counter, elapsed_milliseconds=at_milliseconds - stood_at, tier=tier)


def lifted(
    book: Book, symbol: str | None, *, by: int, at_milliseconds: int, decays_from: int, tier: Tier
) -> Book:
    """The book after a charge of `by` points to a pair, or to all; counters that are empty are left out.

    What it touches decays from `decays_from` on: the latest time at which Kraken may count the write.
    """
    touched: set[str] = set()
    if by > 0:
        touched = {symbol} if symbol is not None else {*book, ANY_PAIR}
    after: dict[str, tuple[int, int]] = {}
    for name in {*book, *touched}:
        counter = level(book, name, at_milliseconds=at_milliseconds, tier=tier)
        if name in touched:
            after[name] = (min(tier.limit, counter + by * POINT), decays_from)
        elif counter > 0:
            after[name] = (counter, max(at_milliseconds, book[name][1]))
    return after


def settled(book: Book, *, decays_from: int, at_milliseconds: int) -> Book:
    """The answer is in: what was to decay from `decays_from` on decays from now on."""
    return {
        name: (counter, at_milliseconds if stood_at == decays_from else stood_at)
        for name, (counter, stood_at) in book.items()
    }


def filled(book: Book, symbol: str, *, at_milliseconds: int, tier: Tier) -> Book:
    """The book when Kraken says that this pair's counter is full."""
    return {**book, symbol: (tier.limit, at_milliseconds)}


def healed(book: Book, *, latest_milliseconds: int, at_milliseconds: int) -> Book:
    """Counters dated later than they can be (a clock was set back) decay from now on."""
    return {
        name: (counter, stood_at if stood_at <= latest_milliseconds else at_milliseconds)
        for name, (counter, stood_at) in book.items()
    }
