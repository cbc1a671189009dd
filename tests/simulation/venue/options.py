"""What kind of world one seed has: the terms of the venue, and how often each thing goes wrong.

Pure. Every fault has a name; `rates` says how likely it is at each occasion (a request, a second of the
market, an order), and a fault that is not named never happens. What each may look like is Kraken's law as
the facts about it tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random


class Fault(StrEnum):
    """All that may go wrong between the product and its venue, or be odd at the venue itself."""

    # --- one request (writes, and private and public reads where they apply)
    LOST_REQUEST = "timeout before accept"
    LOST_ANSWER = "timeout after accept"
    LATE_REQUEST = "request arrives late"
    LATE_ANSWER = "answer comes late"
    TWICE = "request delivered twice"
    TWICE_REFUSED = "refusal of the second delivery is the answer"
    HTTP_502_BEFORE = "HTTP 502 before accept"
    HTTP_502_AFTER = "HTTP 502 after accept"
    HTTP_520_BEFORE = "HTTP 520 before accept"
    HTTP_520_AFTER = "HTTP 520 after accept"
    HTML_BEFORE = "HTML page with 200 before accept"
    HTML_AFTER = "HTML page with 200 after accept"
    UNAVAILABLE_BEFORE = "EService:Unavailable before accept"
    UNAVAILABLE_AFTER = "EService:Unavailable after accept"
    BUSY_BEFORE = "EService:Busy before accept"
    BUSY_AFTER = "EService:Busy after accept"
    TIMEOUT_BEFORE = "EService:Timeout before accept"
    TIMEOUT_AFTER = "EService:Timeout after accept"
    ELAPSED_BEFORE = "EService:Deadline elapsed before accept"
    ELAPSED_AFTER = "EService:Deadline elapsed after accept"
    THROTTLED = "EService: Throttled"
    INTERNAL_BEFORE = "EGeneral:Internal error before accept"
    INTERNAL_AFTER = "EGeneral:Internal error after accept"
    WARNED = "warning beside a result"
    NAMELESS = "result that names no order"
    NONCE = "EAPI:Invalid nonce"
    KEY_RATE = "EAPI:Rate limit exceeded"
    PAIR_RATE = "EOrder:Rate limit exceeded"
    NO_BUDGET = "our own rate budget used up"
    # --- readings
    STALE_ORDERS = "stale open orders"
    STALE_CLOSED = "stale closed orders"
    STALE_BALANCES = "stale balances"
    STALE_BOOKS = "stale trades and ledgers"
    OMITTED = "orders left out of an answer"
    # --- orders
    SEEN_LATE = "order visible late"
    SECONDARY_LATE = "secondary visible late"
    LATE_RELEASE = "hold released late"
    FILLED_DURING_CANCEL = "fill during a cancel"
    FILLED_DURING_AMEND = "fill during an amendment"
    CROSSED_POST_ONLY = "market crosses a post-only order on its way"
    FEE_IN_COINS = "fee taken in coins"
    # --- the market
    THIN = "thin market"
    ONE_LOT = "fill of one lot"
    GAP = "gap through a stop"
    BOTH_PRICES = "both prices in one tick"
    # --- the venue as a whole
    CUT = "network cut"
    MAINTENANCE = "maintenance"
    CANCEL_ONLY = "cancel_only"
    POST_ONLY = "post_only"
    LIMIT_ONLY = "limit_only"
    CLOCK_STEP = "venue's clock steps"
    # --- the stream
    STREAM_DROP = "stream dropped"
    STREAM_SILENT = "stream silent"
    STREAM_TWICE = "stream message twice"
    STREAM_DISORDER = "stream messages out of order"
    STREAM_GAP = "stream message lost"
    STREAM_REFUSED = "stream cannot be opened"
    # --- the owner, beside us in the same account
    OWNER_ORDER = "foreign order"
    OWNER_SELLS = "manual sell"
    OWNER_CANCELS = "our stop canceled by hand"
    OWNER_TAKES_COINS = "manual sell of our coins"
    OWNER_EARNS = "coins moved to .F"
    OWNER_BACK = "coins moved back from .F"
    OWNER_DEPOSITS = "deposit"
    OWNER_WITHDRAWS = "withdrawal"


# What follows from others and needs no rate of its own: counted where it is seen.
CONSEQUENCES = (
    "secondary missing: fill below the minimum",
    "post-only refused in words",
    "post-only accepted and canceled",
    "nonce refused: another came first",
    "late request taken",
    "late request refused for its deadline",
    "partial fill",
)

BEFORE = {
    Fault.HTTP_502_BEFORE: 502,
    Fault.HTTP_520_BEFORE: 520,
    Fault.HTML_BEFORE: "page",
    Fault.UNAVAILABLE_BEFORE: "EService:Unavailable",
    Fault.BUSY_BEFORE: "EService:Busy",
    Fault.TIMEOUT_BEFORE: "EService:Timeout",
    Fault.ELAPSED_BEFORE: "EService:Deadline elapsed",
    Fault.THROTTLED: "EService: Throttled: 1795270000",
    Fault.INTERNAL_BEFORE: "EGeneral:Internal error:1",
    Fault.NONCE: "EAPI:Invalid nonce",
    Fault.KEY_RATE: "EAPI:Rate limit exceeded",
    Fault.PAIR_RATE: "EOrder:Rate limit exceeded",
}
"""Nothing is done, and this is the answer: an HTTP status, a page, or Kraken's words."""
AFTER = {
    Fault.HTTP_502_AFTER: 502,
    Fault.HTTP_520_AFTER: 520,
    Fault.HTML_AFTER: "page",
    Fault.UNAVAILABLE_AFTER: "EService:Unavailable",
    Fault.BUSY_AFTER: "EService:Busy",
    Fault.TIMEOUT_AFTER: "EService:Timeout",
    Fault.ELAPSED_AFTER: "EService:Deadline elapsed",
    Fault.INTERNAL_AFTER: "EGeneral:Internal error:1",
}
"""It is done, and this is the answer."""
ON_THE_WAY = (
    Fault.LOST_REQUEST,
    Fault.LOST_ANSWER,
    Fault.LATE_REQUEST,
    Fault.LATE_ANSWER,
    Fault.TWICE,
    Fault.TWICE_REFUSED,
    Fault.WARNED,
)
OF_WRITES = (*ON_THE_WAY, *BEFORE, *AFTER, Fault.NAMELESS)
OF_READS = tuple(
    fault
    for fault in (*ON_THE_WAY, *BEFORE)
    if fault not in (Fault.TWICE, Fault.LATE_REQUEST, Fault.LOST_ANSWER, Fault.PAIR_RATE)
)
OF_PUBLIC = tuple(
    fault for fault in OF_READS if fault not in (Fault.NONCE, Fault.TWICE_REFUSED, Fault.KEY_RATE)
)
MODES = (Fault.MAINTENANCE, Fault.CANCEL_ONLY, Fault.POST_ONLY, Fault.LIMIT_ONLY)
OF_OWNER = tuple(fault for fault in Fault if fault.name.startswith("OWNER_"))
EVERY = (*(fault.value for fault in Fault), *CONSEQUENCES)
"""All names `SimVenue.faults` can count."""


