"""Amounts of a bracket's coins: as people read them, and whether the venue takes an order for them.

Pure questions about a bracket; nothing is decided here.
"""

from __future__ import annotations

from decimal import Decimal

from brackets.core.orders import Bracket
from risk.core.plain import text


def base_of(bracket: Bracket) -> str:
    """The coin's name: ETH of ETH/USD."""
    return bracket.plan.symbol.partition("/")[0]


def amount(bracket: Bracket, quantity: Decimal) -> str:
    """So many coins of this bracket, in words: 0.5 ETH."""
    return f"{text(quantity)} {base_of(bracket)}"


def too_small(bracket: Bracket) -> bool:
    """Whether coins are left, and the venue takes no order for so few."""
    return 0 < bracket.coins < bracket.plan.minimum_quantity


def is_left_over(bracket: Bracket) -> bool:
    """… and nothing rests for them, nor is more bought: there is nothing to be sent for them any more."""
    return too_small(bracket) and not bracket.live_sells and not bracket.entering
