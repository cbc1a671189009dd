"""The kill switch: everything of ours leaves, nothing of others is touched, and the venue's own reading is
the proof; through refusals, outages and crashes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from brackets import operations
from brackets.core.states import State
from brackets.models import Bracket
from brackets.venue.port import Reason, Refused
from risk.models import AuditRow, SystemConfig
from tests.integration.engine_venue import Fault
from tests.integration.engine_world import STOP, TARGET, World
from trading import door, hooks, liquidation
from trading.commands import submit
from trading.models import Command, Trade

pytest_plugins = ["tests.integration.worlds"]
WAITING_TURNS = 200


def liquidate(reason: str = "fire") -> Command:
    return submit("liquidate-all", {"reason": reason}, user=None, actor="test")


def until_over(world: World, command: Command, *, turns: int = WAITING_TURNS) -> Command:
    for _ in range(turns):
        world.turn()
        liquidation.finish(world.account)
        command.refresh_from_db()
        if command.status != "accepted":
            return command
    raise AssertionError(f"still accepted after {turns} turns: {list(Bracket.objects.values_list('state'))}")


def open_two(world: World) -> list[Trade]:
    """A protected position, and a limit entry that rests."""
    world.configure(stop_method="PERCENT", stop_ratio=Decimal("0.02"))
    protected = world.open_active()
    resting = world.open(symbol="SOL/USD", quantity=Decimal(1), stop=None, target=None, entry_type="limit")
    world.turns(2)
    return [protected, resting]


def test_it_pauses_sells_everything_and_proves_it(world: World) -> None:
    protected, resting = open_two(world)
    command = liquidate("fire in the house")
    assert (command.status, list(command.trades.order_by("pk"))) == ("accepted", [protected, resting])
    config = SystemConfig.objects.get()
    assert (config.system_status, config.status_reason) == ("PAUSED", "fire in the house")
    assert AuditRow.objects.get(action="liquidate_all").payload["trades"] == [protected.pk, resting.pk]

    until_over(world, command)

    assert command.status == "done"
    assert f"Trade {protected.pk}: sold 0.1 ETH at 2499.99 (kill_switch), PnL -" in command.message
    assert f"Trade {resting.pk} (SOL/USD): nothing was sold (entry_canceled)." in command.message
    assert command.message.endswith("The venue shows no open order of ours.")
    assert world.at_venue(live=True) == []
    assert set(Trade.objects.values_list("status", flat=True)) == {"CLOSED"}
    world.assert_sound()


def test_where_nothing_is_open_a_reading_says_so(world: World) -> None:
    command = liquidate()
    assert command.status == "accepted"
    liquidation.finish(world.account)
    command.refresh_from_db()
    assert (command.status, world.venue.asked.count("open_orders") > 0) == ("done", True)
    assert command.message == ("Nothing was open on the demo account. The venue shows no open order of ours.")


def test_it_is_not_done_while_the_venue_cannot_be_read(world: World) -> None:
    command = liquidate()
    world.venue.set_down(True)
    liquidation.finish(world.account)
    command.refresh_from_db()
    assert command.status == "accepted"
    world.venue.set_down(False)
    liquidation.finish(world.account)
    command.refresh_from_db()
    assert command.status == "done"


def test_orders_and_coins_of_others_are_left_alone(world: World) -> None:
    trade = world.open_active()
    foreign = world.venue.sell_by_hand("ETH/USD", Decimal(1), limit=Decimal(3000))
    until_over(world, liquidate())
    assert world.sold_at_venue() == Decimal("0.1")
    assert list(world.venue.engine.open_orders) == [foreign]
    world.assert_over(trade, "kill_switch")


def test_one_bracket_that_cannot_be_asked_does_not_keep_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = world.open_active()
    second = world.open(symbol="SOL/USD", quantity=Decimal(1), stop=Decimal(140), target=Decimal(170))
    world.until(second, State.BRACKET_ACTIVE)
    apply: Callable[..., Any] = operations.apply

    def limps(bracket_id: int, event: Any, *, actor: str) -> Any:
        if bracket_id == first.bracket_id and type(event).__name__ == "CloseRequested":
            raise RuntimeError("the database had a bad moment")
        return apply(bracket_id, event, actor=actor)

    with monkeypatch.context() as patch:
        patch.setattr(operations, "apply", limps)
        command = liquidate()
        assert world.bracket(second).state == State.EXITING
        assert world.bracket(first).state == State.BRACKET_ACTIVE

    until_over(world, command)
    assert command.status == "done"
    assert world.at_venue(live=True) == []


def test_a_crash_right_after_the_pause_is_made_good(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    trade = world.open_active()

    def killed(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(liquidation, "ask_to_leave", killed)
        with pytest.raises(KeyboardInterrupt):
            liquidate()
    command = Command.objects.get()
    assert (command.status, SystemConfig.objects.get().system_status) == ("accepted", "PAUSED")
    assert world.bracket(trade).state == State.BRACKET_ACTIVE

    until_over(world, command)
    assert command.status == "done"
    world.assert_over(trade, "kill_switch")


@pytest.mark.parametrize(
    "steps",
    [
        {"cancel": [Fault.LOST_ANSWER, Fault.LOST_REQUEST]},
        {"place": [Refused(reason=Reason.RATE_LIMITED, message="EOrder:Rate limit exceeded")] * 3},
        {"place": [Refused(reason=Reason.PERMISSION, message="EGeneral:Permission denied")]},
        {"place": [Refused(reason=Reason.PERMISSION, message="EGeneral:Permission denied")] * 3},
        {"place": [Fault.LOST_ANSWER]},
    ],
    ids=["cancels lost", "rate limited", "refused once", "refused with its stop", "sell unknown"],
)
def test_a_limping_venue_only_takes_longer(world: World, steps: dict[str, list[Any]]) -> None:
    trade = world.open_active()
    for method, faults in steps.items():
        world.venue.script(method, *faults)
    until_over(world, liquidate())
    assert Command.objects.get().status == "done"
    world.assert_over(trade, "kill_switch")


def test_what_is_left_after_a_generous_time_is_named(world: World) -> None:
    trade = world.open_active()
    refused = Refused(reason=Reason.PERMISSION, message="EGeneral:Permission denied")
    command = liquidate()
    world.venue.script("place", *[refused] * 3)
    world.turns(3)
    Command.objects.update(created_at=world.clock.now - liquidation.PATIENCE - timedelta(seconds=1))
    liquidation.finish(world.account)
    command.refresh_from_db()
    assert command.status == "failed"
    assert f"bracket {trade.bracket_id} (ETH/USD) is HELD" in command.message
    door.close_position(trade.pk)
    world.until_closed(trade)
    world.assert_sound()


def test_asked_twice_both_end_and_nothing_is_sold_twice(world: World) -> None:
    trade = world.open_active()
    first, second = liquidate(), liquidate("again")
    until_over(world, second)
    first.refresh_from_db()
    assert (first.status, second.status) == ("done", "done")
    world.assert_over(trade, "kill_switch")


def test_by_the_door_it_returns_what_was_open(world: World) -> None:
    trade = world.open_active()
    assert door.liquidate_all("drawdown") == [trade]
    assert world.bracket(trade).state == State.EXITING
    assert SystemConfig.objects.get().system_status == "PAUSED"
    denied = door.execute_buy("SOL/USD", Decimal(50), stop_loss_price=Decimal(140))
    assert isinstance(denied, door.Denied)
    assert (trade.stop_loss_price, trade.take_profit_price) == (STOP, TARGET)


def test_the_watch_and_the_cluster_finish_it(settings: Any) -> None:
    assert "trading.hooks.finish_liquidations" in settings.WATCH_HOOKS
    assert hooks.finish_liquidations is liquidation.finish
