"""What a piece of work costs: calls to the venue, database queries, rows written, milliseconds.

Counts from outside the product: at the HTTP session, at Django's cursor, at the database itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
from django.db import connection


@dataclass(slots=True)
class Cost:
    """Of one piece of work. `venue_seconds` is the part of `seconds` in which an answer was waited for."""

    calls: int = 0
    queries: int = 0
    rows: int = 0
    seconds: float = 0.0
    venue_seconds: float = 0.0


@contextmanager
def metered() -> Iterator[Cost]:
    """Measures this thread's database connection and every HTTP request of this process."""
    cost = Cost()
    connection.ensure_connection()
    before = total_changes()
    send = requests.Session.send

    def counted(session: requests.Session, request: Any, **options: Any) -> Any:
        began = time.perf_counter()
        try:
            return send(session, request, **options)
        finally:
            cost.calls += 1
            cost.venue_seconds += time.perf_counter() - began

    def query(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        cost.queries += 1
        result = execute(sql, params, many, context)
        if before is None and not sql.lstrip().upper().startswith("SELECT"):
            cost.rows += max(context["cursor"].rowcount, 0)
        return result

    requests.Session.send = counted  # type: ignore[method-assign]
    began = time.perf_counter()
    try:
        with connection.execute_wrapper(query):
            yield cost
    finally:
        cost.seconds = time.perf_counter() - began
        requests.Session.send = send  # type: ignore[method-assign]
        if before is not None:
            cost.rows = (total_changes() or 0) - before


def total_changes() -> int | None:
    """Rows written so far on this connection, as SQLite counts them; None elsewhere."""
    return int(connection.connection.total_changes) if connection.vendor == "sqlite" else None
