"""The tables of Kraken's error strings: every row reachable, and nothing definite among the ambiguous."""

from __future__ import annotations

import pytest

from brackets.core import refusals
from brackets.core.orders import Rules
from brackets.venue.kraken import error_table, errors
from brackets.venue.kraken.error_table import Full
from brackets.venue.port import Reason, Refused, Unknown
from brackets.venue.treatments import RETRY_FOR_SECONDS, TREATMENTS, Treatment, Write


def said(*words: str, has_result: bool = False) -> errors.Said:
    return errors.Said(errors=words, has_result=has_result)


def test_every_reason_the_venue_can_give_has_a_row_and_a_treatment_for_every_write() -> None:
    of_guards = {Reason.MARGIN_INSUFFICIENT, Reason.ORDER_REJECTED}  # of venues with error numbers
    assert {row.reason for row in error_table.ROWS} == {*Reason, None} - of_guards
    assert all(set(TREATMENTS[write]) == set(Reason) for write in Write)


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
    assert errors.verdict(Write.PLACE, definite) == Refused(
        reason=Reason.INSUFFICIENT_FUNDS, message="EOrder:Insufficient funds, EOrder:Invalid price"
    )
    assert isinstance(errors.verdict(Write.PLACE, said("EOrder:Invalid price", "EService:Busy")), Unknown)
    assert isinstance(errors.verdict(Write.PLACE, said("EOrder:Invalid price", has_result=True)), Unknown)


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


def test_a_string_tells_which_counter_is_full() -> None:
    def full(words: str) -> frozenset[Full]:
        return errors.full_counters(ValueError(f'kraken {{"error":["{words}"]}}'))

    assert full("EAPI:Rate limit exceeded") == {Full.KEY}
    assert full("EService: Throttled: 1700000000") == {Full.KEY}
    assert full("EOrder:Rate limit exceeded") == {Full.PAIR}
    assert full("EOrder:Orders limit exceeded") == frozenset()
    assert errors.full_counters(ValueError("EAPI:Rate limit exceeded")) == frozenset()


