"""A market with a hand on it: what is put stays put, what is frozen stands still, and both are stored."""

from decimal import Decimal

import pytest

from brackets.venue.paper.control.market import HandledMarket
from brackets.venue.paper.market import build_market

ETH, BTC = "ETH/USD", "BTC/USD"


def handled() -> HandledMarket:
    return HandledMarket(build_market(market="", start="", speed="", seed="7"))


def lasts(market: HandledMarket) -> dict[str, Decimal]:
    return {tick.symbol: tick.last for tick in market.ticks()}


def test_a_frozen_market_stands_still_and_goes_on_when_it_is_let_go():
    market = handled()
    market.frozen = True
    before = market.ticks()
    assert market.advance(Decimal(3600)) == before
    market.release()
    assert market.advance(Decimal(3600)) != before


def test_a_pair_that_was_put_stays_there_and_the_others_move():
    market = handled()
    before = lasts(market)
    market.put(ETH, last=Decimal("1234.50"))
    market.advance(Decimal(3600))
    assert lasts(market)[ETH] == Decimal("1234.50")
    assert lasts(market)[BTC] != before[BTC]


def test_a_depth_may_be_put_without_a_price():
    market = handled()
    market.depths[ETH] = Decimal("0.002")
    (tick,) = [tick for tick in market.advance(Decimal(1)) if tick.symbol == ETH]
    assert tick.depth == Decimal("0.002")


@pytest.mark.parametrize(
    "prices",
    [
        {"last": "1900.001"},
        {"last": "0.01"},
        {"last": "1900", "bid": "1901"},
        {"last": "1900", "ask": "1899"},
        {"last": "1900", "bid": "1900", "ask": "1900"},
    ],
)
def test_a_price_that_is_none_is_refused(prices):
    market = handled()
    with pytest.raises(ValueError, match="is no price"):
        market.put(ETH, **{name: Decimal(price) for name, price in prices.items()})
    assert not market.put_by_hand


def test_it_goes_on_from_its_snapshot_and_another_market_may_take_over():
    market = handled()
    market.put(ETH, last=Decimal("1234.50"))
    market.depths[BTC] = Decimal("0.1")
    market.frozen = True
    again = handled()
    again.restore(market.snapshot())
    assert again.advance(Decimal(60)) == market.ticks()
    plain = build_market(market="", start="", speed="", seed="7")
    plain.restore(market.snapshot())  # a venue without a control channel
    assert {tick.symbol: tick.last for tick in plain.ticks()}[ETH] != Decimal("1234.50")
    fresh = handled()
    fresh.restore(plain.snapshot())
    assert not fresh.frozen and not fresh.put_by_hand
