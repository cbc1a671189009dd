"""Where a database's paper venue keeps its state: beside it, so that two databases are two worlds, and so
are demo and paper of one database."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings


def paper_state_path(database_settings: Mapping[str, Any], *, mode: str = "demo") -> Path:
    """The state file that belongs to these database settings (an entry of DATABASES) and trading mode.

    Beside a SQLite file as `<file>-venue.sqlite3`; for a server's database, or SQLite in memory, in
    STATE_DIR under a hash of host, port and name. Another mode than demo is another world, with a name
    of its own: `<file>-venue-paper.sqlite3`.
    """
    ending = "" if mode == "demo" else f"-{mode}"
    name = str(database_settings.get("NAME") or "")
    if "sqlite" in database_settings["ENGINE"] and name and not _in_memory(name):
        path = Path(name)
        return path.with_name(f"{path.name}-venue{ending}.sqlite3")
    place = "|".join([str(database_settings.get(part) or "") for part in ("HOST", "PORT")] + [name])
    digest = hashlib.sha256(place.encode()).hexdigest()[:16]
    return Path(settings.STATE_DIR) / f"venue-{digest}{ending}.sqlite3"


def _in_memory(name: str) -> bool:
    return name == ":memory:" or name.startswith("file:")
