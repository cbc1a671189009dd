"""What the owner does beside the product, in the same account: trades, cancels, moves coins, pays in and out.

Owner's orders stay within the owner's own coins, as far as nobody else is meant; only `OWNER_TAKES_COINS` and
what follows from a stop canceled by hand touch what is the product's.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal

from brackets.venue.paper.orders import Kind, NewOrder, Order, Refused, Side, Status
from brackets.venue.paper.pairs import ASSETS, PAIRS, Pair, earn_code
from tests.simulation.auditor.records import OwnerActed
from tests.simulation.venue.house import House
from tests.simulation.venue.options import Fault

DOLLARS = "ZUSD"
CENT = Decimal("0.01")
ZERO = Decimal(0)
LEFT_FOR_US = Decimal(1000)  # dollars the owner does not take


class Owner:
    """One person with the venue's own page open."""

    def __init__(self, house: House) -> None:
        self._house, self._random = house, house.random
        self._only: str | None = None  # the pair whose stop is meant; None: any
        self.coins = {asset: Decimal(amount) for asset, amount in house.options.owner_coins.items()}
        self._acts: dict[Fault, Callable[[], str | None]] = {
            Fault.OWNER_ORDER: self._order,
            Fault.OWNER_SELLS: self._sell,
            Fault.OWNER_CANCELS: self._cancel,
            Fault.OWNER_TAKES_COINS: self._take_coins,
            Fault.OWNER_EARNS: self._earn,
            Fault.OWNER_BACK: self._back,
            Fault.OWNER_DEPOSITS: self._deposit,
            Fault.OWNER_WITHDRAWS: self._withdraw,
        }

    def hand_over(self, asset: str, quantity: Decimal) -> None:
        """From here on so many coins are the product's to keep."""
        self.coins[asset] = self.coins.get(asset, ZERO) - quantity

    def act(self, what: Fault | None = None, symbol: str | None = None) -> str | None:
        """Do one thing, the first possible one of a shuffled list; None where nothing can be done. `symbol`:
        whose stop of ours is meant."""
        self._only = symbol
        names = [what] if what is not None else self._random.sample(list(self._acts), len(self._acts))
        if what is None and self._random.random() < 0.5:  # what earns comes back before anything else
            names.insert(0, Fault.OWNER_BACK)
        for name in names:
            try:
                detail = self._acts[name]()
            except (Refused, ValueError):  # the page says no, as to anybody
                detail = None
            if detail is not None:
                house = self._house
                house.note(name)
                house.log.add(OwnerActed(house.clock(), name.value, detail))
                house.settle()
                return f"{name.value}: {detail}"
        return None

    def free_coins(self, symbol: str) -> bool:
        """Take back the owner's sells where they hold so many coins of a pair that none of ours can be sold.
        Whether there were any."""
        house, pair = self._house, PAIRS[symbol]
        if house.engine.account.available(pair.base.code) >= pair.order_minimum:
            return False
        orders = house.engine.open_orders.values()
        sells = [o for o in orders if o.symbol == symbol and o.side is Side.SELL and not house.is_ours(o)]
        for order in sells:
            house.engine.cancel(txid=order.txid, now=house.now())
        house.settle()
        return bool(sells)

    # --- trading --------------------------------------------------------------------------------------

    def _order(self) -> str | None:
        """A limit order that rests: coins far above, or dollars far below."""
        pair = self._pair()
        last = self._house.engine.ticks[pair.symbol].last
        spare = self._spare(pair)
        if spare >= pair.order_minimum and self._random.random() < 0.7:
            return self._place(pair, Side.SELL, part_of(spare, pair), last * Decimal("1.2"))
        return self._place(pair, Side.BUY, pair.order_minimum * 2, last * Decimal("0.7"))

    def _sell(self) -> str | None:
        pair = self._pair()
        spare = self._spare(pair)
        if spare < pair.order_minimum:
            return None
        quantity = max(pair.order_minimum, part_of(spare, pair))
        said = self._place(pair, Side.SELL, quantity, None)
        self.coins[pair.base.code] -= quantity
        return said

    def _cancel(self) -> str | None:
        stop = self._stop_of_ours()
        if stop is None:
            return None
        self._house.engine.cancel(txid=stop.txid, now=self._house.now())
        self._trouble(stop)
        return f"{stop.txid} {stop.symbol}"

    def _take_coins(self) -> str | None:
        """Cancel our stop and sell its coins, all or half of them."""
        stop = self._stop_of_ours()
        if stop is None:
            return None
        pair = PAIRS[stop.symbol]
        quantity = stop.leaves if self._random.random() < 0.5 else part_of(stop.leaves, pair)
        if quantity < pair.order_minimum:
            return None
        self._house.engine.cancel(txid=stop.txid, now=self._house.now())
        self._trouble(stop)
        return self._place(pair, Side.SELL, quantity, None)

    def _trouble(self, stop: Order) -> None:
        """Coins without the stop that was theirs: the product has some seconds to see it."""
        self._house.trouble("canceled by the owner", seconds=10, symbol=stop.symbol)

    def _stop_of_ours(self) -> Order | None:
        orders = self._house.engine.open_orders.values()
        stops = [order for order in orders if order.waiting and self._house.is_ours(order)]
        if self._only is not None:
            stops = [order for order in stops if order.symbol == self._only]
        return self._random.choice(stops) if stops else None

    def _place(self, pair: Pair, side: Side, quantity: Decimal, limit: Decimal | None) -> str | None:
        if limit is not None:
            limit = (limit / pair.tick_size).to_integral_value(ROUND_DOWN) * pair.tick_size
        request = NewOrder(
            symbol=pair.symbol,
            side=side,
            kind=Kind.MARKET if limit is None else Kind.LIMIT,
            volume=quantity,
            price=limit,
        )
        order = self._house.engine.add(request, now=self._house.now())
        if order is None or order.status is Status.CANCELED:
            return None
        return f"{order.txid} {side} {quantity:f} {pair.symbol}"

    # --- moving money ---------------------------------------------------------------------------------

    def _earn(self) -> str | None:
        """Auto-earn takes coins that nobody reserves."""
        account = self._house.engine.account
        asset = self._pair().base.code
        free = account.balance(asset) - account.hold(asset)
        amount = (free / self._random.choice((1, 2))).quantize(ASSETS[asset].unit, ROUND_DOWN)
        if amount <= 0:
            return None
        self._house.engine.earn(asset=asset, amount=amount, now=self._house.now())
        return f"{amount:f} {asset}"

    def _back(self) -> str | None:
        account = self._house.engine.account
        for pair in PAIRS.values():
            amount = account.balance(earn_code(pair.base.code))
            if amount > 0:
                self._house.engine.earn(asset=pair.base.code, amount=-amount, now=self._house.now())
                return f"{amount:f} {pair.base.code}"
        return None

    def _deposit(self) -> str | None:
        pair = self._pair()
        asset, amount = DOLLARS, Decimal(self._random.randint(10, 500))
        if self._random.random() < 0.5:
            asset, amount = pair.base.code, pair.order_minimum * self._random.randint(1, 5)
            self.coins[asset] = self.coins.get(asset, ZERO) + amount
        self._house.engine.deposit(asset=asset, amount=amount, now=self._house.now())
        return f"{amount:f} {asset}"

    def _withdraw(self) -> str | None:
        house, pair = self._house, self._pair()
        spare = self._spare(pair)
        if spare > 0 and self._random.random() < 0.5:
            house.engine.withdraw(asset=pair.base.code, amount=spare, now=house.now())
            self.coins[pair.base.code] -= spare
            return f"{spare:f} {pair.base.code}"
        amount = ((house.engine.account.available(DOLLARS) - LEFT_FOR_US) / 4).quantize(CENT, ROUND_DOWN)
        if amount <= 0:
            return None
        house.engine.withdraw(asset=DOLLARS, amount=amount, now=house.now())
        return f"{amount:f} {DOLLARS}"

    # --- small things ---------------------------------------------------------------------------------

    def _pair(self) -> Pair:
        return PAIRS[self._random.choice(list(self._house.engine.ticks))]

    def _spare(self, pair: Pair) -> Decimal:
        """The owner's own coins that are on no order of the owner's."""
        orders = self._house.engine.open_orders.values()
        offered = sum(
            (
                order.leaves
                for order in orders
                if order.symbol == pair.symbol and order.side is Side.SELL and not self._house.is_ours(order)
            ),
            ZERO,
        )
        own = self.coins.get(pair.base.code, ZERO) - offered
        return max(ZERO, min(own, self._house.engine.account.available(pair.base.code)))


def part_of(quantity: Decimal, pair: Pair) -> Decimal:
    return (quantity / 2).quantize(pair.lot_step, ROUND_DOWN)
