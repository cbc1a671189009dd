"""What is explored: a few setups in every run of the tests, more of them by hand.

`CI` are explored until nothing is left. `DEEP` are wider (more lots, two faults, wishes in the middle of
trouble); where one does not end, it stops at a stated number of states.
"""

from __future__ import annotations

from dataclasses import replace

from brackets.core.states import Policy
from tests.exploration.world import AT, BELOW, BETWEEN, BOTH, NEAR, Setup

VENUE = frozenset({"timeout", "refusal", "cancel by hand", "missing stop", "slow"})
"""All kinds of trouble but a market that closes, which has setups of its own."""
MARKET = frozenset({"market"})
FOUR_PRICES = (BELOW, BETWEEN, NEAR, AT)

STOP_RESTS = Setup(name="the stop rests", faults=1, crashes=1, trouble=VENUE)
NEAREST = Setup(
    name="the nearest leg rests", policy=Policy.NEAREST, prices=FOUR_PRICES, disorder=False, trouble=VENUE
)
LIMIT = Setup(name="limit entry", entry="limit", disorder=False, trouble=VENUE)
TWO_LOTS = Setup(name="two lots", lots=2, disorder=False, trouble=VENUE)

CI: tuple[Setup, ...] = (
    STOP_RESTS,
    replace(NEAREST, faults=1, crashes=1),
    replace(LIMIT, name="limit entry, a crash", crashes=1),
    Setup(name="the market closes", faults=1, disorder=False, trouble=MARKET),
    Setup(name="both prices at once", prices=(BELOW, BETWEEN, AT, BOTH)),
    Setup(name="no stop attached, a crash", attach=False, crashes=1, trouble=VENUE),
    Setup(name="coins held before, a fault", entry="held", faults=1, trouble=VENUE),
    Setup(name="both legs rest", policy=Policy.BOTH_REST, stops_hold=False, disorder=False),
    Setup(name="a person closes", wishes=("close",)),
    Setup(name="a person moves the stop", wishes=("move the stop",)),
    Setup(
        name="put on hold and released",
        wishes=("hold", "release"),
        most_wishes=2,
        disorder=False,
        prices=(BELOW, BETWEEN),
    ),
    Setup(
        name="a part is sold",
        lots=2,
        wishes=("sell a part", "close"),
        most_wishes=2,
        disorder=False,
        prices=(BETWEEN,),
    ),
    Setup(name="paused", entry="limit", wishes=("pause",), disorder=False, prices=(BELOW, BETWEEN)),
)
MOST = 400_000
DEEP: tuple[Setup, ...] = (
    replace(NEAREST, name="the nearest leg rests, in disorder", faults=1, disorder=True, most_states=MOST),
    replace(STOP_RESTS, name="the stop rests, any fault and a crash", trouble=frozenset()),
    replace(STOP_RESTS, name="two faults", faults=2, crashes=0, disorder=False, most_states=MOST),
    replace(LIMIT, name="limit entry, a fault and a crash", faults=1, crashes=1, most_states=MOST),
    replace(TWO_LOTS, name="two lots, one by one", most_states=MOST),
    replace(TWO_LOTS, name="two lots, the least that can be sold", minimum=2, most_states=MOST),
    replace(TWO_LOTS, name="two lots, a crash", crashes=1, most_states=MOST),
    Setup(name="three lots", lots=3, disorder=False, most_states=MOST),
    Setup(
        name="both legs rest, a fault",
        policy=Policy.BOTH_REST,
        stops_hold=False,
        disorder=False,
        faults=1,
        trouble=VENUE,
        most_states=MOST,
    ),
    Setup(
        name="a part is sold, any price", lots=2, wishes=("sell a part",), disorder=False, most_states=MOST
    ),
    Setup(name="a person closes, a fault", wishes=("close",), faults=1, trouble=VENUE, disorder=False),
    Setup(name="put on hold, a fault", wishes=("hold",), faults=1, trouble=VENUE, disorder=False),
    Setup(
        name="the stop is moved, a fault", wishes=("move the stop",), faults=1, trouble=VENUE, disorder=False
    ),
    Setup(name="no stop attached", attach=False, faults=1, crashes=1, trouble=VENUE),
    Setup(name="the market closes, a crash", faults=1, crashes=1, disorder=False, trouble=MARKET),
)
