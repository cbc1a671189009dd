"""How a finding lives: two readings must agree, a decision holds until it grows, what vanishes is gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from brackets.core.strangers import Finding, Seen, Split, Status, seen, split, unseen

D = Decimal
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def at(seconds: int) -> datetime:
    return NOON + timedelta(seconds=seconds)


def word(quantity: str, seconds: int, terms: str = "") -> Seen:
    return Seen(quantity=D(quantity), terms=terms, at=at(seconds))


def an_open(quantity: str = "1", terms: str = "") -> Finding:
    return seen(seen(None, word(quantity, 0, terms)), word(quantity, 1, terms))


def decided(status: Status, quantity: str = "1") -> Finding:
    return replace(an_open(quantity), status=status)


def test_one_reading_is_only_noticed() -> None:
    assert seen(None, word("1", 0)).status is Status.NOTICED


def test_two_readings_that_agree_are_a_finding() -> None:
    found = an_open()
    assert (found.status, found.quantity, found.first_seen_at) == (Status.OPEN, D(1), at(0))


def test_the_same_reading_again_proves_nothing() -> None:
    noticed = seen(None, word("1", 0))
    assert seen(noticed, word("1", 0)) == noticed


def test_two_readings_that_differ_are_no_finding() -> None:
    assert seen(seen(None, word("1", 0)), word("2", 1)).status is Status.NOTICED


@pytest.mark.parametrize("status", [Status.IGNORED, Status.ALARMED])
def test_a_decision_holds_while_nothing_changes(status: Status) -> None:
    finding = decided(status)
    for second in range(2, 9):
        finding = seen(finding, word("1", second))
    assert finding.status is status


def test_a_decision_holds_when_it_shrinks() -> None:
    finding = seen(seen(decided(Status.IGNORED), word("0.4", 2)), word("0.4", 3))
    assert (finding.status, finding.quantity) == (Status.IGNORED, D("0.4"))


def test_it_is_open_again_when_it_grows_and_only_when_two_readings_say_so() -> None:
    once = seen(decided(Status.IGNORED), word("1.5", 2))
    assert (once.status, once.quantity) == (Status.IGNORED, D(1))
    twice = seen(once, word("1.5", 3))
    assert (twice.status, twice.quantity) == (Status.OPEN, D("1.5"))


def test_an_order_with_other_terms_is_another_finding() -> None:
    ignored = replace(an_open(terms="sell limit 2600"), status=Status.IGNORED)
    moved = seen(seen(ignored, word("1", 2, "sell limit 2500")), word("1", 3, "sell limit 2500"))
    assert moved.status is Status.OPEN


def test_one_other_reading_between_two_of_the_same_changes_nothing() -> None:
    finding = seen(seen(decided(Status.IGNORED), word("3", 2)), word("1", 3))
    assert (finding.status, finding.quantity, finding.noticed) == (Status.IGNORED, D(1), None)


def test_it_is_gone_when_two_readings_do_not_show_it() -> None:
    once = unseen(an_open(), at(2))
    assert once.status is Status.OPEN
    assert unseen(once, at(3)).status is Status.GONE


def test_a_reading_that_shows_it_between_two_that_do_not_keeps_it() -> None:
    finding = unseen(seen(unseen(decided(Status.IGNORED), at(2)), word("1", 3)), at(4))
    assert finding.status is Status.IGNORED


def test_what_was_only_noticed_is_gone_at_once() -> None:
    assert unseen(seen(None, word("1", 0)), at(1)).status is Status.GONE


@pytest.mark.parametrize("status", [Status.GONE, Status.PROTECTED])
def test_what_was_over_begins_anew(status: Status) -> None:
    again = seen(decided(status), word("1", 5))
    assert (again.status, again.first_seen_at) == (Status.NOTICED, at(5))


@pytest.mark.parametrize("status", [Status.GONE, Status.PROTECTED])
def test_an_older_reading_does_not_bring_back_what_is_over(status: Status) -> None:
    over = decided(status)
    assert seen(over, word("1", 1)) == over
    assert unseen(over, at(9)) == over


@pytest.mark.parametrize(
    ("total", "booked", "first", "expected"),
    [
        ("3", "0", "3", Split(held=D(0), missing=D(0), known=D(3), beyond=D(0))),
        ("4", "0.5", "3", Split(held=D("0.5"), missing=D(0), known=D(3), beyond=D("0.5"))),
        ("3", "1", "3", Split(held=D(1), missing=D(0), known=D(2), beyond=D(0))),  # protected coins
        ("0.4", "1", "3", Split(held=D("0.4"), missing=D("0.6"), known=D(0), beyond=D(0))),
        ("0", "0", "0", Split(held=D(0), missing=D(0), known=D(0), beyond=D(0))),
    ],
)
def test_coins_are_ours_first_then_those_of_the_beginning(
    total: str, booked: str, first: str, expected: Split
) -> None:
    assert split(total=D(total), booked=D(booked), first=D(first)) == expected
