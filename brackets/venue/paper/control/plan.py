"""Faults that a test orders for requests to come: which request, what happens to it, how often. Pure.

Stands before the service, and is only ever filled by the control channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from brackets.venue.paper.forms import Form

READINGS = frozenset({"OpenOrders", "QueryOrders", "ClosedOrders", "Balance", "BalanceEx"})


class BadFault(ValueError):
    """A fault that makes no sense; one sentence says why."""


class FaultKind(StrEnum):
    TIMEOUT_BEFORE = "timeout_before"  # swallowed, never executed, never answered
    TIMEOUT_AFTER = "timeout_after"  # executed, never answered
    DROP_BEFORE = "drop_before"  # the connection is cut, nothing was executed
    DROP_AFTER = "drop_after"  # executed, then the connection is cut
    LATE = "late"  # executed, answered `seconds` later
    DELAYED = "delayed"  # on the way for `seconds`, executed then, whoever still waits
    DUPLICATE = "duplicate"  # arrives twice; the answer is that of the first or the second arrival
    HTTP_502 = "http_502"
    HTTP_520 = "http_520"
    HTML_200 = "html_200"  # a page of a proxy instead of an answer
    ERROR = "error"  # `error` is answered
    WARNING_WITH_RESULT = "warning_with_result"  # `error` (W…) beside the result
    ID_NONE = "id_none"  # executed, the result without its txid
    STALE = "stale"  # a reading of `seconds` ago; without seconds: of when the fault was ordered


class When(StrEnum):
    """Whether the request is executed before the fault happens."""

    BEFORE = "before"  # not executed
    AFTER = "after"


CHOOSES_WHEN = frozenset({FaultKind.HTTP_502, FaultKind.HTTP_520, FaultKind.HTML_200, FaultKind.ERROR})
TAKES_SECONDS = frozenset({FaultKind.LATE, FaultKind.DELAYED})


@dataclass(slots=True, kw_only=True)
class Fault:
    """One order for trouble. `match`: fields of the request that must have these texts."""

    method: str  # or "*" for every private one
    kind: FaultKind
    count: int = 1
    skip: int = 0  # so many matching requests pass first
    match: Mapping[str, str] = field(default_factory=dict)
    when: When = When.BEFORE
    seconds: Decimal | None = None
    error: str = ""
    answer: str = "first"  # of a duplicate: first | second
    ordered_at: Decimal = Decimal(0)

    def check(self) -> None:
        """Raise BadFault for what makes no sense."""
        if self.count < 1 or self.skip < 0:
            raise BadFault("count must be at least 1, skip at least 0.")
        if self.kind in TAKES_SECONDS and self.seconds is None:
            raise BadFault(f"{self.kind} needs seconds.")
        if self.seconds is not None and not 0 <= self.seconds <= 600:
            raise BadFault(f"seconds is {self.seconds}; it must be from 0 to 600.")
        if self.kind is FaultKind.ERROR and not self.error.startswith("E"):
            raise BadFault("error needs Kraken's string in `error`, like EService:Timeout.")
        if self.kind is FaultKind.WARNING_WITH_RESULT and not self.error.startswith("W"):
            raise BadFault("warning_with_result needs a string in `error`, like WGeneral:Something.")
        if self.kind is FaultKind.STALE and self.method not in READINGS:
            raise BadFault(f"{self.method} cannot be stale; {', '.join(sorted(READINGS))} can.")
        if self.when is When.AFTER and self.kind not in CHOOSES_WHEN:
            raise BadFault(f"{self.kind} says itself whether the request is executed; leave `when` out.")
        if self.answer not in ("first", "second"):
            raise BadFault("answer is first or second.")

    def fits(self, method: str, form: Form) -> bool:
        return self.method in ("*", method) and all(
            form.text(name) == wanted for name, wanted in self.match.items()
        )


@dataclass(slots=True)
class FaultPlan:
    """The faults that are still to come, in the order they were ordered."""

    faults: list[Fault] = field(default_factory=list)

    def arm(self, fault: Fault) -> None:
        """Raises BadFault."""
        fault.check()
        self.faults.append(fault)

    def take(self, method: str, form: Form, *, by_name: bool = False) -> Fault | None:
        """What happens to this request: the first fault that fits it and is due.

        With `by_name` a fault for every method is none for this one.
        """
        for fault in self.faults:
            if not fault.fits(method, form) or (by_name and fault.method != method):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            fault.count -= 1
            if not fault.count:
                self.faults.remove(fault)
            return fault
        return None

    def left(self) -> int:
        """How many requests will still be hit."""
        return sum(fault.count for fault in self.faults)
