"""Rules about the end: the books are whole, and where everything was closed nothing is left.

Asked once, when the log was read.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from tests.simulation.auditor.records import ZERO, Record

if TYPE_CHECKING:
    from tests.simulation.auditor.judge import Judge


class ClosingRules:
    def __init__(self, judge: Judge) -> None:
        self.judge = judge

    def take(self, record: Record) -> None:
        pass

    def stand(self, until: datetime) -> None:
        pass

    def end(self) -> None:
        self._check_ledger()
        if not self.judge.circumstances.finished:
            return
        positions = self.judge.positions.values()
        for position in positions:
            for order in position.orders.values():
                if order.is_live:
                    self.judge.complain(
                        "left at the venue", f"{order.placed.txid} of {position.key} is still open"
                    )
        for symbol in sorted({position.symbol for position in positions}):
            self.judge.owner.note(symbol)
            self._check_left(symbol)

    def _check_left(self, symbol: str) -> None:
        """What the product bought or was handed is sold, but for dust and for what the owner took. What comes
        back later is the owner's: the position it was taken from may be long closed."""
        here = [position for position in self.judge.positions.values() if position.symbol == symbol]
        left = sum((max(ZERO, p.coins - p.base_fees) for p in here), ZERO)
        dust = sum((p.minimum for p in here), ZERO)
        handed = sum((p.handed_over for p in here), ZERO)  # given away: the owner has so many less
        taken = max(ZERO, self.judge.owner.most_taken[symbol] + handed)
        if left >= dust and left - taken >= dust:
            self.judge.complain(
                "coins left", f"{left} {symbol} are neither sold nor taken by the owner ({taken})"
            )

    def _check_ledger(self) -> None:
        """Every fill of ours moved its coins; the venue's own books are whole."""
        for txid, order in self.judge.orders.items():
            sign = 1 if order.is_entry else -1
            moved = sum((self.judge.base_moved.get(trade, ZERO) for trade in order.trades), ZERO)
            fees = self.judge.position_of(order).base_fees
            if moved != sign * order.filled and not (order.is_entry and fees and moved < order.filled):
                self.judge.complain("ledger", f"{txid} filled {order.filled} and its ledger moved {moved}")
