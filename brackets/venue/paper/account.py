"""The one account of the paper venue: balances, reservations, and the ledger that explains them.

Stands under the engine, which alone calls it. Every change of a balance is a ledger entry. An asset has two
wallets, as at Kraken with auto-earn: its own, and one that earns ("XXBT" and "XBT.F"). Both are traded
through the asset's own code, and what is reserved is told there alone: it may be more than is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from brackets.venue.paper.orders import ZERO, Entry
from brackets.venue.paper.pairs import earn_code

Number = Callable[[], int]


class Account:
    """Balances and holds by asset code. `write` receives every ledger entry as it is made."""

    def __init__(
        self,
        *,
        balances: Mapping[str, Decimal],
        new_id: Callable[[int], str],
        number: Number,
        write: Callable[[Entry], None],
    ) -> None:
        self.balances: dict[str, Decimal] = dict(balances)
        self.held: dict[str, Decimal] = {}
        self._new_id, self._number, self._write = new_id, number, write

    def balance(self, asset: str) -> Decimal:
        return self.balances.get(asset, ZERO)

    def hold(self, asset: str) -> Decimal:
        """The sum of what open orders reserve of an asset."""
        return self.held.get(asset, ZERO)

    def earning(self, asset: str) -> Decimal:
        """What the asset's earning wallet holds."""
        return self.balance(earn_code(asset))

    def available(self, asset: str) -> Decimal:
        """What can be spent of an asset, out of both its wallets."""
        return self.balance(asset) + self.earning(asset) - self.hold(asset)

    def reserve(self, asset: str, difference: Decimal) -> None:
        """Raise (or lower, when negative) what is held of an asset."""
        if difference:
            self.held[asset] = self.hold(asset) + difference

    def book(self, *, asset: str, amount: Decimal, fee: Decimal, kind: str, refid: str, at: Decimal) -> None:
        """Change a balance by `amount` less `fee`, and write the entry that says so."""
        balance = self.balance(asset) + amount - fee
        self.balances[asset] = balance
        number = self._number()
        self._write(
            Entry(
                ledger_id=self._new_id(number),
                number=number,
                refid=refid,
                kind=kind,
                asset=asset,
                amount=amount,
                fee=fee,
                balance=balance,
                at=at,
            )
        )


class HeldOver:
    """Reservations that outlive their orders for a while, where the venue is told to be slow."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._held: list[tuple[Decimal, str, Decimal]] = []  # until when, asset, amount

    def hold(self, asset: str, amount: Decimal, *, until: Decimal) -> None:
        self._account.reserve(asset, amount)
        self._held.append((until, asset, amount))

    def release(self, now: Decimal) -> None:
        """Free what is due."""
        for held in [held for held in self._held if held[0] <= now]:
            self._held.remove(held)
            self._account.reserve(held[1], -held[2])
