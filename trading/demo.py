"""The demo trader: opens a small bracket every few seconds, so that there is always something to see.

Runs on the demo account alone, through the same door as everybody else, with source `autopilot`.
"""

from __future__ import annotations

import logging
import random
from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from brackets import accounts, leases
from brackets.core.prices import BracketConfig, PriceRefusal, compute_bracket_prices
from brackets.core.states import ExitReason
from brackets.models import Account, Instrument
from brackets.operations import open_brackets
from risk.core.gate import DenialCode
from trading import configuration, door, market, pricing
from trading.models import Command, Trade

log = logging.getLogger("backstop.demo")
EVERY_SECONDS = 4
MOST_OPEN = 3  # people want to trade here too: half of the six pairs stay free
YIELD_SECONDS = 180  # a pair that a person was denied because of us is left alone for so long
PROOF_QUIET = timedelta(seconds=60)
DOLLARS = (15, 25, 40, 60)
NEAR, FAR = Decimal("0.2"), Decimal("0.9")  # multiples of the ATR
RECENT_ENDS = 20
SELDOM = frozenset({"BTC", "ETH"})  # what people try first


def trade(account: Account) -> None:
    """Open one bracket when the last is a few seconds old and a pair is free."""
    if account.mode != "demo" or account.recovered_at is None or not is_time(account):
        return
    symbol = choose(free_pairs(account))
    if symbol is None:
        return
    try:
        entry_type = next_entry_type(account)
        stop, r_multiple = legs(account, symbol, entry_type)
        verdict = door.execute_buy(
            symbol,
            Decimal(random.choice(DOLLARS)),
            account=account,
            entry_type=entry_type,
            stop_loss_price=stop,
            target_r_multiple=r_multiple,
            source=Trade.Source.AUTOPILOT,
            actor="demo trader",
        )
    except (door.BadInput, door.Recovering, market.MarketUnavailable, PriceRefusal) as error:
        log.info("no demo bracket now: %s", error)
        return
    if isinstance(verdict, door.Denied):
        log.info("demo bracket denied: %s", "; ".join(denial.message for denial in verdict.denials))


def next_entry_type(account: Account) -> str:
    """Two at market, two by limit, and so on: in step with neither leg that is near. Where the execution
    mode knows no limits, none is shown."""
    if configuration.default_entry_type(configuration.of(account)) == "market":
        return "market"
    opened = Trade.objects.filter(account=account, source=Trade.Source.AUTOPILOT).count()
    return "market" if opened % 4 < 2 else "limit"


def legs(account: Account, symbol: str, entry_type: str) -> tuple[Decimal, Decimal]:
    """A stop by the house's rule and a target as a multiple of its risk, with that leg near whose end was
    seen less of late. The target follows the fill price."""
    config = configuration.of(account)
    instrument = market.instrument_named(account, symbol)
    view = market.view(account, instrument, config, with_atr=True)
    risk, reward = (NEAR, FAR) if stop_is_due(account) else (FAR, NEAR)
    rules = BracketConfig(tick_size=instrument.tick_size, stop_atr_multiple=risk)
    price = pricing.entry_price(
        bid=view.bid, ask=view.ask, entry_type=entry_type, config=config, instrument=instrument
    )
    stop = compute_bracket_prices(price, view.atr, rules).stop_price
    return stop, (reward / risk).quantize(Decimal("0.001"))


def stop_is_due(account: Account) -> bool:
    """Whether a stop should be shown next rather than a target: what was seen less, else in turn."""
    mine = Trade.objects.filter(account=account, source=Trade.Source.AUTOPILOT)
    ends = list(mine.filter(status=Trade.Status.CLOSED).values_list("exit_reason", flat=True)[:RECENT_ENDS])
    stops, targets = ends.count(ExitReason.STOP_LOSS), ends.count(ExitReason.TAKE_PROFIT)
    return mine.count() % 2 == 0 if stops == targets else stops < targets


def is_time(account: Account) -> bool:
    if not configuration.of(account).entries_allowed:
        return False
    if leases.was_held_since(accounts.proof_lease_name(account), timezone.now() - PROOF_QUIET):
        return False  # a proof is being made: leave it the rate budget
    mine = Trade.objects.filter(account=account, source=Trade.Source.AUTOPILOT)
    if mine.filter(status=Trade.Status.OPEN).count() >= MOST_OPEN:
        return False
    newest = mine.first()
    return newest is None or timezone.now() - newest.opened_at >= timedelta(seconds=EVERY_SECONDS)


def choose(pairs: list[Instrument]) -> str | None:
    """One of these pairs by chance, seldom what people try first; None when there is none."""
    weights = [1 if pair.base in SELDOM else 3 for pair in pairs]
    return random.choices(pairs, weights)[0].symbol if pairs else None


def free_pairs(account: Account) -> list[Instrument]:
    """Pairs against the dollar whose coin is in no open bracket and not wanted by a person."""
    taken = set(Trade.objects.filter(account=account, status="OPEN").values_list("base", flat=True))
    taken |= {row.base for row in open_brackets(account)}
    pairs = Instrument.objects.filter(account=account, quote="USD", status="online")
    wanted = bases_people_were_denied(account)
    return [pair for pair in pairs if pair.base not in taken | wanted]


def bases_people_were_denied(account: Account) -> set[str]:
    """Coins that a person could not buy a moment ago because a trade of ours was in the way."""
    since = timezone.now() - timedelta(seconds=YIELD_SECONDS)
    denied = Command.objects.filter(account=account, status=Command.Status.DENIED, created_at__gte=since)
    asked = [
        str(command.payload.get("symbol", ""))
        for command in denied
        if any(denial["code"] == DenialCode.POSITION_OPEN for denial in command.denials)
    ]
    return {market.instrument_named(account, symbol).base for symbol in asked}
