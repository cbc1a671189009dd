"""From a seed to the options of its world."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from random import Random

from tests.simulation.lurking import GATES, draw_ambushes, in_order, lain_in_wait, theme_of
from tests.simulation.options import (
    AT_A_QUERY,
    MOST_APART,
    SYMBOLS,
    Act,
    House,
    Incident,
    Options,
    Profile,
    stream,
)
from tests.simulation.venue.options import OF_WRITES, Fault, VenueOptions, drawn_rates

ORDER = tuple(Profile)
STREAMING = (Profile.STREAMS, Profile.PROFIT)
COINCIDING = (Profile.GATES, Profile.PROFIT, Profile.SNAP)  # few faults besides those they are about
CHOICES = ("cancel", "retry", "market", "skip")
SEND_PLACES = ("before send", "after send")
COMMIT_PLACES = ("before commit", "after commit")
PRICES = {
    "BTC/USD": "60000",
    "ETH/USD": "2500",
    "SOL/USD": "150",
    "XRP/USD": "2.2",
    "ADA/USD": "0.7",
    "LTC/USD": "90",
}
COINS = {
    "BTC/USD": "XXBT",
    "ETH/USD": "XETH",
    "SOL/USD": "SOL",
    "XRP/USD": "XXRP",
    "ADA/USD": "ADA",
    "LTC/USD": "XLTC",
}
HEAT = {
    Profile.PEACE: 0.0,
    Profile.MIXED: 1.0,
    Profile.NETWORK: 2.0,
    Profile.STALE: 1.5,
    Profile.FILLS: 1.5,
    Profile.MODES: 1.5,
    Profile.STREAMS: 1.5,
    Profile.PEOPLE: 1.0,
    Profile.VALIDATE: 0.3,
    Profile.GATES: 0.2,
    Profile.PROFIT: 0.1,
    Profile.SNAP: 0.2,
}
"""How strong the venue's faults are; 0.5 where nothing is said."""
EMPHASIS: dict[Profile, dict[Fault, float]] = {
    Profile.GATES: {
        Fault.THIN: 0.02,
        Fault.ONE_LOT: 0.02,
    },
    Profile.PROFIT: {
        Fault.TWICE_REFUSED: 0.05,
        Fault.LATE_REQUEST: 0.15,
    },
    Profile.SNAP: {
        Fault.GAP: 0.25,
        Fault.OMITTED: 0.3,
        Fault.THIN: 0.05,
        Fault.STALE_ORDERS: 0.3,
        Fault.SEEN_LATE: 0.4,
    },
    Profile.FILLS: {Fault.THIN: 0.03},
    Profile.RIVALS: {Fault.CROSSED_POST_ONLY: 0.4},
    Profile.VALIDATE: {Fault.LATE_ANSWER: 0.1},
}
"""Faults that a profile lives of, with their rates, besides those that are drawn."""
SHORT_PHASES = {Profile.GATES: (2.0, 9.0)}  # seconds
SWINGS = {Profile.GATES: 0.8, Profile.PROFIT: 0.9, Profile.FILLS: 0.8}
"""How often a price runs to one of its ends while a position stands; 0.5 where nothing is said."""
RESTLESS = {Profile.PEOPLE: 0.8, Profile.VALIDATE: 0.7, Profile.GATES: 0.6}
GATED = ("close", "hold", "sell", "near")  # what makes a leg go


def draw(seed: int) -> Options:
    """The same seed, the same options."""
    profile = ORDER[seed % len(ORDER)]
    random = stream(seed, "options")
    symbols = tuple(random.sample(SYMBOLS, random.choice((3, 4, 5, 6, 6))))
    trouble = random.randint(30, 70)
    house = draw_house(profile, stream(seed, "house"))
    venue = draw_venue(profile, symbols, stream(seed, "venue options"))
    options = Options(
        seed=seed,
        profile=profile,
        symbols=symbols,
        trouble_seconds=trouble,
        house=house,
        acts=draw_all_acts(profile, symbols, trouble, seed),
        incidents=draw_incidents(profile, trouble, house, stream(seed, "incidents")),
        skews=draw_skews(profile, house, stream(seed, "skews")),
        owner_acts=draw_owner(profile, trouble, stream(seed, "owner")),
        ends=tuple(random.choice(("target", "stop")) for _ in range(7)),
        venue=both_resting(venue) if house.both_rest_works else venue,
    )
    theme = theme_of(profile, seed)
    return lain_in_wait(options, theme, stream(seed, "lain in wait")) if theme else options


