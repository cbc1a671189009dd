"""The open brackets, in memory: what is loaded once and again only when it changed.

One query a round asks for ids and versions; the rows of those that changed are read, all others serve as
they are (a bracket and its orders change only together with its version). From each bracket the band of
prices is kept in which nothing can happen to it, so that a price costs a comparison and no query.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from brackets import operations, records
from brackets.core import legs
from brackets.core.orders import Bracket
from brackets.core.states import State
from brackets.models import Account
from brackets.models import Bracket as Row
from brackets.venue.port import QuoteReading


@dataclass(frozen=True, slots=True)
class Standing:
    """One open bracket as it was last loaded."""

    row: Row
    bracket: Bracket
    band: legs.Band | None  # None: it is on its way anywhere, and the round looks at it anyhow

    @property
    def version(self) -> tuple[int, int]:
        return self.row.pk, self.row.version

    def is_crossed(self, quote: QuoteReading) -> bool:
        return self.band is not None and not self.band.holds(bid=quote.bid, last=quote.last)


def standing(row: Row) -> Standing:
    bracket = records.load(row)
    return Standing(row, bracket, legs.band(bracket))


class Shelf:
    """The open brackets of one account. Threads may share it."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._refreshing = threading.Lock()
        self._standing: dict[int, Standing] = {}
        self._by_symbol: dict[str, list[Standing]] = {}

    def refresh(self) -> None:
        """Bring it up to date: one query, and three more where something changed."""
        with self._refreshing:
            versions = dict(
                Row.objects.filter(account=self.account)
                .exclude(state=State.EXIT_COMPLETE)
                .values_list("pk", "version")
            )
            kept = {pk: one for pk, one in self._standing.items() if versions.get(pk) == one.row.version}
            changed = [pk for pk in versions if pk not in kept]
            if not changed and len(kept) == len(self._standing):
                return
            # Rows of one query each, so that a row and its orders are of one version or a later one; a
            # later one differs from `versions` and is read again with the next refresh.
            rows = operations.open_brackets(self.account).filter(pk__in=changed) if changed else ()
            self._put(kept | {row.pk: standing(row) for row in rows})

    def _put(self, brackets: dict[int, Standing]) -> None:
        by_symbol: dict[str, list[Standing]] = {}
        for one in sorted(brackets.values(), key=lambda one: one.row.pk):
            by_symbol.setdefault(one.row.symbol, []).append(one)
        self._standing, self._by_symbol = brackets, by_symbol

    def all(self) -> list[Standing]:
        """The open brackets, oldest first."""
        brackets = self._standing
        return [brackets[pk] for pk in sorted(brackets)]

    def symbols(self) -> set[str]:
        return set(self._by_symbol)

    def crossed(self, quotes: Iterable[QuoteReading]) -> list[Standing]:
        """The brackets something may happen to at these prices."""
        return [
            one for quote in quotes for one in self._by_symbol.get(quote.symbol, ()) if one.is_crossed(quote)
        ]
