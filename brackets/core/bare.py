"""Calling out coins that have no order at the venue, while it lasts.

Pure. Last part of a step. Exposure is measured afterwards, with the venue's times (`exposure.py`); this is by
our own knowledge, and now: a sell that is intended, or whose fate is Unknown, is no order that we know of.
Said once for each time that coins are bare for longer than a cancel and its sell may take. The alert that
people see, by a threshold of theirs and until it is over, is the sentinel's (`brackets/sentinel.py`).

Not called out: parts below the venue's minimum, which no order can stand for (they wait for more, or end as
dust), and coins whose stop the venue makes itself, as long as that stop need not be visible yet.
"""

from __future__ import annotations

from brackets.core.amounts import amount
from brackets.core.draft import Step
from brackets.core.leaving import awaits_unseen_stop
from brackets.core.orders import later
from brackets.core.states import OrderStatus


def call_out(step: Step) -> Step:
    """Remember since when coins are bare, and say so when a look at the world finds that it has lasted."""
    bracket = step.bracket
    if not is_bare(step):
        if bracket.bare_since is None:
            return step
        return step.having(bare_since=None, bare_told=False)
    if bracket.bare_since is None:
        return step.having(bare_since=step.at)
    limit = step.rules.bare_alarm_seconds
    if bracket.bare_told or not step.looked or step.at <= later(bracket.bare_since, limit):
        return step
    return step.having(bare_told=True).alarm(
        f"{amount(bracket, bracket.coins)} have had no order at the venue for more than {limit} s"
    )


def is_bare(step: Step) -> bool:
    bracket = step.bracket
    if bracket.coins <= 0 or bracket.coins < bracket.plan.minimum_quantity:
        return False
    if any(order.status is OrderStatus.OPEN for order in bracket.sells):
        return False
    due = bracket.secondaries_due_at
    return not (awaits_unseen_stop(step) and due is not None and step.at < due)
