"""The configuration in force for an account: made on first use, read as the values each floor wants."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, InvalidOperation

from django.conf import settings

from brackets.core.orders import EntryTerms
from brackets.core.prices import BracketConfig, StopMethod, TargetMethod
from brackets.core.states import Choice, Policy
from brackets.models import Account
from risk.models import SystemConfig

RATIO_PLACES = 6
DEMO_DEFAULTS = {
    # The demo market moves about an hour's worth in six seconds: legs near enough to be hit in minutes,
    # entries that are filled or given up in seconds, and swaps that can be seen.
    "atr_minutes": 1,
    "stop_atr_multiple": Decimal("0.4"),
    "target_r_multiple": Decimal("1.5"),
    "swap_in_bps": Decimal(12),
    "swap_out_bps": Decimal(30),
    "entry_timeout_seconds": 45,
    "entry_reprice_seconds": 5,
    "entry_runaway_bps": Decimal(1000),
}


def of(account: Account) -> SystemConfig:
    """The SystemConfig of the account; a first start takes EXECUTION_MODE and INITIAL_BALANCE."""
    config = SystemConfig.objects.filter(account=account.name).first()
    if config is None:
        config, _ = SystemConfig.objects.get_or_create(account=account.name, defaults=first_values(account))
    return config


def first_values(account: Account) -> dict[str, object]:
    values: dict[str, object] = {"execution_mode": settings.EXECUTION_MODE}
    if account.mode == "demo":
        values |= DEMO_DEFAULTS
    try:
        if settings.INITIAL_BALANCE:
            values["initial_balance"] = Decimal(settings.INITIAL_BALANCE)
    except InvalidOperation:
        pass  # the system check names it
    return values


def bracket_config(
    config: SystemConfig, tick_size: Decimal, *, target_r_multiple: Decimal | None = None
) -> BracketConfig:
    """The price rules in force; the target by `target_r_multiple` of the initial risk where it is given."""
    rules = BracketConfig(
        tick_size=tick_size,
        stop_method=StopMethod(config.stop_method),
        stop_atr_multiple=config.stop_atr_multiple,
        stop_ratio=config.stop_ratio,
        target_method=TargetMethod(config.target_method),
        target_atr_multiple=config.target_atr_multiple,
        target_r_multiple=config.target_r_multiple,
    )
    if target_r_multiple is None:
        return rules
    return replace(rules, target_method=TargetMethod.R_MULTIPLE, target_r_multiple=target_r_multiple)


def needs_atr(rules: BracketConfig, stop: Decimal | None, target: Decimal | None) -> bool:
    stop_needs = stop is None and rules.stop_method is StopMethod.ATR
    target_needs = target is None and rules.target_method is TargetMethod.ATR
    return stop_needs or target_needs


def default_entry_type(config: SystemConfig) -> str:
    """How an entry is made that does not say it: `limit` or `market`."""
    return "limit" if config.execution_mode == SystemConfig.ExecutionMode.LIMIT_BRACKET else "market"


def leg_policy(config: SystemConfig, account: Account) -> Policy:
    """Which legs of the next bracket rest. In MARKET_ONLY always the stop; both only where it works."""
    if config.execution_mode == SystemConfig.ExecutionMode.MARKET_ONLY:
        return Policy.STOP_RESTS
    wanted = Policy(config.leg_policy)
    return Policy.NEAREST if wanted is Policy.BOTH_REST and not account.both_rest_works else wanted


def entry_terms(config: SystemConfig, limit_price: Decimal) -> EntryTerms:
    """How a limit entry that begins at `limit_price` follows the market, and gives up."""
    return EntryTerms(
        limit_price=limit_price,
        offset_bps=config.entry_offset_bps,
        offset_ticks=config.entry_offset_ticks,
        timeout_seconds=config.entry_timeout_seconds,
        most_reprices=config.entry_most_reprices,
        reprice_seconds=config.entry_reprice_seconds,
        reprice_bps=config.entry_reprice_bps,
        runaway_bps=config.entry_runaway_bps,
        on_timeout=Choice(config.entry_on_timeout),
        on_runaway=Choice(config.entry_on_runaway),
    )
