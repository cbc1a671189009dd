"""The tables of Kraken's error strings: every row reachable, and nothing definite among the ambiguous."""

from __future__ import annotations

import pytest

from brackets.venue.kraken import errors
from brackets.venue.port import Reason, Refused, Unknown


def said(*words: str, has_result: bool = False) -> errors.Said:
    return errors.Said(errors=words, has_result=has_result)


def test_every_reason_the_venue_can_give_has_a_row() -> None:
    assert {reason for _, reason in errors.DEFINITE} == set(Reason)


@pytest.mark.parametrize(
    "words",
    ["EService:Timeout", "EService: Throttled: 1700000000", "EGeneral:Internal error:7", "W", ""],
)
def test_what_is_not_definite_has_no_reason(words: str) -> None:
    assert errors.reason_for(words) is None


@pytest.mark.parametrize(
    "words", ["EService:Timeout:EOrder:Insufficient funds", "XEOrder:Insufficient funds", " EOrder:Bad"]
)
def test_a_definite_string_inside_another_says_nothing(words: str) -> None:
    assert errors.reason_for(words) is None


def test_a_narrow_row_stands_before_its_category() -> None:
    assert errors.reason_for("EOrder:Unknown order") is Reason.UNKNOWN_ORDER
    assert errors.reason_for("EOrder:Whatever") is Reason.OTHER


def test_one_ambiguous_string_makes_the_whole_answer_unknown() -> None:
    definite = said("EOrder:Insufficient funds", "EOrder:Invalid price")
    assert errors.placement_verdict(definite) == Refused(
        reason=Reason.INSUFFICIENT_FUNDS, message="EOrder:Insufficient funds, EOrder:Invalid price"
    )
    assert isinstance(errors.placement_verdict(said("EOrder:Invalid price", "EService:Busy")), Unknown)
    assert isinstance(errors.placement_verdict(said("EOrder:Invalid price", has_result=True)), Unknown)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('kraken {"error":["EOrder:X"]}', said("EOrder:X")),
        ('kraken {"error":["EOrder:X"],"result":{"txid":["O"]}}', said("EOrder:X", has_result=True)),
        ('kraken POST http://host/0 {"error":["EOrder:X"]} and more', said("EOrder:X")),
        ('kraken {"error":[]}', None),
        ('kraken {"error":"EOrder:X"}', None),
        ('kraken {"error":[7]}', None),
        ("kraken EOrder:X", None),
        ("kraken {broken", None),
        ("", None),
    ],
)
def test_the_answer_is_read_from_the_json_in_the_exception(text: str, expected: errors.Said | None) -> None:
    assert errors.said(ValueError(text)) == expected


def test_only_a_full_counter_is_a_rate_limit_of_the_key() -> None:
    assert errors.is_rate_limit(ValueError('kraken {"error":["EAPI:Rate limit exceeded"]}'))
    assert not errors.is_rate_limit(ValueError('kraken {"error":["EOrder:Rate limit exceeded"]}'))
    assert not errors.is_rate_limit(ValueError("EAPI:Rate limit exceeded"))
