"""Where a simulated world keeps its rows: tables in memory under Django's own models, or a real SQLite.

The product runs unchanged on either; `memory_store` is fast, `sqlite_store` is what it must equal.
"""

from tests.simulation.store.contents import contents, in_transaction
from tests.simulation.store.ledger import Boundary
from tests.simulation.store.memory import memory_store
from tests.simulation.store.sqlite import sqlite_store
from tests.simulation.store.tables import Tables

__all__ = ["Boundary", "Tables", "contents", "in_transaction", "memory_store", "sqlite_store"]
