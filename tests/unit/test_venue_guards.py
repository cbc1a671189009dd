"""Guards for a venue with error numbers: each number, for each kind of write, and what is really done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import ccxt
import pytest

from brackets.venue.guarded import Attempt, Guarded
from brackets.venue.guards import BINANCE, Act, code_of, judge
from brackets.venue.port import Accepted, Reason, Refused, Unknown
from brackets.venue.treatments import Treatment, Write, treatment
from tests.unit.guard_case import URLS, binance

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PLACE, AMEND, CANCEL = Write.PLACE, Write.AMEND, Write.CANCEL
ENTRY = Attempt(write=PLACE, symbol="ETH/USDT", reduces=False, quantity=Decimal(1))
EXIT = Attempt(
    write=PLACE, symbol="ETH/USDT", reduces=True, quantity=Decimal(1), params={"closePosition": True}
)
CANCELED = Attempt(write=CANCEL, symbol="ETH/USDT", reduces=True)


class Memory:
    """Throttles of one process."""

    def __init__(self) -> None:
        self.kept: dict[str, datetime] = {}

    def until(self, symbol: str) -> datetime | None:
        return self.kept.get(symbol)

    def leave_alone(self, symbol: str, *, until: datetime) -> None:
        self.kept[symbol] = until


class Desk:
    """A venue that answers as it is told, and a clock that only its pauses move."""

    def __init__(self, *answers: BaseException | str | None) -> None:
        self.answers, self.sent, self.pauses = list(answers), [], []
        self.now = NOON
        self.guarded = Guarded(
            "binance",
            throttles=Memory(),
            clock=lambda: self.now,
            pause=self.pause,
            between=lambda a, b: b,
        )

    def pause(self, seconds: Decimal) -> None:
        self.pauses.append(seconds)
        self.now += timedelta(seconds=float(seconds))

    def answer(self, attempt: Attempt) -> str | None:
        self.sent.append(attempt)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def send(self, attempt: Attempt) -> object:
        return self.guarded.send(attempt, self.answer)


def reason_of(outcome: object) -> Reason:
    assert isinstance(outcome, Refused), outcome
    return outcome.reason


@pytest.mark.parametrize("kind", list(URLS))
@pytest.mark.parametrize("code", sorted(BINANCE))
def test_the_number_is_found_in_what_ccxt_raises(code: int, kind: str) -> None:
    assert code_of(binance(code, kind=kind)) == code


@pytest.mark.parametrize(
    "text", ["", "binance", "binance {", "binance []", 'binance {"code": "x"}', "binance <html>{}</html>"]
)
def test_where_there_is_no_number_none_is_found(text: str) -> None:
    assert code_of(Exception(text)) is None


@pytest.mark.parametrize(
    ("code", "write", "reduces", "attempt", "act"),
    [
        (-2019, PLACE, False, 1, Act.SKIP),
        (-2019, PLACE, True, 1, Act.SKIP),
        (-2019, CANCEL, True, 1, None),
        (-2021, PLACE, True, 1, Act.RETRY_ONCE),
        (-2021, AMEND, True, 1, Act.RETRY_ONCE),
        (-2021, PLACE, True, 2, Act.SKIP),
        (-2021, CANCEL, True, 1, None),
        (-1106, PLACE, True, 1, Act.REDUCE_ONLY),
        (-1106, PLACE, True, 2, Act.SKIP),
        (-1106, PLACE, False, 1, Act.SKIP),  # an entry must never become an order that may only reduce
        (-2011, CANCEL, True, 1, Act.NO_OP),
        (-2011, AMEND, True, 1, Act.NO_OP),
        (-2011, PLACE, True, 1, None),
        (-4164, PLACE, True, 1, Act.SUCCESS),
        (-4164, PLACE, False, 1, Act.SKIP),
        (-2010, PLACE, False, 1, Act.THROTTLE),
        (-2010, PLACE, True, 1, Act.THROTTLE),
        (-2010, CANCEL, True, 1, None),
        (-9999, PLACE, True, 1, None),
    ],
)
def test_what_a_number_asks_for(
    code: int, write: Write, reduces: bool, attempt: int, act: Act | None
) -> None:
    verdict = judge("binance", code, write=write, reduces=reduces, attempt=attempt)
    assert (verdict.act if verdict else None) == act


@pytest.mark.parametrize("code", sorted(BINANCE))
def test_what_the_bracket_hears_agrees_with_what_is_done(code: int) -> None:
    """What a guard skips for now, the machine neither tries at once again nor takes for final."""
    skipped = BINANCE[code].act in (Act.SKIP, Act.THROTTLE)
    treatments = {treatment(write, BINANCE[code].reason) for write in BINANCE[code].only_of}
    assert (treatments == {Treatment.PAUSE}) is skipped


def test_what_worked_is_accepted_with_its_id() -> None:
    assert Desk("17").send(ENTRY) == Accepted(venue_order_id="17")


def test_missing_margin_is_not_tried_again() -> None:
    desk = Desk(binance(-2019))
    assert reason_of(desk.send(ENTRY)) is Reason.MARGIN_INSUFFICIENT
    assert (len(desk.sent), desk.pauses) == (1, [])


def test_a_stop_that_would_trigger_is_tried_once_more_after_a_moment() -> None:
    desk = Desk(binance(-2021), "18")
    assert desk.send(EXIT) == Accepted(venue_order_id="18")
    assert desk.sent == [EXIT, EXIT]
    assert [Decimal("0.3") <= pause <= Decimal("0.4") for pause in desk.pauses] == [True]


def test_one_that_would_trigger_twice_is_given_back() -> None:
    desk = Desk(binance(-2021), binance(-2021))
    assert reason_of(desk.send(EXIT)) is Reason.BAD_PRICE
    assert len(desk.sent) == 2


def test_close_all_falls_back_to_reduce_only() -> None:
    desk = Desk(binance(-1106), "19")
    assert desk.send(EXIT) == Accepted(venue_order_id="19")
    assert desk.sent[1].params == {"reduceOnly": True}
    assert desk.sent[1].quantity == EXIT.quantity
    assert desk.pauses == []


def test_the_second_answer_counts_whatever_it_is() -> None:
    desk = Desk(binance(-1106), binance(-2019))
    assert reason_of(desk.send(EXIT)) is Reason.MARGIN_INSUFFICIENT
    desk = Desk(binance(-2021), ccxt.RequestTimeout("binance timed out"))
    assert isinstance(desk.send(EXIT), Unknown)


def test_a_cancel_of_what_ended_is_no_failure_and_no_proof() -> None:
    reason = reason_of(Desk(binance(-2011)).send(CANCELED))
    assert treatment(CANCEL, reason) is Treatment.NO_OP


def test_a_rest_too_small_to_be_closed_is_closed() -> None:
    desk = Desk(binance(-4164))
    reason = reason_of(desk.send(EXIT))
    assert (reason, treatment(PLACE, reason)) == (Reason.BELOW_MINIMUM, Treatment.SKIP)
    assert len(desk.sent) == 1


def test_a_rejected_order_leaves_its_pair_alone_for_a_minute() -> None:
    desk = Desk(binance(-2010), "20", "21")
    assert reason_of(desk.send(ENTRY)) is Reason.ORDER_REJECTED
    assert reason_of(desk.send(ENTRY)) is Reason.RATE_LIMITED
    assert len(desk.sent) == 1
    desk.now += timedelta(seconds=59)
    assert reason_of(desk.send(ENTRY)) is Reason.RATE_LIMITED
    desk.now += timedelta(seconds=1)
    assert desk.send(ENTRY) == Accepted(venue_order_id="20")


@pytest.mark.parametrize("attempt", [EXIT, CANCELED], ids=["exit", "cancel"])
def test_exits_pass_a_throttled_pair(attempt: Attempt) -> None:
    desk = Desk(binance(-2010), "22")
    desk.send(ENTRY)
    assert desk.send(attempt) == Accepted(venue_order_id="22")


def test_another_pair_is_not_throttled() -> None:
    desk = Desk(binance(-2010), "23")
    desk.send(ENTRY)
    other = Attempt(write=PLACE, symbol="BTC/USDT", reduces=False)
    assert desk.send(other) == Accepted(venue_order_id="23")


@pytest.mark.parametrize(
    "failure",
    [
        lambda: ccxt.RequestTimeout("binance POST timed out"),
        lambda: ccxt.ExchangeNotAvailable("binance 502 <html>"),
        lambda: binance(-1001, "Internal error; unable to process your request."),
        lambda: ValueError("a defect"),
    ],
    ids=["timeout", "html", "another number", "a defect"],
)
def test_what_no_guard_speaks_of_is_unknown_and_sent_once(failure: Callable[[], BaseException]) -> None:
    desk = Desk(failure())
    assert isinstance(desk.send(ENTRY), Unknown)
    assert len(desk.sent) == 1
