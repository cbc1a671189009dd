"""What can happen to one request between us and the venue, as cases for parametrised stories.

`done`: whether the venue executed it all the same. What the client hears of it is never a plain yes, except
where a request is delivered twice and the first answer arrives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.stories.desk import HTTP_SECONDS, Desk

TOO_LATE = HTTP_SECONDS * 1.3


@dataclass(frozen=True, kw_only=True)
class Trouble:
    name: str
    kind: str
    done: bool
    options: Mapping[str, Any] = field(default_factory=dict)

    def befall(self, desk: Desk, method: str, **match: str) -> None:
        """Let the next request of this method have it."""
        desk.fault(method, self.kind, match=match, **self.options)

    def __str__(self) -> str:
        return self.name


def said(error: str, *, done: bool) -> Trouble:
    when = "after" if done else "before"
    name = f"{error.partition(':')[2]} {when}".replace(" ", "-")
    return Trouble(name=name, kind="error", done=done, options={"error": error, "when": when})


def page(kind: str, *, done: bool) -> Trouble:
    when = "after" if done else "before"
    return Trouble(name=f"{kind}-{when}", kind=kind, done=done, options={"when": when})


NEVER_ARRIVED = (
    Trouble(name="timeout-before", kind="timeout_before", done=False),
    Trouble(name="dropped-before", kind="drop_before", done=False),
    page("http_520", done=False),
    said("EService:Deadline elapsed", done=False),
)
"""Nothing was done and nobody says so: only an absence can prove it."""
STANDS = (
    Trouble(name="timeout-after", kind="timeout_after", done=True),
    Trouble(name="dropped-after", kind="drop_after", done=True),
    Trouble(name="answer-late", kind="late", done=True, options={"seconds": TOO_LATE}),
    Trouble(name="twice", kind="duplicate", done=True),
    page("html_200", done=True),
    page("http_502", done=True),
    page("http_520", done=True),
    said("EService:Unavailable", done=True),
    said("EService:Busy", done=True),
    said("EService:Timeout", done=True),
    said("EService:Deadline elapsed", done=True),
    said("EService: Throttled: 1795270000", done=True),
    said("EGeneral:Internal error:1", done=True),
    Trouble(name="warning", kind="warning_with_result", done=True, options={"error": "WGeneral:Odd"}),
)
"""It was done, and the answer does not say so plainly."""
ID_NONE = Trouble(name="id-none", kind="id_none", done=True)
NONCE = Trouble(
    name="invalid-nonce",
    kind="error",
    done=False,
    options={"error": "EAPI:Invalid nonce", "when": "before"},
)
"""Nothing was done, but it sounds like the refusal of a second delivery, whose first one stands."""
REPLAYED = Trouble(name="twice-told-replay", kind="duplicate", done=True, options={"answer": "second"})
"""Delivered twice, and the answer that arrives is the refusal of the second delivery."""
PLACEMENTS = (*NEVER_ARRIVED, *STANDS, ID_NONE, NONCE, REPLAYED)
CHANGES = (*NEVER_ARRIVED, *STANDS, NONCE, REPLAYED)


def of_each_kind(troubles: tuple[Trouble, ...]) -> tuple[Trouble, ...]:
    """One of each way in which a request can go wrong; that all strings and pages come to the same is shown
    on the market entry, the moved stop, and in the adapter's own tests."""
    names = {
        "timeout-before",
        "timeout-after",
        "answer-late",
        "twice",
        "html_200-after",
        "http_502-after",
        "Unavailable-after",
        "Internal error:1-after".replace(" ", "-"),
        "warning",
        "id-none",
        "invalid-nonce",
        "twice-told-replay",
    }
    return tuple(trouble for trouble in troubles if trouble.name in names)
