"""Steps the table takes and the assembled product cannot make, each with its reason.

A test holds this list against what happens: a pair that occurs must be taken off it.
"""

from __future__ import annotations

NOT_YET = "a bracket is stored with its first event: nothing is told of one that is FLAT"
ENDED = "a bracket is over only when no order of it waits for this; what is told of one brings it back first"
NO_COINS = "in validate mode nothing is bought, and only there orders are validated"
NO_SELL = "only the cancel of a sell is kept back, and there is none before a fill"
NEWS = (
    "OrderAccepted",
    "OrderRefused",
    "OrderUnknown",
    "OrderAbsent",
    "OrderWithdrawn",
    "OrderValidated",
    "CancelKeptBack",
    "AmendAnswered",
    "OrderReported",
    "FillBooked",
    "Tick",
)
AFTER_THE_END = ("OrderAbsent", "OrderWithdrawn", "CancelKeptBack")
NO_LEG = "entries are never amended, and nothing else is before a coin was bought"
NO_WANT = "no sell is refused for want of coins before a coin was bought"
ON_ITS_WAY = "a leg that is on its way out, or to be withdrawn, takes the bracket out of this state"
SOLD = "coins that are sold need no order: its cancel is not kept back"

REASONS: dict[tuple[str, str], str] = {
    **{("FLAT", event): NOT_YET for event in NEWS},
    **{("EXIT_COMPLETE", event): ENDED for event in AFTER_THE_END},
    ("EXIT_COMPLETE", "Tick"): "only open brackets are looked at",
    ("EXIT_COMPLETE", "FillBooked"): "what is over is booked; a late fill brings it back first",
    **{
        (state, "OrderValidated"): NO_COINS
        for state in ("ENTRY_FILLED", "BRACKET_ACTIVE", "TP_FILLED", "SL_FILLED")
    },
    ("ENTRY_PLACED", "CancelKeptBack"): NO_SELL,
    ("ENTRY_PLACED", "AmendAnswered"): NO_LEG,
    ("ENTRY_PLACED", "CoinsCounted"): NO_WANT,
    ("BRACKET_ACTIVE", "CancelKeptBack"): ON_ITS_WAY,
    ("BRACKET_ACTIVE", "OrderWithdrawn"): ON_ITS_WAY,
    ("TP_FILLED", "CancelKeptBack"): SOLD,
}
