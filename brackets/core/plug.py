"""Pulling the plug: what becomes of a bracket if nobody of ours ever acted again.

Pure. A bracket comes in as the book has it, and out comes one line: what rests at the venue, and the worst
that can be lost by it. One principle decides every doubt: what was read from the venue protects; what is not
certain (sent and not answered, accepted and not read, on its way out, being changed) may hurt, but protects
nothing. So the worse of both cases is counted for every Unknown: a sell that may not be there is not there,
an entry that may be there buys all it may.

Prices and losses are in quote currency, quantities in coins. What the owner holds beside us is not counted,
nor is what was won or lost by coins that are sold already.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from brackets.core.orders import ZERO, Bracket, BracketOrder
from brackets.core.states import OrderStatus, Policy, Role, State

SLIPPAGE = Decimal("0.005")
"""Assumed between a stop's trigger and what its market order gets, unless said otherwise: half a percent."""


class Certainty(StrEnum):
    """How an order is known to rest at the venue."""

    READ = "read"  # a reading showed it, with these terms
    UNCERTAIN = "uncertain"  # it may be there; `why` says what is not known
    NOT_SENT = "not_sent"  # only intended: with this machine it is gone


class Standing(StrEnum):
    """What would become of the coins, the worst of it; the first four are well."""

    EMPTY = "empty"  # no coins, and none can be bought without a stop
    STOPPED = "stopped"  # a stop rests for every coin
    SWAPPED = "swapped"  # lawfully: near its target, which rests, while a living watch keeps the stop
    TOO_SMALL = "too_small"  # what has no stop is less than the venue lets be sold
    BARE_ENTRY = "bare_entry"  # an entry may still buy, and no stop would come with it
    UNSTOPPED = "unstopped"  # coins have a sell order that bounds no loss, and nobody keeps their stop
    BARE = "bare"  # nothing at the venue would sell these coins


WELL = frozenset({Standing.EMPTY, Standing.STOPPED, Standing.SWAPPED, Standing.TOO_SMALL})


@dataclass(frozen=True, kw_only=True, slots=True)
class Market:
    """What a line is reckoned with."""

    bid: Decimal | None  # the last one heard; None: never
    taker_fee_ratio: Decimal
    slippage_ratio: Decimal = SLIPPAGE

    def proceeds(self, price: Decimal) -> Decimal:
        """What a coin brings whose stop triggers at `price`: less slippage and the taker's fee; a price the
        market has already fallen through is not to be had any more."""
        reached = price if self.bid is None else min(price, self.bid)
        return reached * (1 - self.slippage_ratio) * (1 - self.taker_fee_ratio)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sending:
    """How an order was sent, which the bracket itself does not remember."""

    sent: bool
    close_stop_price: Decimal | None = None  # of the stop attached to an entry
    expires_at: datetime | None = None  # when the venue ends it by itself


@dataclass(frozen=True, kw_only=True, slots=True)
class Rest:
    """One order, as far as it is known to rest."""

    role: Role
    key: str
    venue_order_id: str | None
    certainty: Certainty
    why: str  # what is not certain; empty: nothing
    quantity: Decimal
    price: Decimal | None  # a stop's trigger, a limit order's limit; None: at market
    ends_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MayBuy:
    """What a live entry may still buy after the plug was pulled."""

    quantity: Decimal
    price: Decimal
    stop_price: Decimal | None  # of the stop that comes with every fill; None: none does
    ends_at: datetime | None  # when the venue ends it by itself; None: never


@dataclass(frozen=True, kw_only=True, slots=True)
class PlugLine:
    """One bracket. `stopped + sell_only + bare == coins`."""

    symbol: str
    standing: Standing
    coins: Decimal
    stopped: Decimal  # coins a stop certainly rests for
    sell_only: Decimal  # coins only a sell at or above a price rests for: a target
    bare: Decimal  # coins nothing certainly rests for
    cost_per_coin: Decimal | None  # what one coin cost, fees included; None: no coins, or not known
    bid: Decimal | None
    stop_price: Decimal
    target_price: Decimal
    rests: tuple[Rest, ...]
    may_buy: tuple[MayBuy, ...]
    loss_at_stop: Decimal  # if every stop is reached, entries still to come included; negative: a gain
    unprotected_value: Decimal  # what coins without a stop are worth at the bid: all of it can be lost
    reckoned: bool = False  # the coins were not bought: their cost is what they are reckoned with

    @property
    def worst_loss(self) -> Decimal:
        return self.loss_at_stop + self.unprotected_value

    @property
    def bounded(self) -> bool:
        """Whether a stop stands, or would come, for all that is and may be held."""
        return self.stopped == self.coins and all(entry.stop_price is not None for entry in self.may_buy)

    @property
    def at_stake(self) -> bool:
        """Whether there is anything to lose."""
        return self.coins > 0 or bool(self.may_buy)

    @property
    def well(self) -> bool:
        return self.standing in WELL

    @property
    def base(self) -> str:
        return self.symbol.partition("/")[0]

    @property
    def quote(self) -> str:
        return self.symbol.partition("/")[2]

    @property
    def uncertain(self) -> tuple[Rest, ...]:
        return tuple(rest for rest in self.rests if rest.certainty is Certainty.UNCERTAIN)


