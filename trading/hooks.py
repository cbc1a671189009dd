"""What the watch calls on this floor, by the names in settings.WATCH_HOOKS."""

from trading.demo import trade as demo_trader
from trading.settle import consume as settle

__all__ = ["demo_trader", "settle"]
