"""The one door through which every position is opened, and the names under which all acts are found.

Autopilot, admin, REST, command line, assistant and force test all come through
`open_position_with_brackets`: look at the market (network, outside any transaction), then judge and
write Trade, Bracket and the entry's intent in one transaction. Denied means nothing was written.
Leaving stands in `exits.py` and `liquidation.py`, moving legs in `edits.py`, coins that are held already
in `protection.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils import timezone

from brackets import accounts, operations, outbox, readers
from brackets.core import prices
from brackets.core.holdings import base_names, quote_names
from brackets.models import Account, Instrument
from risk.core.gate import ApprovedPlan, DenialCode, EntryFacts, EntryRequest, judge
from risk.core.plain import text
from risk.models import SystemConfig
from trading import configuration, market, pricing
from trading.core.indicators import Bar, average_true_range
from trading.edits import edit_position
from trading.exits import close_position, execute_sell
from trading.inputs import (
    QUANTITY_LIMIT,
    BadInput,
    Changed,
    ChangeVerdict,
    Denied,
    Opened,
    Recovering,
    UnknownTrade,
    Verdict,
    Within,
    account_for,
    denied,
    opened_meanwhile,
    require_grid,
    require_positive,
    require_price,
    require_recovered,
    why_recovering,
)
from trading.liquidation import liquidate_all
from trading.models import Trade
from trading.protection import protect_position

__all__ = [
    "BadInput",
    "ChangeVerdict",
    "Changed",
    "Denied",
    "Opened",
    "Recovering",
    "UnknownTrade",
    "Verdict",
    "Within",
    "calculate_stop_loss",
    "check_open_positions",
    "close_position",
    "edit_position",
    "execute_buy",
    "execute_sell",
    "get_balance",
    "liquidate_all",
    "open_position_with_brackets",
    "place_market_order",
    "protect_position",
    "why_recovering",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """An entry ready to be judged: priced, sized and on the venue's grid."""

    request: EntryRequest
    view: market.MarketView
    shape: operations.Shape


def execute_buy(
    symbol: str,
    amount_usd: Decimal,
    *,
    account: Account | None = None,
    entry_type: str | None = None,
    stop_loss_price: Decimal | None = None,
    take_profit_price: Decimal | None = None,
    target_r_multiple: Decimal | None = None,
    source: str = Trade.Source.COMMAND,
    actor: str = "system",
    within: Within | None = None,
) -> Verdict:
    """Buy for about `amount_usd` (the notional before fees, rounded down to the venue's lot), at market or
    by a post-only limit; where `entry_type` is not given, as the execution mode has it.

    Raises BadInput, UnknownSymbol, MarketUnavailable and Recovering; nothing was written then.
    """
    account = account or accounts.current()
    require_positive("amount_usd", amount_usd)
    instrument = market.instrument_named(account, symbol)
    config = configuration.of(account)
    entry_type = entry_type or configuration.default_entry_type(config)
    quote = market.fresh_quote(account, instrument)
    price = pricing.entry_price(
        bid=quote.bid, ask=quote.ask, entry_type=entry_type, config=config, instrument=instrument
    )
    quantity = prices.round_down(amount_usd / price, instrument.lot_step)
    if quantity <= 0:
        raise BadInput(
            "amount_usd",
            f"amount_usd {amount_usd} buys less than one lot of {text(instrument.lot_step)} "
            f"{instrument.base} at {text(price)}.",
        )
    return open_position_with_brackets(
        account.name,
        instrument.symbol,
        "buy",
        quantity,
        entry_type,
        stop_loss_price,
        take_profit_price,
        source,
        target_r_multiple=target_r_multiple,
        actor=actor,
        within=within,
    )


def place_market_order(
    side: str, symbol: str, quantity: Decimal, *, actor: str = "system"
) -> Verdict | ChangeVerdict:
    """Buy `quantity` coins at market (with both exits, like every entry), or sell them out of the open
    bracket in this coin. Raises what `open_position_with_brackets` and `execute_sell` raise."""
    if side == "sell":
        return execute_sell(symbol, quantity, actor=actor)
    return open_position_with_brackets(
        accounts.current().name,
        symbol,
        side,
        quantity,
        "market",
        None,
        None,
        Trade.Source.COMMAND,
        actor=actor,
    )


