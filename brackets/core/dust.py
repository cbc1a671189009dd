"""Dust: a rest below the venue's minimum for which nothing rests. It is named, and the bracket ends.

Pure. The venue takes neither a stop nor a sell of it, so that nothing is waited for, looked for or held: the
bracket leaves, finds nothing to sell, and closes its books (`leaving.close_books`). What rests stays where it
rests, and parts are no dust as long as more is bought.
"""

from __future__ import annotations

from brackets.core import sentinel
from brackets.core.amounts import is_left_over
from brackets.core.draft import Step
from brackets.core.leaving import awaits_unseen_stop, leave, sold_by
from brackets.core.orders import Bracket
from brackets.core.states import ExitReason, Role


def is_certain(step: Step) -> bool:
    """Whether what is left is dust for certain: no stop of the venue's may be unseen, no leg was told gone by
    one reading alone, and no count of the coins waits for the second that agrees."""
    bracket = step.bracket
    if not is_left_over(bracket) or bracket.reduce_quantity > 0:
        return False
    if awaits_unseen_stop(step) or bracket.shortage_since is not None:
        return False
    return sentinel.waits_for(step) is not sentinel.Wait.SECOND_READING


def end(step: Step) -> Step:
    """Leave what cannot be sold: the books are all that is still to be done."""
    return leave(step, reason_of(step.bracket))


def reason_of(bracket: Bracket) -> ExitReason:
    """What became of the coins that the dust is left of."""
    if bracket.close_again is not None:
        return bracket.close_again
    if bracket.missing > 0:
        return ExitReason.EXTERNAL
    if bracket.sold > 0:
        by_target = sold_by(bracket, Role.TARGET) == bracket.sold
        return ExitReason.TAKE_PROFIT if by_target else ExitReason.MANUAL
    return ExitReason.EXTERNAL if bracket.plan.held_quantity else ExitReason.ROLLBACK
