"""Stories that once broke a rule, told again and again: each a small world and a sentence.

What the simulator finds is made small and kept here, so that it stays found.
"""

from __future__ import annotations

from dataclasses import replace

from tests.simulation.options import Act, House, Incident, Options, Profile
from tests.simulation.venue.options import Fault, VenueOptions

ETH = "ETH/USD"
PRICES = {ETH: "2500"}
FOUR_PRICES = PRICES | {"SOL/USD": "150", "XRP/USD": "2.2", "LTC/USD": "90"}
HOUSE = House(leg_policy="stop_rests")


def a_world(
    *acts: Act,
    rates: dict[Fault, float],
    incidents: tuple[Incident, ...] = (),
    owner_coins: dict[str, str] | None = None,
    house: House = HOUSE,
    seconds: int = 25,
    ends: tuple[str, ...] = ("target", "stop"),
    prices: dict[str, str] = PRICES,
    latency: tuple[float, float] = (0.02, 0.2),
) -> Options:
    """One pair, or few, few acts, and only the faults that matter."""
    venue = VenueOptions(
        prices=prices, owner_coins=owner_coins or {}, rates=rates, lead_bps=60.0, latency=latency
    )
    return Options(
        seed=0,
        profile=Profile.MIXED,
        symbols=tuple(prices),
        trouble_seconds=seconds,
        house=house,
        acts=acts,
        incidents=incidents,
        skews=(),
        owner_acts=(),
        ends=ends,
        venue=venue,
    )


def many_exits() -> Options:
    """Six pairs, bought and left within a second each, a second's way from the venue."""
    prices = {**PRICES, "SOL/USD": "150", "XRP/USD": "2.2", "BTC/USD": "60000", "ADA/USD": "0.7"}
    prices["LTC/USD"] = "90"
    acts = [
        Act(at=at + 0.1 * n, kind=kind, symbol=symbol, stop_bps=60, target_bps=60)
        for at, kind in ((4.0, "buy"), (30.0, "close"))
        for n, symbol in enumerate(prices)
    ]
    world = a_world(*acts, rates={}, house=House(leg_policy="stop_rests", tier="pro"), seconds=45)
    venue = replace(world.venue, prices=prices, latency=(0.1, 0.6))
    return replace(world, symbols=tuple(prices), venue=venue)


def with_staleness(options: Options, seconds: tuple[float, float]) -> Options:
    """Readings that are stale are so old."""
    return replace(options, venue=replace(options.venue, stale_seconds=seconds))


def with_both_resting(options: Options) -> Options:
    """An untriggered stop reserves nothing."""
    return replace(options, venue=replace(options.venue, both_rest=True))


def with_clocks(options: Options, seconds: float) -> Options:
    """The clocks of all processes are so far ahead of the venue's; the answer to many a request is lost."""
    return replace(options, skews=tuple((name, seconds) for name in ("watch", "watch2", "cluster", "web")))


def lost_answers(*incidents: Incident, luck: int = 0) -> Options:
    """Bought and left twice, beside coins of the owner's, and many a request is taken without an answer."""
    again = (replace(BUY, at=24.0), replace(CLOSE, at=36.0))
    world = a_world(
        BUY,
        CLOSE,
        *again,
        rates={Fault.LOST_ANSWER: 0.4},
        owner_coins={"XETH": "0.5"},
        incidents=incidents,
        seconds=60,
    )
    return replace(world, luck=luck)


BUY = Act(at=4.0, kind="buy", symbol=ETH, stop_bps=60, target_bps=60)
CLOSE = Act(at=9.0, kind="close", symbol=ETH)

