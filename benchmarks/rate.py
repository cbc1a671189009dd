"""Four processes on one key: every nonce in order, no rate refusal, and how long an exit waits for its turn.

The real adapter and sender in processes of their own against the paper venue's server, which checks
signatures and nonces and counts as Kraken does; its counters and our budget decay `--times` faster, so that
thousands of calls fit into minutes. In each process one thread polls, as often as the budget lets it, while
another places a limit far below the market and cancels it: placing waits its turn as an entry does,
canceling as an exit does.

    python -m benchmarks.rate [--calls 10000] [--processes 4] [--times 100] [--tier pro] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from itertools import cycle
from pathlib import Path
from typing import Any

from benchmarks.figures import figure, number, table
from benchmarks.world import API_KEY, PRIVATE_KEY, ROOT, World, prepared

NONCE = "EAPI:Invalid nonce"
RATE = "ate limit exceeded"
PATIENCE_SECONDS = 60.0
OF_PRICE = Decimal("0.9")


@dataclass(frozen=True, slots=True)
class Call:
    """One private call as its process saw it; seconds since 1970. `began`: when its turn came."""

    kind: str
    urgent: bool
    asked: float
    began: float
    ended: float
    outcome: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What a run showed."""

    calls: int
    seconds: float
    kinds: dict[str, int]
    nonce_refusals: int  # in the venue's own log
    rate_refusals: int
    other_outcomes: dict[str, int]  # what was neither accepted nor read
    polls_begun_while_an_exit_waited: int  # the most, over all exits
    exits_overtaken: int  # exits that waited while at least one poll began
    waits: dict[str, list[float]]  # milliseconds from asking to the turn, by kind

    @property
    def is_clean(self) -> bool:
        return not (self.nonce_refusals or self.rate_refusals or self.other_outcomes)


# --- one process -------------------------------------------------------------------------------------


