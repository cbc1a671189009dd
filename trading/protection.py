"""Both exits for coins that are in the account already, bought by hand or left from before.

Buys nothing and adds protection, so it passes when paused. The coins are reckoned at the bid of that
moment: from there on the trade's risk and its PnL are measured.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils import timezone

from brackets import accounts, operations, outbox
from brackets.models import Account, Instrument
from risk.core.gate import ApprovedPlan, Denial, DenialCode, EntryRequest, HoldingFacts, judge_protect
from risk.core.plain import text
from risk.models import SystemConfig
from trading import coins, configuration, market, pricing
from trading.inputs import (
    QUANTITY_LIMIT,
    Denied,
    Opened,
    Verdict,
    Within,
    denied,
    opened_meanwhile,
    require_grid,
    require_positive,
    require_price,
    require_recovered,
)
from trading.models import Trade

VALIDATE_ONLY = "validate_mode"
BALANCE_BEING_READ = "balance_being_read"  # not known yet what is free: to be asked again


def protect_position(
    symbol: str,
    quantity: Decimal,
    *,
    stop_loss_price: Decimal | None = None,
    take_profit_price: Decimal | None = None,
    account: Account | None = None,
    actor: str = "system",
    within: Within | None = None,
) -> Verdict:
    """Put a bracket around `quantity` coins that are held already; prices not given are computed from the
    bid by the house's rule.

    Returns Opened with the Trade (source `protect`), or Denied with every limit that was broken and nothing
    written; the denial `balance_being_read` says to ask again in a few seconds. `within` is called with the
    Trade inside the transaction. Raises BadInput, UnknownSymbol, MarketUnavailable and Recovering (coins may
    be of a bracket that was not compared yet).
    """
    account = account or accounts.current()
    require_positive("quantity", quantity, below=QUANTITY_LIMIT)
    instrument = market.instrument_named(account, symbol)
    require_grid("quantity", quantity, instrument.lot_step, instrument.base)
    require_price("stop_loss_price", stop_loss_price, instrument.tick_size, instrument.quote)
    require_price("take_profit_price", take_profit_price, instrument.tick_size, instrument.quote)
    if account.mode == "validate":
        return denied(
            VALIDATE_ONLY,
            "In validate mode nothing is placed at the venue, so nothing could protect the coins.",
            limit="demo, paper, live",
            value="validate",
        )
    require_recovered(account)
    coins.await_reading(account, instrument)  # first, for a price does not stay fresh that long
    config = configuration.of(account)
    given = pricing.Given(stop_price=stop_loss_price, target_price=take_profit_price)
    rules = configuration.bracket_config(config, instrument.tick_size)
    view = market.view(
        account,
        instrument,
        config,
        with_atr=configuration.needs_atr(rules, given.stop_price, given.target_price),
    )
    priced = pricing.price_legs(view.bid, view.atr, rules, given)
    shape = pricing.shape_of(account, config, view, rules, priced=priced, given=given, entry_type="held")
    request = EntryRequest(
        symbol=instrument.symbol,
        base=instrument.base,
        quantity=quantity,
        entry_type="held",
        expected_price=priced.price,
        bid=view.bid,
        stop_price=priced.stop_price,
        target_price=priced.target_price,
    )
    return admit(account, request, view, shape, actor=actor, within=within)


def admit(
    account: Account,
    request: EntryRequest,
    view: market.MarketView,
    shape: operations.Shape,
    *,
    actor: str,
    within: Within | None,
) -> Verdict:
    """Judge and write in one transaction, in turn with every entry (the configuration is locked)."""
    at = timezone.now()
    try:
        with transaction.atomic():
            config = SystemConfig.objects.select_for_update().get(account=account.name)
            require_recovered(account)
            verdict = judge_protect(request, facts_of(account, view, at), config.limits())
            broken = () if isinstance(verdict, ApprovedPlan) else verdict
            told_of_coins = all(denial.code == DenialCode.INSUFFICIENT_COINS for denial in broken)
            if told_of_coins and not coins.is_believed(account, view.instrument, at):
                return Denied(denials=(being_read(account, request),))
            if not isinstance(verdict, ApprovedPlan):
                return Denied(denials=verdict)
            trade = write_trade(account, verdict, view.instrument, shape, actor=actor, at=at)
            if within is not None:
                within(trade)
    except IntegrityError:
        if not Trade.objects.filter(account=account, base=request.base, status="OPEN").exists():
            raise
        return opened_meanwhile(request.base)
    outbox.wake(account)
    return Opened(trade=trade)


def facts_of(account: Account, view: market.MarketView, at: datetime) -> HoldingFacts:
    instrument = view.instrument
    return HoldingFacts(
        market_status=instrument.status,
        price_age_seconds=view.age_seconds(at),
        base_has_open_trade=coins.open_trade_in(account, instrument.base) is not None,
        ask=view.ask,
        free_coins=coins.free_coins(account, instrument),
        minimum_quantity=instrument.minimum_quantity,
        minimum_cost=instrument.minimum_cost,
        quote=instrument.quote,
    )


def being_read(account: Account, request: EntryRequest) -> Denial:
    """Nobody knows what is free: what was read may have changed since. A reason to ask again, not a limit."""
    last = coins.read_at(account)
    read = "was never read" if last is None else f"was read at {last:%H:%M:%S} UTC and may have changed since"
    return Denial(
        code=BALANCE_BEING_READ,
        message=f"Whether {text(request.quantity)} {request.base} are free is not known: what open orders "
        f"hold {read}. It is being read again; ask once more in a few seconds.",
        limit="a reading after the last change of an order in the coin",
        value="" if last is None else f"{last:%Y-%m-%dT%H:%M:%SZ}",
    )


def write_trade(
    account: Account,
    plan: ApprovedPlan,
    instrument: Instrument,
    shape: operations.Shape,
    *,
    actor: str,
    at: datetime,
) -> Trade:
    request = plan.request
    bracket = operations.protect_coins(
        plan,
        account=account,
        instrument=instrument,
        shape=shape,
        held_price=request.expected_price,
        source=Trade.Source.PROTECT,
        actor=actor,
        at=at,
    )
    return Trade.objects.create(
        account=account,
        bracket=bracket,
        symbol=request.symbol,
        base=request.base,
        source=Trade.Source.PROTECT,
        requested_quantity=request.quantity,
        quantity=request.quantity,
        entry_price=request.expected_price,
        entry_at=at,
        initial_stop_loss_price=request.stop_price,
        stop_loss_price=request.stop_price,
        take_profit_price=request.target_price,
        opened_at=at,
        updated_at=at,
    )
