"""Starting the paper venue: everything that can be wrong is found, and said, before anything runs.

Used by `manage.py paper_venue` and by `python -m brackets.venue.paper`, which needs no Django.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path

from brackets.venue.paper.control.commands import Controls
from brackets.venue.paper.control.delivery import Delivery
from brackets.venue.paper.control.market import HandledMarket
from brackets.venue.paper.control.server import control_app
from brackets.venue.paper.feed.source import FeedSource
from brackets.venue.paper.feed.start import feed_market
from brackets.venue.paper.journal import Journal
from brackets.venue.paper.limits import TIERS, Limits
from brackets.venue.paper.market import BadMarket, Market, build_market
from brackets.venue.paper.pairs import find_asset
from brackets.venue.paper.rules import Options
from brackets.venue.paper.server import Broken, Front, Side, serve, wall_clock
from brackets.venue.paper.service import Service
from brackets.venue.paper.signing import decoded_key
from brackets.venue.paper.still import StillMarket
from brackets.venue.paper.store import BadState, Store, move_aside
from brackets.venue.paper.venue import FIRST_DEPOSITS, Beginning, PaperVenue

PRIVATE_KEY_NAME = "PAPER_PRIVATE_KEY"
CANNOT_START, BROKE = 2, 1
LOOPBACK = "127.0.0.1"
FEED = "feed"  # a market that is another venue's


class CannotStart(Exception):
    """The venue was not started; one sentence: what is wrong, what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """All a paper venue needs to be started; texts of the market as in the environment."""

    host: str = LOOPBACK
    port: int
    state: Path
    key: str
    private_key: str
    market: str = ""
    start: str = ""
    speed: str = ""
    seed: str = ""
    pairs: int | None = None  # of the synthetic market
    still: bool = False  # whether its prices stand where nobody puts them
    feed_url: str = ""  # of the market "feed": whose prices are used
    feed_ws_url: str = ""
    latency_seconds: float = 0.0
    deposits: Mapping[str, Decimal] = field(default_factory=lambda: dict(FIRST_DEPOSITS))
    world: str | None = None
    options: Options = field(default_factory=Options)
    tier: str | None = "starter"  # of TIERS; None: nothing is limited
    decay_times: int = 1  # how much faster than Kraken's its counters decay
    control_port: int | None = None  # of the control channel, which is not there otherwise


def run(start: Start) -> int:
    """Serve until told to stop; the process's exit code, after a sentence on stderr when it is not 0."""
    with ExitStack() as cleanup:
        try:
            listener = _listener(start.host, start.port)
            cleanup.callback(listener.close)
            front, market = _front(start, cleanup)
            side = _side(start, front, market, cleanup)
        except (CannotStart, BadMarket, BadState) as error:
            _say(str(error))
            return CANNOT_START
        host, port = listener.getsockname()[:2]
        ready = f"READY paper venue on http://{host}:{port} state={start.state}"
        if side is not None:
            ready += f" control=http://{LOOPBACK}:{side.listener.getsockname()[1]}"
        try:
            asyncio.run(serve(front, listener=listener, ready=ready, side=side))
        except Broken as error:
            _say(str(error))
            return BROKE
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The standalone command."""
    try:
        start = _parsed(arguments)
    except CannotStart as error:
        _say(str(error))
        return CANNOT_START
    return run(start)


def _listener(host: str, port: int) -> socket.socket:
    """The address taken, so that nothing else is touched when it is not free."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)  # only now is it known that nobody else listens there
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise CannotStart(f"port {port} on {host} cannot be used ({reason}); choose another one.") from None
    return listener


def _side(start: Start, front: Front, market: Market, cleanup: ExitStack) -> Side | None:
    """The control channel, on loopback alone. Raises CannotStart."""
    if start.control_port is None or front.delivery is None or not isinstance(market, HandledMarket):
        return None
    listener = _listener(LOOPBACK, start.control_port)
    cleanup.callback(listener.close)
    controls = Controls(delivery=front.delivery, market=market, clock=wall_clock)
    return Side(app=control_app(controls), listener=listener)


def _front(start: Start, cleanup: ExitStack) -> tuple[Front, Market]:
    """Market, state and service. Raises CannotStart, BadMarket, BadState."""
    try:
        decoded_key(start.private_key)
    except ValueError as error:
        raise CannotStart(f"{error}; give the one the clients use.") from None
    if start.tier is not None and start.tier not in TIERS:
        raise CannotStart(f"{start.tier!r} is no tier; there are {', '.join(TIERS)}.")
    market = None if start.market == FEED else _own_market(start)  # before the state is touched
    now = wall_clock()
    store = _store(start, now)
    cleanup.callback(store.close)
    feed = None
    if market is None:
        feed = FeedSource(
            market=feed_market(start.feed_url, store=store), url=start.feed_url, ws_url=start.feed_ws_url
        )
        market = feed.market
    if start.control_port is not None:
        market = HandledMarket(market)
    try:
        venue = PaperVenue(
            store=store,
            market=market,
            now=now,
            beginning=Beginning(deposits=start.deposits, seed=start.seed, world=start.world),
            options=start.options,
            limits=Limits(tier=None if start.tier is None else TIERS[start.tier].hastened(start.decay_times)),
            **({} if feed is None else {"told_bars": feed.market.bars}),
        )
        journal = Journal(start.state.with_name(start.state.name + ".log"))
    except OSError as error:
        raise CannotStart(f"the log beside {start.state} cannot be written ({error.strerror}).") from None
    cleanup.callback(journal.close)
    service = Service(venue=venue, key=start.key, private_key=start.private_key, journal=journal)
    delivery = None if start.control_port is None else Delivery(service, wall_clock)
    if feed is not None:
        feed.note = lambda line: journal.write(wall_clock(), line)
    front = Front(service=service, latency_seconds=start.latency_seconds, delivery=delivery, feed=feed)
    return front, market


