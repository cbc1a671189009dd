"""Both exits for coins that are in the account already, bought by hand or left from before.

Buys nothing and adds protection, so it passes when paused. The coins are reckoned at the bid of that
moment: from there on the trade's risk and its PnL are measured.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.db.models import F, Sum
from django.utils import timezone

from brackets import accounts, operations, outbox, readers, records
from brackets.core.holdings import base_names
from brackets.core.states import LIVE, Role, State
from brackets.models import Account, Bracket, Instrument, Order
from risk.core.gate import ApprovedPlan, EntryRequest, HoldingFacts, judge_protect
from risk.fields import quantity_field
from risk.models import SystemConfig
from trading import configuration, market, pricing
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
    written. `within` is called with the Trade inside the transaction. Raises BadInput, UnknownSymbol,
    MarketUnavailable and Recovering (coins may be of a bracket that was not compared yet).
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
    open_trades = Trade.objects.filter(account=account, status=Trade.Status.OPEN, base=instrument.base)
    return HoldingFacts(
        market_status=instrument.status,
        price_age_seconds=view.age_seconds(at),
        base_has_open_trade=open_trades.exists(),
        ask=view.ask,
        free_coins=free_coins(account, instrument),
        minimum_quantity=instrument.minimum_quantity,
        minimum_cost=instrument.minimum_cost,
        quote=instrument.quote,
    )


def free_coins(account: Account, instrument: Instrument) -> Decimal | None:
    """Coins as last read that no order of somebody else reserves and no bracket of ours holds; None when
    the balance was never read."""
    balance = readers.holding(account, base_names(instrument))
    if balance is None:
        return None if account.first_balances_at is None else Decimal(0)
    held_by_others = max(balance.held - reserved_by_us(account, instrument), Decimal(0))
    return balance.total - held_by_others - coins_of_brackets(account, instrument)


def reserved_by_us(account: Account, instrument: Instrument) -> Decimal:
    """Coins that our own live sells reserve at the venue."""
    ours = Order.objects.filter(account=account, bracket__base=instrument.base, status__in=LIVE)
    leaves = ours.exclude(role=Role.ENTRY).aggregate(
        leaves=Sum(F("quantity") - F("filled_quantity"), output_field=quantity_field())
    )["leaves"]
    return leaves or Decimal(0)


def coins_of_brackets(account: Account, instrument: Instrument) -> Decimal:
    """Coins in brackets that are not over yet. Dust of finished ones is the owner's again."""
    rows = Bracket.objects.filter(account=account, base=instrument.base).exclude(state=State.EXIT_COMPLETE)
    coins = (records.load(row).coins for row in rows.prefetch_related("orders", "fills"))
    return sum((max(held, Decimal(0)) for held in coins), Decimal(0))


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
