"""Book, strangers and what was there at first always add up to what the account holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from brackets.core.strangers import OVER, Finding, Seen, Status, seen, split, unseen

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
COINS = st.decimals(min_value=0, max_value=10**6, places=8, allow_nan=False, allow_infinity=False)


@given(total=COINS, booked=COINS, first=COINS)
def test_every_coin_is_counted_once(total: Decimal, booked: Decimal, first: Decimal) -> None:
    parts = split(total=total, booked=booked, first=first)
    assert parts.held + parts.known + parts.beyond == total
    assert parts.held + parts.missing == booked
    assert min(parts.held, parts.missing, parts.known, parts.beyond) >= 0
    assert parts.missing == 0 or parts.known == parts.beyond == 0
    assert parts.known <= first


@st.composite
def holdings(draw: st.DrawFn) -> list[tuple[str, Decimal]]:
    acts = st.sampled_from(["buy", "sell", "deposit", "withdraw"])
    return draw(st.lists(st.tuples(acts, COINS), max_size=30))


@given(first=COINS, acts=holdings())
def test_whatever_happens_to_the_account_it_adds_up(first: Decimal, acts: list[tuple[str, Decimal]]) -> None:
    """Our brackets buy and sell, the owner deposits and withdraws, of our coins too."""
    total, booked = first, Decimal(0)
    for act, amount in acts:
        match act:
            case "buy":
                total, booked = total + amount, booked + amount
            case "sell":
                sold = min(amount, booked, total)
                total, booked = total - sold, booked - sold
            case "deposit":
                total += amount
            case "withdraw":
                total -= min(amount, total)
        parts = split(total=total, booked=booked, first=first)
        assert booked - parts.missing + parts.known + parts.beyond == total


QUANTITIES = st.sampled_from([Decimal(0), Decimal(1), Decimal(2)])
READINGS = st.lists(st.tuples(QUANTITIES, st.integers(-1, 2), st.booleans()), max_size=40)


@settings(deadline=None)
@given(readings=READINGS)
def test_no_reading_alone_changes_what_people_see(readings: list[tuple[Decimal, int, bool]]) -> None:
    """Readings may repeat and come late; a person ignores whatever stands, now and then."""
    finding: Finding | None = None
    at, words = NOON, []
    for quantity, later, ignores in readings:
        at += timedelta(seconds=later)
        before = finding
        if quantity:
            finding = seen(before, Seen(quantity=quantity, terms="", at=at))
        elif before is not None:
            finding = unseen(before, at)
        if finding is None:
            continue
        if finding != before:
            words.append(quantity)
        if before is not None and before.stands and finding.status != before.status:
            assert words[-1] == words[-2] or finding.status in OVER, (words, finding)
            assert finding.status in (Status.OPEN, Status.GONE)
        if finding.stands:
            assert finding.quantity > 0
            if before is not None and not before.stands:
                assert words[-2:] == [quantity, quantity]
            finding = finding if not ignores else Finding(**{**as_values(finding), "status": Status.IGNORED})


def as_values(finding: Finding) -> dict[str, object]:
    return {name: getattr(finding, name) for name in Finding.__dataclass_fields__}
