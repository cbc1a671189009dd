"""What the plug's lines say together: sums by currency, and the sentence."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from brackets.core.plug import Certainty, MayBuy, PlugLine, Rest, Standing
from brackets.core.plug_words import Total, money, sentence, totals
from brackets.core.states import Role

D = Decimal
ZERO = D(0)
EMPTY = PlugLine(
    symbol="ETH/USD",
    standing=Standing.EMPTY,
    coins=ZERO,
    stopped=ZERO,
    sell_only=ZERO,
    bare=ZERO,
    cost_per_coin=D(2500),
    bid=D("2503.3333"),
    stop_price=D(2450),
    target_price=D(2600),
    rests=(),
    may_buy=(),
    loss_at_stop=ZERO,
    unprotected_value=ZERO,
)
STOPPED = replace(EMPTY, coins=D(1), stopped=D(1), loss_at_stop=D("41.2"), standing=Standing.STOPPED)
SWAPPED = replace(
    EMPTY, coins=D("0.3"), sell_only=D("0.3"), unprotected_value=D(751), standing=Standing.SWAPPED
)
BARE = replace(SWAPPED, sell_only=ZERO, bare=D("0.3"), standing=Standing.BARE)
EUROS = replace(STOPPED, symbol="BTC/EUR", loss_at_stop=D("-7.001"))


def said(*lines: PlugLine) -> str:
    return sentence(lines, venue="Kraken")


def test_the_sums_are_kept_apart_by_currency() -> None:
    assert totals([STOPPED, SWAPPED, EUROS, STOPPED]) == (
        Total(quote="EUR", loss_at_stop=D("-7.001"), unprotected_value=ZERO),
        Total(quote="USD", loss_at_stop=D("82.4"), unprotected_value=D(751)),
    )
    assert totals([STOPPED, SWAPPED])[0].worst_loss == D("792.2")


def test_all_are_stopped() -> None:
    assert said(STOPPED) == (
        "If this machine died now: the one position is stopped by Kraken; "
        "you would lose about 41.20 USD where the stops sell within 0.5 %."
    )
    assert "all 2 positions are stopped by Kraken; you would lose about 82.40 USD" in said(STOPPED, STOPPED)


def test_what_has_only_a_target_is_said_with_its_worth() -> None:
    assert said(STOPPED, STOPPED, SWAPPED) == (
        "If this machine died now: 2 of 3 positions are stopped by Kraken; you would lose about 82.40 USD "
        "where the stops sell within 0.5 %; 0.3 ETH (751.00 USD) would have only a target."
    )


def test_what_has_nothing_is_said_so() -> None:
    assert said(BARE) == (
        "If this machine died now: the one position is not stopped by Kraken; "
        "0.3 ETH (751.00 USD) would have no order at all."
    )


def test_a_gain_is_no_loss() -> None:
    assert "you would still gain about 7.00 EUR where the stops sell within 0.5 %" in said(EUROS)
    both = said(EUROS, STOPPED)
    assert "you would lose about 41.20 USD and still gain about 7.00 EUR where the stops sell" in both


def test_the_slippage_it_was_reckoned_with_is_the_one_that_is_said() -> None:
    assert "where the stops sell within 1.25 %" in sentence([STOPPED], venue="Kraken", slippage=D("0.0125"))


def test_nothing_held_is_said_too() -> None:
    assert said() == said(EMPTY) == "If this machine died now: no coins of ours are held."


def test_what_may_still_be_bought_and_what_is_not_known() -> None:
    entry = MayBuy(
        quantity=D("0.1"),
        price=D(2500),
        stop_price=D(2450),
        ends_at=datetime(2026, 1, 1, 20, 15, tzinfo=UTC),
    )
    rest = Rest(
        role=Role.ENTRY,
        key="k",
        venue_order_id=None,
        certainty=Certainty.UNCERTAIN,
        why="sent",
        quantity=D("0.1"),
        price=D(2500),
    )
    one = replace(EMPTY, may_buy=(entry,), rests=(rest,), loss_at_stop=D(5))
    assert said(one) == (
        "If this machine died now: no coins of ours are held; you would lose about 5.00 USD "
        "where the stops sell within 0.5 %; "
        "up to 0.1 ETH may still be bought until 20:15 UTC, each fill with its stop; "
        "1 order is not known for certain and counted at the worse of both cases."
    )
    alone = replace(one, may_buy=(replace(entry, stop_price=None, ends_at=None),), rests=(rest, rest))
    assert "up to 0.1 ETH may still be bought, without a stop" in said(alone)
    assert "2 orders are not known for certain" in said(alone)


def test_a_loss_is_never_rounded_down() -> None:
    assert money(D("1234567.891"), "USD") == "1,234,567.90 USD"