def draw_house(profile: Profile, random: Random) -> House:
    swap_in = random.choice((5, 12, 20))
    both = random.random() < (0.6 if profile is Profile.PROFIT else 0.25)
    skips = profile is Profile.FILLS
    return House(
        tier="pro" if profile in COINCIDING else random.choice(("starter", "intermediate", "pro")),
        mode="validate" if profile is Profile.VALIDATE else "demo",
        execution_mode="MARKET_ONLY" if random.random() < 0.1 else "LIMIT_BRACKET",
        leg_policy="both_rest" if both else random.choice(("stop_rests", "nearest", "nearest")),
        both_rest_works=both,
        swap_in_bps=swap_in,
        swap_out_bps=swap_in * random.choice((2, 3)),
        entry_offset_bps=random.choice((0, 0, 2, 5)),
        entry_timeout_seconds=random.choice((5, 10, 20, 40)),
        entry_most_reprices=random.choice((0, 2, 5)),
        entry_reprice_seconds=random.choice((1, 2, 5)),
        entry_reprice_bps=random.choice((1, 4, 10)),
        entry_runaway_bps=random.choice((15, 40, 100)),
        entry_on_timeout=random.choice(CHOICES),
        entry_on_runaway="skip" if skips else random.choice(CHOICES),
        entry_stop="own" if random.random() < 0.25 else "attached",
        stop_ratio=random.choice((Decimal("0.004"), Decimal("0.008"), Decimal("0.015"))),
        target_r_multiple=random.choice((Decimal("0.8"), Decimal("1.5"), Decimal("2"))),
        watches=2 if profile in (Profile.RIVALS, Profile.CRASHES) or random.random() < 0.2 else 1,
        streams=profile in STREAMING or (profile is not Profile.GATES and random.random() < 0.35),
        one_host=random.random() < 0.5,
        cluster_seconds=random.choice((5.0, 10.0, 20.0)),
    )


def draw_venue(profile: Profile, symbols: tuple[str, ...], random: Random) -> VenueOptions:
    heat = HEAT.get(profile, 0.5)
    prices = {symbol: PRICES[symbol] for symbol in symbols}
    owned = [symbol for symbol in symbols if random.random() < 0.5]
    coins = {COINS[symbol]: worth(PRICES[symbol], random.choice((50, 400))) for symbol in owned}
    share = random.choice((0.15, 0.4, 0.7))
    rates = bearable(drawn_rates(random, share=share, heat=heat), most=0.12 + 0.1 * heat) if heat else {}
    return VenueOptions(
        prices=prices,
        owner_coins=coins,
        latency=random.choice(((0.01, 0.05), (0.02, 0.2), (0.1, 0.6))),
        noise_bps=random.choice((2.0, 4.0, 9.0)),
        drift_bps=random.choice((-3.0, -1.0, 0.0, 1.0, 3.0)),
        post_only_cancels=random.random() < 0.5,
        phase_seconds=SHORT_PHASES.get(profile, VenueOptions.phase_seconds),
        rates=rates | EMPHASIS.get(profile, {}),
        nonce_window_seconds=random.choice((0.0, 0.0, 40.0)),
        skew_seconds=random.choice((0.0, 0.0, -2.5, 4.0)),
    )


def bearable(rates: dict[Fault, float], *, most: float) -> dict[Fault, float]:
    """The same faults, so that no more than that share of all requests fails: where hardly anything comes
    through, hardly anything happens."""
    failing = sum(rate for fault, rate in rates.items() if fault in OF_WRITES)
    if failing <= most:
        return rates
    scale = most / failing
    return {fault: round(rate * scale, 5) if fault in OF_WRITES else rate for fault, rate in rates.items()}


