"""The one door through which every position is opened, and the acts beside it.

Autopilot, admin, REST, command line, assistant and force test all come through
`open_position_with_brackets`: look at the market (network, outside any transaction), then judge and
write Trade, Bracket and the entry's intent in one transaction. Denied means nothing was written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils import timezone

from brackets import accounts, operations, outbox
from brackets.core import prices
from brackets.core.events import CloseRequested
from brackets.core.machine import RefusedEvent
from brackets.core.states import ExitReason
from brackets.models import Account, AssetBalance, Instrument
from risk.core.gate import ApprovedPlan, Denial, DenialCode, EntryFacts, EntryRequest, judge
from risk.core.plain import text
from risk.models import SystemConfig
from trading import configuration, market
from trading.core.indicators import Bar, average_true_range
from trading.models import Trade

MAXIMUM_PLACES = 18
MONEY_LIMIT, QUANTITY_LIMIT = Decimal(10) ** 8, Decimal(10) ** 10  # what the exact columns hold


class BadInput(ValueError):
    """What was asked for is malformed; the message names the field, the limit and the value."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Recovering(Exception):
    """After a start, no entry before the book was compared with the venue. Try again shortly."""


class UnknownTrade(LookupError):
    """There is no such trade on this account; the message names it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    trade: Trade


@dataclass(frozen=True, kw_only=True, slots=True)
class Denied:
    denials: tuple[Denial, ...]


Verdict = Opened | Denied
Within = Callable[[Trade], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """An entry ready to be judged: priced, sized and on the venue's grid."""

    request: EntryRequest
    view: market.MarketView
    target_rule: operations.TargetRule


