"""Settling: every event once, in the transaction of what it causes; how commands end."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brackets.core.states import State
from brackets.models import BracketEvent
from brackets.venue.port import Reason, Refused
from risk.models import SystemConfig
from tests.integration.engine_world import QUANTITY, STOP, TARGET, World, rows_of_everything
from trading import settle
from trading.commands import submit
from trading.models import Command, EventCursor, Trade

pytest_plugins = ["tests.integration.worlds"]


def buy(world: World, **more: str) -> Command:
    asked = {
        "symbol": "ETH/USD",
        "amount_usd": "250",
        "entry_type": "market",
        "stop_loss_price": str(STOP),
        "take_profit_price": str(TARGET),
        **more,
    }
    return submit("buy", asked, user=None, actor="test")


def close(trade: Trade) -> Command:
    return submit("close", {"trade": trade.pk}, user=None, actor="test")


# --- the cursor ------------------------------------------------------------------------------------------


def test_each_event_is_consumed_once(world: World) -> None:
    trade = world.open_active()
    world.settle()
    assert EventCursor.objects.get().last_event_id == BracketEvent.objects.latest("pk").pk
    before = Trade.objects.values().get(pk=trade.pk)

    assert settle.consume(world.account) == 0

    assert Trade.objects.values().get(pk=trade.pk) == before


def test_a_crash_before_the_cursor_moved_repeats_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = buy(world)
    assert command.trade is not None
    world.send()
    world.read()
    expected = BracketEvent.objects.count()
    save = EventCursor.save

    def killed(self: EventCursor, **options: object) -> None:
        if options.get("update_fields") == ["last_event_id"]:
            raise KeyboardInterrupt
        save(self, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(EventCursor, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            settle.consume(world.account)
    command.trade.refresh_from_db()
    command.refresh_from_db()
    assert (command.trade.entry_price, command.status) == (None, "accepted")  # all of it was undone

    assert settle.consume(world.account) == expected

    command.refresh_from_db()
    command.trade.refresh_from_db()
    assert (command.trade.entry_price, command.status) == (2500, "done")


def test_more_events_than_a_batch_are_consumed_in_turns(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    trade = world.open_active()
    monkeypatch.setattr(settle, "BATCH", 2)
    EventCursor.objects.update(last_event_id=0)
    waiting = BracketEvent.objects.count()

    consumed = [settle.consume(world.account) for _ in range(waiting)]

    assert sum(consumed) == waiting
    assert max(consumed) == 2
    trade.refresh_from_db()
    assert trade.entry_price == 2500


# --- the trade ----------------------------------------------------------------------------------------------


def test_the_trade_is_open_with_what_was_asked_until_it_filled(world: World) -> None:
    trade = world.open()
    world.settle()
    trade.refresh_from_db()
    assert (trade.status, trade.quantity, trade.entry_price, trade.entry_at) == ("OPEN", QUANTITY, None, None)
    assert (trade.realized_pnl, trade.exit_reason) == (None, "")


def test_a_partly_filled_entry_shows_what_was_bought(world: World) -> None:
    world.price(2500, depth=Decimal("0.04"))
    trade = world.open()
    world.turn()
    trade.refresh_from_db()
    assert (trade.quantity, trade.requested_quantity) == (Decimal("0.04"), QUANTITY)


def test_pnl_r_and_averages_of_many_fills_are_exact(world: World) -> None:
    world.price(2500, depth=Decimal("0.03"))
    trade = world.open()
    world.turn()
    for last in ("2501.37", "2503.11", "2502.99"):
        world.price(last)
        world.turn()
    world.until(trade, State.BRACKET_ACTIVE)
    world.price(2441, depth=Decimal("0.013"))
    for last in range(2440, 2430, -1):
        world.price(last)
        world.turn()

    world.until_closed(trade)

    world.assert_over(trade, "stop_loss")
    buys = [t for t in world.venue.record.trades.values() if t.side == "buy"]
    sells = [t for t in world.venue.record.trades.values() if t.side == "sell"]
    assert len(buys) == 4 and len(sells) > 4
    entry = sum(t.price * t.volume for t in buys) / QUANTITY
    out = sum(t.price * t.volume for t in sells) / QUANTITY
    assert trade.entry_price == entry.quantize(Decimal("1E-10"))
    assert trade.exit_price == out.quantize(Decimal("1E-10"))
    assert trade.fees == sum(t.fee for t in (*buys, *sells))
    risk = QUANTITY * (trade.entry_price - STOP)
    assert trade.r_multiple == (trade.realized_pnl / risk).quantize(Decimal("1E-6"))
    assert trade.r_multiple < -1


def test_the_trade_closes_only_when_its_money_is_booked(world: World) -> None:
    trade = world.open_active()
    world.venue.freeze("ledgers", "trades", calls=4)
    world.price(2400)
    world.turns(3)
    trade.refresh_from_db()
    assert (trade.status, trade.realized_pnl) == ("OPEN", None)
    assert world.bracket(trade).state == State.SL_FILLED

    world.until_closed(trade)

    world.assert_over(trade, "stop_loss")


# --- how commands end ---------------------------------------------------------------------------------------


def test_a_buy_is_done_when_the_position_is_protected(world: World) -> None:
    command = buy(world)
    assert command.trade is not None
    world.send()
    world.settle()
    command.refresh_from_db()
    assert command.status == "accepted"  # bought, and the stop not read back yet

    world.until(command.trade, State.BRACKET_ACTIVE)
    world.settle()

    command.refresh_from_db()
    assert (command.status, command.finished_at) == ("done", world.clock.now)


def test_a_buy_that_the_venue_rejects_has_failed_with_its_words(world: World) -> None:
    world.venue.script("place", Refused(reason=Reason.OTHER, message="EOrder:Trading agreement required"))
    command = buy(world)
    assert command.trade is not None
    world.until_closed(command.trade)
    command.refresh_from_db()
    assert command.status == "failed"
    assert command.message == "entry_rejected: EOrder:Trading agreement required"


def test_a_buy_withdrawn_by_a_pause_has_failed(world: World) -> None:
    command = buy(world)
    SystemConfig.objects.update(system_status="PAUSED")
    assert command.trade is not None
    world.until_closed(command.trade)
    command.refresh_from_db()
    assert command.status == "failed"
    assert command.message.startswith("entry_canceled: paused")


def test_a_denied_buy_writes_its_command_and_nothing_else(world: World) -> None:
    world.open_active()
    before = rows_of_everything()
    command = buy(world)
    after = rows_of_everything()
    assert command.status == "denied"
    assert {name for name in after if after[name] != before[name]} == {"trading.Command", "risk.AuditRow"}


def test_a_close_is_done_when_the_trade_is_closed(world: World) -> None:
    trade = world.open_active()
    command = close(trade)
    assert command.status == "accepted"
    world.until_closed(trade)
    command.refresh_from_db()
    assert (command.status, command.message) == ("done", "closed: manual")
    world.assert_over(trade, "manual")


def test_a_close_that_the_venue_refuses_is_tried_again_by_itself(world: World) -> None:
    trade = world.open_active()
    words = "EGeneral:Permission denied"
    world.venue.script("place", Refused(reason=Reason.PERMISSION, message=words))
    command = close(trade)

    world.turns(2)
    world.until(trade, State.BRACKET_ACTIVE)
    world.settle()

    command.refresh_from_db()
    assert command.status == "accepted"
    assert world.stop_at_venue().volume == QUANTITY  # meanwhile the position is protected
    world.until_closed(trade)
    world.assert_over(trade, "manual")
    command.refresh_from_db()
    assert (command.status, command.message) == ("done", "closed: manual")


def test_a_close_on_its_way_when_the_stop_wins_is_done_all_the_same(world: World) -> None:
    trade = world.open_active()
    command = close(trade)
    world.price(2400)
    world.until_closed(trade)
    command.refresh_from_db()
    assert (command.status, command.message) == ("done", "closed: stop_loss")
