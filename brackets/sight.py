"""What open brackets see: price, market, pause and time, once a round and in memory.

Every open bracket is stepped by a Tick without touching the database; only where that changes something
the step is made for good, in a transaction of its own. A round costs a flat number of queries, whatever
the number of brackets (none for the brackets, where the caller keeps them loaded).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from django.utils import timezone

from brackets import booking, looks, lookup, operations, records, storage
from brackets.core import legs, machine, sentinel
from brackets.core import orders as core
from brackets.core.events import Event, TargetTouched, Tick
from brackets.core.machine import RefusedEvent
from brackets.core.refusals import lacks_funds
from brackets.core.states import AmendStatus, OrderStatus, Role, State
from brackets.models import Account, Bracket, Instrument
from risk.models import SystemConfig

log = logging.getLogger("backstop.sight")
ACTOR = "watch"
PRICE_FRESH_SECONDS = 5
SWAP_FRESH_SECONDS = 2  # an older price does not take a stop into our hands
LEAVING = frozenset({State.EXITING, State.SL_FILLED})
ENTERING = frozenset({State.ENTRY_PLACED, State.ENTRY_FILLED})
MODES = ("online", "reduce_only", "limit_only", "post_only", "cancel_only", "maintenance")
"""A market's modes, each worse than the one before for somebody who must sell."""
Clock = Callable[[], datetime]
Loaded = tuple[Bracket, core.Bracket]


class Price(Protocol):
    """What is looked at of a quote."""

    @property
    def bid(self) -> Decimal: ...
    @property
    def last(self) -> Decimal: ...
    @property
    def read_at(self) -> datetime: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """Whether private readings are wanted now, and how badly."""

    soon: bool = False  # something is moving: read as soon as the budget lets polls through
    urgent: bool = False  # coins may be without protection: the reserve may be used
    # When an Unknown is looked up next, or a look may prove that there is no stop: budget is kept.
    look_at: datetime | None = None
    books: bool = False  # the bookings may tell why a sell is refused: they do not wait for what is urgent


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditions:
    """What holds for all brackets of an account this round, besides prices."""

    now: datetime
    system: str
    statuses: Mapping[str, str]  # of pairs
    entries_allowed: bool
    watched: bool
    compared_at: datetime | None
    cycle: int  # comparisons with the venue so far

    def tick(self, symbol: str, price: Price | None) -> Tick:
        return Tick(
            at=self.now,
            price=price.bid if price else None,
            last=price.last if price else None,
            fresh=price is not None
            and abs(self.now - price.read_at) <= timedelta(seconds=SWAP_FRESH_SECONDS),
            market=worse(self.system, self.statuses.get(symbol, "")),
            watched=self.watched,
            entries_allowed=self.entries_allowed,
            compared_at=self.compared_at,
            cycle=self.cycle,
        )


def see_prices(
    account: Account,
    quotes: Mapping[str, Price],
    clock: Clock = timezone.now,
    *,
    watched: bool = False,
    brackets: Iterable[Loaded] | None = None,
) -> Need:
    """Let every open bracket see price and time: targets are taken, legs change places, timers run. Says
    which private readings are wanted.

    `watched` may be said only by who holds the watch lease and looks again within the second: otherwise
    stops belong on the venue. `brackets` are the open ones with their loaded values, where the caller
    keeps them; without, they are loaded (three queries).
    """
    looked_at = list(load_open(account) if brackets is None else brackets)
    if not looked_at:
        return Need(soon=books_are_due(account, clock()))
    conditions = conditions_of(account, {row.symbol for row, _ in looked_at}, clock(), watched=watched)
    soon = urgent = books = False
    due: list[datetime] = []
    for row, bracket in looked_at:
        price = fresh(quotes.get(row.symbol), conditions.now)
        seen = look(row, bracket, conditions.tick(row.symbol, price), price)
        soon = soon or moves(seen, price)
        urgent = urgent or naked(seen)
        books = books or asks_for_unknown_fees(seen)
        if seen.secondaries_due_at is not None and seen.secondaries_missing:
            due.append(seen.secondaries_due_at)
    moments = (lookup.next_at(account, conditions.now), looks.next_at(account, due, conditions.now))
    look_at = min((moment for moment in moments if moment is not None), default=None)
    urgent = urgent or (look_at is not None and look_at <= conditions.now)
    # While an Unknown, or a stop not seen, waits for its next look the books wait too.
    soon = soon or urgent or (look_at is None and books_are_due(account, conditions.now))
    return Need(soon=soon, urgent=urgent, look_at=look_at, books=books)


