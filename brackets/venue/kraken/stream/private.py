"""The private connection: `executions` and `balances`, in sequence or not at all.

Pure. A message that is missing, repeated or out of order ends the connection: only a new snapshot tells
what is open now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from brackets.venue.kraken import parsing
from brackets.venue.kraken.stream.executions import Executions
from brackets.venue.kraken.stream.news import (
    AssetTotal,
    BalancesChanged,
    News,
    OpenOrders,
    OrdersChanged,
    OrderUnclear,
    StreamBroken,
    SubscriptionRefused,
)
from brackets.venue.kraken.stream.sequence import Sequence
from brackets.venue.kraken.stream.session import Patience, Session
from brackets.venue.port import OrderUpdate, UnknownWord

EXECUTIONS, BALANCES = "executions", "balances"
WHOLE_BOOKINGS = (None, "trade", "deposit", "withdrawal")  # of a balance entry; a snapshot names none
SNAPSHOT = {"snapshot": True, "update": False}


class PrivateSession(Session):
    """One connection with one token. Ready once the snapshot of the open orders is in."""

    def __init__(
        self,
        *,
        token: str,
        now: float,
        patience: Patience | None = None,
        said: Callable[[], None] = lambda: None,
    ) -> None:
        """`said` is called when the token is said to the venue: another connection needs a new one."""
        super().__init__(now=now, patience=patience, secret=token)
        self._token, self._said = token, said
        self._executions, self._sequence = Executions(), Sequence()
        self._began = False

    @property
    def ready(self) -> bool:
        return self._began

    def openings(self) -> tuple[str, ...]:
        self._said()
        return (
            self.request(
                "subscribe", channel=EXECUTIONS, token=self._token, snap_orders=True, snap_trades=False
            ),
            self.request("subscribe", channel=BALANCES, token=self._token, snapshot=True),
        )

    def refused(self, refusal: SubscriptionRefused) -> None:
        if refusal.channel != BALANCES:  # without balances there is REST; without executions no stream
            raise StreamBroken(f"the venue refused {refusal.channel or 'a request'}: {refusal.error}")

    def channel(self, name: str, raw: Mapping[str, Any]) -> tuple[News, ...]:
        if name not in (EXECUTIONS, BALANCES):
            return super().channel(name, raw)
        try:
            is_snapshot = SNAPSHOT[str(raw.get("type"))]
            values = parsing.sequence(raw.get("data"), f"data of {name}")
            number = parsing.whole(raw["sequence"], f"sequence of {name}") if "sequence" in raw else None
        except (KeyError, UnknownWord) as error:  # it may have been about any order
            raise StreamBroken(self.without_secret(f"a message of {name} is not legible: {error}")) from None
        if number is not None:
            self._sequence.follow(name, number)
        if name == BALANCES:
            return balances(values)
        return self._orders(values, is_snapshot=is_snapshot)

    def _orders(self, values: list[Any], *, is_snapshot: bool) -> tuple[News, ...]:
        updates: dict[str, OrderUpdate] = {}  # the newest of each order says what the older ones said
        unclear: list[News] = []
        for value in values:
            try:
                update = self._executions.take(value)
            except UnknownWord as error:
                unclear.append(self._unclear(value, error))
                continue
            earlier = updates.pop(update.venue_order_id, None)
            updates[update.venue_order_id] = with_terms_of(earlier, update) if earlier else update
        told = tuple(updates.values())
        if not is_snapshot:
            return (*((OrdersChanged(updates=told),) if told else ()), *unclear)
        self._began = True
        return (OpenOrders(updates=told), *unclear)

    def _unclear(self, value: Any, error: UnknownWord) -> OrderUnclear:
        """An order that something happened to. One that is not even named may be any of ours."""
        order_id = value.get("order_id") if isinstance(value, Mapping) else None
        if not isinstance(order_id, str) or not order_id:
            raise StreamBroken(self.without_secret(f"an execution of no legible order: {error}"))
        return OrderUnclear(
            venue_order_id=order_id,
            why=self.without_secret(str(error)),
            introduced=self._executions.has_introduced(order_id),
        )


def with_terms_of(earlier: OrderUpdate, update: OrderUpdate) -> OrderUpdate:
    """The later of two updates of one message, with the terms the earlier one stated."""
    if update.quantity is not None:
        return update
    return replace(
        update,
        quantity=earlier.quantity,
        limit_price=earlier.limit_price,
        trigger_price=earlier.trigger_price,
    )


def balances(values: list[Any]) -> tuple[News, ...]:
    """Totals by asset, the newest of each; of entries that tell no total only that there were some."""
    totals = [total(value) for value in values]
    newest = {told.asset: told for told in totals if told is not None}
    elsewhere = None in totals
    if not newest and not elsewhere:
        return ()
    return (BalancesChanged(totals=tuple(newest.values()), elsewhere=elsewhere),)


def total(value: Any) -> AssetTotal | None:
    """One asset of the snapshot, or one ledger entry of an update. None for an entry of an earn wallet, and
    for one that may be half of a move from wallet to wallet: the other half's total is not told."""
    raw = parsing.mapping(value, "a balance")
    asset = parsing.text(raw, "asset", "a balance")
    what = f"balance of {asset}"
    if raw.get("wallet_type") not in (None, "spot") or raw.get("type") not in WHOLE_BOOKINGS:
        return None
    if raw.get("wallets") is None:
        return AssetTotal(asset=asset, total=parsing.amount(raw, "balance", what))
    wallets = [
        parsing.mapping(wallet, f"wallet of {asset}") for wallet in parsing.sequence(raw["wallets"], what)
    ]
    spot = [wallet for wallet in wallets if wallet.get("type") == "spot"]
    return AssetTotal(asset=asset, total=sum((parsing.amount(w, "balance", what) for w in spot), Decimal(0)))
