"""Where a new position stands: the price of its entry, both legs, and how the legs follow what is paid.

Between the market that was looked at and the gate: reads the configuration, asks nothing of the venue and
writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from brackets.core import prices
from brackets.models import Account, Instrument
from brackets.operations import Shape
from risk.models import SystemConfig
from trading import configuration
from trading.inputs import BadInput
from trading.market import MarketView

PRICE_PLACES = Decimal("1E-10")  # what the price column holds


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """The legs as far as they were asked for; None: by the rule."""

    stop_price: Decimal | None = None
    target_price: Decimal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Priced:
    """A position with its prices, in quote currency: what the entry is reckoned at, and its legs."""

    price: Decimal
    stop_price: Decimal
    target_price: Decimal


def entry_price(
    *, bid: Decimal, ask: Decimal, entry_type: str, config: SystemConfig, instrument: Instrument
) -> Decimal:
    """What a coin is bought at: the ask at market, the limit of a post-only entry. Raises BadInput."""
    if entry_type != "limit":
        return ask
    try:
        return prices.entry_limit_price(
            bid,
            offset_bps=config.entry_offset_bps,
            offset_ticks=config.entry_offset_ticks,
            tick_size=instrument.tick_size,
        )
    except prices.PriceRefusal as refusal:
        raise BadInput("entry_type", f"No limit can be placed: {refusal}.") from refusal


def price_legs(price: Decimal, atr: Decimal | None, rules: prices.BracketConfig, given: Given) -> Priced:
    """Both legs around `price`: what was given stays (the gate judges it), what was not is computed. A stop
    on the wrong side of the price makes no target: that is then computed from half the price, and the gate
    denies. Raises BadInput when no usable prices follow."""
    stop, target = given.stop_price, given.target_price
    try:
        if stop is None:
            stop = prices.compute_bracket_prices(price, atr, rules).stop_price
        if target is None:
            beside = stop if stop < price else prices.round_down(price / 2, rules.tick_size)
            target = prices.target_for(price, beside, atr, rules)
    except prices.PriceRefusal as refusal:
        raise BadInput("stop_loss_price", f"No stop and target can be computed: {refusal}.") from refusal
    return Priced(price=price, stop_price=stop, target_price=target)


def shape_of(
    account: Account,
    config: SystemConfig,
    view: MarketView,
    rules: prices.BracketConfig,
    *,
    priced: Priced,
    given: Given,
    entry_type: str,
) -> Shape:
    """How the bracket is entered, and how its legs follow the entry's average fill: a leg that was given
    stays where it is."""
    by_multiple = rules.target_method is prices.TargetMethod.R_MULTIPLE
    follows = given.target_price is None
    return Shape(
        policy=configuration.leg_policy(config, account),
        swap_in_bps=config.swap_in_bps,
        swap_out_bps=config.swap_out_bps,
        stop_distance=None
        if given.stop_price is not None
        else to_places(prices.stop_distance(priced.price, view.atr, rules)),
        target_distance=to_places(rules.target_atr_multiple * (view.atr or Decimal(0)))
        if follows and not by_multiple
        else None,
        target_r_multiple=rules.target_r_multiple if follows and by_multiple else None,
        entry=configuration.entry_terms(config, priced.price) if entry_type == "limit" else None,
        attach_stop=config.entry_stop == SystemConfig.EntryStop.ATTACHED,
    )


def to_places(distance: Decimal) -> Decimal:
    return distance.quantize(PRICE_PLACES, rounding=ROUND_HALF_EVEN)