def execute_buy(
    symbol: str,
    amount_usd: Decimal,
    *,
    account: Account | None = None,
    entry_type: str = "market",
    stop_loss_price: Decimal | None = None,
    take_profit_price: Decimal | None = None,
    target_r_multiple: Decimal | None = None,
    source: str = Trade.Source.COMMAND,
    actor: str = "system",
    within: Within | None = None,
) -> Verdict:
    """Buy for about `amount_usd` (the notional before fees, rounded down to the venue's lot).

    Raises BadInput, UnknownSymbol, MarketUnavailable and Recovering; nothing was written then.
    """
    account = account or accounts.current()
    require_positive("amount_usd", amount_usd)
    instrument = market.instrument_named(account, symbol)
    ask = market.fresh_quote(account, instrument).ask
    quantity = prices.round_down(amount_usd / ask, instrument.lot_step)
    if quantity <= 0:
        raise BadInput(
            "amount_usd",
            f"amount_usd {amount_usd} buys less than one lot of {text(instrument.lot_step)} "
            f"{instrument.base} at {text(ask)}.",
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


def open_position_with_brackets(
    exchange: str,
    symbol: str,
    side: str,
    quantity: Decimal,
    entry_type: str,
    stop_loss_price: Decimal | None,
    take_profit_price: Decimal | None,
    source: str,
    *,
    target_r_multiple: Decimal | None = None,
    actor: str = "system",
    within: Within | None = None,
) -> Verdict:
    """Open a long position with both its exits on the account named `exchange`.

    Prices not given are computed by `compute_bracket_prices` from the configuration (the target, where
    `target_r_multiple` is given, by that multiple of the initial risk instead). Returns Opened
    with the Trade, or Denied with every limit that was broken and nothing written. `within` is called
    with the Trade inside the transaction that writes it. Raises BadInput, UnknownSymbol,
    MarketUnavailable and Recovering; nothing was written then either.
    """
    account = account_for(exchange)
    if side != "buy":
        raise BadInput("side", f"side must be buy (this house is long only), not {side!r}.")
    require_positive("quantity", quantity, below=QUANTITY_LIMIT)
    instrument = market.instrument_named(account, symbol)
    require_grid("quantity", quantity, instrument.lot_step, instrument.base)
    for name, price in (("stop_loss_price", stop_loss_price), ("take_profit_price", take_profit_price)):
        if price is not None:
            require_positive(name, price)
            require_grid(name, price, instrument.tick_size, instrument.quote)
    if target_r_multiple is not None:
        require_positive("target_r_multiple", target_r_multiple)
        require_grid(
            "target_r_multiple", target_r_multiple, Decimal(1).scaleb(-configuration.RATIO_PLACES), "R"
        )
    if (paused := denied_before_looking(account)) is not None:
        return paused
    if account.recovered_at is None:
        raise Recovering(why_recovering(account))
    rules = configuration.bracket_config(
        configuration.of(account), instrument.tick_size, target_r_multiple=target_r_multiple
    )
    proposal = propose(account, instrument, quantity, entry_type, rules, stop_loss_price, take_profit_price)
    return admit(account, proposal, source=source, actor=actor, within=within)


def why_recovering(account: Account) -> str:
    """What keeps the first comparison from being made, as far as is known."""
    known = account.private_error or account.venue_error
    if known:
        return f"the book cannot be compared with the venue: {known}"
    return "the book is still being compared with the venue after a start"


def account_for(exchange: str) -> Account:
    """The account of that name. Modes never mix: only the running mode's account can act."""
    account = accounts.current()
    if exchange != account.name:
        raise BadInput(
            "exchange", f"this process trades on {account.name!r} (TRADING_MODE), not on {exchange!r}."
        )
    return account


def denied_before_looking(account: Account) -> Denied | None:
    """PAUSED is said even when the venue cannot be reached; it is judged again in the transaction."""
    config = configuration.of(account)
    if config.entries_allowed:
        return None
    code = DenialCode.PAUSED if config.system_status == "PAUSED" else DenialCode.TRADING_INACTIVE
    return Denied(
        denials=(
            Denial(
                code=code,
                message=f"No entry leaves: the system is {config.system_status}, is_trading_active is "
                f"{str(config.is_trading_active).lower()}. Exits still pass. Resume first.",
                limit="ACTIVE",
                value=config.system_status,
            ),
        )
    )


def propose(
    account: Account,
    instrument: Instrument,
    quantity: Decimal,
    entry_type: str,
    rules: prices.BracketConfig,
    stop_loss_price: Decimal | None,
    take_profit_price: Decimal | None,
) -> Proposal:
    """Look at the market and price both legs. Raises BadInput when no usable prices follow."""
    view = market.view(
        account,
        instrument,
        configuration.of(account),
        with_atr=configuration.needs_atr(rules, stop_loss_price, take_profit_price),
    )
    stop, target = price_legs(view, rules, stop_loss_price, take_profit_price)
    request = EntryRequest(
        symbol=instrument.symbol,
        base=instrument.base,
        quantity=quantity,
        entry_type=entry_type,
        expected_price=view.ask,
        bid=view.bid,
        stop_price=stop,
        target_price=target,
    )
    return Proposal(
        request=request,
        view=view,
        target_rule=configuration.target_rule(rules, view.atr, given=take_profit_price is not None),
    )


def price_legs(
    view: market.MarketView, rules: prices.BracketConfig, stop: Decimal | None, target: Decimal | None
) -> tuple[Decimal, Decimal]:
    """Both legs: what was given stays (the gate judges it), what was not is computed. A stop on the wrong
    side of the price makes no target: that is then computed from half the price, and the gate denies."""
    try:
        if stop is None:
            stop = prices.compute_bracket_prices(view.ask, view.atr, rules).stop_price
        if target is None:
            beside = stop if stop < view.ask else prices.round_down(view.ask / 2, rules.tick_size)
            target = prices.target_for(view.ask, beside, view.atr, rules)
    except prices.PriceRefusal as refusal:
        raise BadInput("stop_loss_price", f"No stop and target can be computed: {refusal}.") from refusal
    return stop, target


def admit(account: Account, proposal: Proposal, *, source: str, actor: str, within: Within | None) -> Verdict:
    """Judge and write in one transaction; the configuration is locked, so a pause cannot slip between."""
    at = timezone.now()
    request = proposal.request
    try:
        with transaction.atomic():
            config = SystemConfig.objects.select_for_update().get(account=account.name)
            verdict = judge(request, facts_of(account, proposal, at), config.limits())
            if not isinstance(verdict, ApprovedPlan):
                return Denied(denials=verdict)
            trade = write_trade(account, verdict, proposal, source=source, actor=actor, at=at)
            if within is not None:
                within(trade)
    except IntegrityError:
        if not Trade.objects.filter(account=account, base=request.base, status="OPEN").exists():
            raise
        return Denied(
            denials=(
                Denial(
                    code=DenialCode.POSITION_OPEN,
                    message=f"A trade in {request.base} was opened at the same moment; one per base asset.",
                    limit="1",
                    value="1",
                ),
            )
        )
    outbox.wake(account)
    return Opened(trade=trade)


def facts_of(account: Account, proposal: Proposal, at: datetime) -> EntryFacts:
    instrument = proposal.view.instrument
    trades = Trade.objects.filter(account=account, status=Trade.Status.OPEN)
    balance = AssetBalance.objects.filter(account=account, asset=instrument.quote_asset).first()
    return EntryFacts(
        market_status=instrument.status,
        price_age_seconds=Decimal(max(int((at - proposal.view.read_at).total_seconds() * 1000), 0)) / 1000,
        base_has_open_trade=trades.filter(base=instrument.base).exists(),
        open_trades=trades.count(),
        available_quote=None if balance is None else balance.total - balance.held,
        minimum_quantity=instrument.minimum_quantity,
        minimum_cost=instrument.minimum_cost,
        taker_fee_ratio=instrument.taker_fee_ratio,
        quote=instrument.quote,
    )


def write_trade(
    account: Account, plan: ApprovedPlan, proposal: Proposal, *, source: str, actor: str, at: datetime
) -> Trade:
    bracket = operations.open_bracket(
        plan,
        account=account,
        instrument=proposal.view.instrument,
        target_rule=proposal.target_rule,
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


def close_position(trade_id: int, reason: str = ExitReason.MANUAL, *, actor: str = "system") -> Trade:
    """Leave a position now: its stops are canceled, confirmed, and the coins sold at market.

    Always passes, paused or not. Asking again while it is leaving changes nothing. Raises UnknownTrade,
    and BadInput for a trade that is closed or a reason that is none.
    """
    account = accounts.current()
    if reason not in set(ExitReason):
        raise BadInput("reason", f"reason must be one of {', '.join(ExitReason)}, not {reason!r}.")
    trade = Trade.objects.filter(account=account, pk=trade_id).select_related("bracket").first()
    if trade is None:
        raise UnknownTrade(f"There is no trade {trade_id} on the {account.name} account.")
    if trade.status == Trade.Status.CLOSED:
        raise BadInput("trade", f"Trade {trade_id} is closed ({trade.exit_reason}); nothing was sent.")
    try:
        operations.apply(
            trade.bracket_id, CloseRequested(at=timezone.now(), reason=ExitReason(reason)), actor=actor
        )
    except RefusedEvent:
        pass  # already leaving, or over and about to be settled: what was wanted is happening
    outbox.wake(account)
    return trade


def check_open_positions(account: Account | None = None) -> list[Trade]:
    """The trades that are open, newest first."""
    account = account or accounts.current()
    return list(Trade.objects.filter(account=account, status=Trade.Status.OPEN).select_related("bracket"))


def get_balance(currency: str, account: Account | None = None) -> Decimal:
    """Total of a currency as last read ("USD", "BTC"); 0 when the account never held it."""
    account = account or accounts.current()
    assets = {i.quote: i.quote_asset for i in account.instruments.all()}
    assets |= {i.base: i.base_asset for i in account.instruments.all()}
    row = AssetBalance.objects.filter(account=account, asset=assets.get(currency, currency)).first()
    return row.total if row else Decimal(0)


def require_positive(name: str, value: Decimal, *, below: Decimal = MONEY_LIMIT) -> None:
    if not value.is_finite() or value <= 0:
        raise BadInput(name, f"{name} must be a number above 0, not {value}.")
    if value >= below:
        raise BadInput(name, f"{name} must be below {below:f}, not {value}.")
    if -value.as_tuple().exponent > MAXIMUM_PLACES:  # type: ignore[operator]
        raise BadInput(name, f"{name} has more than {MAXIMUM_PLACES} decimals: {value}.")


def require_grid(name: str, value: Decimal, step: Decimal, unit: str) -> None:
    if not prices.on_grid(value, step):
        raise BadInput(name, f"{name} must be a multiple of {text(step)} {unit} at this venue, not {value}.")


def calculate_stop_loss(entry_price: Decimal, ohlcv: Sequence[Bar], *, tick_size: Decimal) -> Decimal:
    """The stop below `entry_price` by the configured rule; `ohlcv` are bars, oldest first.

    Raises prices.PriceRefusal when no stop follows (for example too few bars for the ATR).
    """
    config = configuration.of(accounts.current())
    atr = average_true_range(ohlcv, period=config.atr_period)
    rules = configuration.bracket_config(config, tick_size)
    return prices.compute_bracket_prices(entry_price, atr, rules).stop_price
