"""The auditor of the simulator over a run of real processes: `python -m tests.chaos.audit JSON`.

A program of its own, for it needs the rows of the round's database: it runs in the environment of the house
that ended. JSON: {"state": path, "lines": [paths], "storms": [[begin, end], …]}, times in ISO 8601; in a
storm nobody could act for certain. Prints a JSON list of sentences: the auditor's complaints, and the first
row of the journal that does not fit its chain.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.simulation.auditor import Book, Bounds, Circumstances, audit, log_of_paper_store

AWAKE_AGAIN = timedelta(seconds=45)  # real processes are started anew, and compare their book


def sentences(given: dict[str, Any]) -> Iterator[str]:
    from risk import journal  # importable only after django.setup()

    log = log_of_paper_store(Path(given["state"]), lines=[Path(line) for line in given["lines"]])
    storms = [(datetime.fromisoformat(begin), datetime.fromisoformat(end)) for begin, end in given["storms"]]
    awake = [(begin, end + AWAKE_AGAIN) for begin, end in storms]
    circumstances = Circumstances(ended_at=datetime.now(UTC), blind=awake)
    bounds = Bounds(after_trouble=AWAKE_AGAIN.total_seconds())
    yield from map(str, audit(log, circumstances, book=book(), bounds=bounds))
    if broken := journal.first_broken_row():
        yield f"the journal: {broken}"


def book() -> Book:
    """All rows, as plain dictionaries."""
    from brackets.models import Bracket, Fill, Order
    from trading.models import Trade

    brackets, orders, fills, trades = (list(m.objects.values()) for m in (Bracket, Order, Fill, Trade))
    return Book(brackets=brackets, orders=orders, fills=fills, trades=trades)


if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    print(json.dumps(list(sentences(json.loads(sys.argv[1])))))
