"""Amending through the real ccxt class: the body that leaves, what never leaves, and what answers mean."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from brackets.venue.port import Accepted, AmendRequest, Outcome, Reason, Refused, Unknown
from tests.contract.kraken_case import new_terms, slot_for, venue_on
from tests.contract.stub import Answer, Drop, Hang, Page, Stub, ok, says, serving

pytestmark = pytest.mark.django_db(transaction=True)
ORDER = "OAAAAA-BBBBB-CCCCCC"
AMENDED = ok({"amend_id": "TJSMEH-AA67V-YUSQ6O"})
HTML = "<html><body>Kraken is being upgraded</body></html>"


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serving() as server:
        yield server


def amend(stub: Stub, answer: Answer, request: AmendRequest | None = None) -> Outcome:
    stub.will("AmendOrder", answer)
    outcome = venue_on(stub, timeout_seconds=0.4).amend(request or new_terms(), urgent=True)
    assert len(stub.sent("AmendOrder")) == 1, "an amendment is sent once, whatever the answer"
    return outcome


# --- what leaves ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "body"),
    [
        ({}, "order_qty=0.02"),
        ({"quantity": Decimal("0.02000000")}, "order_qty=0.02"),
        ({"quantity": Decimal("0.12345678")}, "order_qty=0.12345678"),
        ({"quantity": None, "trigger_price": Decimal("59000.10")}, "trigger_price=59000.1"),
        ({"quantity": None, "limit_price": Decimal("61000.5")}, "limit_price=61000.5"),
        (
            {"quantity": None, "limit_price": Decimal("61000.5"), "post_only": True},
            "post_only=true&limit_price=61000.5",
        ),
        (
            {"trigger_price": Decimal("59000.1"), "limit_price": Decimal("58000")},
            "order_qty=0.02&limit_price=58000&trigger_price=59000.1",
        ),
        (
            {"deadline_at": datetime(2026, 1, 1, 0, 0, 5, 250_000, tzinfo=UTC)},
            "order_qty=0.02&deadline=2026-01-01T00%3A00%3A05.250Z",
        ),
    ],
    ids=str,
)
def test_the_terms_leave_digit_for_digit_and_nothing_else(
    stub: Stub, changes: dict[str, Any], body: str
) -> None:
    assert amend(stub, AMENDED, new_terms(**changes)) == Accepted(venue_order_id=ORDER)
    assert stub.sent("AmendOrder")[0].order_body == f"txid={ORDER}&{body}"


def test_tiny_ticks_arrive_digit_for_digit(stub: Stub) -> None:
    request = new_terms(
        symbol="DOGE/USD", quantity=Decimal("123456.12345678"), trigger_price=Decimal("0.0000007")
    )
    assert isinstance(amend(stub, AMENDED, request), Accepted)
    params = stub.sent("AmendOrder")[0].params
    assert (params["order_qty"], params["trigger_price"]) == ("123456.12345678", "0.0000007")


@pytest.mark.parametrize(
    ("changes", "reason", "words"),
    [
        ({"symbol": "NOPE/USD"}, Reason.UNKNOWN_SYMBOL, ["NOPE/USD"]),
        ({"venue_order_id": ""}, Reason.INVALID_ARGUMENTS, ["id"]),
        ({"quantity": None}, Reason.INVALID_ARGUMENTS, ["change"]),
        ({"post_only": True}, Reason.INVALID_ARGUMENTS, ["post-only"]),
        ({"quantity": Decimal(0)}, Reason.BAD_QUANTITY, ["0"]),
        ({"quantity": Decimal("NaN")}, Reason.BAD_QUANTITY, ["NaN"]),
        ({"quantity": Decimal("0.010000001")}, Reason.BAD_QUANTITY, ["0.010000001", "0.00000001"]),
        ({"quantity": Decimal("0.00009999")}, Reason.BELOW_MINIMUM, ["0.00009999", "0.0001"]),
        ({"limit_price": Decimal("60000.04")}, Reason.BAD_PRICE, ["60000.04", "0.1"]),
        ({"trigger_price": Decimal("59000.05")}, Reason.BAD_PRICE, ["59000.05", "0.1"]),
        ({"trigger_price": Decimal(-1)}, Reason.BAD_PRICE, ["-1"]),
        ({"quantity": Decimal("0.0001"), "limit_price": Decimal(4999)}, Reason.BELOW_MINIMUM, ["0.4999"]),
    ],
    ids=str,
)
def test_what_the_venue_cannot_take_never_leaves(
    stub: Stub, changes: dict[str, Any], reason: Reason, words: list[str]
) -> None:
    outcome = venue_on(stub).amend(new_terms(**changes), urgent=True)
    assert isinstance(outcome, Refused)
    assert outcome.reason is reason
    assert all(word in outcome.message for word in words), outcome.message
    assert stub.sent("AmendOrder") == []


def test_an_amendment_that_ccxt_would_change_does_not_leave(stub: Stub, monkeypatch: Any) -> None:
    venue = venue_on(stub)
    venue.instruments()
    wire = venue._markets.wire()
    monkeypatch.setattr(wire, "amount_to_precision", lambda symbol, amount: "0.01")
    outcome = venue.amend(new_terms(), urgent=True)
    assert isinstance(outcome, Refused)
    assert "order_qty is '0.01' instead of '0.02'" in outcome.message
    assert stub.sent("AmendOrder") == []


def test_an_amendment_whose_deadline_passed_while_it_waited_is_not_sent(stub: Stub) -> None:
    venue = venue_on(stub)
    offset = venue.clock_offset()
    assert offset is not None
    soon = datetime.now(UTC) + offset + timedelta(seconds=1)
    outcome = venue.amend(new_terms(deadline_at=soon), urgent=True)
    assert isinstance(outcome, Refused)
    assert outcome.reason is Reason.DEADLINE
    assert stub.sent("AmendOrder") == []


def test_an_amendment_that_finds_no_turn_was_not_sent(stub: Stub) -> None:
    slot = slot_for(stub, max_wait_seconds=0.05)
    venue = venue_on(stub, slot=slot)
    venue.instruments()
    with slot.turn(cost=0, urgent=True):
        outcome = venue.amend(new_terms(), urgent=True)
    assert isinstance(outcome, Refused)
    assert outcome.reason is Reason.RATE_LIMITED
    assert stub.sent("AmendOrder") == []


# --- what the answer means -----------------------------------------------------------------------


def test_accepted_names_the_order_and_not_the_amendment(stub: Stub) -> None:
    assert amend(stub, AMENDED) == Accepted(venue_order_id=ORDER)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("EOrder:Unknown order", Reason.UNKNOWN_ORDER),
        ("EOrder:Insufficient funds", Reason.INSUFFICIENT_FUNDS),
        ("EOrder:Order minimum not met", Reason.BELOW_MINIMUM),
        ("EOrder:Tick size check failed", Reason.BAD_PRICE),
        ("EGeneral:Invalid arguments:trigger_price", Reason.BAD_PRICE),
        ("EGeneral:Invalid arguments:order_qty", Reason.BAD_QUANTITY),
        ("EOrder:Post only order", Reason.POST_ONLY),
        ("EOrder:Amend not supported:conditional close terms", Reason.OTHER),
        ("EOrder:Rate limit exceeded", Reason.RATE_LIMITED),
        ("EAPI:Invalid nonce", Reason.INVALID_NONCE),
        ("EService:Market in cancel_only mode", Reason.MARKET_LIMITED),
        ("EGeneral:Permission denied", Reason.PERMISSION),
    ],
)
def test_a_definite_error_is_refused_with_its_reason(stub: Stub, words: str, reason: Reason) -> None:
    assert amend(stub, says(words)) == Refused(reason=reason, message=words)


@pytest.mark.parametrize(
    "answer",
    [
        Hang(),
        Drop(),
        Page(HTML),
        Page(""),
        Page("null", content_type="application/json"),
        Page(HTML, status=502),
        Page(HTML, status=520),
        Page('{"error":["EOrder:Unknown order"]}', status=503, content_type="application/json"),
        says("EService:Timeout"),
        says("EService:Deadline elapsed"),
        says("EService:Busy"),
        says("EService: Throttled: 1700000000"),
        says("EGeneral:Internal error"),
        says("EGeneral:Internal error:7"),
        says("EOrder:Cancel pending"),
        says("EOrder:Something new"),
        says("WOrder:Late", result={"amend_id": "TJSMEH-AA67V-YUSQ6O"}),
        says("EOrder:Unknown order", result={"amend_id": "TJSMEH-AA67V-YUSQ6O"}),
        says("EOrder:Unknown order", "EService:Timeout"),
        ok({}),
        ok({"amend_id": ""}),
        ok({"amend_id": 7}),
    ],
    ids=lambda answer: str(answer)[:70],
)
def test_whatever_is_not_explicit_is_unknown(stub: Stub, answer: Answer) -> None:
    assert isinstance(amend(stub, answer), Unknown)


def test_a_server_that_is_gone_leaves_the_amendment_unknown() -> None:
    with serving() as stub:
        venue = venue_on(stub, timeout_seconds=0.4)
        venue.instruments()
    assert isinstance(venue.amend(new_terms(), urgent=True), Unknown)


# --- validate mode ---------------------------------------------------------------------------------


def test_validate_mode_neither_amends_nor_cancels(stub: Stub) -> None:
    venue = venue_on(stub, validate_only=True)
    for outcome in (
        venue.amend(new_terms(), urgent=True),
        venue.cancel(ORDER),
        venue.cancel_by_client_id("x"),
    ):
        assert isinstance(outcome, Refused)
        assert "validate mode executes nothing" in outcome.message
    assert stub.requests == []
