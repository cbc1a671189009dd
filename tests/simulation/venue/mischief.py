"""What is odd at the venue itself: orders filled while somebody changes them, readings that lag, late holds.

Stands beside the house, which asks it before a write, after a change and with each reading. Everything here
is legal at Kraken; each occurrence is counted by its name when it really happens.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from brackets.venue.paper.orders import Changes, EventKind, Order, Side
from brackets.venue.paper.pairs import PAIRS
from brackets.venue.paper.rules import POST_ONLY
from tests.simulation.venue.options import Fault

if TYPE_CHECKING:
    from tests.simulation.venue.house import House

Json = dict[str, Any]
READ_AGAIN_SECONDS = 3.0  # what one reading did not tell, the next one may
SEEN_LATE_SECONDS = (0.3, 9.0)  # within what the product allows a new order to be invisible


class Mischief:
    """The oddities of one house."""

    def __init__(self, house: House) -> None:
        self._house, self._random = house, house.random
        self.rates = dict(house.options.rates)
        self._hidden: dict[str, Decimal] = {}  # txid -> until when no reading shows it

    def calm(self) -> None:
        """From here on nothing is odd."""
        self.rates.clear()
        self._hidden.clear()

    def strikes(self, fault: Fault) -> bool:
        rate = self.rates.get(fault)
        return rate is not None and self._random.random() < rate

    def note(self, fault: str) -> None:
        self._house.note(fault)

    # --- before a write ------------------------------------------------------------------------------

    def before_write(self, method: str, form: Json) -> Json:
        """What happens while the request is on its way, and the request as the venue takes it."""
        if not self.rates:
            return form
        if method == "AddOrder":
            return self._before_add(form)
        house = self._house
        order = house.engine.find_open(txid=form.get("txid"), cl_ord_id=form.get("cl_ord_id"))
        if order is None:
            return form
        during = Fault.FILLED_DURING_CANCEL if method == "CancelOrder" else Fault.FILLED_DURING_AMEND
        if not house.options.both_rest and self.strikes(during):  # there the other leg has sold already
            self._fill(order, during)
        if method == "CancelOrder" and order.side is Side.SELL and self.strikes(Fault.LATE_RELEASE):
            seconds = self._random.uniform(*house.options.release_seconds)
            if house.still_open(order.txid) is not None:
                house.engine.hold_release_seconds = Decimal(str(round(seconds, 3)))
                house.trouble(Fault.LATE_RELEASE, seconds=seconds, symbol=order.symbol)
                self.note(Fault.LATE_RELEASE)
        return form

    def _before_add(self, form: Json) -> Json:
        flags = str(form.get("oflags", ""))
        if form["type"] == "buy" and self.strikes(Fault.FEE_IN_COINS):
            form["oflags"] = flags.replace("fciq", "fcib")
            self.note(Fault.FEE_IN_COINS)
        if "post" in flags and self.strikes(Fault.CROSSED_POST_ONLY):
            symbol = next(s for s in self._house.engine.ticks if PAIRS[s].code == form["pair"])
            self._move_to(symbol, Decimal(str(form["price"])), falls=form["type"] == "buy", depth=None)
            self.note(Fault.CROSSED_POST_ONLY)
        return form

    def _fill(self, order: Order, fault: Fault) -> None:
        """The market comes to an order just now, with enough for it or for a part."""
        price = order.trigger_price if order.waiting else order.limit_price
        if price is None:
            return
        part = self._random.choice([Decimal(1), Decimal("0.5"), Decimal("0.1")])
        depth = (order.leaves * part).quantize(PAIRS[order.symbol].lot_step)
        falls = (order.side is Side.SELL) is order.waiting
        self._move_to(order.symbol, price, falls=falls, depth=depth)
        now = self._house.history.order_at(order.txid, None)
        if now is not None and now.filled > order.filled:
            self.note(fault)

    def _move_to(self, symbol: str, price: Decimal, *, falls: bool, depth: Decimal | None) -> None:
        """Let the market reach a price, and what stands there trade with all its spread."""
        house = self._house
        away = house.options.spread_ticks * house.market.walks[symbol].size
        walk = house.market.put(symbol, price - away if falls else price + away, below=falls)
        house.engine.advance([house.market.tick(walk, depth=depth)], now=house.now())
        house.settle()

    # --- after a change ------------------------------------------------------------------------------

    def see(self, changes: Changes, now: Decimal) -> None:
        """Count what follows from other things, and hide what is to become visible late."""
        for event in changes.events:
            order = event.order
            match event.kind:
                case EventKind.PLACED:
                    self._hide(order, now)
                case EventKind.FILLED if event.trade is not None and order.leaves:
                    self.note("partial fill")
                case EventKind.ENDED if order.reason == "Post only order":
                    self.note("post-only accepted and canceled")
            if event.trade is not None:
                small = event.trade.volume < PAIRS[order.symbol].order_minimum
                if small and order.close is not None:
                    self.note("secondary missing: fill below the minimum")
                if event.trade.volume == PAIRS[order.symbol].lot_step:
                    self.note(Fault.ONE_LOT)

    def hear_refusal(self, error: str) -> None:
        if error == POST_ONLY:
            self.note("post-only refused in words")

    def _hide(self, order: Order, now: Decimal) -> None:
        fault = Fault.SECONDARY_LATE if order.refid is not None else Fault.SEEN_LATE
        if self._house.is_ours(order) and self.strikes(fault):
            seconds = round(self._random.uniform(*SEEN_LATE_SECONDS), 3)
            self._hidden[order.txid] = now + Decimal(str(seconds))
            self._house.trouble(fault, seconds=seconds, symbol=order.symbol, has_consequences=False)
            self.note(fault)

    # --- readings ------------------------------------------------------------------------------------

    def is_visible(self, order: Order) -> bool:
        until = self._hidden.get(order.txid)
        if until is None:
            return True
        if self._house.now() < until:
            return False
        del self._hidden[order.txid]
        return True

    def is_omitted(self) -> bool:
        if not self.strikes(Fault.OMITTED):
            return False
        self.note(Fault.OMITTED)
        self._house.trouble(Fault.OMITTED, seconds=READ_AGAIN_SECONDS, has_consequences=False)
        return True

    def reading_time(self, fault: Fault) -> Decimal | None:
        """Since when a reading is old; None: it is of now."""
        if not self.strikes(fault):
            return None
        self.note(fault)
        self._house.trouble(fault, seconds=READ_AGAIN_SECONDS, has_consequences=False)
        seconds = self._random.uniform(*self._house.options.stale_seconds)
        return self._house.now() - Decimal(str(round(seconds, 3)))