# Every string the record of Kraken's behaviour names, with what it comes to in each of the three writes.
RETRY, SKIP, NO_OP = Treatment.RETRY, Treatment.SKIP, Treatment.NO_OP
FAIL, THROTTLE, AMBIGUOUS = Treatment.FAIL, Treatment.THROTTLE, Treatment.AMBIGUOUS
STRINGS: list[tuple[str, Reason | None, Treatment, Treatment, Treatment]] = [
    # words, reason of a placement, and the treatment of: placement, amendment, cancel
    ("EQuery:Invalid asset pair", Reason.UNKNOWN_SYMBOL, FAIL, FAIL, AMBIGUOUS),
    ("EQuery:Unknown asset pair", Reason.UNKNOWN_SYMBOL, FAIL, FAIL, AMBIGUOUS),
    ("EQuery:Unknown asset", Reason.UNKNOWN_SYMBOL, FAIL, FAIL, AMBIGUOUS),
    ("EFunding:Unknown asset", None, AMBIGUOUS, AMBIGUOUS, AMBIGUOUS),
    ("EFunding:Unknown withdraw key", None, AMBIGUOUS, AMBIGUOUS, AMBIGUOUS),
    ("EFunding:Invalid amount", None, AMBIGUOUS, AMBIGUOUS, AMBIGUOUS),
    ("EFunding:No funding method", None, AMBIGUOUS, AMBIGUOUS, AMBIGUOUS),
    ("EAPI:Invalid key", Reason.AUTHENTICATION, FAIL, FAIL, FAIL),
    ("EAPI:Invalid signature", Reason.AUTHENTICATION, FAIL, FAIL, FAIL),
    ("EAPI:Invalid nonce", Reason.INVALID_NONCE, AMBIGUOUS, AMBIGUOUS, RETRY),
    ("EAPI:Rate limit exceeded", Reason.RATE_LIMITED, THROTTLE, THROTTLE, THROTTLE),
    ("ESession:Invalid session", None, AMBIGUOUS, AMBIGUOUS, AMBIGUOUS),
    ("ETrade:User Locked", None, AMBIGUOUS, AMBIGUOUS, AMBIGUOUS),
    ("EAccount:Invalid permissions", Reason.PERMISSION, FAIL, FAIL, FAIL),
    ("EGeneral:Permission denied", Reason.PERMISSION, FAIL, FAIL, FAIL),
    ("EGeneral:Invalid arguments", Reason.INVALID_ARGUMENTS, FAIL, FAIL, FAIL),
    ("EGeneral:Invalid arguments:ordertype", Reason.INVALID_ARGUMENTS, FAIL, FAIL, FAIL),
    ("EGeneral:Invalid arguments:viqc", Reason.INVALID_ARGUMENTS, FAIL, FAIL, FAIL),
    ("EGeneral:Invalid arguments:Index unavailable", Reason.INVALID_ARGUMENTS, FAIL, FAIL, FAIL),
    ("EGeneral:Invalid arguments:volume", Reason.BAD_QUANTITY, FAIL, FAIL, AMBIGUOUS),
    ("EGeneral:Invalid arguments:order_qty", Reason.BAD_QUANTITY, FAIL, FAIL, AMBIGUOUS),
    ("EGeneral:Invalid arguments:price", Reason.BAD_PRICE, SKIP, SKIP, AMBIGUOUS),
    ("EGeneral:Invalid arguments:trigger_price", Reason.BAD_PRICE, SKIP, SKIP, AMBIGUOUS),
    ("EGeneral:Invalid arguments:deadline", Reason.DEADLINE, RETRY, RETRY, RETRY),
    ("EGeneral:Internal error", None, AMBIGUOUS, AMBIGUOUS, AMBIGUOUS),
    ("EGeneral:Internal error:1234", None, AMBIGUOUS, AMBIGUOUS, AMBIGUOUS),
    ("EGeneral:Temporary lockout", None, AMBIGUOUS, AMBIGUOUS, AMBIGUOUS),
    ("EGeneral:Too many requests", None, AMBIGUOUS, AMBIGUOUS, AMBIGUOUS),
    ("EDatabase:Internal error", None, AMBIGUOUS, AMBIGUOUS, AMBIGUOUS),
    ("EService:Unavailable", None, AMBIGUOUS, AMBIGUOUS, AMBIGUOUS),
    ("EService:Busy", None, AMBIGUOUS, AMBIGUOUS, AMBIGUOUS),
    ("EService:Timeout", None, AMBIGUOUS, AMBIGUOUS, AMBIGUOUS),
    ("EService:Deadline elapsed", None, AMBIGUOUS, AMBIGUOUS, AMBIGUOUS),
    ("EService:Throttled", None, AMBIGUOUS, AMBIGUOUS, AMBIGUOUS),
    ("EService: Throttled: 1700000000", None, AMBIGUOUS, AMBIGUOUS, AMBIGUOUS),
    ("EService:Market in post_only mode", Reason.MARKET_LIMITED, RETRY, RETRY, RETRY),
    ("EService:Market in cancel_only mode", Reason.MARKET_LIMITED, RETRY, RETRY, RETRY),
    ("EService:Market in limit_only mode", Reason.MARKET_LIMITED, RETRY, RETRY, RETRY),
    ("EService:Market in reduce_only mode", Reason.MARKET_LIMITED, RETRY, RETRY, RETRY),
    ("EOrder:Insufficient funds", Reason.INSUFFICIENT_FUNDS, RETRY, RETRY, AMBIGUOUS),
    ("EOrder:Rate limit exceeded", Reason.RATE_LIMITED, THROTTLE, THROTTLE, THROTTLE),
    ("EOrder:Domain rate limit exceeded", Reason.RATE_LIMITED, THROTTLE, THROTTLE, THROTTLE),
    ("EOrder:Orders limit exceeded", Reason.RATE_LIMITED, THROTTLE, THROTTLE, THROTTLE),
    ("EOrder:Unknown order", Reason.UNKNOWN_ORDER, FAIL, NO_OP, NO_OP),
    ("EOrder:Invalid price", Reason.BAD_PRICE, SKIP, SKIP, AMBIGUOUS),
    ("EOrder:Invalid price:Invalid price argument", Reason.BAD_PRICE, SKIP, SKIP, AMBIGUOUS),
    ("EOrder:Order would trigger immediately", Reason.BAD_PRICE, SKIP, SKIP, AMBIGUOUS),
    ("EOrder:Tick size check failed", Reason.BAD_PRICE, SKIP, SKIP, AMBIGUOUS),
    ("EOrder:Order minimum not met", Reason.BELOW_MINIMUM, SKIP, SKIP, AMBIGUOUS),
    ("EOrder:Cost minimum not met", Reason.BELOW_MINIMUM, SKIP, SKIP, AMBIGUOUS),
    ("EOrder:Post only order", Reason.POST_ONLY, SKIP, SKIP, AMBIGUOUS),
    ("EOrder:cl_ord_id already in use", Reason.DUPLICATE_ID, AMBIGUOUS, AMBIGUOUS, AMBIGUOUS),
    ("EOrder:Duplicate client order id", Reason.DUPLICATE_ID, AMBIGUOUS, AMBIGUOUS, AMBIGUOUS),
    ("EOrder:Trading agreement required", Reason.PERMISSION, FAIL, FAIL, FAIL),
    ("EOrder:Amend not supported:conditional close terms", Reason.OTHER, FAIL, SKIP, AMBIGUOUS),
    ("EOrder:Cancel pending", None, AMBIGUOUS, AMBIGUOUS, AMBIGUOUS),
    ("EOrder:Invalid order", Reason.OTHER, FAIL, AMBIGUOUS, AMBIGUOUS),
    ("EOrder:Reduce only:No position exists", Reason.OTHER, FAIL, AMBIGUOUS, AMBIGUOUS),
    ("WOrder:Something odd", None, AMBIGUOUS, AMBIGUOUS, AMBIGUOUS),
    ("ESomething:Never heard of", None, AMBIGUOUS, AMBIGUOUS, AMBIGUOUS),
    ("no category at all", None, AMBIGUOUS, AMBIGUOUS, AMBIGUOUS),
    ("", None, AMBIGUOUS, AMBIGUOUS, AMBIGUOUS),
]