def both_resting(venue: VenueOptions) -> VenueOptions:
    """Both legs may rest. A tick through both of them sells twice what was bought, from the owner's coins
    where there are any: whoever chooses this policy holds none beside us."""
    return replace(venue, both_rest=True, owner_coins={})


def worth(price: str, dollars: int) -> str:
    return format((Decimal(dollars) / Decimal(price)).quantize(Decimal("1E-6")), "f")


# --- what is asked -------------------------------------------------------------------------------------


def draw_all_acts(profile: Profile, symbols: tuple[str, ...], trouble: int, seed: int) -> tuple[Act, ...]:
    """What is asked, and what lies in wait for it."""
    asked = with_releases(
        draw_acts(profile, symbols, trouble, stream(seed, "acts")), stream(seed, "releases")
    )
    return in_order(*asked, *draw_ambushes(profile, asked, stream(seed, "ambushes")))


def draw_acts(profile: Profile, symbols: tuple[str, ...], trouble: int, random: Random) -> tuple[Act, ...]:
    acts: list[Act] = []
    for symbol in symbols:
        at = 3.0 + 3.0 * random.random()
        while at < trouble * 0.9:
            acts += one_round(profile, symbol, at, random)
            at += random.uniform(5, 25)
    if profile in (Profile.PEOPLE, Profile.MIXED) or random.random() < 0.15:
        acts += for_all(symbols[0], trouble, random)
    return in_order(*acts)


def one_round(profile: Profile, symbol: str, at: float, random: Random) -> list[Act]:
    """A position, and what people want of it while it stands."""
    restless, patience = RESTLESS.get(profile, 0.35), 1.5 if profile is Profile.VALIDATE else 15
    acts = [a_beginning(symbol, at, random)]
    if random.random() < restless:
        acts.append(edit(symbol, at + random.uniform(0.3, 12), random))
    if random.random() < restless:
        share = random.choice((20, 50, 50, 80, 100))
        moment = at + random.uniform(0.3, 15)
        acts.append(Act(at=moment, kind="sell", symbol=symbol, share=share, twice=random.random() < 0.3))
    if random.random() < restless:
        acts.append(Act(at=at + random.uniform(0.1, patience), kind="close", symbol=symbol))
    if random.random() < restless * 0.3:
        acts.append(Act(at=at + random.uniform(0.1, patience), kind="hold", symbol=symbol))
    return acts + coincidences(profile, acts, symbol, at, random)


def coincidences(profile: Profile, acts: list[Act], symbol: str, at: float, random: Random) -> list[Act]:
    """What befalls the position while it stands, and just when somebody wants something of it."""
    made: list[Act] = []
    if random.random() < SWINGS.get(profile, 0.5):
        towards = random.choice(("target", "target", "stop"))
        made.append(Act(at=at + random.uniform(1, 12), kind="swing", symbol=symbol, detail=towards))
    if random.random() < 0.3:
        made.append(Act(at=at + random.uniform(3, 10), kind="near", symbol=symbol))
    if profile is Profile.PROFIT and random.random() < 0.7:
        made.append(Act(at=at + random.uniform(4, 9), kind="cancel", symbol=symbol))
    if profile is Profile.GATES:
        for act in (*acts, *made):
            if act.kind in GATED and random.random() < 0.6:
                moment = max(act.at + random.uniform(-1, 0.2), 0.0)
                made.append(Act(at=moment, kind="gate", symbol=symbol, detail=random.choice(GATES)))
    return made


def a_beginning(symbol: str, at: float, random: Random) -> Act:
    given = random.random() < 0.6
    return Act(
        at=at,
        kind="protect" if random.random() < 0.12 else "buy",
        symbol=symbol,
        entry_type=random.choice(("market", "market", "limit")),
        dollars=random.choice((12, 20, 40, 90)),
        stop_bps=random.choice((25, 60, 150)) if given else 0,
        target_bps=random.choice((30, 80, 200)) if given else 0,
        twice=random.random() < 0.15,
    )


def edit(symbol: str, at: float, random: Random) -> Act:
    return Act(
        at=at,
        kind="edit",
        symbol=symbol,
        stop_bps=random.choice((0, 20, 90, -5)),
        target_bps=random.choice((15, 60, 250, -5)),
    )


