"""Guards for venues that answer with error numbers: what each number asks of whoever sends.

Pure data and one decision, beside `treatments.py`: there a reason of the port says what the bracket makes of
a refusal (whatever is skipped harms no protection: `Treatment.PAUSE`); here the number says what is done at
once, before a refusal is believed. Kraken answers in
sentences and has a table of its own (`kraken/error_table.py`); this one is of Binance, for the day another
ccxt venue is added. `guarded.py` acts on it.

What the numbers mean: Binance's own error lists for Spot and USD-M futures, and the tables of
`ccxt.binance` (4.5.90), whose exceptions quote the answer they were made of.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from brackets.venue.port import Reason
from brackets.venue.treatments import Write


class Act(StrEnum):
    """What a guard does with one attempt."""

    SKIP = "skip"  # certainly not done, and not tried again as it stands
    RETRY_ONCE = "retry once"  # again as it stands, after a short pause; a second time it is skipped
    REDUCE_ONLY = "reduce only"  # again at once, as an order of this quantity that may only reduce
    NO_OP = "no-op"  # there is nothing left to do it to
    SUCCESS = "success"  # what was wanted is so already
    THROTTLE = "throttle"  # skipped, and nothing more is opened on the pair for a while; exits always pass


@dataclass(frozen=True, kw_only=True, slots=True)
class Guard:
    """One error number. `pause_seconds` is the least and the most to wait: before the one retry, or for as
    long as a pair is throttled. `reason` is what the bracket hears in the end."""

    code: int
    act: Act
    reason: Reason
    meaning: str
    pause_seconds: tuple[Decimal, Decimal] = (Decimal(0), Decimal(0))
    only_of: frozenset[Write] = frozenset(Write)  # of another write the number settles nothing
    opening: Act | None = None  # of an order that opens instead of reducing, where that is another matter


BINANCE: Mapping[int, Guard] = {
    guard.code: guard
    for guard in (
        Guard(
            code=-2019,
            act=Act.SKIP,
            reason=Reason.MARGIN_INSUFFICIENT,
            meaning="Margin is insufficient.",
            only_of=frozenset({Write.PLACE, Write.AMEND}),
        ),
        Guard(
            code=-2021,
            act=Act.RETRY_ONCE,
            reason=Reason.BAD_PRICE,
            meaning="Order would immediately trigger.",
            pause_seconds=(Decimal("0.3"), Decimal("0.4")),
            only_of=frozenset({Write.PLACE, Write.AMEND}),
        ),
        Guard(
            code=-1106,
            act=Act.REDUCE_ONLY,
            reason=Reason.INVALID_ARGUMENTS,
            meaning="A parameter was sent when not required: closePosition beside a quantity or reduceOnly.",
            only_of=frozenset({Write.PLACE}),
        ),
        Guard(
            code=-2011,
            act=Act.NO_OP,
            reason=Reason.UNKNOWN_ORDER,
            meaning="Cancel rejected, unknown order: it ended before. Its end is read, never assumed.",
            only_of=frozenset({Write.CANCEL, Write.AMEND}),
        ),
        Guard(
            code=-4164,
            act=Act.SUCCESS,
            opening=Act.SKIP,
            reason=Reason.BELOW_MINIMUM,
            meaning="The notional is below the venue's least. Of an order that closes: what is left is too "
            "small to be closed, so the position counts as closed, its rest as dust.",
            only_of=frozenset({Write.PLACE, Write.AMEND}),
        ),
        Guard(
            code=-2010,
            act=Act.THROTTLE,
            reason=Reason.ORDER_REJECTED,
            meaning="New order rejected.",
            pause_seconds=(Decimal(60), Decimal(60)),
            only_of=frozenset({Write.PLACE}),
        ),
    )
}
GUARDS: Mapping[str, Mapping[int, Guard]] = {"binance": BINANCE}
"""Guards by venue, then by error number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What to do with this attempt, and why."""

    act: Act
    guard: Guard


def judge(venue: str, code: int, *, write: Write, reduces: bool, attempt: int) -> Verdict | None:
    """What the guard of this number asks for after the `attempt`-th try (from 1). None: no guard speaks of
    it for this kind of write, so the answer settles nothing and the order is looked up."""
    guard = GUARDS[venue].get(code)
    if guard is None or write not in guard.only_of:
        return None
    act = guard.act if reduces or guard.opening is None else guard.opening
    once = act in (Act.RETRY_ONCE, Act.REDUCE_ONLY)
    if once and (attempt > 1 or (act is Act.REDUCE_ONLY and not reduces)):
        act = Act.SKIP
    return Verdict(act=act, guard=guard)


def code_of(error: BaseException) -> int | None:
    """The error number in what ccxt raised: it quotes the venue's JSON. None where there is none."""
    text = str(error)
    start = re.search(r"[\[{]", text)
    if start is None:
        return None
    try:
        answer, _ = json.JSONDecoder().raw_decode(text, start.start())
    except ValueError:
        return None
    if isinstance(answer, list) and len(answer) == 1:
        answer = answer[0]
    code = answer.get("code") if isinstance(answer, dict) else None
    return int(code) if isinstance(code, int | str) and re.fullmatch(r"-?\d+", str(code)) else None
