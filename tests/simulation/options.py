"""What shall happen in one world, drawn from a seed: plain values that can be printed, kept and made smaller.

Each part is drawn from a random stream of its own, so that leaving one out does not change the others.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum
from random import Random

from tests.simulation.venue.options import VenueOptions

MOST_APART = 5.0  # seconds between the clocks of two hosts
AT_A_QUERY = "at a query"  # a place where a database error may strike, besides commits
SYMBOLS = ("ETH/USD", "SOL/USD", "XRP/USD", "BTC/USD", "ADA/USD", "LTC/USD")


class Profile(StrEnum):
    """What a seed lays its weight on. All of them together reach everything that can happen."""

    PEACE = "peace"  # nothing goes wrong
    MIXED = "mixed"  # a little of everything
    NETWORK = "network"  # requests and answers get lost, doubled, late
    CRASHES = "crashes"  # processes die at every step
    FILLS = "fills"  # many small fills, gaps, missing secondaries
    STALE = "stale"  # readings lag, holds are released late
    PEOPLE = "people"  # many wishes at once, an owner who trades beside us
    MODES = "modes"  # markets that close
    CLOCKS = "clocks"  # skew, jumps, frozen processes
    STREAMS = "streams"  # the private stream and its faults
    DATABASE = "database"  # errors of the database
    RIVALS = "rivals"  # two workers on one bracket
    VALIDATE = "validate"  # nothing is placed at all
    GATES = "gates"  # markets that close just when a leg is on its way out
    PROFIT = "profit"  # prices that run to their targets, an owner who takes stops away
    SNAP = "snap"  # stops that are run over as soon as they stand


@dataclass(frozen=True, kw_only=True, slots=True)
class House:
    """How the account is configured, and who runs."""

    tier: str = "starter"
    mode: str = "demo"
    execution_mode: str = "LIMIT_BRACKET"
    leg_policy: str = "nearest"
    both_rest_works: bool = False
    swap_in_bps: int = 12
    swap_out_bps: int = 30
    entry_offset_bps: int = 0
    entry_timeout_seconds: int = 12
    entry_most_reprices: int = 3
    entry_reprice_seconds: int = 3
    entry_reprice_bps: int = 4
    entry_runaway_bps: int = 40
    entry_on_timeout: str = "cancel"
    entry_on_runaway: str = "cancel"
    entry_stop: str = "attached"
    stop_ratio: Decimal = Decimal("0.008")
    target_r_multiple: Decimal = Decimal("1.5")
    watches: int = 1
    streams: bool = False
    one_host: bool = True  # one clock, and processes see that another one of their host is dead
    cluster_seconds: float = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Act:
    """What somebody asks, at a second of the trouble."""

    at: float
    kind: str  # a kind of command, `hold`, or one of the coincidences
    symbol: str
    entry_type: str = "market"
    dollars: int = 30
    stop_bps: int = 0  # below the bid; 0: by the rule
    target_bps: int = 0  # above it
    share: int = 100  # percent of what there is
    twice: bool = False  # sent again under the same key
    detail: str = ""  # of a coincidence: where a swing leads, what a gate is


@dataclass(frozen=True, kw_only=True, slots=True)
class Incident:
    """What happens to a process: at the `nth` time from `at` on that it passes `place` (a time, where there
    is none)."""

    kind: str  # kill, freeze, stop, error (of the database), jump
    process: str  # watch, watch2, cluster, web
    at: float
    place: str = ""
    nth: int = 1
    seconds: float = 2.0  # until it runs again; how far the clock jumps


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """Everything a world is made of."""

    seed: int
    profile: Profile
    symbols: tuple[str, ...]
    trouble_seconds: int
    house: House
    acts: tuple[Act, ...]
    incidents: tuple[Incident, ...]
    skews: tuple[tuple[str, float], ...]  # seconds a process's clock is ahead
    owner_acts: tuple[float, ...]  # when the owner does something beside us
    ends: tuple[str, ...]  # target or stop: where each pair's price is led at last, in turn
    venue: VenueOptions
    still_seconds: int = 45  # of the calm, before prices are led to their ends
    luck: int = 0  # another throw of the same dice: what the venue's chances come to

    @property
    def asks_can_fail(self) -> bool:
        return any(incident.place == AT_A_QUERY for incident in self.incidents)

    def describe(self) -> str:
        """One field a line, for people."""
        return "\n".join(f"  {field.name}: {getattr(self, field.name)!r}" for field in fields(self))


def stream(seed: int, name: str) -> Random:
    """The random numbers of one part; the same for the same seed whatever other parts took."""
    return Random(f"{seed}/{name}")
