"""The worlds the stories of the bracket play in, as fixtures (a test module names this a plugin)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.integration.engine_world import World, database_for_threads


@pytest.fixture
def world(db: None, monkeypatch: pytest.MonkeyPatch) -> World:
    """An account with dollars, and coins of its owner's that must stay."""
    return World(monkeypatch, owner_coins=Decimal(3))


@pytest.fixture
def bare_world(db: None, monkeypatch: pytest.MonkeyPatch) -> World:
    """An account with dollars alone: the venue's holds bite."""
    return World(monkeypatch, owner_coins=Decimal(0))


@pytest.fixture
def threads_world(transactional_db: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
    """A world several threads act in at once, each with a connection of its own."""
    with database_for_threads(tmp_path):
        yield World(monkeypatch, owner_coins=Decimal(3))