def open_position_with_brackets(
    exchange: str,
    symbol: str,
    side: str,
    quantity: Decimal,
    entry_type: str | None,
    stop_loss_price: Decimal | None,
    take_profit_price: Decimal | None,
    source: str,
    *,
    target_r_multiple: Decimal | None = None,
    actor: str = "system",
    within: Within | None = None,
) -> Verdict:
    """Open a long position with both its exits on the account named `exchange`.

    `entry_type` is market, limit or None (as the execution mode has it). Prices not given are computed by
    `compute_bracket_prices` from the configuration (the target, where `target_r_multiple` is given, by that
    multiple of the initial risk instead) and follow the average fill. Returns Opened with the Trade, or
    Denied with every limit that was broken and nothing written. `within` is called with the Trade inside
    the transaction that writes it. Raises BadInput, UnknownSymbol, MarketUnavailable and Recovering;
    nothing was written then either.
    """
    account = account_for(exchange)
    if side != "buy":
        raise BadInput("side", f"side must be buy (this house is long only), not {side!r}.")
    require_positive("quantity", quantity, below=QUANTITY_LIMIT)
    instrument = market.instrument_named(account, symbol)
    require_grid("quantity", quantity, instrument.lot_step, instrument.base)
    require_price("stop_loss_price", stop_loss_price, instrument.tick_size, instrument.quote)
    require_price("take_profit_price", take_profit_price, instrument.tick_size, instrument.quote)
    if target_r_multiple is not None:
        require_positive("target_r_multiple", target_r_multiple)
        require_grid(
            "target_r_multiple", target_r_multiple, Decimal(1).scaleb(-configuration.RATIO_PLACES), "R"
        )
    if (paused := denied_before_looking(account)) is not None:
        return paused
    require_recovered(account)
    proposal = propose(
        account,
        instrument,
        quantity,
        entry_type,
        given=pricing.Given(stop_price=stop_loss_price, target_price=take_profit_price),
        target_r_multiple=target_r_multiple,
    )
    return admit(account, proposal, source=source, actor=actor, within=within)


def denied_before_looking(account: Account) -> Denied | None:
    """PAUSED is said even when the venue cannot be reached; it is judged again in the transaction."""
    config = configuration.of(account)
    if config.entries_allowed:
        return None
    return denied(
        DenialCode.PAUSED if config.system_status == "PAUSED" else DenialCode.TRADING_INACTIVE,
        f"No entry leaves: the system is {config.system_status}, is_trading_active is "
        f"{str(config.is_trading_active).lower()}. Exits still pass. Resume first.",
        limit="ACTIVE",
        value=config.system_status,
    )


def propose(
    account: Account,
    instrument: Instrument,
    quantity: Decimal,
    entry_type: str | None,
    *,
    given: pricing.Given,
    target_r_multiple: Decimal | None,
) -> Proposal:
    """Look at the market and price entry and legs. Raises BadInput when no usable prices follow."""
    config = configuration.of(account)
    entry_type = entry_type or configuration.default_entry_type(config)
    rules = configuration.bracket_config(config, instrument.tick_size, target_r_multiple=target_r_multiple)
    needs_atr = configuration.needs_atr(rules, given.stop_price, given.target_price)
    view = market.view(account, instrument, config, with_atr=needs_atr)
    price = pricing.entry_price(
        bid=view.bid, ask=view.ask, entry_type=entry_type, config=config, instrument=instrument
    )
    priced = pricing.price_legs(price, view.atr, rules, given)
    request = EntryRequest(
        symbol=instrument.symbol,
        base=instrument.base,
        quantity=quantity,
        entry_type=entry_type,
        expected_price=price,
        bid=view.bid,
        stop_price=priced.stop_price,
        target_price=priced.target_price,
    )
    shape = pricing.shape_of(account, config, view, rules, priced=priced, given=given, entry_type=entry_type)
    return Proposal(request=request, view=view, shape=shape)


