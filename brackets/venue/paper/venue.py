"""The paper venue whole: engine, market, candles and store, moved together, stored before it is told.

Stands between the endpoints and the engine. Every public method leaves memory and file alike; after an
exception `reload` goes back to what is stored, so that nothing unstored is ever told. Time comes in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from brackets.venue.paper.bars import KEPT, Candle, Candles, joined
from brackets.venue.paper.engine import Engine
from brackets.venue.paper.limits import Limits
from brackets.venue.paper.market import Bar, Market
from brackets.venue.paper.orders import Changes, Order
from brackets.venue.paper.rules import Options
from brackets.venue.paper.store import BadState, Store

MANY_PAIRS = 50  # above it, ticks that changed no order are stored once a second
FIRST_DEPOSITS = {"ZUSD": Decimal(10_000)}


@dataclass(slots=True, kw_only=True)
class Beginning:
    """What a fresh world begins with; a stored one goes on as it was."""

    deposits: Mapping[str, Decimal] = field(default_factory=lambda: dict(FIRST_DEPOSITS))
    seed: str = ""  # of the ids
    world: str | None = None


class PaperVenue:
    """One account, one market, one state file."""

    def __init__(
        self,
        *,
        store: Store,
        market: Market,
        now: Decimal,
        beginning: Beginning,
        options: Options,
        limits: Limits | None = None,
        told_bars: Callable[[str, int], list[Candle]] = lambda symbol, minutes: [],
    ) -> None:
        """Go on from what is stored, or begin a world. Raises BadState and BadMarket."""
        self.store, self.market, self.options = store, market, options
        self.limits = limits or Limits()
        self._told_bars = told_bars  # what a feed told, which knows more than its ticks
        self._hold_release_seconds = Decimal(0)
        self.engine: Engine
        self.candles: Candles
        self.nonces: dict[str, int] = {}
        self._stored_at = Decimal(0)  # the market's position
        self.latest = now  # the venue's clock never goes back
        if store.read("engine") is None:
            self._begin(beginning, now)
        else:
            self.reload()

    def tick(self, *, seconds: Decimal, now: Decimal) -> Changes:
        """Let wall seconds pass: the market moves, orders are matched; what that changed."""
        now = self.at(now)
        ticks = self.market.advance(seconds)
        self.candles.add(ticks, now=now, seconds=seconds)
        self.engine.advance(ticks, now=now)
        if len(ticks) > MANY_PAIRS and now < self._stored_at + 1 and not self.engine.changed:
            return self.engine.take_changes()  # after a kill the market goes on a second earlier
        return self._commit(moved=True)

    def commit(self, *, key: str, nonce: int) -> Changes:
        """Store what a request changed, with its nonce; what that was."""
        self.nonces[key] = nonce
        return self._commit(nonce=(key, nonce))

    def commit_by_hand(self) -> Changes:
        """Store what was changed without a request; what that was."""
        return self._commit(moved=True)

    def at(self, now: Decimal) -> Decimal:
        """The venue's clock: `now`, or the latest moment it has seen."""
        self.latest = max(self.latest, now)
        return self.latest

    @property
    def hold_release_seconds(self) -> Decimal:
        """How long coins stay reserved after a cancel."""
        return self.engine.hold_release_seconds

    @hold_release_seconds.setter
    def hold_release_seconds(self, seconds: Decimal) -> None:
        self.engine.hold_release_seconds = self._hold_release_seconds = seconds

    def bars(self, symbol: str, *, minutes: int, now: Decimal, count: int = KEPT) -> list[Candle]:
        """The last `count` bars, oldest first, up to the one that is still being made."""
        own = self.candles.read(symbol, minutes=minutes, now=now, count=count)
        return joined(self._told_bars(symbol, minutes), own)[-count:]

    def orders(self, txids: list[str]) -> dict[str, Order]:
        """These orders, open or ended, in the order asked for; unknown ids are left out."""
        found = {order.txid: order for order in self.store.orders(txids)}
        return {txid: found[txid] for txid in txids if txid in found}

    def reload(self) -> None:
        """Forget what was not stored. Raises BadState and BadMarket."""
        store = self.store
        try:
            self.market.restore(store.read("market"))
            self.engine = Engine.restored(
                store.read("engine"),
                open_orders=store.open_orders(),
                ticks=self.market.ticks(),
                options=self.options,
            )
            self.engine.hold_release_seconds = self._hold_release_seconds
            bars = store.read("bars")
            self.candles = Candles(began_at=bars["began_at"], past=self._past)
            self.candles.restore(bars, longer=store.read("longer_bars") or [], ended=self._ended_bars)
            self.nonces = store.nonces()
            self.latest = max(self.latest, Decimal(store.read("latest")))
        except (KeyError, TypeError, AttributeError, ArithmeticError, json.JSONDecodeError) as error:
            raise BadState(
                f"the state file {store.path} is damaged ({error!r}); move it away and start again."
            ) from None

    def _begin(self, beginning: Beginning, now: Decimal) -> None:
        self.engine = Engine(seed=f"{beginning.seed}:{now}", ticks=self.market.ticks(), options=self.options)
        self.candles = Candles(began_at=int(now), past=self._past)
        self.candles.add(self.market.ticks(), now=now, seconds=Decimal(0))
        for asset, amount in beginning.deposits.items():
            self.engine.deposit(asset=asset, amount=amount, now=now)
        self.store.begin(world=beginning.world)
        self._commit(moved=True)

    def _commit(self, *, moved: bool = False, nonce: tuple[str, int] | None = None) -> Changes:
        changes = self.engine.take_changes()
        state: dict[str, Any] = {}
        if moved or changes:
            state["engine"] = self.engine.snapshot()
            state["latest"] = str(self.latest)
        if moved:
            state |= {"market": self.market.snapshot(), "bars": self.candles.snapshot()}
        longer = moved and self.candles.longer_changed
        if longer:
            state["longer_bars"] = self.candles.longer_snapshot()
        ended = self.candles.take_ended() if moved else []
        self.store.commit(changes, state=state, nonce=nonce, bars=ended)
        if moved:
            self._stored_at = self.latest
        self.candles.longer_changed &= not longer
        return changes

    def _past(self, symbol: str, minutes: int, count: int) -> tuple[Bar, ...]:
        return self.market.history(symbol, minutes=minutes, count=count)

    def _ended_bars(self, symbol: str, minutes: int) -> list[str]:
        return self.store.bars(symbol=symbol, minutes=minutes, limit=KEPT)