def plug_line(
    bracket: Bracket,
    *,
    market: Market,
    sendings: Mapping[str, Sending],
    entry_fees: Decimal = ZERO,
    watched: bool = False,
    unseen: frozenset[str] = frozenset(),
) -> PlugLine:
    """The bracket's line. `sendings` are of its live orders, by key; `entry_fees` what its booked entry fills
    cost in quote currency; `watched`: a living watch keeps the stops that do not rest; `unseen` are keys of
    orders that a reading of all open orders did not show."""
    coins = max(bracket.coins, ZERO)
    rests = tuple(
        rest_of(order, sendings.get(order.key), unseen=order.key in unseen)
        for order in bracket.orders
        if order.live
    )
    stops = [(rest.price, rest.quantity) for rest in certain(rests, Role.STOP) if rest.price is not None]
    parts = stopped_parts(stops, coins)
    stopped = sum((quantity for _, quantity in parts), ZERO)
    others = sum((rest.quantity for rest in certain(rests, Role.TARGET, Role.EXIT)), ZERO)
    sell_only = min(coins - stopped, others)
    bare = coins - stopped - sell_only
    cost = cost_per_coin(bracket, entry_fees=entry_fees, taker_fee_ratio=market.taker_fee_ratio)
    worth = market.bid or cost or bracket.stop_price
    may_buy = tuple(
        MayBuy(
            quantity=rest.quantity,
            price=rest.price or worth * (1 + market.slippage_ratio),
            stop_price=sending.close_stop_price,
            ends_at=sending.expires_at,
        )
        for rest, sending in buying(rests, sendings)
    )
    return PlugLine(
        symbol=bracket.plan.symbol,
        standing=standing_of(bracket, may_buy, sell_only=sell_only, bare=bare, watched=watched),
        coins=coins,
        stopped=stopped,
        sell_only=sell_only,
        bare=bare,
        cost_per_coin=cost,
        bid=market.bid,
        stop_price=bracket.stop_price,
        target_price=bracket.target_price,
        rests=rests,
        may_buy=may_buy,
        loss_at_stop=loss_of_coins(parts, worth if cost is None else cost, market)
        + sum((loss_to_come(one, market) for one in may_buy), ZERO),
        unprotected_value=(sell_only + bare) * worth + sum((value_to_come(one) for one in may_buy), ZERO),
        reckoned=bracket.plan.held_quantity > 0,
    )


# --- what rests ----------------------------------------------------------------------------------


def rest_of(order: BracketOrder, sending: Sending | None, *, unseen: bool = False) -> Rest:
    """An order by what is known of it. What is certain of a sell under amendment is the smaller quantity and
    the lower price of both; an order that may hurt counts with all it may still execute."""
    why = "not among the open orders just read" if unseen else doubt(order)
    certainty = Certainty.READ if not why else Certainty.UNCERTAIN
    if order.status is OrderStatus.INTENDED and sending is not None and not sending.sent:
        certainty, why = Certainty.NOT_SENT, "intended, not sent"
    is_entry = order.role is Role.ENTRY
    return Rest(
        role=order.role,
        key=order.key,
        venue_order_id=order.venue_order_id,
        certainty=certainty,
        why=why,
        quantity=order.certain_leaves if certainty is Certainty.READ and not is_entry else order.leaves,
        price=worse_price(order),
        ends_at=sending.expires_at if sending is not None else None,
    )


def doubt(order: BracketOrder) -> str:
    """Why it is not certain that a live order rests; empty: it was read."""
    if order.status is OrderStatus.INTENDED:
        return "may just be on its way"
    if order.status is OrderStatus.UNKNOWN:
        return "sent, and no certain answer"
    if not order.read_back:
        return "accepted, not read yet"
    return "being canceled" if order.cancel_wanted else ""


