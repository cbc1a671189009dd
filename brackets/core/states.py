"""The words of the bracket: its states, its orders' roles and statuses, why it ended.

Pure. The names of the states are given (`docs/architecture.md`); what moves a bracket from one to
the next is the table in `machine.py` and nothing else.
"""

from enum import StrEnum


class State(StrEnum):
    FLAT = "FLAT"  # planned; nothing asked of the venue
    ENTRY_PLACED = "ENTRY_PLACED"  # an entry is intended, sent or resting; no fill known
    ENTRY_FILLED = "ENTRY_FILLED"  # coins are ours; their protection is in motion, or not yet read back
    BRACKET_ACTIVE = "BRACKET_ACTIVE"  # every coin covered by a leg read back, the other leg watched
    TP_FILLED = "TP_FILLED"  # the target sold everything; the books are being closed
    SL_FILLED = "SL_FILLED"  # the stop triggered; leaves and siblings are being cleared
    EXITING = "EXITING"  # leaving: stops are being canceled, a sell follows
    HELD = "HELD"  # an operator must look; protection stays, closing works from here
    EXIT_COMPLETE = "EXIT_COMPLETE"  # nothing left on the venue, every fill booked


class Role(StrEnum):
    """What an order is for. STOP and TARGET are legs; EXIT sells for any other reason."""

    ENTRY = "entry"
    STOP = "stop"
    TARGET = "target"
    EXIT = "exit"


class OrderStatus(StrEnum):
    INTENDED = "INTENDED"  # committed here; not known to have reached the venue
    UNKNOWN = "UNKNOWN"  # sent, the answer is not certain; being looked up
    OPEN = "OPEN"  # the venue has it
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"  # the venue refused it
    DENIED = "DENIED"  # we refused to send it
    ABSENT = "ABSENT"  # looked up and proven never to have been placed
    VALIDATED = "VALIDATED"  # the venue only judged it (validate mode); nothing was placed


LIVE = frozenset({OrderStatus.INTENDED, OrderStatus.UNKNOWN, OrderStatus.OPEN})
"""Statuses of an order that may still execute."""


class ExitReason(StrEnum):
    """Why a bracket ended, in the words of the REST contract."""

    TAKE_PROFIT = "take_profit"
    STOP_LOSS = "stop_loss"
    MANUAL = "manual"
    KILL_SWITCH = "kill_switch"
    ROLLBACK = "rollback"
    EXTERNAL = "external"
    ENTRY_EXPIRED = "entry_expired"
    ENTRY_CANCELED = "entry_canceled"
    ENTRY_REJECTED = "entry_rejected"
    VALIDATED = "validated"


class Policy(StrEnum):
    """Which leg rests on the venue while both are far from the price."""

    STOP_RESTS = "stop_rests"  # the stop always rests, the target is watched
    NEAREST = "nearest"  # as above; near the target the target rests and the stop is watched
    BOTH_REST = "both_rest"  # only where a probe showed that the venue takes both


class Choice(StrEnum):
    """What becomes of a limit entry whose time is up, or whose market ran away."""

    CANCEL = "cancel"  # no more is bought; what was bought is kept
    RETRY = "retry"  # a new limit order at today's price, as long as reprices are left
    MARKET = "market"  # the rest is bought at market
    SKIP = "skip"  # the rule is skipped: the order stays until the venue expires it


class EntryNext(StrEnum):
    """What follows when the live entry, now being canceled, has ended."""

    REPRICE = "reprice"
    MARKET = "market"


class AmendStatus(StrEnum):
    INTENDED = "INTENDED"  # committed here; not known to have reached the venue
    UNKNOWN = "UNKNOWN"  # sent, the answer is not certain; a reading will tell
    ACCEPTED = "ACCEPTED"  # the venue took it; a reading must still show it


class Answer(StrEnum):
    """The venue's answer to an amendment."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


CLOSED_MARKETS = frozenset({"cancel_only", "post_only", "maintenance"})
"""Words for a market in which nothing can be sold at once: protection is not touched there."""
ONLINE, LIMIT_ONLY = "online", "limit_only"


class Custody(StrEnum):
    """Where a leg is: on the venue, watched by us, or moving between the two; of a held bracket, which nobody
    watches, also nowhere."""

    RESTING = "RESTING"
    WATCHED = "WATCHED"
    MOVING = "MOVING"
    MISSING = "MISSING"


class Refusal(StrEnum):
    """Why the machine would not take an event. A refused event changes nothing."""

    ALREADY_OPENED = "already_opened"
    NOT_OPENED = "not_opened"
    NOT_PROTECTED = "not_protected"  # the target is not watched before the stop was read back
    ALREADY_EXITING = "already_exiting"
    COOLING_DOWN = "cooling_down"  # the venue refused the last exit; the stop stays for a while
    OVER = "over"
    UNKNOWN_ORDER = "unknown_order"  # the order belongs to no intent of this bracket
    CONTRADICTION = "contradiction"  # two facts that cannot both be true
    MARKET_CLOSED = "market_closed"  # nothing can be sold now; the protection stays
    TARGET_RESTS = "target_rests"  # the venue takes the profit by itself
    TOO_SMALL = "too_small"  # below the venue's minimum: it keeps resting where it rests
    BAD_PRICES = "bad_prices"  # the stop would not stand below the target
    TOO_MUCH = "too_much"  # more than the bracket holds
    NOT_HELD = "not_held"  # there is nothing to release it from
    OVERSOLD = "oversold"  # more was sold than acquired: only a close by hand ends it
    NOT_RELEASABLE = "not_releasable"  # only an operator, or time, can lead out of this