def with_releases(acts: tuple[Act, ...], random: Random) -> tuple[Act, ...]:
    """Some of what was put on hold is let go on a little later."""
    released = [
        Act(
            at=act.at + random.uniform(0.5, 12),
            kind="release",
            symbol=act.symbol,
            twice=random.random() < 0.2,
        )
        for act in acts
        if act.kind == "hold" and random.random() < 0.6
    ]
    return in_order(*acts, *released)


def for_all(symbol: str, trouble: int, random: Random) -> list[Act]:
    """What concerns the whole account."""
    at = random.uniform(5, trouble * 0.7)
    if random.random() < 0.4:
        return [Act(at=at, kind="liquidate-all", symbol=symbol)]
    return [
        Act(at=at, kind="pause", symbol=symbol),
        Act(at=at + random.uniform(2, 20), kind="resume", symbol=symbol),
    ]


# --- what happens to processes ---------------------------------------------------------------------------


def draw_incidents(profile: Profile, trouble: int, house: House, random: Random) -> tuple[Incident, ...]:
    kinds = {
        Profile.PEACE: (),
        Profile.CRASHES: ("kill",) * 6 + ("stop",),
        Profile.RIVALS: ("freeze", "freeze", "kill", "stop", "freeze"),
        Profile.CLOCKS: ("jump", "jump", "freeze", "jump"),
        Profile.DATABASE: ("error",) * 8,
        Profile.VALIDATE: ("freeze",) * 3,
    }.get(profile)
    if kinds is None:
        kinds = tuple(
            random.sample(("kill", "freeze", "stop", "error", "jump", "kill"), random.randint(0, 3))
        )
    who = ["watch", "watch", "watch", "cluster", "web"] + ["watch2"] * (house.watches - 1)
    made = [an_incident(kind, random.choice(who), trouble, random) for kind in kinds]
    return tuple(sorted(made, key=lambda incident: (incident.at, incident.process, incident.kind)))


def an_incident(kind: str, process: str, trouble: int, random: Random) -> Incident:
    at = round(random.uniform(1, trouble * 0.9), 1)
    seconds = round(random.choice((0.5, 2.0, 6.0, 15.0)), 1)
    places: tuple[str, ...] = ("",)
    match kind:
        case "kill":
            places = (*SEND_PLACES, *SEND_PLACES, *COMMIT_PLACES, "")
        case "freeze":
            places, seconds = (
                (*SEND_PLACES, "after send", "after commit", ""),
                round(random.uniform(5, 60), 1),
            )
        case "error":
            places = ("before commit", AT_A_QUERY)
        case "jump":
            seconds = random.choice((-400.0, -30.0, -3.0, 2.0, 5.0, 45.0, 200.0, 600.0))
    return Incident(
        kind=kind,
        process=process,
        at=at,
        place=random.choice(places),
        nth=random.randint(1, 6),
        seconds=seconds,
    )


def draw_skews(profile: Profile, house: House, random: Random) -> tuple[tuple[str, float], ...]:
    """One host has one clock, wrong by minutes perhaps. Those of several hosts differ by seconds at most: the
    same service sets them, and `clock_is_off` tells of one that is not."""
    if profile is not Profile.CLOCKS and random.random() < 0.7:
        return ()
    most = random.choice((4.0, 4.0, 200.0)) if profile is Profile.CLOCKS else 0.5
    common = random.uniform(-most, most)
    apart = 0.0 if house.one_host else min(most, MOST_APART) / 2
    names = ("watch", "watch2", "cluster", "web")
    return tuple((name, round(common + random.uniform(-apart, apart), 3)) for name in names)


def draw_owner(profile: Profile, trouble: int, random: Random) -> tuple[float, ...]:
    if profile is Profile.PEACE:
        return ()
    count = {Profile.PEOPLE: 8, Profile.MIXED: 3}.get(profile, random.choice((0, 0, 1, 2)))
    return tuple(sorted(round(random.uniform(3, trouble), 1) for _ in range(count)))
