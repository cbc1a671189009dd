"""The product on both stores: the same lifetimes leave the same rows, hashes of the journal included."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from brackets.core.states import State
from risk import journal
from tests.integration.engine_venue import Fault
from tests.integration.engine_world import TARGET, World
from tests.simulation.store import contents, in_transaction, memory_store, sqlite_store
from trading import liquidation
from trading.commands import submit

Story = Callable[[World], None]


def bought_and_sold_at_the_target(world: World) -> None:
    trade = world.open_active()
    world.price(TARGET + 1)
    world.until_closed(trade)


def a_limit_entry_filled_in_parts_and_stopped_out(world: World) -> None:
    trade = world.open(entry_type="limit")
    world.turns(2)
    world.price("2499", depth=Decimal("0.03"))
    world.turn()
    world.price("2499", depth=Decimal(1000))
    world.until(trade, State.BRACKET_ACTIVE)
    world.price("2440", depth=Decimal(1000))
    world.until_closed(trade)


def answers_that_are_lost(world: World) -> None:
    world.venue.script("place", Fault.LOST_ANSWER)
    trade = world.open_active()
    world.venue.script("cancel", Fault.LOST_ANSWER)
    world.price(TARGET + 1)
    world.until_closed(trade)


def two_positions_and_the_kill_switch(world: World) -> None:
    world.configure(stop_method="PERCENT", stop_ratio=Decimal("0.02"))
    world.open_active()
    world.open(symbol="SOL/USD", quantity=Decimal(1), stop=None, target=None, entry_type="limit")
    world.turns(2)
    command = submit("liquidate-all", {"reason": "fire"}, user=None, actor="test")
    world.turns(5)
    liquidation.finish(world.account)
    command.refresh_from_db()
    assert command.status == "done", command.message


STORIES = [
    bought_and_sold_at_the_target,
    a_limit_entry_filled_in_parts_and_stopped_out,
    answers_that_are_lost,
    two_positions_and_the_kill_switch,
]


def live(store: Any, story: Story) -> tuple[list[str], dict[str, list[dict[str, Any]]]]:
    """Every commit of the story, and what it left."""
    commits: list[str] = []
    random = Random(7)
    with pytest.MonkeyPatch.context() as patch, store(commits.append):
        patch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=random.getrandbits(128), version=4))
        world = World(patch, owner_coins=Decimal(0))
        story(world)
        assert journal.first_broken_row() is None
        assert not in_transaction()
        return commits, contents()


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_the_product_leaves_the_same_rows_in_memory_as_in_sqlite(
    story: Story, django_db_blocker: Any
) -> None:
    with django_db_blocker.unblock():
        memory, database = live(memory_store, story), live(sqlite_store, story)
    assert memory[0] == database[0]
    assert memory[1].keys() == database[1].keys()
    for label, rows in database[1].items():
        assert memory[1][label] == rows, label
