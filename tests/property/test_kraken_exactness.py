"""No digit is lost between the wire and the port, in either direction, whatever the digits are."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brackets.venue.kraken import amending, budget, parsing, placing
from brackets.venue.kraken.wire import body_difference
from brackets.venue.port import (
    AmendRequest,
    Instrument,
    OrderKind,
    OrderRequest,
    Reason,
    Refused,
    Side,
    UnknownWord,
)

exact = st.decimals(min_value=0, max_value=10**12, places=10, allow_nan=False, allow_infinity=False)
anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.lists(st.integers(), max_size=2),
)


def pair(*, tick: Decimal, lot_decimals: int) -> Instrument:
    return Instrument(
        symbol="BTC/USD",
        venue_symbol="XXBTZUSD",
        altname="XBTUSD",
        base="BTC",
        quote="USD",
        base_asset="XXBT",
        quote_asset="ZUSD",
        tick_size=tick,
        lot_step=Decimal(1).scaleb(-lot_decimals),
        minimum_quantity=Decimal(0),
        minimum_cost=Decimal(0),
        taker_fee_ratio=Decimal("0.004"),
        maker_fee_ratio=Decimal("0.0025"),
        status="online",
    )


def limit_order(quantity: Decimal, price: Decimal) -> OrderRequest:
    return OrderRequest(
        client_order_id="x",
        symbol="BTC/USD",
        side=Side.BUY,
        kind=OrderKind.LIMIT,
        quantity=quantity,
        limit_price=price,
    )


@given(exact)
def test_plain_says_every_digit_and_no_exponent(value: Decimal) -> None:
    said = placing.plain(value)
    assert Decimal(said) == value
    assert "E" not in said.upper()


@given(
    st.integers(1, 10**15),
    st.integers(1, 10**12),
    st.integers(0, 8),
    st.sampled_from(["0.1", "0.05", "1", "0.0000001"]),
)
def test_an_order_on_lot_and_tick_leaves_digit_for_digit(
    lots: int, ticks: int, lot_decimals: int, tick: str
) -> None:
    instrument = pair(tick=Decimal(tick), lot_decimals=lot_decimals)
    request = limit_order(lots * instrument.lot_step, ticks * instrument.tick_size)
    assert placing.refusal(request, instrument) is None
    body = placing.order_call(request, instrument).body
    assert Decimal(str(body["volume"])) == request.quantity
    assert Decimal(str(body["price"])) == request.limit_price


@given(
    st.integers(1, 10**15),
    st.integers(1, 10**12),
    st.integers(1, 10**12),
    st.integers(0, 8),
    st.sampled_from(["0.1", "0.05", "1", "0.0000001"]),
)
def test_an_amendment_on_lot_and_tick_leaves_digit_for_digit(
    lots: int, limit: int, trigger: int, lot_decimals: int, tick: str
) -> None:
    instrument = pair(tick=Decimal(tick), lot_decimals=lot_decimals)
    request = AmendRequest(
        venue_order_id="O1",
        symbol="BTC/USD",
        touched_at=None,
        quantity=lots * instrument.lot_step,
        limit_price=limit * instrument.tick_size,
        trigger_price=trigger * instrument.tick_size,
    )
    assert amending.refusal(request, instrument) is None
    body = amending.amend_call(request).body
    assert [Decimal(str(body[name])) for name in ("order_qty", "limit_price", "trigger_price")] == [
        request.quantity,
        request.limit_price,
        request.trigger_price,
    ]


@given(
    st.decimals(min_value=-(10**6), max_value=10**30, places=9)
    | st.sampled_from([Decimal("NaN"), Decimal("-Infinity"), Decimal("1E+60"), Decimal("1E-60")])
)
def test_any_quantity_is_judged_and_never_rounded(quantity: Decimal) -> None:
    instrument = pair(tick=Decimal("0.1"), lot_decimals=8)
    verdict = placing.refusal(limit_order(quantity, Decimal(100)), instrument)
    if verdict is None:
        assert quantity > 0
        assert Decimal(format(quantity, ".8f")) == quantity
    else:
        assert isinstance(verdict, Refused)
        assert verdict.reason is Reason.BAD_QUANTITY


@given(exact)
def test_a_number_s_digits_survive_parsing(value: Decimal) -> None:
    assert parsing.number(format(value, "f"), "x") == value


ORDER: dict[str, Any] = {
    "refid": None,
    "status": "open",
    "opentm": "1700000000.1",
    "descr": {"pair": "XBTUSD", "type": "sell", "ordertype": "stop-loss", "price": "1", "price2": "0"},
    "vol": "1",
    "vol_exec": "0",
    "cost": "0",
    "fee": "0",
    "price": "0",
    "stopprice": "0",
    "misc": "",
}


@given(st.sampled_from(["status", "descr", "vol", "vol_exec", "cost", "fee", "opentm", "trades"]), anything)
def test_an_odd_field_raises_a_word_not_known_or_is_read(name: str, value: Any) -> None:
    """Whatever stands in a field, parsing ends in a report or in UnknownWord, never in another error."""
    try:
        report = parsing.order("O1", ORDER | {name: value}, str)
    except UnknownWord:
        return
    assert report.quantity.is_finite()
    assert not isinstance(value, float) or name == "trades"


@pytest.mark.parametrize("name", sorted(set(ORDER) - {"refid", "opentm", "price", "stopprice", "misc"}))
def test_a_missing_field_raises(name: str) -> None:
    with pytest.raises(UnknownWord):
        parsing.order("O1", {key: value for key, value in ORDER.items() if key != name}, str)


names = st.sampled_from(["pair", "volume", "price", "oflags", "validate"])
bodies = st.dictionaries(names, st.sampled_from(["1", "1.0", "2"]))


@given(bodies, bodies)
def test_bodies_differ_unless_every_field_says_the_same(left: dict[str, str], right: dict[str, str]) -> None:
    def meaning(body: dict[str, str]) -> dict[str, str]:
        return {k: "1" if k in {"volume", "price"} and v == "1.0" else v for k, v in body.items()}

    assert (body_difference(left, right) == "") == (meaning(left) == meaning(right))


@given(
    st.sampled_from(sorted(budget.TIERS)),
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 2), st.booleans()), max_size=60),
)
def test_the_counter_stays_within_the_tier_and_waiting_as_told_suffices(
    name: str, calls: list[tuple[int, int, bool]]
) -> None:
    tier, level = budget.TIERS[name], 0
    for elapsed, cost, urgent in calls:
        level = budget.decayed(level, elapsed_milliseconds=elapsed, tier=tier)
        after = budget.charged(level, cost=cost, urgent=urgent, tier=tier)
        wait = budget.milliseconds_until(level, cost=cost, urgent=urgent, tier=tier)
        assert (after is None) == (wait > 0)
        if after is None:
            later = budget.decayed(level, elapsed_milliseconds=wait, tier=tier)
            assert budget.charged(later, cost=cost, urgent=urgent, tier=tier) is not None
        else:
            level = after
        assert 0 <= level <= tier.limit
