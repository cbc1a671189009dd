"""What the watch and the cluster call on this floor, by the names in settings.WATCH_HOOKS."""

from brackets.models import Account
from trading import liquidation
from trading import settle as settlement
from trading.demo import trade as demo_trader

__all__ = ["demo_trader", "settle"]


def settle(account: Account) -> None:
    """Bring trades and commands up to date with what happened to their brackets."""
    settlement.consume(account)
    liquidation.finish(account)