def load_open(account: Account) -> list[Loaded]:
    return [(row, records.load(row)) for row in operations.open_brackets(account)]


def conditions_of(account: Account, symbols: set[str], now: datetime, *, watched: bool) -> Conditions:
    """Three queries."""
    system, cycle = Account.objects.values_list("venue_system", "cycles").get(pk=account.pk)
    statuses = Instrument.objects.filter(account=account, symbol__in=symbols)
    config = SystemConfig.objects.filter(account=account.name).first()
    return Conditions(
        now=now,
        system=system,
        statuses=dict(statuses.values_list("symbol", "status")),
        entries_allowed=config is not None and config.entries_allowed,
        watched=watched,
        compared_at=account.compared_at,
        cycle=cycle,
    )


def worse(one: str, other: str) -> str:
    """The worse of two modes; empty: not known, taken for online. A word nobody knows is the worst."""

    def badness(mode: str) -> int:
        return MODES.index(mode) if mode in MODES else len(MODES)

    known = [mode for mode in (one, other) if mode]
    worst = max(known, key=badness, default="online")
    return worst if worst in MODES else "maintenance"


def fresh(price: Price | None, now: datetime) -> Price | None:
    """An old price is none, and so is one from the future: nobody knows how old it is."""
    if price is None or abs(now - price.read_at) > timedelta(seconds=PRICE_FRESH_SECONDS):
        return None
    return price


def books_are_due(account: Account, now: datetime) -> bool:
    unbooked = booking.unbooked_orders(account)
    return bool(unbooked) and booking.is_due(unbooked, now)


# --- one bracket -------------------------------------------------------------------------------------


def look(row: Bracket, bracket: core.Bracket, tick: Tick, price: Price | None) -> core.Bracket:
    """Let one bracket see the world; what became of it, as far as this look can tell. A defect in one
    must not keep the others from their look."""
    try:
        bracket = try_event(row, bracket, tick)
        if price is not None and legs.target_is_touched(bracket, bid=price.bid, last=price.last):
            bracket = try_event(row, bracket, TargetTouched(at=tick.at, price=price.bid))
    except Exception as error:
        if not storage.VOICE.tell(error):
            log.exception("bracket %s cannot be looked at", row.pk)
    return bracket


def try_event(row: Bracket, bracket: core.Bracket, event: Event) -> core.Bracket:
    """Step in memory; where something changes, step for good."""
    try:
        outcome = machine.step(bracket, event, operations.RULES)
        if outcome == machine.Outcome(bracket=bracket):
            return bracket
        operations.apply(row.pk, event, actor=ACTOR)
    except (RefusedEvent, operations.Superseded):
        return bracket  # it does not want it, or moved on since it was loaded
    return outcome.bracket


# --- what readings are wanted --------------------------------------------------------------------------


def naked(bracket: core.Bracket) -> bool:
    """Coins whose protection was not seen, new terms that are not certain, a sell on its way out whose end
    was not read, one at market that was not read at all, nor a buy at market without its stop: the reserve is
    for these. What is Unknown is told
    by its lookups alone, at their own moments. A part too small for an order of its own waits for more as
    long as more is bought, and is left alone where no order for it can be told of; a repair that waits for
    its time is not hastened by any reading."""
    known = [order for order in bracket.live_sells if order.status is not OrderStatus.UNKNOWN]
    if any(order.cancel_wanted or is_changing(order) or is_sold_unseen(order) for order in known):
        return True
    if any(is_bought_bare(bracket, order) for order in bracket.live_entries):
        return True
    if waits_for_lookup(bracket) or sentinel.is_held_back(bracket):
        return False
    unseen = bracket.coins - bracket.standing
    small_counts = not bracket.entering and awaits_order(bracket)
    least = bracket.plan.lot_step if small_counts else bracket.plan.minimum_quantity
    if bracket.state is State.HELD and not awaits_protection(bracket):
        return False
    return bracket.state in (State.ENTRY_FILLED, State.HELD) and unseen >= least


