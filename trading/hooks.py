"""What the watch and the cluster call on this floor, by the names in settings.WATCH_HOOKS."""

from trading.demo import trade as demo_trader
from trading.liquidation import finish as finish_liquidations
from trading.settle import consume as settle

__all__ = ["demo_trader", "finish_liquidations", "settle"]