def worse_price(order: BracketOrder) -> Decimal | None:
    """Trigger or limit; while an amendment is not settled the lower of both, for a sell."""
    standing = order.trigger_price if order.trigger_price is not None else order.limit_price
    change = order.amendment
    if change is None or standing is None or order.role is Role.ENTRY:
        return standing
    asked = change.trigger_price if order.trigger_price is not None else change.limit_price
    return standing if asked is None else min(standing, asked)


def certain(rests: Iterable[Rest], *roles: Role) -> list[Rest]:
    return [rest for rest in rests if rest.role in roles and rest.certainty is Certainty.READ]


def buying(rests: Iterable[Rest], sendings: Mapping[str, Sending]) -> list[tuple[Rest, Sending]]:
    """The entries that are or may be at the venue. One of which it is not known how it was sent is taken to
    come without a stop."""
    unknown = Sending(sent=True)
    return [
        (rest, sendings.get(rest.key, unknown))
        for rest in rests
        if rest.role is Role.ENTRY and rest.certainty is not Certainty.NOT_SENT and rest.quantity > 0
    ]


def stopped_parts(stops: Iterable[tuple[Decimal, Decimal]], coins: Decimal) -> list[tuple[Decimal, Decimal]]:
    """Trigger price and quantity of each part of the coins that has a stop. Where stops stand for more coins
    than there are, those that sell lowest are counted."""
    parts = []
    for price, quantity in sorted(stops):
        part = min(quantity, coins)
        coins -= part
        if part > 0:
            parts.append((price, part))
    return parts


# --- what is lost --------------------------------------------------------------------------------


def cost_per_coin(bracket: Bracket, *, entry_fees: Decimal, taker_fee_ratio: Decimal) -> Decimal | None:
    """What one coin of the bracket cost: (average price × coins acquired + fees) ÷ coins received. Fees are
    those that were booked, and the taker's for fills that are not booked yet; a fee taken in coins makes the
    others dearer. Coins that were held before count with the price they are reckoned with."""
    average = bracket.average_entry_price
    if average is None:
        return None
    entries = bracket.having(Role.ENTRY)
    unbooked = sum((order.filled - order.booked for order in entries), ZERO)
    received = bracket.acquired - sum((order.base_fees for order in entries), ZERO)
    if received <= 0:
        return None
    fees = entry_fees + max(unbooked, ZERO) * average * taker_fee_ratio
    return (average * bracket.acquired + fees) / received


def loss_of_coins(parts: Iterable[tuple[Decimal, Decimal]], cost: Decimal, market: Market) -> Decimal:
    """Σ quantity × (cost of a coin − what it brings at its stop)."""
    return sum((quantity * (cost - market.proceeds(price)) for price, quantity in parts), ZERO)


def loss_to_come(entry: MayBuy, market: Market) -> Decimal:
    """Of an entry that brings its stop: whole quantity × (price × (1 + fee) − what the stop brings)."""
    if entry.stop_price is None:
        return ZERO
    paid = entry.price * (1 + market.taker_fee_ratio)
    return entry.quantity * (paid - market.proceeds(entry.stop_price))


def value_to_come(entry: MayBuy) -> Decimal:
    """Of an entry without a stop: all that it may buy, quantity × price."""
    return entry.quantity * entry.price if entry.stop_price is None else ZERO


# --- is it well ----------------------------------------------------------------------------------


def standing_of(
    bracket: Bracket, may_buy: tuple[MayBuy, ...], *, sell_only: Decimal, bare: Decimal, watched: bool
) -> Standing:
    """The worst that is so. Parts below the venue's minimum, for which no order can stand, are no trouble."""
    minimum = bracket.plan.minimum_quantity
    if bare and bare >= minimum:
        return Standing.BARE
    large = bare + sell_only > 0 and bare + sell_only >= minimum
    if large and not (watched and is_swapped(bracket)):
        return Standing.UNSTOPPED
    if any(entry.stop_price is None for entry in may_buy):
        return Standing.BARE_ENTRY
    if bracket.coins <= 0:
        return Standing.EMPTY
    if large:
        return Standing.SWAPPED
    return Standing.TOO_SMALL if bare + sell_only > 0 else Standing.STOPPED


def is_swapped(bracket: Bracket) -> bool:
    """Whether the target rests in its stop's place by the rules, every coin read back."""
    wanted = bracket.policy is Policy.NEAREST and bracket.resting is Role.TARGET
    return wanted and bracket.state is State.BRACKET_ACTIVE
