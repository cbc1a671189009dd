"""The modes of markets, known freshly enough to give a protection up for.

Stands before the way out (`dispatch.py`). An order that protects coins is canceled only where what must
follow, a sell or the other leg, would be taken. Where no stream tells the modes they are read, by two public
calls, when what is known is older than a second. In a market that does not take what must follow the cancel
is kept back, the machine is told, and decides anew.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from django.db import transaction

from brackets import operations, readers, records, sight
from brackets.core.events import CancelKeptBack
from brackets.core.legs import is_needed
from brackets.core.states import CLOSED_MARKETS, LIMIT_ONLY, LIVE, OrderStatus, Role, State
from brackets.models import Account, Bracket, Effect, Instrument
from brackets.venue.port import Outcome, Reason, Refused, Unknown, UnknownWord, Venue, VenueUnavailable

log = logging.getLogger("backstop.dispatch")
ACTOR = "dispatch"
FRESH = timedelta(seconds=1)
PATIENCE = timedelta(seconds=10)  # after a reading that failed: an exit does not wait for the next one
AGAIN = timedelta(seconds=1)  # between two looks whether a cancel that was kept back may leave
Clock = Callable[[], datetime]


class Modes:
    """What one process knows of the modes, and since when. `told`: whether a stream tells every change."""

    def __init__(self, told: Callable[[], bool] = lambda: False) -> None:
        self._told = told
        self._old_at: dict[str, datetime] = {}  # from when on a pair's mode is read again

    def freshen(self, account: Account, venue: Venue, symbols: Iterable[str], clock: Clock) -> None:
        """Read the modes of those pairs of which what is known is old."""
        now = clock()
        old = sorted(symbol for symbol in set(symbols) if self._old_at.get(symbol, now) <= now)
        if old:
            self.read(account, venue, old, clock)

    def read(self, account: Account, venue: Venue, symbols: list[str], clock: Clock) -> None:
        """Two public calls, whatever the number of pairs; none while a stream tells. What cannot be read
        stays as it was known."""
        if self._told():
            return
        asked_at = clock()
        try:
            readers.note_venue(account, system=venue.system_status())
            readers.refresh_statuses(account, venue, symbols)
            old_at = asked_at + FRESH
        except (VenueUnavailable, UnknownWord) as error:
            log.warning("the modes of %s cannot be read: %s", ", ".join(symbols), error)
            old_at = clock() + PATIENCE
        self._old_at.update(dict.fromkeys(symbols, old_at))

    def hear(self, account: Account, venue: Venue, symbol: str, outcome: Outcome, clock: Clock) -> None:
        """Read the mode at once where an answer shows that it is not what we thought."""
        if tells_of_the_market(outcome):
            self.read(account, venue, [symbol], clock)


def tells_of_the_market(outcome: Outcome) -> bool:
    match outcome:
        case Refused(reason=Reason.MARKET_LIMITED):
            return True
        case Unknown(message=message):
            return "EService:Unavailable" in message
    return False


def mode_of(account: Account, symbol: str) -> str:
    """The mode of this market as it was last heard, the venue's own included."""
    system = Account.objects.values_list("venue_system", flat=True).get(pk=account.pk)
    instrument = Instrument.objects.filter(account=account, symbol=symbol).first()
    return sight.worse(system, instrument.status if instrument is not None else "")


# --- cancels that wait -----------------------------------------------------------------------------


def is_of_a_sell(effect: Effect) -> bool:
    """Whether this is the cancel of an order that may protect coins at the venue."""
    at_venue = effect.order.status in (OrderStatus.OPEN, OrderStatus.UNKNOWN)
    return effect.kind == Effect.Kind.CANCEL and effect.order.role != Role.ENTRY and at_venue


def is_kept_back(effect: Effect, account: Account, mode_known: Callable[[], None], clock: Clock) -> bool:
    """Whether this effect stays here for now: it would take a protection away, and the market does not take
    what must follow. `mode_known` is called before the mode matters, to make it fresh."""
    if not is_of_a_sell(effect) or not is_needed(records.load(effect.bracket), effect.order.key):
        return False
    mode_known()
    mode = mode_of(account, effect.bracket.symbol)
    if not forbids(mode, effect.bracket):
        return False
    keep_back(effect, mode, clock())
    return True


def forbids(mode: str, bracket: Bracket) -> bool:
    """Whether nothing can follow. By limit alone much can, where the machine knows of it; but no stop can,
    which is all that follows in a held bracket."""
    if mode == LIMIT_ONLY:
        return bracket.market != LIMIT_ONLY or bracket.state == State.HELD
    return mode in CLOSED_MARKETS


@transaction.atomic
def keep_back(effect: Effect, mode: str, now: datetime) -> None:
    """Put the cancel off. Where it never left before, the order certainly stands, and the machine hears
    so; where it did, only a reading can tell."""
    bracket = Bracket.objects.select_for_update().get(pk=effect.bracket_id)
    effect = Effect.objects.select_related("order").get(pk=effect.pk)
    claimed = effect.claim_expires_at is not None and effect.claim_expires_at > now
    if effect.done_at is not None or claimed or effect.order.status not in LIVE:
        return
    if not is_needed(records.load(bracket), effect.order.key):
        return  # sold meanwhile: with the next turn it leaves
    message = f"kept back: the market is {mode}"
    Effect.objects.filter(pk=effect.pk).update(message=message, next_attempt_at=now + AGAIN)
    if effect.sent_at is None:
        event = CancelKeptBack(at=now, key=effect.order.key, market=mode)
        operations.step_row(bracket, event, actor=ACTOR)
    log.info("cancel of %s kept back: the market is %s", effect.order.key, mode)
