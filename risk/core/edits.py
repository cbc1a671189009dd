"""May the legs of an open bracket be moved? Pure rules on plain values.

A stop may follow the price up to just below the bid, and come down no lower than the risk that was once
approved; a target stands above the ask. Denials come in order of precedence.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from risk.core.gate import Denial, DenialCode
from risk.core.plain import text


class EditCode(StrEnum):
    """Reasons that only an edit can be denied for; the others are those of an entry."""

    STOP_BELOW_APPROVED = "stop_below_approved"
    STOP_NOT_BELOW_TARGET = "stop_not_below_target"


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """New prices of the legs, on the venue's grid; None leaves a leg where it is."""

    symbol: str
    stop_price: Decimal | None = None
    target_price: Decimal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class EditFacts:
    """What is so at this moment. `approved_stop_price` is the stop the position's risk was measured by."""

    bid: Decimal
    ask: Decimal
    price_age_seconds: Decimal
    maximum_price_age_seconds: int
    stop_price: Decimal
    target_price: Decimal
    approved_stop_price: Decimal


def judge_edit(edit: Edit, facts: EditFacts) -> tuple[Denial, ...]:
    """Every limit the edit breaks, most important first; none: it may be done."""
    return tuple(
        denial for rule in (age_rules, stop_rules, target_rules, order_rules) for denial in rule(edit, facts)
    )


def age_rules(edit: Edit, facts: EditFacts) -> list[Denial]:
    if facts.price_age_seconds <= facts.maximum_price_age_seconds:
        return []
    return [
        Denial(
            code=DenialCode.PRICE_STALE,
            message=f"The last price of {edit.symbol} is {text(facts.price_age_seconds)} s old; at most "
            f"{facts.maximum_price_age_seconds} s are allowed.",
            limit=str(facts.maximum_price_age_seconds),
            value=text(facts.price_age_seconds),
        )
    ]


def stop_rules(edit: Edit, facts: EditFacts) -> list[Denial]:
    stop = edit.stop_price
    if stop is None:
        return []
    if stop < min(facts.approved_stop_price, facts.stop_price):
        return [
            Denial(
                code=EditCode.STOP_BELOW_APPROVED,
                message=f"The stop {text(stop)} is below the {text(facts.approved_stop_price)} that was "
                "approved: a position may not risk more than it began with.",
                limit=text(facts.approved_stop_price),
                value=text(stop),
            )
        ]
    if stop >= facts.bid:
        return [
            Denial(
                code=DenialCode.STOP_NOT_BELOW_PRICE,
                message=f"The stop {text(stop)} is not below the bid {text(facts.bid)}: it would trigger at "
                "once. To leave now, close the trade.",
                limit=text(facts.bid),
                value=text(stop),
            )
        ]
    return []


def target_rules(edit: Edit, facts: EditFacts) -> list[Denial]:
    target = edit.target_price
    if target is None or target > facts.ask:
        return []
    return [
        Denial(
            code=DenialCode.TARGET_NOT_ABOVE_PRICE,
            message=f"The target {text(target)} is not above the ask {text(facts.ask)}.",
            limit=text(facts.ask),
            value=text(target),
        )
    ]


def order_rules(edit: Edit, facts: EditFacts) -> list[Denial]:
    """Where one leg moves past the other, which stays."""
    stop = facts.stop_price if edit.stop_price is None else edit.stop_price
    target = facts.target_price if edit.target_price is None else edit.target_price
    if stop < target:
        return []
    return [
        Denial(
            code=EditCode.STOP_NOT_BELOW_TARGET,
            message=f"The stop {text(stop)} would not stand below the target {text(target)}.",
            limit=text(target),
            value=text(stop),
        )
    ]
