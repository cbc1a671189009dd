"""How long coins were without protection: timelines drawn by hand, in seconds after the beginning."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from brackets.core.exposure import exposure
from brackets.core.orders import BracketOrder
from brackets.core.states import OrderStatus, Role
from tests.unit.machine_story import BEGIN

D = Decimal


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def order(
    role: Role,
    opened: float | None,
    ended: float | None = None,
    *,
    filled: str = "0",
    quantity: str = "1",
    first_fill: float | None = None,
    limit: bool = False,
    by_venue: bool = False,
) -> BracketOrder:
    key = f"{role} {opened} {ended}"
    return BracketOrder(
        venue_order_id=key if by_venue else None,
        first_filled_at=None if first_fill is None else at(first_fill),
        limit_price=D(100) if limit else None,
        key=key,
        role=role,
        quantity=D(quantity),
        status=OrderStatus.OPEN if ended is None else OrderStatus.FILLED,
        created_at=BEGIN,
        filled=D(filled),
        opened_at=None if opened is None else at(opened),
        ended_at=None if ended is None else at(ended),
    )


ENTRY = order(Role.ENTRY, 0, 1, filled="1")
E, S, T, X = Role.ENTRY, Role.STOP, Role.TARGET, Role.EXIT


@pytest.mark.parametrize(
    ("orders", "until", "unprotected", "unstopped"),
    [
        pytest.param([], 100, "0", "0", id="nothing happened"),
        pytest.param([order(E, 0)], 100, "0", "0", id="nothing bought"),
        pytest.param([ENTRY], 11, "10", "10", id="never protected, still open"),
        pytest.param([ENTRY, order(S, 1)], 100, "0", "0", id="stop from the fill on"),
        pytest.param([ENTRY, order(S, 3.25)], 100, "2.25", "2.25", id="stop after the fill"),
        pytest.param([ENTRY, order(S, 1, 50)], 60, "10", "10", id="stop gone, nothing after it"),
        pytest.param([ENTRY, order(S, 1, 50), order(S, 54)], 60, "4", "4", id="stop replaced"),
        pytest.param(
            [ENTRY, order(S, 1, 50), order(T, 50.5, 52, filled="1")],
            900,
            "0.5",
            "2",
            id="target: cancel, gap, sell; measured to the sale and not to now",
        ),
        pytest.param([ENTRY, order(S, 1, 50, filled="1")], 900, "0", "0", id="stop sold everything"),
        pytest.param(
            [ENTRY, order(S, 1, 50, filled="0.4"), order(X, 51, 53, filled="0.6")],
            900,
            "1",
            "3",
            id="stop in part, the leaves sold",
        ),
        pytest.param(
            [ENTRY, order(S, 1, 50, filled="0.4"), order(X, 51, 53, filled="0.5")],
            63,
            "11",
            "13",
            id="coins left: measured to now",
        ),
        pytest.param([ENTRY, order(S, 1, 30), order(S, 20, 50), order(S, 45)], 60, "0", "0", id="overlaps"),
        pytest.param([ENTRY, order(S, 1, 90), order(S, 5, 10)], 60, "0", "0", id="one inside another"),
        pytest.param([ENTRY, order(S, 0.5)], 60, "0", "0", id="stop dated before the fill"),
        pytest.param([ENTRY, order(X, None)], 11, "10", "10", id="a sell that never arrived"),
        pytest.param([order(E, 2, filled="0.5"), order(S, 4)], 60, "2", "2", id="entry partly filled"),
        pytest.param([order(E, 0, limit=True)], 600, "0", "0", id="a limit entry that rests holds nothing"),
        pytest.param(
            [order(E, 0, limit=True, filled="0.5", first_fill=600), order(S, 601)],
            700,
            "1",
            "1",
            id="a limit entry filled after ten minutes",
        ),
        pytest.param(
            [order(E, 0, limit=True, filled="0.5", first_fill=607), order(S, 600, by_venue=True)],
            700,
            "0",
            "0",
            id="the stop the venue made tells of the fill before a reading does",
        ),
        pytest.param(
            [order(E, 0, 650, limit=True, filled="1", first_fill=600), order(S, 603, 640), order(S, 641)],
            700,
            "4",
            "4",
            id="the first fill counts, not the last",
        ),
        pytest.param(
            [order(E, 0, limit=True, filled="0.5"), order(S, 650)],
            640,
            "0",
            "0",
            id="filled, nobody knows when",
        ),
        pytest.param(
            [order(E, 0, 5, limit=True), order(E, 6, 9, limit=True, filled="1"), order(S, 9.5)],
            60,
            "0.5",
            "0.5",
            id="repriced: the entry that filled counts",
        ),
        pytest.param(
            [ENTRY, order(S, 1, 50), order(T, 50.5, limit=True)],
            60,
            "0.5",
            "10",
            id="a resting target protects and is no stop",
        ),
        pytest.param(
            [ENTRY, order(S, 3.25)], 0.5, "2.25", "2.25", id="told by an event older than what is known"
        ),
    ],
)
def test_timeline(orders: list[BracketOrder], until: float, unprotected: str, unstopped: str) -> None:
    for shown in (orders, orders[::-1]):
        measured = exposure(shown, at(until))
        assert (measured.unprotected_seconds, measured.unstopped_seconds) == (D(unprotected), D(unstopped))


@pytest.mark.parametrize(
    ("orders", "until", "unprotected", "unstopped"),
    [
        pytest.param([], 10, "10", "10", id="bare from the beginning"),
        pytest.param([order(S, 2)], 10, "2", "2", id="until its stop stood"),
        pytest.param([order(S, 2, 50, filled="1")], 90, "2", "2", id="sold by its stop"),
        pytest.param([order(S, 2, 50, filled="0.4")], 60, "12", "12", id="partly sold"),
    ],
)
def test_coins_held_before(
    orders: list[BracketOrder], until: float, unprotected: str, unstopped: str
) -> None:
    measured = exposure(orders, at(until), held_quantity=D(1), held_since=BEGIN)
    assert (measured.unprotected_seconds, measured.unstopped_seconds) == (D(unprotected), D(unstopped))


@pytest.mark.parametrize(
    ("orders", "bare", "stopless"),
    [
        pytest.param([], "0", "0", id="nothing bought"),
        pytest.param([ENTRY], "99", "99", id="never protected"),
        pytest.param([ENTRY, order(S, 1)], "0", "0", id="a stop rests"),
        pytest.param([ENTRY, order(S, 1, 40)], "60", "60", id="the stop is gone"),
        pytest.param([ENTRY, order(S, 1, 40), order(T, 41)], "0", "60", id="the target rests instead"),
        pytest.param([ENTRY, order(S, 1, 40), order(S, 50)], "0", "0", id="a gap that is over"),
        pytest.param([ENTRY, order(S, 1, 40), order(X, 42, 42, filled="1")], "0", "0", id="sold"),
        pytest.param([ENTRY, order(S, 1, 40, quantity="0.5"), order(S, 2)], "0", "0", id="one of two stops"),
    ],
)
def test_the_stretch_that_lasts(orders: list[BracketOrder], bare: str, stopless: str) -> None:
    found = exposure(orders, at(100))
    assert (found.bare_for_seconds, found.stopless_for_seconds) == (D(bare), D(stopless))
