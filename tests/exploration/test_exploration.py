"""The machine, explored until nothing is left; and the page that is drawn from it.

One test, for the page needs what all setups saw, and their exploration takes most of a minute.
"""

from __future__ import annotations

from pathlib import Path

from tests.exploration.docs import page
from tests.exploration.report import tour
from tests.exploration.setups import CI

PAGE = Path(__file__).resolve().parents[2] / "docs" / "machine.md"


def test_nothing_is_left_to_explore_and_nothing_was_found() -> None:
    said: list[str] = []
    whole = tour(CI, said.append)
    assert whole.findings == 0, "\n".join(said)
    assert [e.setup.name for e in whole.explored if not e.finished] == []
    stale = "docs/machine.md is stale: run .venv/bin/python scripts/transitions.py"
    assert PAGE.read_text() == page(whole), stale
