"""What lies in wait in the worlds that are drawn: beside what is asked in some, and nothing else in a few.

The ambushes themselves stand in `ambushes.py`.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from tests.simulation.options import Act, Options, Profile
from tests.simulation.venue.options import Fault

GATES = (Fault.CANCEL_ONLY, Fault.CANCEL_ONLY, Fault.MAINTENANCE, Fault.LIMIT_ONLY)
AMBUSHES: dict[tuple[Profile, str], tuple[tuple[str, str, float], ...]] = {
    (Profile.GATES, "near"): (("trap", Fault.CANCEL_ONLY, 0.6),),
    (Profile.GATES, "market entry"): (("lure", Fault.CANCEL_ONLY, 0.4),),
    (Profile.GATES, "hold"): (("trap", Fault.CANCEL_ONLY, 0.6),),
    (Profile.GATES, "sell"): (("trap", Fault.CANCEL_ONLY, 0.3),),
    (Profile.RIVALS, "market entry"): (("stall", f"entry {Fault.CANCEL_ONLY}", 0.3),),
    (Profile.RIVALS, "swing"): (("stall", "target", 0.2), ("stall", f"target {Fault.CANCEL_ONLY}", 0.2)),
    (Profile.VALIDATE, "market entry"): (("stall", "entry answered", 0.7),),
    (Profile.VALIDATE, "limit entry"): (("stall", "entry answered", 0.7),),
    (Profile.FILLS, "limit entry"): (("dip", "", 0.6), ("split", Fault.CANCEL_ONLY, 0.5)),
    (Profile.FILLS, "market entry"): (("split", Fault.CANCEL_ONLY, 0.5),),
    (Profile.SNAP, "market entry"): (("snap", "", 0.7),),
    (Profile.SNAP, "limit entry"): (("snap", "", 0.7),),
}
"""What lies in wait for what is asked: its kind, its detail, and how often."""

LURKING_SECONDS = 240  # of a world with nothing but ambushes
ROUND_SECONDS = (32.0, 40.0)  # an order that is lost is proven absent meanwhile
Recipe = tuple[tuple[str, str], ...]
BOTH_REST: tuple[Recipe, ...] = (
    (("lose", "target"),),
    (("lose", "target"),),
    (("rush", "stop"),),
    (("rush", "stop unsent"), ("linger", "target")),
    (("rush", "stop unsent"), ("linger", "target")),
)
MOVING: tuple[Recipe, ...] = (
    (("lure", Fault.CANCEL_ONLY),),
    (("rob", ""),),
)
ROBBED: tuple[Recipe, ...] = (
    (("rob", "asleep"),),
    (("rob", "alone"),),
    (("rob", "alone half"),),
    (("loot", ""),),
)
ENTERING: tuple[Recipe, ...] = (
    (("dip", ""),),
    (("dip", "twice"), ("split", Fault.CANCEL_ONLY), ("edit", "")),
)
ASLEEP: tuple[Recipe, ...] = (
    (("stall", "target"), ("touch", "")),
    (("stall", "target"), ("touch", "")),
    (("stall", f"target {Fault.CANCEL_ONLY}"), ("touch", "")),
    (("stall", "amend answered"), ("edit", "")),
    (("stall", "amend answered"), ("edit", "")),
)
A_BUY = Act(at=0.0, kind="buy", symbol="", dollars=40, stop_bps=150, target_bps=80)
THEMES = (BOTH_REST, MOVING, ROBBED, ASLEEP, BOTH_REST, ROBBED, ENTERING, ASLEEP, MOVING, ROBBED, ())
"""What a position may walk into, in one world: where both legs rest, where they change places, and where
whoever sends falls asleep. Those of many seeds take turns; (): as in other profiles."""


def in_order(*acts: Act) -> tuple[Act, ...]:
    return tuple(sorted(acts, key=lambda act: (act.at, act.symbol, act.kind)))


def theme_of(profile: Profile, seed: int) -> tuple[Recipe, ...]:
    """What the positions of this world walk into; empty where it has no ambushes only."""
    return THEMES[seed // len(Profile) % len(THEMES)] if profile is Profile.PROFIT else ()


def lain_in_wait(options: Options, recipes: tuple[Recipe, ...], random: Random) -> Options:
    """Nothing but ambushes: no faults and no incidents, no coins besides, hardly a wind, and two watches, so
    that one may sleep."""
    house = replace(
        options.house,
        execution_mode="LIMIT_BRACKET",
        entry_stop="attached",
        entry_offset_bps=2,
        entry_timeout_seconds=40,
        entry_most_reprices=0,
        entry_on_timeout="skip",
        entry_on_runaway="skip",
        leg_policy="both_rest" if recipes is BOTH_REST else "nearest",
        both_rest_works=recipes is BOTH_REST,
        swap_in_bps=5,
        swap_out_bps=15,
        streams=recipes not in (MOVING, ROBBED, ENTERING),  # a stream tells at once that a market shut
        watches=2,
        cluster_seconds=5.0,
    )
    venue = replace(
        options.venue,
        rates={},
        owner_coins={},
        latency=(0.02, 0.2),
        noise_bps=1.0,
        drift_bps=0.0,
        skew_seconds=0.0,
        both_rest=recipes is BOTH_REST,
    )
    symbols = options.symbols[: {ASLEEP: 2, ROBBED: 1}.get(recipes, 4)]
    return replace(
        options,
        symbols=symbols,
        trouble_seconds=seconds_of(recipes),
        house=house,
        acts=lurking_acts(recipes, symbols, random),
        incidents=(),
        skews=(),
        owner_acts=(),
        venue=venue,
    )


def seconds_of(recipes: tuple[Recipe, ...]) -> int:
    """One robbery at a time takes its time."""
    return LURKING_SECONDS * (2 if recipes is ROBBED else 1)


def lurking_acts(recipes: tuple[Recipe, ...], symbols: tuple[str, ...], random: Random) -> tuple[Act, ...]:
    """Positions one after another, in all pairs at once, and what each of them walks into."""
    acts: list[Act] = []
    began = 4.0
    while began < seconds_of(recipes) - ROUND_SECONDS[0]:
        length = random.uniform(*ROUND_SECONDS) + (20 if recipes is ROBBED else 0)
        for symbol in symbols:
            at = began + 1.5 * random.random()
            entry = "limit" if recipes is ENTERING else "market"
            acts.append(replace(A_BUY, at=at, symbol=symbol, entry_type=entry))
            for kind, detail in random.choice(recipes):
                later = 8.0 if kind == "edit" else 0.0
                made = Act(
                    at=at + later, kind=kind, symbol=symbol, detail=detail, stop_bps=100, target_bps=120
                )
                acts.append(made)
            acts.append(Act(at=began + length - 4, kind="close", symbol=symbol))
        began += length
    return in_order(*acts)


def draw_ambushes(profile: Profile, asked: tuple[Act, ...], random: Random) -> list[Act]:
    """What waits for the moment in which it matters, from shortly before somebody wants something on."""
    made: list[Act] = []
    for act in asked:
        wanted = f"{act.entry_type} entry" if act.kind == "buy" else act.kind
        for kind, detail, chance in AMBUSHES.get((profile, wanted), ()):
            if random.random() < chance:
                at = max(act.at - random.uniform(0.1, 0.6), 0.0)
                made.append(Act(at=at, kind=kind, symbol=act.symbol, detail=detail))
        if profile is Profile.GATES and act.kind == "close" and random.random() < 0.4:
            made += held_at_the_gate(act, random)
        if profile is Profile.VALIDATE and act.kind == "buy" and random.random() < 0.5:
            made.append(Act(at=act.at, kind="linger", symbol=act.symbol, detail="entry"))
            made.append(Act(at=act.at + random.uniform(0.2, 1.2), kind="hold", symbol=act.symbol))
    return made


def held_at_the_gate(act: Act, random: Random) -> list[Act]:
    """An operator puts on hold what was just to be left, and the market shuts."""
    return [
        Act(at=max(act.at - 0.3, 0.0), kind="trap", symbol=act.symbol, detail=random.choice(GATES)),
        Act(at=act.at + random.uniform(0.02, 0.3), kind="hold", symbol=act.symbol),
    ]
