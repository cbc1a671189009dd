"""A careless world around one bracket, between its machine and the little venue (`machine_venue.py`).

It delays, repeats, reorders and loses requests, answers and readings, as networks and venues do, and
does the chores of the shell: it withdraws what is too old, looks up what is Unknown, repeats cancels.
Every fact is told by what is (or lately was) true at the venue; nothing here decides for the machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from brackets.core import legs
from brackets.core.effects import Amend, Cancel, Effect, Place
from brackets.core.events import (
    AmendAnswered,
    CancelKeptBack,
    CloseRequested,
    EditRequested,
    EntryRequested,
    Event,
    FillBooked,
    HoldRequested,
    OrderAbsent,
    OrderAccepted,
    OrderRefused,
    OrderReported,
    OrderUnknown,
    OrderWithdrawn,
    ProtectRequested,
    ReduceRequested,
    ReleaseRequested,
    TargetTouched,
    Tick,
)
from brackets.core.invariants import violations
from brackets.core.machine import Outcome, RefusedEvent, step
from brackets.core.orders import Bracket, BracketOrder
from brackets.core.states import (
    CLOSED_MARKETS,
    LIMIT_ONLY,
    Answer,
    ExitReason,
    OrderStatus,
    Refusal,
    Role,
    State,
)
from tests.property.machine_reading import booking, reading, whisper
from tests.property.machine_setup import BEGIN, Setup, plan_of
from tests.property.machine_venue import CALM, TICK, ZERO, Venue, VenueOrder

D = Decimal
RESOLVED_AFTER = 16  # seconds until an Unknown is looked up for good: deadline plus margin
VISIBLE_AFTER = 10  # seconds from which on a reading shows what was accepted
ENTRY_AGE = 10  # seconds after which an entry that was not sent has outlived its price
CYCLE = 4  # seconds between two comparisons with the venue
PUNCTUAL = 6  # seconds within which a punctual world has read every secondary
NEEDS_PUNCTUALITY = ("on sale", "live or unknown; at most one may be")
RESTING_PLACES = frozenset({State.EXIT_COMPLETE, State.BRACKET_ACTIVE, State.HELD})
QUIET_ROUNDS = 10  # so often, each after a longer wait, nothing must happen until it is called calm


def is_agreed(order: BracketOrder) -> bool:
    """Whether no second reading of it is awaited."""
    return order.amiss_at is None or order.amiss_agreed


def split(seconds: int, at_most: int = 3) -> list[int]:
    return [at_most] * (seconds // at_most) + ([seconds % at_most] if seconds % at_most else [])


@dataclass
class World:
    """`facts` are events on their way to the machine, `outbox` effects on their way to the venue,
    `requests` what arrives at the venue late."""

    setup: Setup = field(default_factory=Setup)
    watched: bool = True
    seen: bool = True  # whether the price is known
    entries_allowed: bool = True
    calm: bool = False  # the faults are over
    counts_cycles: bool = True  # comparisons with the venue are made, and counted
    outbox: list[Effect] = field(default_factory=list)
    facts: list[Event] = field(default_factory=list)
    requests: list[tuple[int, Callable[[], object]]] = field(default_factory=list)
    unknown: dict[str, int] = field(default_factory=dict)  # key → when it was sent
    canceled: set[str] = field(default_factory=set)  # keys of orders whose cancel left, once at least
    refused_for_good: bool = False
    hold_wished: bool = False
    events: int = 0
    venue: Venue = field(init=False)
    bracket: Bracket = field(init=False)

    def __post_init__(self) -> None:
        setup = self.setup
        self.venue = Venue(
            stops_hold=setup.stops_hold,
            post_only_errors=setup.post_only_errors,
            tiny_secondaries=setup.tiny_secondaries,
            fee_rate=D("0.0026") if setup.fees_in_coins else ZERO,
            held_coins=D(1) if setup.entry == "held" else ZERO,
        )
        self.bracket = Bracket(plan=plan_of(setup), policy=setup.policy)

    # --- the machine ---------------------------------------------------------------------------

    @property
    def now(self) -> int:
        return self.venue.now

    @property
    def at(self) -> datetime:
        """The time of the next event; no two have the same."""
        self.events += 1
        return BEGIN + timedelta(seconds=self.now, microseconds=self.events)

    def tell(self, event: Event) -> None:
        """One event, then all that is always true; then the same event again, which must do nothing."""
        outcome = step(self.bracket, event)
        assert outcome.bracket.plan == self.bracket.plan  # its leverage too: what was approved stays
        self.bracket = outcome.bracket
        self.outbox += outcome.effects
        broken = violations(self.bracket) + tuple(self.wrong_sends(outcome))
        if not self.setup.punctual or self.setup.fees_in_coins:
            # A stop, or a fee, learned of only after its coins were put on sale cannot be unmade.
            broken = tuple(s for s in broken if not any(word in s for word in NEEDS_PUNCTUALITY))
        assert broken == ()
        assert self.venue.bought <= self.bracket.plan.quantity
        assert not self.setup.bound_by_limits or self.venue.spent <= (self.setup.most_cost or ZERO)
        try:
            again = step(self.bracket, event)
        except RefusedEvent:
            return
        assert again == Outcome(bracket=self.bracket)

    @staticmethod
    def wrong_sends(outcome: Outcome) -> list[str]:
        """Nothing is put on sale in a market known to be closed."""
        if outcome.bracket.market not in CLOSED_MARKETS:
            return []
        roles = [effect.role for effect in outcome.effects if isinstance(effect, Place)]
        return [f"{role} leaves into a closed market" for role in roles if role in (Role.EXIT, Role.TARGET)]

    def fact(self, event: Event) -> None:
        """A fact of an order the bracket cannot know yet is left for later, as the shell does."""
        try:
            self.tell(event)
        except RefusedEvent as refused:
            assert refused.refusal is Refusal.UNKNOWN_ORDER, refused

    def wish(self, event: Event) -> None:
        before = self.bracket
        try:
            self.tell(event)
        except RefusedEvent:
            assert self.bracket == before

    def begin(self) -> None:
        at = self.at
        self.wish(ProtectRequested(at=at) if self.setup.entry == "held" else EntryRequested(at=at))

    def touch(self) -> None:
        self.wish(TargetTouched(at=self.at, price=max(self.venue.bid, self.bracket.target_price)))

    def close(self) -> None:
        self.wish(CloseRequested(at=self.at, reason=ExitReason.MANUAL))

    def edit(self, stop: Decimal | None, target: Decimal | None) -> None:
        self.wish(EditRequested(at=self.at, stop_price=stop, target_price=target))

    def reduce(self, quantity: Decimal) -> None:
        self.wish(ReduceRequested(at=self.at, quantity=quantity))

    def hold(self) -> None:
        self.hold_wished = True
        self.wish(HoldRequested(at=self.at, reason="look"))

    def release(self) -> None:
        self.wish(ReleaseRequested(at=self.at, reason="looked"))

    # --- readings ------------------------------------------------------------------------------

    def reading(self, order: VenueOrder) -> OrderReported:
        return reading(order, self.at)

    def whisper(self, order: VenueOrder) -> OrderReported | None:
        """An update of the stream; of orders in the book only."""
        booked = next((o for o in self.bracket.orders if o.venue_order_id == order.id), None)
        return None if booked is None else whisper(order, booked, self.at)

    def booking(self, order: VenueOrder, number: int) -> FillBooked:
        return booking(order, number, self.at)

    def read(self, order: VenueOrder, *, lag: int = 0) -> None:
        shown = self.venue.as_of(order, lag)
        if shown is None:
            return
        if shown.parent:  # a secondary is found by its parent
            self.fact(self.reading(next(o for o in self.venue.orders if o.id == shown.parent)))
        self.fact(self.reading(shown))

    # --- sending -------------------------------------------------------------------------------

    def send(self, number: int, luck: str) -> None:
        """Send one effect. `luck` is what becomes of it: "well"; the answer "late" or "lost"; the request
        "lost on the way" or "slow"; refused for a "reason"."""
        if not self.outbox:
            return
        effect = self.outbox.pop(number % len(self.outbox))
        booked = next(o for o in self.bracket.orders if o.key == effect.key)
        match effect:
            case Cancel():
                self.send_cancel(effect, booked, luck)
            case Amend():
                self.send_amend(effect, booked, luck)
            case Place():
                self.send_place(effect, booked, luck)

    def send_cancel(self, effect: Cancel, booked: BracketOrder, luck: str) -> None:
        if not booked.live:
            return
        unsent = next((e for e in self.outbox if isinstance(e, Place) and e.key == effect.key), None)
        if unsent is not None:
            self.outbox.remove(unsent)
            self.fact(OrderWithdrawn(at=self.at, key=effect.key, reason="canceled before it was sent"))
            return
        if self.is_kept_back(booked):
            if effect.key not in self.canceled:
                self.fact(CancelKeptBack(at=self.at, key=effect.key, market=self.venue.market))
            still = next(o for o in self.bracket.orders if o.key == effect.key).cancel_wanted
            if still and effect not in self.outbox:
                self.outbox.append(effect)
            return
        self.canceled.add(effect.key)
        self.outbox.append(effect)  # asked again until a reading shows the end
        order = next((o for o in self.venue.orders if effect.key in (o.key, o.id)), None)
        if order is None or self.venue.market == "maintenance":
            return
        if luck in ("well", "late", "lost"):
            self.venue.end(order, lag={"well": 0, "late": 2, "lost": 4}[luck])
        elif luck == "slow":
            self.request_later(lambda: self.venue.end(order))

    def is_kept_back(self, booked: BracketOrder) -> bool:
        """Whether dispatch, which has just read the market's mode, does not let this cancel out."""
        market, bracket = self.venue.market, self.bracket
        if booked.role is Role.ENTRY or not legs.is_needed(bracket, booked.key):
            return False
        if market == LIMIT_ONLY:
            return bracket.market != LIMIT_ONLY or bracket.state is State.HELD
        return market in CLOSED_MARKETS

    def request_later(self, request: Callable[[], object]) -> None:
        self.requests.append((self.now + 1 + len(self.requests) % 4, request))

    def send_place(self, place: Place, booked: BracketOrder, luck: str) -> None:
        withdrawn = self.reason_to_withdraw(place, booked)
        if withdrawn:
            self.fact(OrderWithdrawn(at=self.at, key=place.key, reason=withdrawn))
            return
        if luck in ("rate_limited", "permission"):
            self.refused_for_good = self.refused_for_good or luck == "permission"
            self.fact(OrderRefused(at=self.at, key=place.key, reason=luck, message="no"))
            return
        if self.venue.market == "maintenance":
            luck = "lost on the way"
        if luck in ("lost", "lost on the way", "slow"):
            if luck == "lost":
                self.take(place, delay=3)
            elif luck == "slow":
                self.request_later(lambda: self.take(place, delay=2))
            self.unknown[place.key] = self.now
            self.fact(OrderUnknown(at=self.at, key=place.key, message="timed out"))
            return
        answer = self.take(place, delay=4 if luck == "late" else 0)
        (self.facts.append if luck == "late" else self.fact)(answer)

    def reason_to_withdraw(self, place: Place, booked: BracketOrder) -> str:
        if booked.cancel_wanted:
            return "canceled before it was sent"
        if place.role is not Role.ENTRY:
            return ""
        if not self.entries_allowed:
            return "paused before it was sent"
        too_old = (self.now - ENTRY_AGE) > (booked.created_at - BEGIN).total_seconds()
        return "too old" if too_old else ""

    def take(self, place: Place, *, delay: int) -> Event:
        """The venue decides; its answer."""
        expires = None if place.expires_at is None else (place.expires_at - BEGIN).total_seconds()
        taken = self.venue.place(place, delay=delay, expires=expires)
        if isinstance(taken, str):
            return OrderRefused(at=self.at, key=place.key, reason=taken, message="no")
        return OrderAccepted(at=self.at, key=place.key, venue_order_id=taken.id)

    def send_amend(self, amend: Amend, booked: BracketOrder, luck: str) -> None:
        if not booked.live or booked.amendment is None or booked.amendment.number != amend.number:
            return
        order = next((o for o in self.venue.orders if o.id == booked.venue_order_id), None)
        if order is None or booked.status is not OrderStatus.OPEN or booked.cancel_wanted:
            self.fact(self.amended(amend, Answer.REFUSED, "other"))
            return
        if luck in ("rate_limited", "permission"):
            self.refused_for_good = self.refused_for_good or luck == "permission"
            reason = luck if luck == "rate_limited" or amend.trigger_price is None else "bad_price"
            self.fact(self.amended(amend, Answer.REFUSED, reason))
            return
        if luck in ("lost", "lost on the way", "slow"):
            if luck == "lost":
                self.venue.amend(order, amend)
            elif luck == "slow":
                self.request_later(lambda: self.venue.amend(order, amend))
            self.fact(self.amended(amend, Answer.UNKNOWN))
            return
        refusal = self.venue.amend(order, amend)
        answer = self.amended(amend, Answer.REFUSED if refusal else Answer.ACCEPTED, refusal)
        (self.facts.append if luck == "late" else self.fact)(answer)

    def amended(self, amend: Amend, answer: Answer, reason: str = "") -> AmendAnswered:
        margin = RESOLVED_AFTER if answer is Answer.UNKNOWN else VISIBLE_AFTER
        at = self.at
        return AmendAnswered(
            at=at,
            key=amend.key,
            number=amend.number,
            answer=answer,
            provable_from=at + timedelta(seconds=margin),
            reason=reason,
        )

    def resolve_unknown(self) -> None:
        """Look up what is old enough: found by its key, or proven absent."""
        for key, sent in list(self.unknown.items()):
            if self.now - sent < RESOLVED_AFTER:
                continue
            del self.unknown[key]
            order = next((o for o in self.venue.orders if o.key == key), None)
            self.fact(self.reading(order) if order else OrderAbsent(at=self.at, key=key))

    # --- time ----------------------------------------------------------------------------------

    def wait(self, seconds: int) -> None:
        """Time passes; late requests arrive, timers of the shell run, the machine sees the world."""
        for part in split(seconds):
            self.venue.pass_time(part)
            arrived = [request for at, request in self.requests if at <= self.now]
            self.requests = [late for late in self.requests if late[0] > self.now]
            for request in arrived:
                request()
            if self.setup.punctual:
                self.read_secondaries()
        self.resolve_unknown()
        self.fact(self.tick())

    def read_secondaries(self) -> None:
        over = {o.venue_order_id for o in self.bracket.orders if not o.live}
        for order in self.venue.orders:
            if order.parent and order.id not in over and self.now - order.created >= PUNCTUAL:
                self.read(order)

    def tick(self) -> Tick:
        return Tick(
            at=self.at,
            price=self.venue.bid if self.seen else None,
            last=self.venue.last if self.seen else None,
            market=self.venue.market,
            watched=self.watched,
            entries_allowed=self.entries_allowed,
            compared_at=self.compared_at,
            cycle=self.now // CYCLE if self.counts_cycles else None,
        )

    @property
    def compared_at(self) -> datetime | None:
        """When everything that was visible then had been read: at the end now; a punctual world reads
        its secondaries within seconds; a careless one never looks at everything."""
        if self.calm:
            return BEGIN + timedelta(seconds=self.now)
        return BEGIN + timedelta(seconds=self.now - PUNCTUAL) if self.setup.punctual else None

    # --- the end -------------------------------------------------------------------------------

    def calm_down(self, *, near_target: bool = False) -> None:
        """No more faults: everything is sent, executed, read and booked until nothing moves any more. The
        price stays between the legs, or just below the target."""
        self.watched = self.seen = self.entries_allowed = self.counts_cycles = self.calm = True
        self.venue.market = "online"
        quiet = 0
        for _ in range(600):
            before, asked = self.bracket, len(self.outbox)
            self.hold_price(near_target)
            self.everything_happens()
            self.wait(1 if quiet == 0 else 12)
            still = self.bracket == before and not (asked or self.outbox or self.unknown or self.requests)
            visible = all(order.visible < self.now for order in self.venue.orders)
            quiet = quiet + 1 if still and visible else 0
            if quiet >= QUIET_ROUNDS:
                return
        raise AssertionError(f"never calm: {self.bracket.state}")

    def hold_price(self, near_target: bool) -> None:
        owned = near_target and self.bracket.average_entry_price is not None
        self.venue.price(self.bracket.target_price - 5 * TICK if owned else CALM)

    def everything_happens(self) -> None:
        self.everything_is_sent()
        for order in list(self.venue.orders):
            self.venue.execute(order, order.leaves)
        self.everything_is_read()
        if legs.target_is_touched(self.bracket, bid=self.venue.bid, last=self.venue.last):
            self.touch()

    def everything_is_sent(self) -> None:
        for fact in self.facts:
            self.fact(fact)
        self.facts.clear()
        for _ in range(len(self.outbox)):
            self.send(0, "well")

    def everything_is_read(self) -> None:
        certain = {o.venue_order_id for o in self.bracket.orders if not o.live and is_agreed(o)}
        for order in list(self.venue.orders):
            if order.id not in certain:  # an order that certainly ended is not read again
                self.read(order)
            for number in range(len(order.trades)):
                self.fact(self.booking(order, number))
