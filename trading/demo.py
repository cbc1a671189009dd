"""The demo trader: opens a small bracket every few seconds, so that there is always something to see.

Runs on the demo account alone, through the same door as everybody else, with source `autopilot`.
"""

from __future__ import annotations

import logging
import random
from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from brackets.core.prices import BracketConfig, PriceRefusal, TargetMethod, compute_bracket_prices
from brackets.models import Account, Instrument
from brackets.operations import open_brackets
from trading import configuration, door, market
from trading.models import Trade

log = logging.getLogger("backstop.demo")
EVERY_SECONDS = 4
DOLLARS = (15, 25, 40, 60)
NEAR, FAR = Decimal("0.3"), Decimal("0.8")  # multiples of the ATR


def trade(account: Account) -> None:
    """Open one bracket when the last is a few seconds old and a pair is free."""
    if account.mode != "demo" or account.recovered_at is None or not is_time(account):
        return
    symbols = free_symbols(account)
    if not symbols:
        return
    try:
        verdict = door.execute_buy(
            random.choice(symbols),
            Decimal(random.choice(DOLLARS)),
            account=account,
            source=Trade.Source.AUTOPILOT,
            actor="demo trader",
        )
    except (door.BadInput, door.Recovering, market.MarketUnavailable, PriceRefusal) as error:
        log.info("no demo bracket now: %s", error)
        return
    if isinstance(verdict, door.Denied):
        log.info("demo bracket denied: %s", "; ".join(denial.message for denial in verdict.denials))


def legs(account: Account, symbol: str) -> tuple[Decimal, Decimal]:
    """Stop and target by the house's own rule, in turn with the stop near and with the target near, so
    that both ends can be seen."""
    config = configuration.of(account)
    instrument = market.instrument_named(account, symbol)
    view = market.view(account, instrument, config, with_atr=True)
    stop_is_near = Trade.objects.filter(account=account).count() % 2 == 0
    rules = BracketConfig(
        tick_size=instrument.tick_size,
        stop_atr_multiple=NEAR if stop_is_near else FAR,
        target_method=TargetMethod.ATR,
        target_atr_multiple=FAR if stop_is_near else NEAR,
    )
    prices = compute_bracket_prices(view.ask, view.atr, rules)
    return prices.stop_price, prices.target_price


def is_time(account: Account) -> bool:
    if not configuration.of(account).entries_allowed:
        return False
    newest = Trade.objects.filter(account=account, source=Trade.Source.AUTOPILOT).first()
    return newest is None or timezone.now() - newest.opened_at >= timedelta(seconds=EVERY_SECONDS)


def free_symbols(account: Account) -> list[str]:
    """Pairs against the dollar whose coin is in no open trade."""
    taken = set(Trade.objects.filter(account=account, status="OPEN").values_list("base", flat=True))
    taken |= {row.base for row in open_brackets(account)}
    pairs = Instrument.objects.filter(account=account, quote="USD", status="online")
    return [pair.symbol for pair in pairs if pair.base not in taken]
