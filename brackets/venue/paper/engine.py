"""The matching engine: what a venue of Kraken's rules does with orders, ticks and coins.

Used directly by simulation, and served by `server.py`. Pure and deterministic: no clock, randomness,
network or storage. Time comes in as Unix seconds (Decimal), prices as ticks, and the same inputs give
the same outputs to the last id. A call either raises `Refused` and changes nothing, or changes the
state and collects what it changed, to be taken with `take_changes` before anybody is told.

Kraken's rules that shape it: a triggered stop keeps its txid; every fill of a primary with close terms
makes one independent secondary; a stop placed through the market triggers at once; a trigger without
enough coins fills what it can and is canceled; cl_ord_id is unique among open orders only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from brackets.venue.paper import holds, liquidity, rules
from brackets.venue.paper.account import Account, HeldOver
from brackets.venue.paper.amending import Edit, amended, edited
from brackets.venue.paper.books import Books, pays_with
from brackets.venue.paper.market import Tick
from brackets.venue.paper.orders import (
    ZERO,
    Amendment,
    Changes,
    EventKind,
    NewOrder,
    Order,
    Refused,
    Side,
    Status,
    System,
    TimeInForce,
)
from brackets.venue.paper.pairs import PAIRS, Pair
from brackets.venue.paper.rules import Options

MATCHING = frozenset({System.ONLINE, System.LIMIT_ONLY, System.REDUCE_ONLY})
SHORT_OF_FUNDS = "Insufficient funds"
USER_REQUESTED = "User requested"


class Engine:
    """One account's orders against one market. `seed` makes the ids of this world its own."""

    def __init__(self, *, seed: str, ticks: Iterable[Tick], options: Options | None = None) -> None:
        self.options = options or Options()
        self.system = System.ONLINE
        self.modes: dict[str, System] = {}  # of pairs that are not online
        self.hold_release_seconds = ZERO  # how long coins stay reserved after a cancel
        self.cancel_all_at: Decimal | None = None  # the dead man's switch
        self.ticks = {tick.symbol: tick for tick in ticks}
        self._books = Books(seed=seed)
        self._taken: dict[tuple[str, Side], Decimal] = {}  # of the present tick's liquidity
        self._arrivals: list[Order] = []  # secondaries made by the present step
        self._held_over = HeldOver(self.account)

    @property
    def open_orders(self) -> dict[str, Order]:
        """By txid, oldest first."""
        return self._books.open_orders

    @property
    def account(self) -> Account:
        return self._books.account

    def mode_of(self, symbol: str) -> System:
        """What the venue allows of a pair: the whole venue's mode, else the pair's own."""
        return self.system if self.system is not System.ONLINE else self.modes.get(symbol, System.ONLINE)

    # --- what may be asked of it -----------------------------------------------------------------

    def add(self, request: NewOrder, *, now: Decimal, validate: bool = False) -> Order | None:
        """Place an order; None when it was only validated. Raises Refused.

        Validation checks all but the funds (whether Kraken's does is not established).
        """
        self._held_over.release(now)
        self.check(request, now=now)
        return None if validate else self._place(request, now)

    def _place(self, request: NewOrder, now: Decimal) -> Order:
        """Place a request that was checked. Raises Refused for missing funds and for crossing post-only."""
        order = self._books.draft(request, now=now)
        if self._would_take(order) and not self.options.post_only_cancels:
            raise Refused(rules.POST_ONLY)
        needed = self._reservation(order)
        if needed > self.account.available(pays_with(order)):
            raise Refused(rules.INSUFFICIENT_FUNDS)
        order = self._books.place(order, reserved=needed, now=now)
        self._arrive(order, now)
        self._settle_arrivals(now)
        return self._books.latest(order)  # it may have ended at once

    def check(self, request: NewOrder, *, now: Decimal) -> None:
        """Raise Refused for everything but missing funds. Changes nothing."""
        tick = self.ticks.get(request.symbol)
        if tick is None:
            raise Refused(rules.UNKNOWN_PAIR)
        mode = self.mode_of(request.symbol)
        rules.check_new(request, pair=PAIRS[request.symbol], tick=tick, system=mode, now=now)
        if request.cl_ord_id is not None and self.find_open(cl_ord_id=request.cl_ord_id) is not None:
            raise Refused(rules.DUPLICATE_ID)

    def cancel(
        self,
        *,
        now: Decimal,
        txid: str | None = None,
        cl_ord_id: str | None = None,
        userref: int | None = None,
        reason: str = USER_REQUESTED,
    ) -> int:
        """Cancel the open order of a txid or cl_ord_id, or all of a userref; how many. Raises Refused."""
        if self.system is System.MAINTENANCE:
            raise Refused(rules.UNAVAILABLE)
        found = self.cancelable(txid=txid, cl_ord_id=cl_ord_id, userref=userref)
        if not found:
            raise Refused(rules.UNKNOWN_ORDER)
        for order in found:
            self._cancel(order, reason, now)
        return len(found)

    def cancelable(
        self, *, txid: str | None = None, cl_ord_id: str | None = None, userref: int | None = None
    ) -> list[Order]:
        """The open orders that a cancel by these names would end."""
        if userref is not None:
            return [order for order in self.open_orders.values() if order.userref == userref]
        order = self.find_open(txid=txid, cl_ord_id=cl_ord_id)
        return [] if order is None else [order]

    def cancel_all(self, *, now: Decimal) -> int:
        """Cancel every open order; how many there were."""
        if self.system is System.MAINTENANCE:
            raise Refused(rules.UNAVAILABLE)
        found = list(self.open_orders.values())
        for order in found:
            self._cancel(order, USER_REQUESTED, now)
        return len(found)

    def cancel_all_after(self, *, seconds: Decimal, now: Decimal) -> Decimal | None:
        """Cancel everything in so many seconds unless asked again; 0 turns it off. When it would be."""
        self.cancel_all_at = now + seconds if seconds else None
        return self.cancel_all_at

    def amend(self, change: Amendment, *, now: Decimal) -> str:
        """Change an open order's terms in place; the amendment's id. Raises Refused."""
        self._held_over.release(now)
        rules.check_deadline(change.deadline_at, now=now)
        order = self.find_open(txid=change.txid, cl_ord_id=change.cl_ord_id)
        if order is None:
            raise Refused(rules.UNKNOWN_ORDER)
        pair, tick = PAIRS[order.symbol], self.ticks[order.symbol]
        rules.check_amendment(change, order, pair=pair, tick=tick, system=self.mode_of(order.symbol))
        if change.volume is not None and change.volume <= order.filled:
            self._books.end(order, Status.CANCELED, USER_REQUESTED, now)
            return self._books.amend_id()
        fresh = amended(order, change, now=now)
        needed = self._reservation(fresh)
        if needed - order.reserved > self.account.available(pays_with(order)):
            raise Refused(rules.INSUFFICIENT_FUNDS)
        fresh = self._books.put(replace(fresh, reserved=needed))
        self._books.tell(EventKind.AMENDED, fresh, now)
        if not fresh.resting:
            self._arrive(fresh, now)
        return self._books.amend_id()

    def edit(self, edit: Edit, *, now: Decimal, validate: bool = False) -> tuple[Order, Order | None]:
        """Cancel an order and place another in its place: the old one, and the new one. Raises Refused."""
        self._held_over.release(now)
        order = self.find_open(txid=edit.txid)
        if order is None:
            raise Refused(rules.UNKNOWN_ORDER)
        if order.triggered or order.close is not None or order.cl_ord_id is not None:
            raise Refused(rules.NOT_EDITABLE)
        request = edited(order, edit)
        self.check(request, now=now)
        if validate:
            return order, None
        draft = self._books.draft(request, now=now)
        if self._reservation(draft) - order.reserved > self.account.available(pays_with(order)):
            raise Refused(rules.INSUFFICIENT_FUNDS)
        if self._would_take(draft) and not self.options.post_only_cancels:
            raise Refused(rules.POST_ONLY)
        self._books.end(order, Status.CANCELED, "Order replaced", now)
        return order, self._place(request, now)

    def advance(self, ticks: Iterable[Tick], *, now: Decimal) -> None:
        """The market moved: expire, trigger and fill what these ticks reach."""
        moved = {tick.symbol: tick for tick in ticks}
        self.ticks.update(moved)
        self._taken = {key: taken for key, taken in self._taken.items() if key[0] not in moved}
        self._held_over.release(now)
        for order in self._books.expired(now):
            self._books.end(order, Status.EXPIRED, "", now)
        if self.cancel_all_at is not None and self.cancel_all_at <= now:
            self.cancel_all_at = None
            for order in list(self.open_orders.values()):
                self._cancel(order, "Cancel all orders after timeout", now)
        for order in self._books.in_turn(symbol for symbol in moved if self.mode_of(symbol) in MATCHING):
            self._work(order, now)
        self._settle_arrivals(now)

    def deposit(self, *, asset: str, amount: Decimal, now: Decimal) -> None:
        """Credit an asset. Raises ValueError for an unknown asset or an amount that is none."""
        self._books.transfer(asset=asset, amount=amount, kind="deposit", now=now)

    def withdraw(self, *, asset: str, amount: Decimal, now: Decimal) -> None:
        """Take what no order reserves. Raises ValueError where less is available."""
        if amount > self.account.available(asset):
            raise ValueError(f"only {self.account.available(asset)} {asset} is available")
        self._books.transfer(asset=asset, amount=-amount, kind="withdrawal", now=now)

    def earn(self, *, asset: str, amount: Decimal, now: Decimal) -> None:
        """Move an asset into its earning wallet (auto-earn), a negative amount back. It can be traded with
        all the while. Raises ValueError where the wallet it leaves does not hold so much."""
        self._books.earn(asset=asset, amount=amount, now=now)

    def find_open(self, *, txid: str | None = None, cl_ord_id: str | None = None) -> Order | None:
        if txid is not None:
            return self.open_orders.get(txid)
        return None if cl_ord_id is None else self._books.by_client_id(cl_ord_id)

    def open_count(self, symbol: str) -> int:
        """How many orders of a pair are open."""
        return len(self._books.of_symbol(symbol))

    @property
    def changed(self) -> bool:
        """Whether there is something to take."""
        return bool(self._books.changes)

    def take_changes(self) -> Changes:
        """What happened since this was last called."""
        taken, self._books.changes = self._books.changes, Changes()
        return taken

    # --- its state, for those who store it -------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """All but the open orders and the ticks, JSON-able."""
        return {
            "seed": self._books.seed,
            "system": self.system.value,
            "modes": {symbol: mode.value for symbol, mode in self.modes.items()},
            "cancel_all_at": None if self.cancel_all_at is None else str(self.cancel_all_at),
            "counters": dict(self._books.counters),
            "balances": {asset: str(amount) for asset, amount in self.account.balances.items()},
            "taken": [[symbol, side.value, str(taken)] for (symbol, side), taken in self._taken.items()],
        }

    @classmethod
    def restored(
        cls,
        snapshot: dict[str, Any],
        *,
        open_orders: Sequence[Order],
        ticks: Iterable[Tick],
        options: Options | None = None,
    ) -> Engine:
        """The engine that `snapshot` was taken of, with its open orders."""
        engine = cls(seed=snapshot["seed"], ticks=ticks, options=options)
        engine.system = System(snapshot["system"])
        engine.modes = {symbol: System(mode) for symbol, mode in snapshot.get("modes", {}).items()}
        cancel_all_at = snapshot.get("cancel_all_at")
        engine.cancel_all_at = None if cancel_all_at is None else Decimal(cancel_all_at)
        engine._books.counters = {letter: int(count) for letter, count in snapshot["counters"].items()}
        engine.account.balances = {asset: Decimal(text) for asset, text in snapshot["balances"].items()}
        engine._taken = {(symbol, Side(side)): Decimal(taken) for symbol, side, taken in snapshot["taken"]}
        for order in sorted(open_orders, key=lambda order: order.number):
            engine._books.restore(order)
        return engine

    # --- an order's way ----------------------------------------------------------------------------

    def _arrive(self, order: Order, now: Decimal) -> None:
        """A new, amended or just triggered order meets the market as it is."""
        if self._would_take(order):
            self._books.end(order, Status.CANCELED, "Post only order", now)
            return
        if self.mode_of(order.symbol) not in MATCHING:
            self._rest(order)
            return
        order = self._work(replace(order, resting=False), now)
        if order.status is not Status.OPEN or order.waiting:
            return
        if order.time_in_force is TimeInForce.IOC:
            self._books.end(order, Status.CANCELED, "IOC order did not fill completely", now)
        else:
            self._rest(order)

    def _rest(self, order: Order) -> None:
        """A limit order's open part goes into the book, where its fee is the maker's."""
        if not order.waiting and order.limit_price is not None and not order.resting:
            resting = replace(order, resting=True)
            self._books.put(replace(resting, reserved=min(order.reserved, self._reservation(resting))))

    def _work(self, order: Order, now: Decimal) -> Order:
        """Trigger and fill an order as far as the present tick allows; the order as it stands then."""
        tick = self.ticks[order.symbol]
        if order.waiting:
            if not liquidity.triggers(order, tick):
                return order
            order = self._trigger(order, now)
            self._arrive(order, now)
            return self._books.latest(order)
        if order.limit_price is None and self.mode_of(order.symbol) is System.LIMIT_ONLY:
            return order
        if order.resting:
            return self._fill_resting(order, tick, now)
        return self._take(order, tick, now)

    def _trigger(self, order: Order, now: Decimal) -> Order:
        """A stop becomes what it was waiting to be, under its own txid, with the coins it can get."""
        triggered = replace(order, triggered=True)
        free = max(ZERO, self.account.available(pays_with(order)) + order.reserved)
        triggered = self._books.put(replace(triggered, reserved=min(free, self._reservation(triggered))))
        self._books.tell(EventKind.TRIGGERED, triggered, now)
        return triggered

    def _take(self, order: Order, tick: Tick, now: Decimal) -> Order:
        """Fill at the prices the other side offers, best first, as taker."""
        limit = order.limit_price
        for price, volume in liquidity.offers(
            pair=PAIRS[order.symbol],
            tick=tick,
            side=order.side,
            taken=self._taken.get((order.symbol, order.side), ZERO),
            levels=self.options.levels,
            step_bps=self.options.step_bps,
        ):
            if limit is not None and (price > limit if order.side is Side.BUY else price < limit):
                break
            order = self._fill(order, price=price, volume=volume, maker=False, now=now)
            if order.status is not Status.OPEN:
                break
        return order

    def _fill_resting(self, order: Order, tick: Tick, now: Decimal) -> Order:
        """Fill at the order's own price, as maker, when the market came to it."""
        limit = order.limit_price
        if limit is None or not liquidity.reached(side=order.side, limit=limit, tick=tick):
            return order
        volume = tick.depth - self._taken.get((order.symbol, order.side), ZERO)
        return self._fill(order, price=limit, volume=volume, maker=True, now=now) if volume > 0 else order

    def _fill(self, order: Order, *, price: Decimal, volume: Decimal, maker: bool, now: Decimal) -> Order:
        """One trade of at most `volume`, booked; cancels an order that cannot pay for the rest."""
        pair = PAIRS[order.symbol]
        payable = holds.affordable(
            order, pair=pair, price=price, maker=maker, available=self.account.available(pays_with(order))
        )
        quantity = min(volume, order.leaves, payable)
        if quantity > 0:
            ask = self.ticks[order.symbol].ask
            order = self._books.fill(order, price=price, quantity=quantity, maker=maker, ask=ask, now=now)
            key = (order.symbol, order.side)
            self._taken[key] = self._taken.get(key, ZERO) + quantity
            self._attach(order, pair, quantity, now)
        if order.leaves == 0:
            return self._books.end(order, Status.CLOSED, "", now)
        if quantity == payable:
            return self._books.end(order, Status.CANCELED, SHORT_OF_FUNDS, now)
        return order

    def _attach(self, primary: Order, pair: Pair, quantity: Decimal, now: Decimal) -> None:
        """The secondary order of one fill. It reserves what it can get of its coins from now on."""
        close = primary.close
        if close is None or (quantity < pair.order_minimum and not self.options.small_fills_close):
            return
        request = NewOrder(
            symbol=primary.symbol,
            side=primary.side.opposite,
            kind=close.kind,
            volume=quantity,
            price=close.price,
            price2=close.price2,
        )
        secondary = self._books.draft(request, now=now, refid=primary.txid)
        free = max(ZERO, self.account.available(pays_with(secondary)))
        reserved = min(free, self._reservation(secondary))
        self._arrivals.append(self._books.place(secondary, reserved=reserved, now=now))

    def _settle_arrivals(self, now: Decimal) -> None:
        """Secondaries meet the market after the step that made them; they make none themselves."""
        arrivals, self._arrivals = self._arrivals, []
        for order in arrivals:
            self._arrive(order, now)

    # --- small things ------------------------------------------------------------------------------

    def _cancel(self, order: Order, reason: str, now: Decimal) -> None:
        """End an order; what it reserved is free at once, or as late as the venue was told to be."""
        self._books.end(order, Status.CANCELED, reason, now)
        if self.hold_release_seconds and order.reserved:
            until = now + self.hold_release_seconds
            self._held_over.hold(pays_with(order), order.reserved, until=until)

    def _would_take(self, order: Order) -> bool:
        """Whether this is a post-only order that would take liquidity."""
        limit = order.limit_price
        if not order.post_only or limit is None or order.resting:
            return False
        return liquidity.crosses(side=order.side, limit=limit, tick=self.ticks[order.symbol])

    def _reservation(self, order: Order) -> Decimal:
        return holds.reservation(
            order, ask=self.ticks[order.symbol].ask, untriggered_hold=self.options.untriggered_hold
        )