def _own_market(start: Start) -> Market:
    market = build_market(
        market=start.market, start=start.start, speed=start.speed, seed=start.seed, pairs=start.pairs
    )
    return StillMarket(market) if start.still else market


def _store(start: Start, now: Decimal) -> Store:
    """The state file; one of another world is moved aside first."""
    store = Store(start.state)
    if start.world is None or store.read("engine") is None or store.read("world") == start.world:
        return store
    store.close()
    aside = move_aside(start.state, suffix=f".old-{int(now)}")
    _say(f"the state of another world was moved to {aside}; a fresh one begins.")
    return Store(start.state)


def _parsed(arguments: Sequence[str] | None) -> Start:
    parser = argparse.ArgumentParser(
        prog="python -m brackets.venue.paper",
        description=f"A local venue that speaks Kraken's REST and WebSocket v2 (at /v2). "
        f"The private key comes in {PRIVATE_KEY_NAME}.",
    )
    parser.add_argument("--host", default=LOOPBACK)
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    parser.add_argument("--state", type=Path, required=True, help="the state file, made when absent")
    parser.add_argument("--key", required=True, help="the API key clients use")
    parser.add_argument("--market", default="", help="synthetic (default), feed, or a candle file's path")
    parser.add_argument("--feed-url", default="", help="of the market feed: Kraken's, or another one's, REST")
    parser.add_argument("--feed-ws-url", default="", help="its public WebSocket; ends in /v2")
    parser.add_argument("--start", default="", help="ISO time inside the candle file")
    parser.add_argument("--speed", default="", help="candle seconds a wall second")
    parser.add_argument("--seed", default="", help="of the synthetic market")
    parser.add_argument("--pairs", type=int, help="how many the synthetic market has (6)")
    parser.add_argument("--still", action="store_true", help="its prices move by the control channel alone")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="of every request, there and back")
    parser.add_argument("--balance", action="append", metavar="ZUSD=10000", help="first deposit, repeatable")
    parser.add_argument("--tier", default="starter", choices=sorted(TIERS), help="of the key's limits")
    parser.add_argument(
        "--decay-times", type=int, default=1, help="how much faster than Kraken's the counters decay"
    )
    parser.add_argument("--no-limits", action="store_true", help="count no requests, refuse none for it")
    parser.add_argument("--control-port", type=int, help="open the control channel of tests; 0: a free one")
    parser.add_argument("--world", help="a stored state of another world is moved aside")
    given = parser.parse_args(arguments)
    private_key = os.environ.get(PRIVATE_KEY_NAME, "")
    if not private_key:
        raise CannotStart(f"{PRIVATE_KEY_NAME} is not set; put the private key there.")
    if not 0 <= given.latency_ms <= 60_000:
        raise CannotStart(f"--latency-ms is {given.latency_ms}; it must be from 0 to 60000.")
    if not 1 <= given.decay_times <= 10_000:
        raise CannotStart(f"--decay-times is {given.decay_times}; it must be from 1 to 10000.")
    return Start(
        host=given.host,
        port=given.port,
        state=given.state,
        key=given.key,
        private_key=private_key,
        market=given.market,
        start=given.start,
        speed=given.speed,
        seed=given.seed,
        pairs=given.pairs,
        still=given.still,
        feed_url=given.feed_url,
        feed_ws_url=given.feed_ws_url,
        latency_seconds=given.latency_ms / 1000,
        deposits=_deposits(given.balance) if given.balance else dict(FIRST_DEPOSITS),
        world=given.world,
        control_port=given.control_port,
        tier=None if given.no_limits else given.tier,
        decay_times=given.decay_times,
    )


def _deposits(texts: Sequence[str]) -> dict[str, Decimal]:
    deposits = {}
    for text in texts:
        name, _, number = text.partition("=")
        asset = find_asset(name)
        try:
            amount = Decimal(number)
        except InvalidOperation:
            amount = Decimal(0)
        if asset is None or not amount.is_finite() or amount <= 0 or amount % asset.unit:
            raise CannotStart(f"--balance {text!r} is not ASSET=AMOUNT, like ZUSD=10000.")
        deposits[asset.code] = amount
    return deposits


def _say(sentence: str) -> None:
    print(f"paper venue: {sentence}", file=sys.stderr)  # noqa: T201 - a command's own voice
