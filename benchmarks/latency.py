"""How fast the product answers a price or a fill, as the venue sees it: with the WebSocket and without.

    python -m benchmarks.latency [--rounds 30] [--tier pro] [--json FILE]

Starts the paper venue, a fresh database and the real watch, once with the stream and once with it cut off
(polling). Every time is read from the venue's own log. Nothing is simulated but the market.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, figure, number, ratio, table
from benchmarks.world import World, prepared

if TYPE_CHECKING:
    from benchmarks.desk import Desk, Pair
    from benchmarks.rounds import Round

Samples = dict[str, list[float]]
TIERS = ("starter", "intermediate", "pro")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One kind of round, and how the account is configured for it."""

    play: str  # a function of `rounds`
    mode: str
    policy: str
    entry_type: str = "market"
    both_rest: bool = False


PLANS = (
    Plan(play="target_taken", mode="MARKET_ONLY", policy="stop_rests"),
    Plan(play="legs_change_places", mode="LIMIT_BRACKET", policy="nearest"),
    Plan(play="target_fills_beside_stop", mode="LIMIT_BRACKET", policy="both_rest", both_rest=True),
    Plan(play="stop_fills_beside_target", mode="LIMIT_BRACKET", policy="both_rest", both_rest=True),
    Plan(play="stop_fills_beside_entry", mode="LIMIT_BRACKET", policy="stop_rests", entry_type="limit"),
)


def measured(world: World, *, streamed: bool, rounds: int, plans: Sequence[Plan]) -> Samples:
    """All rounds over one transport, by a watch of its own."""
    from benchmarks.desk import Desk

    word = "with the WebSocket" if streamed else "polling"
    if not streamed:
        world.control.do("websocket", action="refuse")
        world.control.do("websocket", action="drop")
    world.start_watch()
    desk = Desk(world)
    desk.begin(streamed=streamed)
    samples: Samples = defaultdict(list)
    for plan in plans:
        say(f"{word}: {plan.play}, {rounds} rounds")
        played(desk, plan, rounds, samples)
    world.stop("watch")
    world.control.do("calm")
    return samples


def played(desk: Desk, plan: Plan, rounds: int, samples: Samples) -> None:
    from benchmarks import rounds as kinds

    desk.configure(execution_mode=plan.mode, leg_policy=plan.policy)
    type(desk.account).objects.filter(pk=desk.account.pk).update(both_rest_works=plan.both_rest)
    if plan.both_rest:  # coins of the owner's, so that the venue can let both legs rest
        for pair in desk.pairs:
            desk.control.do("deposit", asset=pair.asset, amount=pair.quantity * rounds)
    play: Round = getattr(kinds, plan.play)
    left = rounds
    while left > 0:
        wave = desk.pairs[:left]
        left -= len(wave)
        one_wave(desk, plan, play, wave, samples)


def one_wave(desk: Desk, plan: Plan, play: Round, wave: Sequence[Pair], samples: Samples) -> None:
    """One bracket on each pair, then each of them touched. Entries that rest are not waited for."""
    desk.refill_budget()
    limit = plan.entry_type == "limit"
    trades = {} if limit else desk.open_all(wave)
    for trade in trades.values() if plan.both_rest else ():
        desk.until_resting(trade, "target")
    for pair in wave:
        desk.until_nothing_moves()
        desk.refill_budget()
        trade = desk.open(pair, entry_type="limit") if limit else trades[pair.symbol]
        for what, value in play(desk, pair, trade):
            samples[what].append(value)
        desk.refill_budget()
        bracket = desk.until_closed(trade)
        samples[f"{plan.play}: unprotected, as the book says"].append(
            float(bracket.unprotected_seconds) * 1000
        )
        desk.control.price(pair.symbol, pair.price)


def report(streamed: Samples, polled: Samples) -> str:
    rows = []
    for what in dict.fromkeys([*streamed, *polled]):
        fast, slow = figure(streamed.get(what, [])), figure(polled.get(what, []))
        rows.append([what, *cells(fast), *cells(slow), ratio(median(slow), median(fast))])
    head = ["milliseconds by the venue's clock", "n", "WebSocket median", "p99", "n", "polling median", "p99"]
    return table([*head, "polling : WebSocket"], rows)


def cells(one: Figure | None) -> list[str]:
    return ["0", "–", "–"] if one is None else [str(one.n), number(one.median), number(one.p99)]


def median(one: Figure | None) -> float | None:
    return None if one is None else one.median


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="of each kind and transport (30)")
    parser.add_argument("--tier", choices=TIERS, default="pro", help="the rate budget (pro)")
    parser.add_argument("--only", choices=[plan.play for plan in PLANS], action="append", help="repeatable")
    parser.add_argument("--transport", choices=["both", "stream", "polling"], default="both")
    parser.add_argument("--json", metavar="FILE", help="write every sample there")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parsed(arguments)
    plans = [plan for plan in PLANS if not options.only or plan.play in options.only]
    found: dict[bool, Mapping[str, list[float]]] = {True: {}, False: {}}
    with prepared(tier=options.tier) as world:
        try:
            for streamed in (True, False):
                if options.transport != ("polling" if streamed else "stream"):
                    found[streamed] = measured(world, streamed=streamed, rounds=options.rounds, plans=plans)
        except Exception:
            say(world.complaints())
            raise
        kind = world.database_url.partition(":")[0]
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"tier {options.tier}, {kind}, {os.cpu_count()} cores, load average {load}\n")
    print(report(dict(found[True]), dict(found[False])))
    if options.json:
        with open(options.json, "w") as file:
            json.dump(
                {
                    "options": vars(options),
                    "stream": found[True],
                    "polling": found[False],
                    "plans": [asdict(plan) for plan in plans],
                },
                file,
                indent=1,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
