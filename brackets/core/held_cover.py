"""Protection of a held bracket: it decides nothing more, but its coins still get the stop they lack.

Pure. Coins that were on their way to a stop when the bracket was put on hold get there, those whose stop
others took get it back, those that came back get theirs; nothing is sold for want of one, and no price is
acted on. What the venue refuses for good, or does not take in time, it is asked for ever more rarely: that is
said once, and a venue that is well again is soon found so.
"""

from __future__ import annotations

from dataclasses import replace

from brackets.core import sentinel
from brackets.core.amounts import amount, is_left_over
from brackets.core.cover import (
    lacking,
    refused_for_good,
    stand_stop,
    surviving_stop,
    was_asked_in_vain,
)
from brackets.core.draft import Step
from brackets.core.leaving import awaits_unseen_stop
from brackets.core.orders import later


def cover_held(step: Step) -> Step:
    """One step of a held bracket towards a stop for every coin; what is too small for one needs none."""
    bracket = step.bracket
    if (bracket.coins > 0 and bracket.covered) or is_left_over(bracket):
        return sentinel.at_rest(step).having(unprotected_since=None, protect_from=None)
    if lacking(bracket) <= 0:
        leaving = any(stop.cancel_wanted for stop in bracket.live_stops)
        return step.having(unprotected_since=None) if leaving else step  # its time begins when it is gone
    if bracket.unprotected_since is None or bracket.protect_from is None:
        return step.having(
            unprotected_since=bracket.unprotected_since or step.at,
            protect_from=bracket.protect_from or step.at,
        )
    if step.at < bracket.protect_from or awaits_unseen_stop(step) or sentinel.waits_for(step):
        return step
    is_refused = surviving_stop(bracket) is None and refused_for_good(bracket) is not None
    if not sentinel.is_asked_rarely(bracket):
        late = step.at >= later(bracket.unprotected_since, step.rules.protect_timeout_seconds)
        if is_refused or (late and was_asked_in_vain(bracket) and not bracket.repairing):
            bare = amount(bracket, lacking(bracket))
            step = sentinel.ask_rarely(step).alarm(
                f"{bare} of a held bracket have no stop: the venue is asked for one ever more rarely"
            )
        if is_refused:
            return step  # its last word is a moment old; what was only late is asked for now
    elif is_refused and not sentinel.may_repeat(step):
        return step
    sent = stand_stop(replace(step, price=None))
    return sentinel.space_rarely(sent) if sent.effects != step.effects else sent