SCENARIOS: dict[str, Options] = {
    # The fee was taken in coins and known only when it was booked: the exit had sold all that was bought,
    # with the owner's coins, and the bracket counted less than none and was held for ever.
    "a fee in coins, known too late, beside coins of the owner's": a_world(
        BUY, CLOSE, rates={Fault.FEE_IN_COINS: 1.0}, owner_coins={"XETH": "0.5"}
    ),
    # The same without such coins: the exit is refused for funds and was called an oversell.
    "a fee in coins, known too late": a_world(BUY, CLOSE, rates={Fault.FEE_IN_COINS: 1.0}),
    # A stop of the venue's was never shown before it had sold: the exit that named its coins had not left.
    "stops seen late, and an old reading of what ended": a_world(
        BUY,
        CLOSE,
        rates={Fault.SECONDARY_LATE: 0.8, Fault.STALE_CLOSED: 0.8, Fault.THIN: 0.2, Fault.ONE_LOT: 0.2},
        owner_coins={"XETH": "0.5"},
    ),
    # The sender dies between the send and the record, at once after its start, again and again.
    "killed after every send": a_world(
        BUY,
        CLOSE,
        rates={},
        incidents=tuple(
            Incident(kind="kill", process="watch", at=4.0 + 2 * n, place="after send", seconds=1.0)
            for n in range(6)
        ),
    ),
    # The entry was delivered twice and filled; what came back was the refusal of the second delivery, and one
    # look did not show the order yet: it was given up, and its coins with it.
    "an order whose second delivery is refused, and which shows late": replace(
        a_world(BUY, CLOSE, rates={Fault.TWICE_REFUSED: 0.5, Fault.SEEN_LATE: 1.0}), luck=2
    ),
    # The stream told the end of a stop whose amendment nobody had answered, and REST showed it as it was.
    "an end without its last terms": a_world(
        BUY,
        Act(at=8.0, kind="sell", symbol=ETH, share=50),
        CLOSE,
        rates={Fault.LOST_ANSWER: 0.5, Fault.STALE_ORDERS: 0.6},
        house=House(leg_policy="stop_rests", streams=True),
    ),
    # An order whose answer was lost was looked for among what ended since our clock's time: where that is
    # minutes ahead it was never found, was proven absent, and its coins were sold a second time.
    "a clock minutes ahead": with_clocks(lost_answers(luck=1), 200.0),
    "a clock minutes behind": with_clocks(lost_answers(luck=1), -200.0),
    "a clock that jumps ahead by minutes": lost_answers(
        Incident(kind="jump", process="watch", at=3.0, seconds=180.0), luck=5
    ),
    "a clock that jumps back by minutes while an answer is awaited": lost_answers(
        Incident(kind="jump", process="watch", at=9.5, seconds=-400.0), luck=5
    ),
    # A claim is committed, the process sleeps past its lease, another sends, and the sleeper wakes.
    "a zombie that wakes after its lease": a_world(
        BUY,
        CLOSE,
        rates={},
        house=House(leg_policy="stop_rests", watches=2),
        incidents=(
            Incident(kind="freeze", process="watch", at=3.9, place="before send", nth=2, seconds=30.0),
        ),
        seconds=45,
    ),
    # One thread of a watch claims an entry and waits for the turn of another, the whole process sleeps until
    # the claim has lapsed and is called Unknown, and then hears that it never left: nobody looked it up any
    # more, nobody sent it, and it never ended.
    "an entry that waits for its turn longer than its claim lasts": a_world(
        *(replace(BUY, at=4.0 + 0.3 * n, symbol=symbol) for n, symbol in enumerate(FOUR_PRICES)),
        rates={},
        incidents=(
            Incident(kind="freeze", process="watch", at=3.9, place="before send", nth=2, seconds=25.0),
        ),
        seconds=45,
        prices=FOUR_PRICES,
        latency=(0.1, 0.4),
    ),
    # Stops are hidden until they have sold, and the ended orders that are read together with the open ones
    # are old: in neither are they shown, and their coins were sold a second time.
    "stops that have sold before any look shows them": with_staleness(
        a_world(
            *(replace(BUY, symbol=symbol) for symbol in FOUR_PRICES),
            *(Act(at=10.0, kind="swing", symbol=symbol, detail="stop") for symbol in FOUR_PRICES),
            rates={Fault.STALE_CLOSED: 1.0, Fault.SECONDARY_LATE: 1.0},
            owner_coins={"XETH": "0.5", "SOL": "5", "XXRP": "500", "XLTC": "9"},
            seconds=40,
            prices=FOUR_PRICES,
        ),
        (7.0, 8.0),
    ),
    # The target beside the stop sells lot by lot, and each sale makes the stop too large, while the answer to
    # its amendment for the one before is still awaited.
    "a target that sells lot by lot beside its stop": with_both_resting(
        a_world(
            replace(BUY, dollars=90),
            Act(at=10.0, kind="swing", symbol=ETH, detail="target"),
            rates={Fault.THIN: 0.3, Fault.ONE_LOT: 0.5, Fault.LATE_ANSWER: 0.3},
            house=House(leg_policy="both_rest", both_rest_works=True, streams=True, tier="pro"),
            seconds=40,
        )
    ),
    # Pairs wait for their turn over a slow venue while somebody pauses: what was not claimed yet stays.
    "a pause while entries wait for their turn": a_world(
        *(replace(BUY, at=4.0 + 0.1 * n, symbol=symbol) for n, symbol in enumerate(FOUR_PRICES)),
        Act(at=5.3, kind="pause", symbol=ETH),
        Act(at=16.0, kind="resume", symbol=ETH),
        rates={},
        prices=FOUR_PRICES,
        latency=(0.4, 0.6),
    ),
    # What is left of a position is sold, not what was planned.
    "a part is sold, then the rest": a_world(
        replace(BUY, entry_type="limit"),
        Act(at=9.0, kind="sell", symbol=ETH, share=50),
        replace(CLOSE, at=14.0),
        rates={},
        house=House(leg_policy="stop_rests", entry_timeout_seconds=5, entry_on_timeout="market"),
    ),
    # Every thread stripped the coins of one exit while those of another waited for their sell.
    "many exits at once over a slow venue": many_exits(),
}
