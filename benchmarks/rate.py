"""Four processes on one key: every nonce in order, no rate refusal, and how long an exit waits for its turn.

The real adapter and sender in processes of their own against the paper venue's server, which checks
signatures and nonces and counts as Kraken does; its counters and our budget decay `--times` faster, so that
thousands of calls fit into minutes. In each process one thread polls, as often as the budget lets it, while
another places a limit far below the market and cancels it: placing waits its turn as an entry does,
canceling as an exit does.

Which call overtook which is told by the database, not by clocks: each turn has its number (the fence of the
key's row), and the wish of an exit to be first is written together with a look at the number that stood
then. What was not urgent and has a number between that and the exit's own has overtaken it.

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
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.figures import figure, number, table
from benchmarks.world import API_KEY, PRIVATE_KEY, ROOT, World, prepared

if TYPE_CHECKING:  # settings are read when Django is: not before the world stands
    from brackets.venue.sender import SenderSlot

NONCE = "EAPI:Invalid nonce"
RATE = "ate limit exceeded"
PATIENCE_SECONDS = 60.0
OF_PRICE = Decimal("0.9")
TIMEOUT_SECONDS = 5.0  # of one request, as the product's own
LONGEST_EXIT_WAIT_SECONDS = TIMEOUT_SECONDS  # by then the poll that is under way has ended


@dataclass(frozen=True, slots=True)
class Call:
    """One private call as its process saw it; seconds since 1970. `began`: when its turn came. `turn`: the
    turn's number; `wished_after`: the number that stood when its wish to be first was written. None: there
    was none."""

    kind: str
    urgent: bool
    asked: float
    began: float
    ended: float
    outcome: str
    turn: int | None
    wished_after: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What a run showed."""

    calls: int
    seconds: float
    kinds: dict[str, int]
    nonce_refusals: int  # in the venue's own log
    rate_refusals: int
    other_outcomes: dict[str, int]  # what was neither accepted nor read
    exits_that_wished: int  # exits that found the turn taken, and wished to be first
    exits_overtaken: int  # of those, after whose wish something not urgent began before them
    most_overtaking: int  # how much of it, at most
    longest_exit_wait_seconds: float  # from asking to the turn
    waits: dict[str, list[float]]  # milliseconds from asking to the turn, by kind

    @property
    def is_clean(self) -> bool:
        failed = self.nonce_refusals or self.rate_refusals or self.other_outcomes or self.exits_overtaken
        return not failed and self.longest_exit_wait_seconds <= LONGEST_EXIT_WAIT_SECONDS


class Numbers(threading.local):
    """What this thread's call under way was given."""

    began = 0.0
    turn: int | None = None
    wished_after: int | None = None

    def forget(self, asked: float) -> None:
        self.began, self.turn, self.wished_after = asked, None, None


# --- one process -------------------------------------------------------------------------------------


def numbered_slot(numbers: Numbers) -> type[SenderSlot]:
    """The product's sender, which also notes each turn's number and what stood when a wish was written."""
    from django.db import transaction

    from brackets.venue.line import line_of
    from brackets.venue.sender import SenderSlot, Turn, Wanted
    from brackets.venue.wishes import Wish

    class NumberedWish(Wish):
        def begin(self) -> None:
            with transaction.atomic():  # the row is locked by the wish: no turn is won before the look
                super().begin()
                numbers.wished_after = self._rows().values_list("fence", flat=True).get()

    class NumberedSlot(SenderSlot):
        def _wish(self, wanted: Wanted) -> Wish:
            return NumberedWish(self._rows, self.clock, line_of(self.key_fingerprint))

        def _take(self, *arguments: Any, **options: Any) -> Turn:
            turn = super()._take(*arguments, **options)
            numbers.began, numbers.turn = time.time(), turn.fence
            return turn

    return NumberedSlot


class Racer:
    """Polls and trades until its share of the calls is made."""

    def __init__(self, *, calls: int, times: int) -> None:
        from django.conf import settings

        from brackets.venue.kraken.adapter import KrakenVenue
        from brackets.venue.sender import fingerprint

        url, self.numbers = settings.KRAKEN_API_URL, Numbers()
        slot = numbered_slot(self.numbers)(
            key_fingerprint=fingerprint(url=url, api_key=API_KEY),
            tier=settings.KRAKEN_TIER,
            timeout_seconds=TIMEOUT_SECONDS,
            max_wait_seconds=60,
            decay_times=times,
        )
        self.venue = KrakenVenue(
            slot=slot,
            url=url,
            api_key=API_KEY,
            private_key=PRIVATE_KEY,
            timeout_seconds=TIMEOUT_SECONDS,
            patience_seconds=PATIENCE_SECONDS,
        )
        self.left, self.lock = calls, threading.Lock()
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
        self.numbers.forget(asked)
        try:
            answer = ask()
            outcome = type(answer).__name__ if kind in ("place", "cancel") else "read"
            if outcome in ("Refused", "Unknown"):
                outcome = f"{outcome}: {answer.message}"
        except Exception as error:
            outcome = f"{type(error).__name__}: {error}"
        given = self.numbers
        self.made.append(
            Call(
                kind=kind,
                urgent=urgent,
                asked=asked,
                began=given.began,
                ended=time.time(),
                outcome=outcome,
                turn=given.turn,
                wished_after=given.wished_after,
            )
        )
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
    overtaken = overtaking(calls)
    fine = {"Accepted", "read"}
    return Found(
        calls=len(calls),
        seconds=seconds,
        kinds=dict(Counter(call.kind for call in calls)),
        nonce_refusals=sum(NONCE in line for line in text),
        rate_refusals=sum(RATE in line for line in text),
        other_outcomes=dict(Counter(call.outcome for call in calls if call.outcome not in fine)),
        exits_that_wished=len(overtaken),
        exits_overtaken=sum(1 for turns in overtaken if turns),
        most_overtaking=max(overtaken, default=0),
        longest_exit_wait_seconds=max((call.began - call.asked for call in calls if call.urgent), default=0),
        waits={
            kind: [1000 * (call.began - call.asked) for call in calls if call.kind == kind]
            for kind in ("cancel", "place", "poll")
        },
    )


def overtaking(calls: Sequence[Call]) -> list[int]:
    """Of each exit that wished to be first: how many turns that were not urgent began after its wish and
    before it."""
    others = sorted(call.turn for call in calls if not call.urgent and call.turn is not None)
    return [
        bisect_left(others, call.turn) - bisect_right(others, call.wished_after)
        for call in calls
        if call.urgent and call.turn is not None and call.wished_after is not None
    ]


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
        f"of {one.kinds.get('cancel', 0)} exits {one.exits_that_wished} had to wait and wished to be first; "
        f"overtaken after that by others: {one.exits_overtaken}, by {one.most_overtaking} at most",
        f"longest wait of an exit {one.longest_exit_wait_seconds * 1000:,.0f} ms "
        f"(bound {LONGEST_EXIT_WAIT_SECONDS * 1000:,.0f} ms)",
        "",
        table(["milliseconds from asking to the turn", "n", "median", "p99", "longest"], rows),
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
