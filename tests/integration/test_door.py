"""The one door: every bad or forbidden ask is refused by name, and nothing at all is written."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest

from brackets.core.states import State
from brackets.models import Account, Bracket, Instrument, Quote
from brackets.venue.port import CandleReading
from risk.models import SystemConfig
from tests.integration.engine_venue import NOON
from tests.integration.engine_world import ETH, QUANTITY, STOP, TARGET, World, in_thread, rows_of_everything
from trading import demo, door, market, pricing
from trading.models import Trade

pytest_plugins = ["tests.integration.worlds"]


@contextmanager
def nothing_written() -> Iterator[None]:
    before = rows_of_everything()
    yield
    assert rows_of_everything() == before


def ask(world: World, **changes: object) -> door.Verdict:
    values: dict[str, object] = {
        "exchange": world.account.name,
        "symbol": ETH,
        "side": "buy",
        "quantity": QUANTITY,
        "entry_type": "market",
        "stop_loss_price": STOP,
        "take_profit_price": TARGET,
        "source": Trade.Source.COMMAND,
    }
    return door.open_position_with_brackets(**(values | changes))  # type: ignore[arg-type]


def give_candles(world: World) -> None:
    """Bars whose average true range is exactly 20."""
    bar = CandleReading(
        opened_at=NOON,
        open=Decimal(2500),
        high=Decimal(2510),
        low=Decimal(2490),
        close=Decimal(2500),
        volume=Decimal(1),
    )
    world.venue.bars = (bar,) * 60


def codes(verdict: door.Verdict) -> list[str]:
    assert isinstance(verdict, door.Denied)
    assert all(denial.message and denial.limit and denial.value for denial in verdict.denials)
    return [str(denial.code) for denial in verdict.denials]


# --- malformed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("exchange", {"exchange": "live"}),
        ("side", {"side": "sell"}),
        ("side", {"side": "BUY"}),
        ("quantity", {"quantity": Decimal("NaN")}),
        ("quantity", {"quantity": Decimal("sNaN")}),
        ("quantity", {"quantity": Decimal("Infinity")}),
        ("quantity", {"quantity": Decimal("-0.1")}),
        ("quantity", {"quantity": Decimal(0)}),
        ("quantity", {"quantity": Decimal("0.100000001")}),
        ("quantity", {"quantity": Decimal("1E-30")}),
        ("quantity", {"quantity": Decimal("1E+30")}),
        ("quantity", {"quantity": Decimal("1E+400")}),
        ("stop_loss_price", {"stop_loss_price": Decimal("NaN")}),
        ("stop_loss_price", {"stop_loss_price": Decimal("-1")}),
        ("stop_loss_price", {"stop_loss_price": Decimal("2450.001")}),
        ("stop_loss_price", {"stop_loss_price": Decimal("1E-30")}),
        ("take_profit_price", {"take_profit_price": Decimal("Infinity")}),
        ("take_profit_price", {"take_profit_price": Decimal("2600.005")}),
        ("take_profit_price", {"take_profit_price": Decimal("1E+30")}),
        ("take_profit_price", {"take_profit_price": Decimal(100000000)}),  # one more than the book can hold
    ],
)
def test_malformed_asks_name_their_field(world: World, field: str, changes: dict[str, object]) -> None:
    with nothing_written(), pytest.raises(door.BadInput) as raised:
        ask(world, **changes)
    assert raised.value.field == field
    assert str(raised.value).endswith(".")


@pytest.mark.parametrize("symbol", ["DOGE/USD", "", "   ", "ETH/EUR", "ETHUSD;", "\x00", "ETH/USD/USD"])
def test_an_unknown_symbol_is_named_with_what_is_offered(world: World, symbol: str) -> None:
    with nothing_written(), pytest.raises(market.UnknownSymbol, match="BTC/USD"):
        ask(world, symbol=symbol)


@pytest.mark.parametrize("symbol", ["ETH/USD", "eth-usd", "ETHUSD", "XETHZUSD", " eth_usd "])
def test_the_names_people_use_are_understood(world: World, symbol: str) -> None:
    assert isinstance(ask(world, symbol=symbol), door.Opened)


@pytest.mark.parametrize("symbol", ["XBT/USD", "XBTUSD", "BTCUSD", "BTC/USD"])
def test_bitcoin_has_two_names(world: World, symbol: str) -> None:
    verdict = door.execute_buy(symbol, Decimal(20), stop_loss_price=Decimal(59000))
    assert isinstance(verdict, door.Opened)
    assert verdict.trade.symbol == "BTC/USD"


@pytest.mark.parametrize("amount", ["NaN", "-10", "0", "Infinity", "0.00000001", "1E-40", "1E+40"])
def test_amounts_that_are_no_amount_are_refused(world: World, amount: str) -> None:
    with nothing_written():
        try:
            verdict = door.execute_buy(ETH, Decimal(amount), stop_loss_price=STOP, take_profit_price=TARGET)
        except door.BadInput as bad:
            assert bad.field in {"amount_usd", "quantity"}
        else:
            assert isinstance(verdict, door.Denied)


def test_an_amount_is_rounded_down_to_the_lot(world: World) -> None:
    verdict = door.execute_buy(
        ETH, Decimal("100.01"), entry_type="market", stop_loss_price=STOP, take_profit_price=TARGET
    )
    assert isinstance(verdict, door.Opened)
    assert verdict.trade.quantity == Decimal("0.04000400")


# --- denied by a limit ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "changes"),
    [
        (["below_minimum_quantity"], {"quantity": Decimal("0.0019")}),
        (["below_minimum_quantity", "below_minimum_cost"], {"quantity": Decimal("0.00000001")}),
        (["maximum_notional"], {"quantity": Decimal("0.5")}),
        (["maximum_notional", "insufficient_funds"], {"quantity": Decimal("4")}),
        (["stop_not_below_price"], {"stop_loss_price": Decimal("2499.99")}),  # the bid itself
        (["stop_not_below_price"], {"stop_loss_price": Decimal("2550")}),
        (["target_not_above_price"], {"take_profit_price": Decimal("2500")}),  # the ask itself
        (["entry_type_not_offered"], {"entry_type": "iceberg"}),
    ],
)
def test_a_broken_limit_is_denied_with_limit_and_value(
    world: World, expected: list[str], changes: dict[str, object]
) -> None:
    with nothing_written():
        assert codes(ask(world, **changes)) == expected


def test_one_step_inside_the_limits_is_let_through(world: World) -> None:
    verdict = ask(
        world,
        quantity=Decimal("0.4"),
        stop_loss_price=Decimal("2499.98"),
        take_profit_price=Decimal("2500.01"),
    )
    assert isinstance(verdict, door.Opened)


def test_funds_are_needed_with_the_fee(world: World) -> None:
    SystemConfig.objects.update(maximum_notional=Decimal(100000))
    with nothing_written():
        assert codes(ask(world, quantity=Decimal("3.99"))) == ["insufficient_funds"]  # 9975 and 39.9 of fee
    assert isinstance(ask(world, quantity=Decimal("3.98")), door.Opened)


@pytest.mark.parametrize(
    ("switch", "code"),
    [({"system_status": "PAUSED"}, "paused"), ({"is_trading_active": False}, "trading_inactive")],
)
@pytest.mark.parametrize("down", [False, True])
def test_paused_is_said_even_when_the_venue_is_down(
    world: World, switch: dict[str, object], code: str, down: bool
) -> None:
    SystemConfig.objects.update(**switch)
    world.venue.set_down(down)
    with nothing_written():
        assert codes(ask(world)) == [code]


def test_a_pause_while_the_market_is_looked_at_is_seen_in_the_transaction(world: World) -> None:
    world.clock.pass_seconds(60)  # the kept price is old: the venue is asked
    world.venue.script("quotes", lambda: SystemConfig.objects.update(system_status="PAUSED"))
    with nothing_written():
        assert codes(ask(world)) == ["paused"]


def test_a_market_that_is_not_online_is_denied(world: World) -> None:
    Instrument.objects.update(status="cancel_only")
    with nothing_written():
        assert codes(ask(world)) == ["market_not_online"]


def test_a_price_gone_stale_while_deciding_is_denied(world: World) -> None:
    SystemConfig.objects.update(maximum_price_age_seconds=1)
    world.clock.pass_seconds(2)  # still fresh enough not to be read again
    with nothing_written():
        assert codes(ask(world)) == ["price_stale"]


def test_a_stale_price_is_read_anew(world: World) -> None:
    Quote.objects.update(bid=Decimal(1), ask=Decimal(2), last=Decimal(2))
    world.clock.pass_seconds(market.FRESH_SECONDS + 1)
    verdict = ask(world)
    assert isinstance(verdict, door.Opened)
    assert verdict.trade.bracket.planned_entry_price == 2500


def test_one_trade_per_base_asset(world: World) -> None:
    world.open_active()
    with nothing_written():
        assert codes(ask(world)) == ["position_open"]


def test_the_number_of_open_trades_is_limited(world: World) -> None:
    SystemConfig.objects.update(maximum_open_trades=1)
    world.open_active(symbol="SOL/USD", quantity=Decimal(1), stop=Decimal(140), target=Decimal(160))
    with nothing_written():
        assert codes(ask(world)) == ["maximum_open_trades"]


# --- cannot be decided now -----------------------------------------------------------------------------


def test_no_entry_before_the_book_was_compared(world: World) -> None:
    Account.objects.update(recovered_at=None)
    with nothing_written(), pytest.raises(door.Recovering):
        ask(world)


@pytest.mark.parametrize(("paused", "raised"), [(False, True), (True, False)])
def test_a_restart_while_the_market_is_looked_at_puts_the_entry_off(
    world: World, monkeypatch: pytest.MonkeyPatch, paused: bool, raised: bool
) -> None:
    """What was read before the look no longer counts; PAUSED weighs more and stays a denial."""
    give_candles(world)
    candles = world.venue.candles

    def meanwhile(*args: Any, **options: Any) -> Any:
        Account.objects.update(recovered_at=None)
        SystemConfig.objects.update(system_status="PAUSED" if paused else "ACTIVE")
        return candles(*args, **options)

    monkeypatch.setattr(world.venue, "candles", meanwhile)
    with nothing_written():
        if raised:
            with pytest.raises(door.Recovering):
                ask(world, stop_loss_price=None)
        else:
            assert codes(ask(world, stop_loss_price=None)) == ["paused"]


def test_no_entry_while_the_venue_is_down_and_the_price_is_old(world: World) -> None:
    world.clock.pass_seconds(60)
    world.venue.set_down(True)
    with nothing_written(), pytest.raises(market.MarketUnavailable, match=ETH):
        ask(world)


def test_no_entry_when_the_venue_dies_between_price_and_candles(world: World) -> None:
    world.venue.set_down(True)
    with nothing_written(), pytest.raises(market.MarketUnavailable, match="candles"):
        ask(world, stop_loss_price=None)


def test_too_few_candles_for_the_atr_are_said(world: World) -> None:
    with nothing_written(), pytest.raises(door.BadInput, match="ATR"):
        ask(world, stop_loss_price=None)


def test_stop_and_target_follow_from_the_atr(world: World) -> None:
    give_candles(world)

    verdict = ask(world, stop_loss_price=None, take_profit_price=None)

    assert isinstance(verdict, door.Opened)
    assert verdict.trade.stop_loss_price == 2500 - Decimal("0.4") * 20
    assert verdict.trade.take_profit_price == 2500 + Decimal("1.5") * 8


# --- accepted ------------------------------------------------------------------------------------------


def test_what_is_written_is_one_of_each(world: World) -> None:
    before = rows_of_everything()
    verdict = ask(world)
    assert isinstance(verdict, door.Opened)
    after = rows_of_everything()
    grown = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    assert grown == {
        "trading.Trade": 1,
        "brackets.Bracket": 1,
        "brackets.Order": 1,
        "brackets.Effect": 1,
        "brackets.BracketEvent": 1,
        "risk.AuditRow": 1,
        "risk.AuditHead": 1,
        "django_q.OrmQ": 1,  # no watch is alive: a task is woken
    }


def test_a_failure_inside_the_transaction_leaves_nothing(world: World) -> None:
    def refuse(trade: Trade) -> None:
        raise RuntimeError("the caller's own row could not be written")

    with nothing_written(), pytest.raises(RuntimeError):
        ask(world, within=refuse)


@pytest.mark.django_db(transaction=True)
def test_two_at_the_same_moment_open_one(threads_world: World) -> None:
    world = threads_world
    barrier = threading.Barrier(2, timeout=10)
    verdicts: list[door.Verdict | BaseException] = []

    def race() -> None:
        barrier.wait()
        try:
            verdicts.append(ask(world))
        except BaseException as error:
            verdicts.append(error)

    threads = [threading.Thread(target=in_thread(race)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    opened = [verdict for verdict in verdicts if isinstance(verdict, door.Opened)]
    (denied,) = [verdict for verdict in verdicts if not isinstance(verdict, door.Opened)]
    assert len(opened) == 1
    assert codes(denied) == ["position_open"]  # type: ignore[arg-type]
    assert (Trade.objects.count(), Bracket.objects.count()) == (1, 1)


# --- leaving -------------------------------------------------------------------------------------------


def test_closing_an_unknown_or_closed_trade_is_refused(world: World) -> None:
    with nothing_written(), pytest.raises(door.UnknownTrade, match="77"):
        door.close_position(77)
    trade = world.open_active()
    world.price(2400)
    world.until_closed(trade)
    with nothing_written(), pytest.raises(door.BadInput, match="stop_loss"):
        door.close_position(trade.pk)


@pytest.mark.parametrize("reason", ["nonsense", ""])
def test_a_close_for_a_reason_nobody_knows_is_refused(world: World, reason: str) -> None:
    trade = world.open_active()
    with nothing_written(), pytest.raises(door.BadInput) as raised:
        door.close_position(trade.pk, reason)
    assert raised.value.field == "reason"
    assert world.bracket(trade).state == State.BRACKET_ACTIVE


def test_balances_and_positions_are_what_was_read(world: World) -> None:
    assert door.get_balance("USD") == Decimal(10000)
    assert door.get_balance("ETH") == Decimal(3)
    assert door.get_balance("DOGE") == 0
    trade = world.open_active()
    assert door.check_open_positions() == [trade]


# --- the demo trader -----------------------------------------------------------------------------------


def test_the_demo_trader_trades_on_the_demo_account_alone(world: World) -> None:
    give_candles(world)
    for mode in ("paper", "validate", "live"):
        with nothing_written():
            demo.trade(Account(name=mode, mode=mode, recovered_at=world.clock.now))

    world.account.refresh_from_db()
    demo.trade(world.account)
    (trade,) = Trade.objects.all()
    assert trade.source == "autopilot"
    world.turn()
    with nothing_written():
        demo.trade(world.account)  # too soon
    world.turns(4)
    demo.trade(world.account)
    assert Trade.objects.count() == 2


def test_the_demo_trader_shows_limit_entries_beside_market_ones(world: World) -> None:
    give_candles(world)
    asked = [demo.next_entry_type(world.account)]
    for _ in range(4):
        world.turns(5)
        demo.trade(world.account)
        for trade in door.check_open_positions(world.account):
            door.close_position(trade.pk)
        asked.append(demo.next_entry_type(world.account))
    assert asked == ["market", "market", "limit", "limit", "market"]
    taken = [trade.bracket.entry_terms is not None for trade in Trade.objects.order_by("pk")]
    assert taken == [False, False, True, True]
    world.configure(execution_mode="MARKET_ONLY")
    Trade.objects.order_by("-pk").first().delete()
    assert demo.next_entry_type(world.account) == "market"


@pytest.mark.parametrize("switch", [{"system_status": "PAUSED"}, {"is_trading_active": False}])
def test_the_demo_trader_rests_while_paused(world: World, switch: dict[str, object]) -> None:
    give_candles(world)
    SystemConfig.objects.update(**switch)
    with nothing_written():
        demo.trade(world.account)


def test_the_demo_trader_opens_no_second_position_in_a_coin(world: World) -> None:
    give_candles(world)
    for _ in range(8):
        world.turns(5)
        demo.trade(world.account)
    bases = [trade.base for trade in Trade.objects.filter(status="OPEN")]
    assert sorted(bases) == sorted(set(bases)) == ["BTC", "ETH", "SOL"]
    world.turns(3)
    world.assert_sound()


def test_a_target_by_multiple_follows_the_fill_and_is_exact(world: World) -> None:
    verdict = door.execute_buy(ETH, Decimal(20), stop_loss_price=STOP, target_r_multiple=Decimal("0.167"))
    assert isinstance(verdict, door.Opened)
    bracket = verdict.trade.bracket
    bracket.refresh_from_db()
    assert bracket.target_r_multiple == Decimal("0.167")
    with pytest.raises(door.BadInput, match="target_r_multiple has more than"):
        door.execute_buy(ETH, Decimal(20), stop_loss_price=STOP, target_r_multiple=Decimal(1) / 6)


def test_the_demo_trader_opens_with_either_leg_near(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    give_candles(world)
    for due in (True, False):
        monkeypatch.setattr(demo, "stop_is_due", lambda account, due=due: due)
        stop, multiple = demo.legs(world.account, ETH, "market")
        proposal = door.propose(
            world.account,
            market.instrument_named(world.account, ETH),
            Decimal("0.01"),
            "market",
            given=pricing.Given(stop_price=stop),
            target_r_multiple=multiple,
        )
        assert proposal.shape.target_r_multiple == multiple
        assert multiple == multiple.quantize(Decimal("0.001"))