def awaits_order(bracket: core.Bracket) -> bool:
    """Whether a reading may tell of an order for coins that lack one: a stop that the venue makes and nobody
    has shown, or one of ours that was not read."""
    if bracket.secondaries_due_at is not None and bracket.secondaries_missing:
        return True
    return any(order.status is OrderStatus.OPEN and not order.read_back for order in bracket.live_sells)


def is_left_alone(bracket: core.Bracket) -> bool:
    """Whether all that is not as it should be is a rest too small for an order of its own: no reading tells
    anything new of it."""
    unsettled = any(order.cancel_wanted or is_changing(order) for order in bracket.live_sells)
    too_small = 0 < bracket.uncovered < bracket.plan.minimum_quantity
    return too_small and not (bracket.entering or unsettled or awaits_order(bracket))


def awaits_protection(bracket: core.Bracket) -> bool:
    """Of a held bracket: whether a reading would tell of protection that is on its way, or that a stop is
    gone. Coins that stay bare until an operator looks are not read faster for it."""
    if any(order.status is OrderStatus.OPEN and not order.read_back for order in bracket.live_sells):
        return True
    if bracket.protect_from is None:
        return False
    return not bracket.repairing or any(not order.amiss_agreed for order in sentinel.harmed(bracket))


def asks_for_unknown_fees(bracket: core.Bracket) -> bool:
    """Whether a sell, be it an exit or a stop, is refused for funds while fills of the entry are not booked:
    a fee may have been taken in coins."""
    unbooked = any(not entry.fully_booked for entry in bracket.having(Role.ENTRY))
    return unbooked and (bracket.funds_refused_since is not None or lacks_funds(bracket.sells))


def waits_for_lookup(bracket: core.Bracket) -> bool:
    return any(order.status is OrderStatus.UNKNOWN for order in bracket.orders)


def is_sold_unseen(order: core.BracketOrder) -> bool:
    """Whether the venue took a sell that fills at once, and no reading has shown it."""
    return order.status is OrderStatus.OPEN and order.trigger_price is None and not order.read_back


def is_bought_bare(bracket: core.Bracket, entry: core.BracketOrder) -> bool:
    """Whether the venue took an entry that fills at once, no stop of the venue's follows its fills, and no
    reading has shown it."""
    at_market = entry.status is OrderStatus.OPEN and entry.limit_price is None
    return at_market and not bracket.plan.attach_stop and not entry.read_back


def is_changing(order: core.BracketOrder) -> bool:
    """Whether new terms were sent and no reading has shown what became of them."""
    return order.amendment is not None and order.amendment.status is not AmendStatus.INTENDED


def moves(bracket: core.Bracket, price: Price | None) -> bool:
    """Whether something is under way that the next reading would tell."""
    live = (*bracket.live_entries, *bracket.live_sells)
    if waits_for_lookup(bracket) and not any(order.status is OrderStatus.OPEN for order in live):
        return False
    if bracket.state in LEAVING or bracket.reduce_quantity or bracket.live(Role.EXIT):
        return True
    if bracket.state in ENTERING:
        entries = bracket.live_entries
        if not entries and (sentinel.is_held_back(bracket) or is_left_alone(bracket)):
            return False
        return not entries or any(entry_moves(entry, price) for entry in entries)
    if price is None:
        return False
    taken = any(o.limit_price is not None and price.last >= o.limit_price for o in bracket.live_targets)
    return taken or legs.stop_is_touched(bracket, last=min(price.last, price.bid))


def entry_moves(entry: core.BracketOrder, price: Price | None) -> bool:
    """A limit entry that is seen to rest may rest for minutes, often as the bid itself: it moves when the
    market went through it."""
    if entry.limit_price is None or not entry.read_back or entry.cancel_wanted:
        return True
    return price is not None and min(price.last, price.bid) < entry.limit_price
