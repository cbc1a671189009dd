"""Prove: what really differs is found, what merely lags is not."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from brackets import counting, readers
from brackets.core.events import ReduceRequested
from brackets.core.states import State
from brackets.models import AssetBalance, Bracket, Fill, Order
from risk.models import AuditRow
from tests.integration.engine_world import TARGET, World
from trading import proof, settle
from trading.door import Opened, protect_position
from trading.models import Trade

pytest_plugins = ["tests.integration.worlds"]


def prove(world: World) -> tuple[str, ...]:
    world.venue.calm()
    return proof.prove(world.account, world.venue, lambda line: None).differences


@pytest.fixture
def traded(world: World) -> World:
    """One trade closed by its target, one standing."""
    first = world.open_active()
    world.price(TARGET + 1)
    world.until_closed(first)
    world.open_active(symbol="SOL/USD", quantity=Decimal(2), stop=Decimal(140), target=Decimal(160))
    world.turns(2, seconds=35)  # its entry is booked too
    return world


def test_book_and_venue_agree(traded: World) -> None:
    verdict = proof.prove(traded.account, traded.venue, lambda line: None)
    assert verdict.differences == ()
    assert (verdict.orders, verdict.fills, verdict.trades) == (5, 3, 1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("fees", Decimal(1)),
        ("entry_price", Decimal(1)),
        ("exit_price", Decimal(2)),
        ("r_multiple", Decimal(55)),
        ("quantity", Decimal(7)),
        ("exit_reason", "manual"),
        ("stop_loss_price", Decimal(3)),
    ],
)
def test_a_trade_that_does_not_say_what_its_fills_say_is_found(
    traded: World, field: str, value: object
) -> None:
    Trade.objects.filter(status="CLOSED").update(**{field: value})
    (sentence,) = prove(traded)
    assert f"says {field} is" in sentence


def test_a_finished_trade_set_back_to_open_is_found(traded: World) -> None:
    Trade.objects.filter(status="CLOSED").update(status="OPEN")
    assert any("says status is OPEN" in sentence for sentence in prove(traded))


def test_a_bracket_that_vanished_from_the_book_is_found(traded: World) -> None:
    trade = Trade.objects.get(status="CLOSED")
    bracket = trade.bracket
    trade.delete()
    for related in (bracket.fills, bracket.effects, bracket.events, bracket.orders):
        related.all().delete()
    number = bracket.pk
    bracket.delete()
    assert f"bracket {number} was opened, the journal says, and is not in the book" in prove(traded)


def test_an_empty_book_agrees(world: World) -> None:
    assert prove(world) == ()


def fill_price(world: World) -> None:
    Fill.objects.filter(side="sell").update(price=Decimal("2600.02"))


def fill_fee(world: World) -> None:
    fill = Fill.objects.filter(side="sell").latest("pk")
    Fill.objects.filter(pk=fill.pk).update(quote_fee=fill.quote_fee + Decimal("0.0001"))


def fill_missing(world: World) -> None:
    Fill.objects.earliest("pk").delete()


def realized_pnl(world: World) -> None:
    trade = Trade.objects.get(status="CLOSED")
    Trade.objects.filter(pk=trade.pk).update(realized_pnl=trade.realized_pnl + Decimal("1E-10"))


def stop_gone(world: World) -> None:
    world.venue.cancel_by_hand(world.stop_at_venue().txid)


def order_forgotten(world: World) -> None:
    Order.objects.filter(status="OPEN").delete()


def order_ended_in_the_book(world: World) -> None:
    Order.objects.filter(status="OPEN").update(status="CANCELED")


def first_total(world: World) -> None:
    AssetBalance.objects.filter(asset="ZUSD").update(first_total=Decimal("9999.9999"))


def journal_row(world: World) -> None:
    AuditRow.objects.filter(seq=3).update(actor="nobody")


def state_without_its_orders(world: World) -> None:
    Bracket.objects.filter(state="BRACKET_ACTIVE").update(state="EXIT_COMPLETE", exit_reason="manual")


@pytest.mark.parametrize(
    "tamper",
    [
        fill_price,
        fill_fee,
        fill_missing,
        realized_pnl,
        stop_gone,
        order_forgotten,
        order_ended_in_the_book,
        first_total,
        journal_row,
        state_without_its_orders,
    ],
)
def test_every_difference_is_found(traded: World, tamper: Callable[[World], None]) -> None:
    tamper(traded)
    assert prove(traded) != ()


def test_a_booking_that_counts_coins_nobody_sold_is_found(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof reckons by itself: what the book does wrong, it does not do after it."""

    def all_of_them(bracket: Bracket, fills: list[Fill]) -> Decimal:
        return bracket.held_quantity * (bracket.held_price or Decimal(0))

    world.venue.handed_over["ETH/USD"] = Decimal(2)
    readers.refresh_balances(world.account, world.venue)
    verdict = protect_position(
        "ETH/USD", Decimal(2), stop_loss_price=Decimal(2450), take_profit_price=Decimal(2600)
    )
    assert isinstance(verdict, Opened)
    world.until(verdict.trade, State.BRACKET_ACTIVE)
    world.ask(verdict.trade, ReduceRequested(at=world.clock.now, quantity=Decimal(1)))
    world.turns(3)
    world.venue.cancel_by_hand(world.stop_at_venue().txid)
    world.venue.deposit("XETH", Decimal("-1.99999"))  # what is left is dust
    with monkeypatch.context() as broken:
        broken.setattr(settle, "basis", all_of_them)
        for _ in range(12):
            world.turn()
            counting.count_coins(world.account, world.venue, world.clock.now)
        trade = world.until_closed(verdict.trade)
        (sentence,) = prove(world)
    assert f"has a realized PnL of {trade.realized_pnl}" in sentence
    settle.project(trade, world.clock.now)
    assert prove(world) == ()


def test_a_position_too_young_to_be_booked_is_no_difference(world: World) -> None:
    world.open_active()
    assert Fill.objects.count() == 0
    assert prove(world) == ()
    world.clock.pass_seconds(120)  # nobody reconciled: by now it should have been
    assert any("not booked" in sentence for sentence in prove(world))


def test_a_deposit_between_is_no_difference(traded: World) -> None:
    traded.venue.deposit("ZUSD", 500)
    assert prove(traded) == ()
