"""The configuration in force for an account: made on first use, read as the values each floor wants."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from django.conf import settings

from brackets.core.prices import BracketConfig, StopMethod, TargetMethod
from brackets.models import Account
from brackets.operations import TargetRule
from risk.models import SystemConfig

DEMO_DEFAULTS = {
    # The demo market moves about an hour's worth in six seconds: legs near enough to be hit in minutes.
    "atr_minutes": 1,
    "stop_atr_multiple": Decimal("0.4"),
    "target_r_multiple": Decimal("1.5"),
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


def bracket_config(config: SystemConfig, tick_size: Decimal) -> BracketConfig:
    return BracketConfig(
        tick_size=tick_size,
        stop_method=StopMethod(config.stop_method),
        stop_atr_multiple=config.stop_atr_multiple,
        stop_ratio=config.stop_ratio,
        target_method=TargetMethod(config.target_method),
        target_atr_multiple=config.target_atr_multiple,
        target_r_multiple=config.target_r_multiple,
    )


def needs_atr(config: SystemConfig, stop: Decimal | None, target: Decimal | None) -> bool:
    stop_needs = stop is None and config.stop_method == SystemConfig.StopMethod.ATR
    target_needs = target is None and config.target_method == SystemConfig.TargetMethod.ATR
    return stop_needs or target_needs


def target_rule(config: SystemConfig, atr: Decimal | None, *, given: bool) -> TargetRule:
    """How the target follows the fill price; a target that was given stays where it is."""
    if given:
        return TargetRule()
    if config.target_method == SystemConfig.TargetMethod.R_MULTIPLE:
        return TargetRule(r_multiple=config.target_r_multiple)
    return TargetRule(distance=None if atr is None else config.target_atr_multiple * atr)
