"""Whatever is known of a bracket's orders: each coin is counted once, and doubt never makes it better."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from brackets.core.orders import Amendment, Bracket, BracketOrder, Plan
from brackets.core.plug import Market, PlugLine, Sending, plug_line
from brackets.core.states import AmendStatus, OrderStatus, Policy, Role, State

D = Decimal
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLAN = Plan(
    uid=UUID(int=1),
    symbol="ETH/USD",
    quantity=D(10),
    stop_price=D(95),
    target_price=D(110),
    tick_size=D("0.01"),
    lot_step=D("0.1"),
    minimum_quantity=D("0.2"),
)
lots = st.integers(1, 60).map(lambda number: D(number) / 10)
prices = st.integers(80, 109).map(D)
markets = st.builds(
    Market,
    bid=st.none() | st.integers(70, 120).map(D),
    taker_fee_ratio=st.sampled_from([D(0), D("0.004")]),
    slippage_ratio=st.sampled_from([D(0), D("0.005")]),
)


@st.composite
def amendments(draw: st.DrawFn) -> Amendment | None:
    if draw(st.booleans()):
        return None
    return Amendment(
        number=1,
        status=draw(st.sampled_from(AmendStatus)),
        asked_at=NOW,
        quantity=draw(st.none() | lots),
        trigger_price=draw(st.none() | prices),
    )


@st.composite
def sells(draw: st.DrawFn, key: str) -> BracketOrder:
    role = draw(st.sampled_from([Role.STOP, Role.STOP, Role.TARGET, Role.EXIT]))
    quantity = draw(lots)
    return BracketOrder(
        key=key,
        role=role,
        quantity=quantity,
        filled=min(quantity, draw(st.sampled_from([D(0), D("0.1")]))),
        status=draw(st.sampled_from([OrderStatus.OPEN, OrderStatus.OPEN, OrderStatus.UNKNOWN])),
        created_at=NOW,
        venue_order_id=key,
        trigger_price=draw(prices) if role is Role.STOP else None,
        limit_price=D(110) if role is Role.TARGET else None,
        read_back=draw(st.booleans()),
        cancel_wanted=draw(st.booleans()),
        amendment=draw(amendments()) if role is Role.STOP else None,
    )


@st.composite
def brackets(draw: st.DrawFn) -> Bracket:
    bought = draw(lots)
    entry = BracketOrder(
        key="E",
        role=Role.ENTRY,
        quantity=D(10),
        filled=bought,
        average_price=draw(st.integers(90, 110).map(D)),
        status=draw(st.sampled_from([OrderStatus.OPEN, OrderStatus.CANCELED, OrderStatus.UNKNOWN])),
        created_at=NOW,
        limit_price=D(100),
        read_back=True,
    )
    orders = [draw(sells(f"S{number}")) for number in range(draw(st.integers(0, 3)))]
    return Bracket(
        plan=PLAN,
        state=State.BRACKET_ACTIVE,
        policy=draw(st.sampled_from(Policy)),
        resting=draw(st.sampled_from([Role.STOP, Role.TARGET])),
        stop_price=D(95),
        target_price=D(110),
        orders=(entry, *orders),
    )


sendings = st.builds(Sending, sent=st.just(True), close_stop_price=st.none() | st.just(D(95)))


def line(bracket: Bracket, market: Market, sending: Sending, *, watched: bool = True) -> PlugLine:
    return plug_line(bracket, market=market, sendings={"E": sending}, watched=watched)


@given(brackets(), markets, sendings)
def test_each_coin_is_counted_once(bracket: Bracket, market: Market, sending: Sending) -> None:
    told = line(bracket, market, sending)
    assert min(told.stopped, told.sell_only, told.bare) >= 0
    assert told.stopped + told.sell_only + told.bare == told.coins == max(bracket.coins, D(0))
    assert told.worst_loss == told.loss_at_stop + told.unprotected_value
    assert told.unprotected_value >= 0
    assert len(told.rests) == sum(order.live for order in bracket.orders)


@given(brackets(), markets, sendings, st.data())
def test_doubt_about_a_sell_protects_nothing_more(
    bracket: Bracket, market: Market, sending: Sending, data: st.DataObject
) -> None:
    """Of one sell less is known: fewer coins are stopped, none has more than it had."""
    own = [order for order in bracket.orders if order.role is not Role.ENTRY]
    if not own:
        return
    order = data.draw(st.sampled_from(own))
    doubted = bracket.replacing(replace(order, read_back=False))
    before, after = line(bracket, market, sending), line(doubted, market, sending)
    assert after.stopped <= before.stopped
    assert after.bare >= before.bare
    assert after.unprotected_value >= before.unprotected_value
    if not before.well:
        assert not after.well


@given(brackets(), markets, sendings)
def test_without_a_watch_and_without_an_attached_stop_it_is_never_better(
    bracket: Bracket, market: Market, sending: Sending
) -> None:
    watched, alone = (line(bracket, market, sending, watched=told) for told in (True, False))
    assert watched.well or not alone.well
    bare = line(bracket, market, replace(sending, close_stop_price=None))
    assert bare.unprotected_value >= watched.unprotected_value
    assert watched.well or not bare.well


@given(brackets(), markets, sendings)
def test_what_is_well_leaves_less_than_the_minimum_to_nobody(
    bracket: Bracket, market: Market, sending: Sending
) -> None:
    told = line(bracket, market, sending, watched=False)
    if told.well:
        assert told.sell_only + told.bare < PLAN.minimum_quantity
        assert all(entry.stop_price is not None for entry in told.may_buy)
