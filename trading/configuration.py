"""The configuration in force for an account: made on first use, read as the values each floor wants."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, InvalidOperation

from django.conf import settings

from brackets.core.prices import BracketConfig, StopMethod, TargetMethod
from brackets.models import Account
from brackets.operations import TargetRule
from risk.models import SystemConfig

PRICE_PLACES = Decimal("1E-10")  # what the price column holds
RATIO_PLACES = 6
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


def target_rule(rules: BracketConfig, atr: Decimal | None, *, given: bool) -> TargetRule:
    """How the target follows the fill price; a target that was given stays where it is."""
    if given:
        return TargetRule()
    if rules.target_method is TargetMethod.R_MULTIPLE:
        return TargetRule(r_multiple=rules.target_r_multiple)
    distance = None if atr is None else (rules.target_atr_multiple * atr).quantize(PRICE_PLACES)
    return TargetRule(distance=distance)