@pytest.mark.parametrize(("words", "reason", "place", "amend", "cancel"), STRINGS)
def test_every_string_has_its_treatment_in_every_write(
    words: str, reason: Reason | None, place: Treatment, amend: Treatment, cancel: Treatment
) -> None:
    assert errors.reason_for(words) is reason
    assert {write: errors.treatment_for(words, write) for write in Write} == {
        Write.PLACE: place,
        Write.AMEND: amend,
        Write.CANCEL: cancel,
    }


SAID_ALL_THE_SAME = (Reason.DUPLICATE_ID, Reason.INVALID_NONCE)


@pytest.mark.parametrize("write", Write)
@pytest.mark.parametrize("words", [row[0] for row in STRINGS])
def test_a_verdict_is_a_refusal_only_where_something_is_certain(words: str, write: Write) -> None:
    """The port's outcome and the treatment never disagree, but where whoever sent it must know why: of an id
    in use the order can be read, a used nonce may be that of the same request."""
    outcome = errors.verdict(write, said(words))
    certain = errors.treatment_for(words, write) is not AMBIGUOUS
    if write is not Write.CANCEL and errors.reason_for(words, write) in SAID_ALL_THE_SAME:
        certain = True
    assert isinstance(outcome, Refused if certain else Unknown)
    assert isinstance(errors.verdict(write, said(words, has_result=True)), Unknown)


def test_every_row_of_the_table_is_reached_by_a_string_above() -> None:
    reached = {error_table.row_for(row[0]).pattern for row in STRINGS} | {
        error_table.row_for(words).pattern
        for words in (
            "EGeneral:Invalid arguments:volume minimum not met",
            "EOrder:Duplicate of the cl_ord_id",
            "EOrder:Duplicate order",
            "EQuery:Something new",
        )
    }
    assert {row.pattern for row in error_table.ROWS} - reached == set()


def test_the_machine_tries_again_exactly_where_the_table_says_so() -> None:
    """A refused placement it may repeat: later, when a counter has decayed, or once the id is read."""
    by_hand = {"rate_limited", "market_limited", "deadline", "invalid_nonce", "duplicate_id"}
    assert by_hand == refusals.RETRYABLE
    assert set(RETRY_FOR_SECONDS) == {refusals.INSUFFICIENT_FUNDS}
    assert RETRY_FOR_SECONDS[Reason.INSUFFICIENT_FUNDS] == Rules().funds_retry_seconds
