"""What the auditor is told beside the log, how long what may last, and what it answers.

Plain values. Times are those of the venue's world.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from tests.simulation.auditor.quiet import Span


@dataclass(frozen=True, slots=True)
class Complaint:
    """One broken rule. `kind` groups those that are the same."""

    kind: str
    at: datetime
    sentence: str

    def __str__(self) -> str:
        return f"{self.at:%H:%M:%S.%f} {self.kind}: {self.sentence}"


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Quiet seconds for which coins of at least the venue's minimum may have no sell order at all, by what
    took it from them, and what else may last how long."""

    attached: float = 0.0  # bought by an entry that carries its stop: not a second
    # Bought in parts so small that the venue makes no stop of them: that it made none is proven by two looks,
    # at the open orders when it must be visible (10 s), and at the ended ones when its end must be (10 s on).
    # Each waits for its turn among the comparisons, which a stream makes as rare as one in 15 s.
    small_parts: float = 45.0
    own_stop: float = 10.0  # bought by an entry without a stop, or handed over
    between_legs: float = 5.0  # an order canceled or made smaller so that another may follow
    each_stop: float = 1.0  # … for each one more that must be canceled before the sale
    owner: float = 15.0  # a stop canceled by somebody else: two readings
    # … and once more since the last time: repairs of one leg are 60 s and three comparisons apart.
    owner_again: float = 80.0
    # A sell that is refused for want of coins is tried for 10 s, then its stop is put back for those that two
    # counts show.
    refused_funds: float = 30.0
    # … and the next sale, which takes the stop away, is tried so much later, twice as long after each round.
    refused_exit: float = 60.0
    most_refused_exit: float = 900.0
    short_of_funds: float = 15.0  # a sell the venue ended for want of coins
    exit: float = 15.0  # from a wish to leave until it is being sold
    paused_entry: float = 15.0  # an entry that rests when entries are paused
    paused_on_the_way: float = 12.0  # an entry that was on its way then: its deadline, and a slow clock
    after_trouble: float = 12.0  # so long a trouble goes on: what failed is sent again
    # What no trouble excuses, in seconds in which the venue took orders of the pair and somebody lived.
    ceiling: float = 90.0  # coins without any order; a leg canceled again and again has its own bound
    rollback: float = 55.0  # bought and never protected: 30 s, then the sale, an Unknown before it looked up
    given_up: float = 30.0  # … of which so many until it is given up that it gets its protection
    hand_over: float = 25.0  # a stop that nobody watches any more: a lease, the cluster's round, a swap
    handing: float = 8.0  # a watch that ends in order has so long to put the stops back
    # How often, within a minute and for one position.
    most_sells: int = 40  # a stop that a market's mode refuses leaves once a second for 30 s
    most_refused: int = 16
    between_repairs: float = 58.0  # of a leg that others cancel again: 60 s less what clocks may differ
    doubted: float = 8.0  # a leg that one reading told lost may be repaired without another
    apart: float = 100.0  # several stops of one position in quiet: 45 s of age, then one after the other
    # What people are told.
    proof: float = 13.0  # from a placement until it can be known that it never arrived
    settled: float = 15.0  # an edit has reached the venue
    measuring: float = 2.0  # how exactly seconds are measured
    stranger: float = 75.0  # an order of the owner's: two comparisons, which a stream makes rare
    alarm: float = 20.0  # coins that are bare

    @classmethod
    def at_latency(cls, seconds: float) -> Bounds:
        """The bounds where one way to the venue takes up to so many seconds. Three stops to cancel, a look
        and a sale are ten ways, and a request of somebody else may be under way before the first."""
        return cls(
            between_legs=5.0 + 12 * seconds,
            each_stop=1.0 + 2 * seconds,
            exit=13.0 + 12 * seconds,
            own_stop=8.0 + 6 * seconds,
            rollback=50.0 + 12 * seconds,
            hand_over=22.0 + 12 * seconds,
        )


@dataclass(frozen=True, kw_only=True)
class Handed:
    """Coins that became the product's to keep without being bought."""

    at: datetime
    key: str
    symbol: str
    quantity: Decimal


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Somebody asked to leave a pair, and the product took it on. `taken_back_at`: an operator put the pair's
    position on hold, to look at it with its protection in place."""

    at: datetime
    symbol: str
    taken_back_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What the log of a venue cannot say."""

    ended_at: datetime
    finished: bool = True  # everything was closed: nothing may be left
    deaths: Mapping[str, datetime] = field(default_factory=dict)  # process, as the venue knows it
    blind: Sequence[Span] = ()  # nobody of the product could act
    pauses: Sequence[Span] = ()
    handed: Sequence[Handed] = ()
    wishes: Sequence[Wish] = ()
    held: Mapping[str, Sequence[Span]] = field(default_factory=dict)  # pair -> when a person held it up
    # Of processes: when all were away, when a watch lived (None: nobody says), when those were away that act
    # where none does, when a watch ended in order or began to compare book and venue, who slept when.
    dark: Sequence[Span] = ()
    watched: Sequence[Span] | None = None
    net_away: Sequence[Span] = ()
    handed_over: Sequence[datetime] = ()
    starts: Sequence[datetime] = ()
    asleep: Mapping[str, Sequence[Span]] = field(default_factory=dict)
    reads_only: bool = False  # no stream tells anything: what is known was read
    clocks_true: bool = False  # all of them, always: what the book dates can be held against the log
    both_rest: bool = False  # the venue lets a stop and a target rest for the same coins
    bracket_of: Mapping[str, str] = field(default_factory=dict)  # client order id -> bracket


def spans_between(moments: Iterable[tuple[datetime, bool]], *, end: datetime) -> list[Span]:
    """Spans from switches: (when, whether it is on from then). One still on lasts until `end`."""
    found: list[Span] = []
    since: datetime | None = None
    for at, on in moments:
        if on and since is None:
            since = at
        elif not on and since is not None:
            found.append((since, at))
            since = None
    return [*found, (since, end + timedelta(seconds=1))] if since is not None else found