@dataclass(frozen=True, kw_only=True)
class VenueOptions:
    """One world. Times in seconds; `rates` by `Fault`, each a probability."""

    prices: Mapping[str, str] = field(default_factory=lambda: {"ETH/USD": "2500"})
    dollars: str = "10000"
    owner_coins: Mapping[str, str] = field(default_factory=dict)  # asset code -> coins never handed to us
    latency: tuple[float, float] = (0.02, 0.2)  # one way, shortest and longest
    timeout_seconds: float = 5.0  # of the client
    late_seconds: tuple[float, float] = (1.0, 30.0)  # how late a late request arrives
    stale_seconds: tuple[float, float] = (0.2, 8.0)  # how old a stale reading is
    release_seconds: tuple[float, float] = (0.5, 12.0)  # how late a hold is released
    phase_seconds: tuple[float, float] = (2.0, 25.0)  # an outage, or a market's mode
    nonce_window_seconds: float = 0.0  # how far behind the highest a nonce may be, as set for the key
    skew_seconds: float = 0.0  # the venue's clock minus the true one
    spread_ticks: int = 10
    noise_bps: float = 4.0  # of the price, a second
    drift_bps: float = 0.0
    gap_bps: tuple[float, float] = (5.0, 150.0)  # how far a gap goes beyond a stop
    lead_bps: float = 25.0  # a second, when calm prices are led to an end
    depth: str = "50"  # base coins a tick offers on each side
    both_rest: bool = False  # an untriggered stop reserves nothing: both legs may rest
    post_only_cancels: bool = True  # a crossing post-only order is taken and canceled, else refused
    rates: Mapping[Fault, float] = field(default_factory=dict)

    def rate(self, fault: Fault) -> float:
        return self.rates.get(fault, 0.0)


CALM = VenueOptions()
_PER_REQUEST = (0.003, 0.06)
_PER_LATE = (0.02, 0.12)  # most of them come to nothing: their nonce or their deadline has passed
_PER_ORDER = (0.05, 0.5)
_PER_SECOND = (0.002, 0.03)
_PER_PHASE = (0.002, 0.012)  # what lasts for many seconds
MOST_REQUESTS = 0.4  # this part of all requests may go wrong
_PHASES = (Fault.CUT, Fault.THIN, *MODES, Fault.STREAM_SILENT)
_ORDERS = (
    Fault.STALE_ORDERS,
    Fault.STALE_CLOSED,
    Fault.STALE_BALANCES,
    Fault.STALE_BOOKS,
    Fault.OMITTED,
    Fault.SEEN_LATE,
    Fault.SECONDARY_LATE,
    Fault.LATE_RELEASE,
    Fault.FILLED_DURING_CANCEL,
    Fault.FILLED_DURING_AMEND,
    Fault.CROSSED_POST_ONLY,
    Fault.FEE_IN_COINS,
)


def drawn_rates(random: Random, *, share: float = 0.4, heat: float = 1.0) -> dict[Fault, float]:
    """Some of the faults (each with probability `share`), each with a rate of its kind times `heat`. However
    many faults of requests are among them, most requests still arrive and are answered."""
    found: dict[Fault, float] = {}
    for fault in Fault:
        chosen, level = random.random() < share, random.random()
        if not chosen or fault in OF_OWNER:  # the owner acts when asked to
            continue
        low, high = _range_of(fault)
        found[fault] = (low + (high - low) * level) * heat
    total = sum(rate for fault, rate in found.items() if fault in OF_WRITES)
    most = MOST_REQUESTS * random.random()
    scale = min(1.0, most / total) if total else 1.0
    return {fault: round(rate * (scale if fault in OF_WRITES else 1.0), 5) for fault, rate in found.items()}


def _range_of(fault: Fault) -> tuple[float, float]:
    if fault is Fault.LATE_REQUEST:
        return _PER_LATE
    if fault in OF_WRITES or fault is Fault.NO_BUDGET:
        return _PER_REQUEST
    if fault in _ORDERS:
        return _PER_ORDER
    return _PER_PHASE if fault in _PHASES else _PER_SECOND
