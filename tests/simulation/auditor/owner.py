"""What the owner did with the coins of the account beside the product: orders by hand, deposits, withdrawals.

Read along the log beside the judge.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from tests.simulation.auditor.records import ZERO, Booked, Ended, Filled, Placed


class Owner:
    """`base_assets`: pair -> the coin it trades."""

    def __init__(self, base_assets: Mapping[str, str]) -> None:
        self.most_taken: dict[str, Decimal] = {}  # pair -> coins the owner took, when most were gone
        self._base_assets = base_assets
        self._orders: dict[str, Placed] = {}
        self._selling: dict[str, Decimal] = {}  # open sells, by txid -> what they still hold of the coins
        self._moved: dict[str, Decimal] = {}  # asset -> coins sold or withdrawn, less paid in

    def placed(self, record: Placed) -> None:
        self._orders[record.txid] = record
        if record.side == "sell":
            self._selling[record.txid] = record.quantity

    def filled(self, record: Filled) -> None:
        if record.txid in self._selling:
            self._selling[record.txid] -= record.quantity

    def ended(self, record: Ended) -> None:
        self._selling.pop(record.txid, None)

    def booked(self, record: Booked, txid: str) -> None:
        """`txid`: the order whose trade it is; empty where it is none."""
        order = self._orders.get(txid)
        traded = order is not None and record.asset == self._base_assets.get(order.symbol)
        if record.kind in ("deposit", "withdrawal") or (record.kind == "trade" and traded):
            self._moved[record.asset] = self._moved.get(record.asset, ZERO) - record.amount + record.fee

    def taken(self, symbol: str) -> Decimal:
        """Coins the owner took out of the account, or has an order for, less those paid in; below zero: so
        many of the owner's own are there."""
        held = (left for txid, left in self._selling.items() if self._orders[txid].symbol == symbol)
        return sum(held, self._moved.get(self._base_assets.get(symbol, ""), ZERO))

    def note(self, symbol: str) -> None:
        """Remember how many were gone when most were."""
        taken = self.taken(symbol)
        self.most_taken[symbol] = max(self.most_taken.get(symbol, taken), taken)
