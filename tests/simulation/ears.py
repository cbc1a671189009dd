"""What the product says and does, heard: alarms go into the story, defects are violations.

Logs are listened to, and two doors: a step that is saved, and a claim that is committed. Whatever breaks a
rule there is seen at once, where a venue's log would show it late or not at all.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import OperationalError

from brackets import claims, dispatch, models, operations
from brackets.claims import CLAIM_SECONDS, Claim
from brackets.core import machine
from brackets.core.effects import Cancel, Place
from brackets.core.events import Event, ProtectRequested
from brackets.core.orders import Bracket, Rules
from brackets.core.states import Role, State
from brackets.operations import Superseded
from brackets.venue.port import OrderRequest, Outcome, Venue, VenueUnavailable
from tests.simulation.boundaries import RIVALS, ZOMBIES
from tests.simulation.patches import swapped

if TYPE_CHECKING:
    from tests.simulation.world import World

EXPECTED = (VenueUnavailable, OperationalError, Superseded)
"""What may be raised inside a job and only be said; anything else is a defect of ours."""
DEADLINE_SECONDS = 4  # after its claim the venue takes a request no more


class Ears(logging.Handler):
    """Listens as long as it is entered; nothing reaches the console meanwhile."""

    def __init__(self, world: World) -> None:
        super().__init__(logging.WARNING)
        self.world = world
        self.room = logging.getLogger("backstop")

    def __enter__(self) -> None:
        self._before = (self.room.level, self.room.propagate)
        self.room.addHandler(self)
        self.room.setLevel(logging.WARNING)
        self.room.propagate = False

    def __exit__(self, *exc: object) -> None:
        self.room.removeHandler(self)
        self.room.setLevel(self._before[0])
        self.room.propagate = self._before[1]

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        process = self.world.process
        who = process.name if process is not None else "surroundings"
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not isinstance(error, EXPECTED):
            self.world.violate(f"exception {type(error).__name__}", f"{who}: {message}: {error!r}")
            self.world.tracebacks.append("".join(traceback.format_exception(error)))
        elif message.startswith("INVARIANT"):
            self.world.violate("invariant", f"{who}: {message}")
        else:
            self.world.say(who, message)


@contextmanager
def heard_steps(world: World) -> Iterator[None]:
    """Count what the machine takes, tell the story of every bracket that moves, and judge what is claimed."""
    step, save_step = machine.step, operations.save_step
    steps = world.tally.steps

    def counted(bracket: Bracket, event: Event, rules: Rules | None = None) -> machine.Outcome:
        outcome = step(bracket, event, rules)
        steps[bracket.state.value, type(event).__name__] += 1
        return outcome

    def told(row: models.Bracket, before: Bracket, outcome: machine.Outcome, event: Event) -> None:
        after, known = outcome.bracket, len(world.violations)
        save_step(row, before, outcome, event)
        for key in taken_back_at_once(outcome):
            sentence = f"bracket {row.pk}: {type(event).__name__} wants {key}, and does not"
            world.violate("taken back at once", sentence)
        world.stirred += 1
        process = world.process
        words = f"bracket {row.pk} {type(event).__name__}: {before.state}"
        moved = f" -> {after.state}" if after.state is not before.state else ""
        if before.state is State.HELD is not after.state:
            world.let_go.append((world.clockwork.now(), row.symbol))
        if isinstance(event, ProtectRequested):
            world.protected_at[row.pk] = world.clockwork.now()
        effects = "".join(f", {type(effect).__name__}" for effect in outcome.effects)
        world.say("" if process is None else process.name, words + moved + effects)
        if len(world.violations) > known:
            for order in after.orders:
                world.say("", f"  {order.role} {order.status} {order.filled} of {order.quantity}")

    with swapped(machine, "step", counted), swapped(operations, "save_step", told), heard_claims(world):
        yield


def taken_back_at_once(outcome: machine.Outcome) -> list[str]:
    """Sells that one and the same step wants and does not want: whoever decides so will decide so again, and
    never gets anywhere. (An entry may be repriced and find its time up.)"""
    canceled = {effect.key for effect in outcome.effects if isinstance(effect, Cancel)}
    wanted = (e.key for e in outcome.effects if isinstance(e, Place) and e.role is not Role.ENTRY)
    return [key for key in wanted if key in canceled]


@contextmanager
def heard_claims(world: World) -> Iterator[None]:
    """Judge what is claimed. The venue can not tell: what was claimed before a pause may arrive after it,
    what leaves wrongly is canceled soon, and a look-up mends what a claim taken over too early leaves."""
    take_claim, send, note_unknown = dispatch.take_claim, dispatch.send, claims.note_unknown
    leaving: dict[int, Claim] = {}  # effects that are being sent
    began: dict[int, float] = {}  # … since when, whatever the clocks say
    happened = world.tally.incidents

    def judged(effect_id: int, venue: Venue, now: datetime) -> Claim | None:
        happened[RIVALS] += effect_id in leaving
        claim = take_claim(effect_id, venue, now)
        paused = bool(world.switches) and world.switches[-1][1]
        if paused and claim is not None and is_entry(claim):
            world.violate("entry claimed while paused", f"bracket {claim.bracket_id}: {claim.order_key}")
        if claim is not None:
            judge_takeover(effect_id, now)
        return claim

    def followed(claim: Claim, venue: Venue, clock: dispatch.Clock) -> Outcome:
        leaving[claim.effect_id], began[claim.effect_id] = claim, world.clockwork.seconds
        try:
            outcome = send(claim, venue, clock)
            happened[ZOMBIES] += clock() - claim.claimed_at > timedelta(seconds=CLAIM_SECONDS)
            return outcome
        finally:
            if leaving.get(claim.effect_id) is claim:
                del leaving[claim.effect_id]

    def noted(bracket: models.Bracket, effect: models.Effect, message: str, now: datetime) -> None:
        judge_takeover(effect.pk, now)
        note_unknown(bracket, effect, message, now)

    def judge_takeover(effect_id: int, now: datetime) -> None:
        """Nobody takes over what may still be on its way; by the clock of who does, which may have been set
        since it left."""
        held = leaving.get(effect_id)
        if held is None:
            return
        age = (now - held.claimed_at).total_seconds()
        away = max(age, world.clockwork.seconds - began[effect_id])
        if away < DEADLINE_SECONDS + world.options.venue.timeout_seconds:
            world.violate("taken over on its way", f"{held.order_key}, {age:.1f} s after its claim")

    with (
        swapped(dispatch, "take_claim", judged),
        swapped(dispatch, "send", followed),
        swapped(claims, "note_unknown", noted),
    ):
        yield


def is_entry(claim: Claim) -> bool:
    """Whether it buys; the cancel of an entry does not."""
    return claim.role is Role.ENTRY and isinstance(claim.request, OrderRequest)
