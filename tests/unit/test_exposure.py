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
    role: Role, opened: float | None, ended: float | None = None, *, filled: str = "0", quantity: str = "1"
) -> BracketOrder:
    return BracketOrder(
        key=f"{role} {opened} {ended}",
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
    ],
)
def test_timeline(orders: list[BracketOrder], until: float, unprotected: str, unstopped: str) -> None:
    for shown in (orders, orders[::-1]):
        measured = exposure(shown, at(until))
        assert (measured.unprotected_seconds, measured.unstopped_seconds) == (D(unprotected), D(unstopped))
