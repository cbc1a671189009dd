"""The three outcomes of a write, through the real ccxt class: what each answer of the venue comes to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from brackets.venue.port import Accepted, Outcome, Reason, Refused, Unknown
from tests.contract.kraken_case import CLIENT_ID, market_buy, placed, venue_on
from tests.contract.stub import Answer, Drop, Hang, Page, Stub, ok, says, serving

pytestmark = pytest.mark.django_db(transaction=True)
HTML = "<html><body>Kraken is being upgraded</body></html>"


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serving() as server:
        yield server


def place(stub: Stub, answer: Answer) -> Outcome:
    stub.will("AddOrder", answer)
    outcome = venue_on(stub, timeout_seconds=0.4).place(market_buy(), urgent=False)
    assert len(stub.sent("AddOrder")) == 1, "an order is sent once, whatever the answer"
    return outcome


def test_an_id_is_accepted(stub: Stub) -> None:
    assert place(stub, placed("OXXXXX-YYYYY-ZZZZZZ")) == Accepted(venue_order_id="OXXXXX-YYYYY-ZZZZZZ")


DEFINITE = [
    ("EOrder:Insufficient funds", Reason.INSUFFICIENT_FUNDS),
    ("EOrder:Order minimum not met", Reason.BELOW_MINIMUM),
    ("EOrder:Cost minimum not met", Reason.BELOW_MINIMUM),
    ("EOrder:Tick size check failed", Reason.BAD_PRICE),
    ("EOrder:Invalid price", Reason.BAD_PRICE),
    ("EOrder:Invalid price:Invalid price argument", Reason.BAD_PRICE),
    ("EGeneral:Invalid arguments:price", Reason.BAD_PRICE),
    ("EGeneral:Invalid arguments:volume", Reason.BAD_QUANTITY),
    ("EGeneral:Invalid arguments:deadline", Reason.DEADLINE),
    ("EGeneral:Invalid arguments:ordertype", Reason.INVALID_ARGUMENTS),
    ("EGeneral:Invalid arguments:Index unavailable", Reason.INVALID_ARGUMENTS),
    ("EGeneral:Invalid arguments", Reason.INVALID_ARGUMENTS),
    ("EOrder:Post only order", Reason.POST_ONLY),
    ("EOrder:Rate limit exceeded", Reason.RATE_LIMITED),
    ("EOrder:Domain rate limit exceeded", Reason.RATE_LIMITED),
    ("EOrder:Orders limit exceeded", Reason.RATE_LIMITED),
    ("EAPI:Rate limit exceeded", Reason.RATE_LIMITED),
    ("EService:Market in cancel_only mode", Reason.MARKET_LIMITED),
    ("EService:Market in post_only mode", Reason.MARKET_LIMITED),
    ("EService:Market in limit_only mode", Reason.MARKET_LIMITED),
    ("EService:Market in reduce_only mode", Reason.MARKET_LIMITED),
    ("EOrder:cl_ord_id already in use", Reason.DUPLICATE_ID),
    ("EAPI:Invalid nonce", Reason.INVALID_NONCE),
    ("EAPI:Invalid key", Reason.AUTHENTICATION),
    ("EAPI:Invalid signature", Reason.AUTHENTICATION),
    ("EGeneral:Permission denied", Reason.PERMISSION),
    ("EAccount:Invalid permissions", Reason.PERMISSION),
    ("EOrder:Trading agreement required", Reason.PERMISSION),
    ("EQuery:Unknown asset pair", Reason.UNKNOWN_SYMBOL),
    ("EQuery:Invalid asset pair", Reason.UNKNOWN_SYMBOL),
    ("EQuery:Something new", Reason.OTHER),
    ("EOrder:Reduce only:No position exists", Reason.OTHER),
    ("EOrder:Something new", Reason.OTHER),
]


@pytest.mark.parametrize(("words", "reason"), DEFINITE)
def test_a_definite_error_is_refused_with_its_reason(stub: Stub, words: str, reason: Reason) -> None:
    assert place(stub, says(words)) == Refused(reason=reason, message=words)


AMBIGUOUS = [
    "EService:Timeout",
    "EService:Deadline elapsed",
    "EService:Throttled",
    "EService: Throttled: 1700000000",
    "EService:Unavailable",
    "EService:Busy",
    "EGeneral:Internal error",
    "EGeneral:Internal error:1234",
    "EDatabase:Internal error",
    "EGeneral:Temporary lockout",
    "EGeneral:Too many requests",
    "ESomething:Never heard of",
    "no category at all",
    "WOrder:Something odd",
]


@pytest.mark.parametrize("words", AMBIGUOUS)
def test_an_ambiguous_error_is_unknown(stub: Stub, words: str) -> None:
    outcome = place(stub, says(words))
    assert isinstance(outcome, Unknown)
    assert words in outcome.message


@pytest.mark.parametrize(
    "answer",
    [
        Page(HTML),
        Page(""),
        Page("null", content_type="application/json"),
        Page("[]", content_type="application/json"),
        Page('{"error": null}', content_type="application/json"),
        Page('{"error": [], "result": {"txid": ["O', content_type="application/json"),
        Page(HTML, status=520),
        Page(HTML, status=502),
        Page(HTML, status=503),
        Page(HTML, status=504),
        Page(HTML, status=408),
        Page(HTML, status=401),
        Page(HTML, status=429),
        Page('{"error":["EOrder:Insufficient funds"]}', status=503, content_type="application/json"),
        Drop(),
        Hang(),
        ok({}),
        ok({"txid": []}),
        ok(
            {
                "txid": ["OAAAAA-BBBBB-CCCCCC", "ODDDDD-EEEEE-FFFFFF"],
                "descr": {"order": "buy 0.01 XBTUSD @ market"},
            }
        ),
        ok({"descr": {"order": "buy 0.01 XBTUSD @ market"}}),
        ok({"txid": ["OAAAAA-BBBBB-CCCCCC"], "descr": {"order": 7}}),
        says("EOrder:Insufficient funds", result={"txid": ["OAAAAA-BBBBB-CCCCCC"]}),
        says("WOrder:Late", result={"txid": ["OAAAAA-BBBBB-CCCCCC"], "descr": {"order": "buy"}}),
        says("EOrder:Insufficient funds", "EService:Timeout"),
        says("EService:Timeout", "EOrder:Insufficient funds"),
    ],
    ids=lambda answer: str(answer)[:70],
)
def test_whatever_is_not_explicit_is_unknown(stub: Stub, answer: Answer) -> None:
    assert isinstance(place(stub, answer), Unknown)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_signed_request_does_not_follow_a_redirect(stub: Stub, status: int) -> None:
    with serving() as elsewhere:
        elsewhere.always("AddOrder", placed())
        where = f"{elsewhere.url}/0/private/AddOrder"
        assert isinstance(place(stub, Page("", status=status, location=where)), Unknown)
        assert elsewhere.requests == []


def test_a_server_that_is_gone_leaves_the_order_unknown() -> None:
    with serving() as stub:
        venue = venue_on(stub, timeout_seconds=0.4)
        venue.instruments()
    assert isinstance(venue.place(market_buy(), urgent=True), Unknown)


# --- cancels -------------------------------------------------------------------------------------


def test_a_cancel_that_counts_an_order_is_accepted(stub: Stub) -> None:
    stub.will("CancelOrder", ok({"count": 1}), ok({"count": "1", "pending": True}))
    venue = venue_on(stub)
    assert venue.cancel("OAAAAA-BBBBB-CCCCCC") == Accepted(venue_order_id=None)
    assert venue.cancel_by_client_id(CLIENT_ID) == Accepted(venue_order_id=None)
    first, second = stub.sent("CancelOrder")
    assert first.order_body == "txid=OAAAAA-BBBBB-CCCCCC"
    assert second.order_body == f"cl_ord_id={CLIENT_ID}"


def test_a_cancel_needs_no_markets(stub: Stub) -> None:
    stub.will("CancelOrder", ok({"count": 1}))
    assert isinstance(venue_on(stub).cancel("OAAAAA-BBBBB-CCCCCC"), Accepted)
    assert [request.endpoint for request in stub.requests] == ["CancelOrder"]


def test_a_cancel_of_an_unknown_order_is_refused_as_that(stub: Stub) -> None:
    stub.will("CancelOrder", says("EOrder:Unknown order"))
    outcome = venue_on(stub).cancel("OAAAAA-BBBBB-CCCCCC")
    assert outcome == Refused(reason=Reason.UNKNOWN_ORDER, message="EOrder:Unknown order")


@pytest.mark.parametrize(
    "answer",
    [
        ok({"count": 0}),
        ok({}),
        Page(HTML),
        Hang(),
        Drop(),
        says("EService:Busy"),
        says("EOrder:Cancel pending"),
    ],
    ids=lambda answer: str(answer)[:60],
)
def test_a_cancel_that_is_not_explicit_is_unknown(stub: Stub, answer: Answer) -> None:
    stub.will("CancelOrder", answer)
    assert isinstance(venue_on(stub, timeout_seconds=0.4).cancel("OAAAAA-BBBBB-CCCCCC"), Unknown)


def test_a_silent_cancel_does_not_inherit_an_earlier_one_s_answer(stub: Stub) -> None:
    """ccxt's cancel_order looks for "Unknown order" in the last response, which may be an older one."""
    venue = venue_on(stub, timeout_seconds=0.4)
    stub.will("CancelOrder", says("EOrder:Unknown order"), Hang())
    assert isinstance(venue.cancel("OAAAAA-BBBBB-CCCCCC"), Refused)
    assert isinstance(venue.cancel("ODDDDD-EEEEE-FFFFFF"), Unknown)