class Racer:
    """Polls and trades until its share of the calls is made."""

    def __init__(self, *, calls: int, times: int) -> None:
        from django.conf import settings

        from brackets.venue.kraken.adapter import KrakenVenue
        from brackets.venue.sender import SenderSlot, Turn, fingerprint

        turn_at = threading.local()

        class TimedSlot(SenderSlot):
            """Remembers when this thread's last turn came."""

            def _take(self, *arguments: Any, **options: Any) -> Turn:
                turn = super()._take(*arguments, **options)
                turn_at.began = time.time()
                return turn

        url = settings.KRAKEN_API_URL
        name = fingerprint(url=url, api_key=API_KEY)
        slot = TimedSlot(
            key_fingerprint=name, tier=settings.KRAKEN_TIER, max_wait_seconds=60, decay_times=times
        )
        self.venue = KrakenVenue(
            slot=slot,
            url=url,
            api_key=API_KEY,
            private_key=PRIVATE_KEY,
            timeout_seconds=20,
            patience_seconds=PATIENCE_SECONDS,
        )
        self.turn_at, self.left, self.lock = turn_at, calls, threading.Lock()
        self.made: list[Call] = []
        self.prices = {quote.symbol: quote.bid for quote in self.venue.quotes(self.symbols())}

    def symbols(self) -> list[str]:
        self.instruments = {one.symbol: one for one in self.venue.instruments()}
        return sorted(self.instruments)

    def run(self) -> list[Call]:
        threads = [threading.Thread(target=self.poll), threading.Thread(target=self.trade)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self.made

    def call(self, kind: str, ask: Callable[[], Any], *, urgent: bool = False) -> Any:
        """Make one call, unless the share is used up; None then, and where it failed."""
        with self.lock:
            if self.left <= 0:
                return None
            self.left -= 1
        asked, answer = time.time(), None
        self.turn_at.began = asked
        try:
            answer = ask()
            outcome = type(answer).__name__ if kind in ("place", "cancel") else "read"
            if outcome in ("Refused", "Unknown"):
                outcome = f"{outcome}: {answer.message}"
        except Exception as error:
            outcome = f"{type(error).__name__}: {error}"
        self.made.append(Call(kind, urgent, asked, self.turn_at.began, time.time(), outcome))
        return answer

    def poll(self) -> None:
        while self.left > 0:
            self.call("poll", self.venue.open_orders)
            self.call("poll", self.venue.balances)

    def trade(self) -> None:
        from brackets.core.prices import round_down
        from brackets.venue.port import Accepted, OrderKind, OrderRequest, Side

        for symbol in cycle(self.prices):
            if self.left <= 0:
                return
            instrument = self.instruments[symbol]
            request = OrderRequest(
                client_order_id=str(uuid.uuid4()),
                symbol=symbol,
                side=Side.BUY,
                kind=OrderKind.LIMIT,
                quantity=instrument.minimum_quantity * 10,
                limit_price=round_down(self.prices[symbol] * OF_PRICE, instrument.tick_size),
                post_only=True,
            )
            placed = self.call("place", lambda: self.venue.place(request, urgent=False))  # noqa: B023
            if isinstance(placed, Accepted) and placed.venue_order_id:
                key = placed.venue_order_id
                with self.lock:
                    self.left = max(self.left, 1)  # what was placed is canceled
                self.call(
                    "cancel",
                    lambda: self.venue.cancel(key, symbol=symbol),  # noqa: B023
                    urgent=True,
                )


def race(options: argparse.Namespace) -> None:
    """The process of one racer: its calls as JSON on stdout."""
    import django

    django.setup()
    made = Racer(calls=options.calls, times=options.times).run()
    json.dump([asdict(call) for call in made], sys.stdout)


# --- the run -----------------------------------------------------------------------------------------


def measure(world: World, options: argparse.Namespace) -> Found:
    share = options.calls // options.processes
    command = [sys.executable, "-m", "benchmarks.rate", "--worker", "--calls", str(share)]
    command += ["--times", str(options.times)]
    began = time.monotonic()
    racers = [
        subprocess.Popen(command, cwd=ROOT, env=world.environment(), stdout=subprocess.PIPE, text=True)
        for _ in range(options.processes)
    ]
    said = [racer.communicate()[0] for racer in racers]
    if any(racer.returncode for racer in racers):
        raise RuntimeError(f"a process of the race ended with {[racer.returncode for racer in racers]}")
    seconds = time.monotonic() - began
    calls = [Call(**one) for text in said for one in json.loads(text)]
    return found(calls, seconds=seconds, log=world.log.path)


def found(calls: Sequence[Call], *, seconds: float, log: Path) -> Found:
    text = log.read_text(errors="replace").splitlines()
    polls = sorted(call.began for call in calls if call.kind == "poll")
    overtaken = [
        sum(1 for began in polls if exit_.asked < began < exit_.began) for exit_ in calls if exit_.urgent
    ]
    fine = {"Accepted", "read"}
    return Found(
        calls=len(calls),
        seconds=seconds,
        kinds=dict(Counter(call.kind for call in calls)),
        nonce_refusals=sum(NONCE in line for line in text),
        rate_refusals=sum(RATE in line for line in text),
        other_outcomes=dict(Counter(call.outcome for call in calls if call.outcome not in fine)),
        polls_begun_while_an_exit_waited=max(overtaken, default=0),
        exits_overtaken=sum(1 for number_ in overtaken if number_),
        waits={
            kind: [1000 * (call.began - call.asked) for call in calls if call.kind == kind]
            for kind in ("cancel", "place", "poll")
        },
    )


def report(one: Found) -> str:
    rows = []
    for kind, waits in one.waits.items():
        figures = figure(waits)
        if figures is not None:
            cells = [number(value) for value in (figures.median, figures.p99, figures.worst)]
            rows.append([kind, str(figures.n), *cells])
    lines = [
        f"{one.calls} private calls in {one.seconds:.1f} s ({one.calls / one.seconds:.0f} a second)",
        f"invalid nonces {one.nonce_refusals}, rate refusals {one.rate_refusals}, "
        f"other failures {sum(one.other_outcomes.values())}",
        "polls that began while one exit waited for its turn: "
        f"{one.polls_begun_while_an_exit_waited} at most "
        f"({one.exits_overtaken} of {one.kinds.get('cancel', 0)} exits)",
        "",
        table(["milliseconds from asking to the turn", "n", "median", "p99", "worst"], rows),
    ]
    lines += [f"{number_} × {words}" for words, number_ in one.other_outcomes.items()]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parsed(arguments)
    if options.worker:
        race(options)
        return 0
    with prepared(tier=options.tier, still=True, decay_times=options.times) as world:
        one = measure(world, options)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{os.cpu_count()} cores, load average {load}\n\n{report(one)}")
    if options.json:
        Path(options.json).write_text(json.dumps(asdict(one), indent=1))
    return 0 if one.is_clean else 1


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rate", description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000, help="of all processes together (10000)")
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--times", type=int, default=100, help="how much faster both counters decay (100)")
    parser.add_argument("--tier", default="pro", choices=["starter", "intermediate", "pro"])
    parser.add_argument("--json", metavar="FILE", help="write every figure there")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
