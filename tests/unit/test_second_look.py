"""When balances are read once more: a few seconds after what was new, compared in between, once a minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from brackets.watch.second_look import SecondLook

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def after(seconds: int) -> datetime:
    return NOON + timedelta(seconds=seconds)


def doubting() -> SecondLook:
    look = SecondLook()
    look.doubt(NOON)
    return look


def test_nothing_is_read_again_where_nothing_is_new() -> None:
    look = SecondLook()
    look.doubt(None)
    assert not look.is_due(after(100), compared_at=after(99))


def test_what_is_new_is_read_again_a_few_seconds_later() -> None:
    assert not doubting().is_due(after(3), compared_at=after(2))
    assert doubting().is_due(after(4), compared_at=after(2))


def test_a_fill_that_was_not_heard_of_may_explain_it_until_book_and_venue_were_compared() -> None:
    assert not doubting().is_due(after(30), compared_at=None)
    assert not doubting().is_due(after(30), compared_at=NOON)


def test_a_reading_answers_the_doubt() -> None:
    look = doubting()
    look.read(after(2), more=False)
    assert not look.is_due(after(30), compared_at=after(29))


def test_one_more_is_read_in_a_minute() -> None:
    look = doubting()
    look.read(after(4), more=True)
    look.doubt(after(5))
    assert not look.is_due(after(63), compared_at=after(62))
    assert look.is_due(after(64), compared_at=after(62))


def test_the_rounds_own_readings_do_not_count_as_more() -> None:
    look = doubting()
    look.read(after(2), more=False)
    look.doubt(after(2))
    assert look.is_due(after(6), compared_at=after(5))


def test_a_doubt_lasts_until_a_reading() -> None:
    look = doubting()
    look.doubt(None)
    assert look.is_due(after(4), compared_at=after(2))