def admit(account: Account, proposal: Proposal, *, source: str, actor: str, within: Within | None) -> Verdict:
    """Judge and write in one transaction; the configuration is locked, so a pause cannot slip between.

    Raises Recovering when a restart slipped between: the market was looked at meanwhile."""
    at = timezone.now()
    request = proposal.request
    try:
        with transaction.atomic():
            config = SystemConfig.objects.select_for_update().get(account=account.name)
            if config.entries_allowed:  # paused weighs more, and is said by the gate
                require_recovered(account)
            verdict = judge(request, facts_of(account, proposal, at), config.limits())
            if not isinstance(verdict, ApprovedPlan):
                return Denied(denials=verdict)
            trade = write_trade(account, verdict, proposal, source=source, actor=actor, at=at)
            if within is not None:
                within(trade)
    except IntegrityError:
        if not Trade.objects.filter(account=account, base=request.base, status="OPEN").exists():
            raise
        return opened_meanwhile(request.base)
    outbox.wake(account)
    return Opened(trade=trade)


def facts_of(account: Account, proposal: Proposal, at: datetime) -> EntryFacts:
    instrument = proposal.view.instrument
    trades = Trade.objects.filter(account=account, status=Trade.Status.OPEN)
    balance = readers.holding(account, quote_names(instrument))
    return EntryFacts(
        market_status=instrument.status,
        price_age_seconds=proposal.view.age_seconds(at),
        base_has_open_trade=trades.filter(base=instrument.base).exists(),
        open_trades=trades.count(),
        available_quote=None if balance is None else balance.available,
        minimum_quantity=instrument.minimum_quantity,
        minimum_cost=instrument.minimum_cost,
        taker_fee_ratio=instrument.taker_fee_ratio,
        maker_fee_ratio=instrument.maker_fee_ratio,
        quote=instrument.quote,
    )


def write_trade(
    account: Account, plan: ApprovedPlan, proposal: Proposal, *, source: str, actor: str, at: datetime
) -> Trade:
    bracket = operations.open_bracket(
        plan,
        account=account,
        instrument=proposal.view.instrument,
        shape=proposal.shape,
        source=source,
        actor=actor,
        at=at,
    )
    request = plan.request
    return Trade.objects.create(
        account=account,
        bracket=bracket,
        symbol=request.symbol,
        base=request.base,
        source=source,
        requested_quantity=request.quantity,
        quantity=request.quantity,
        initial_stop_loss_price=request.stop_price,
        stop_loss_price=request.stop_price,
        take_profit_price=request.target_price,
        opened_at=at,
        updated_at=at,
    )


def check_open_positions(account: Account | None = None) -> list[Trade]:
    """The trades that are open, newest first."""
    account = account or accounts.current()
    return list(Trade.objects.filter(account=account, status=Trade.Status.OPEN).select_related("bracket"))


def get_balance(currency: str, account: Account | None = None) -> Decimal:
    """Total of a currency as last read ("USD", "BTC"), what earns of it included; 0 when the account never
    held it."""
    account = account or accounts.current()
    coins = (names(pair) for pair in account.instruments.all() for names in (base_names, quote_names))
    found = readers.holding(account, next((names for names in coins if currency in names), {currency}))
    return found.total if found else Decimal(0)


def calculate_stop_loss(entry_price: Decimal, ohlcv: Sequence[Bar], *, tick_size: Decimal) -> Decimal:
    """The stop below `entry_price` by the configured rule; `ohlcv` are bars, oldest first.

    Raises prices.PriceRefusal when no stop follows (for example too few bars for the ATR).
    """
    config = configuration.of(accounts.current())
    atr = average_true_range(ohlcv, period=config.atr_period)
    rules = configuration.bracket_config(config, tick_size)
    return prices.compute_bracket_prices(entry_price, atr, rules).stop_price
