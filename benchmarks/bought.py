"""Thousands of positions at the paper venue before it starts: each bought, its attached stop resting.

Written into the venue's own state by its own engine, in a process of its own; through HTTP they would take
minutes. What the book must know of them can be read from the venue, and from the functions here.

    python -m benchmarks.bought STATE PAIRS BALANCE
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

AWAY = Decimal("0.05")  # stop and target stand so far from the price
SIZE = 10  # times the pair's smallest order


def uid_of(symbol: str) -> UUID:
    """The bracket's own, of this pair."""
    return uuid5(NAMESPACE_URL, f"benchmark:{symbol}")


def entry_id(symbol: str) -> UUID:
    return uuid5(uid_of(symbol), "entry")


def legs(last: Decimal, tick_size: Decimal) -> tuple[Decimal, Decimal]:
    """Stop and target around a price, on the pair's tick."""

    def on_tick(price: Decimal) -> Decimal:
        return (price / tick_size).to_integral_value(ROUND_DOWN) * tick_size

    return on_tick(last * (1 - AWAY)), on_tick(last * (1 + AWAY))


def main(arguments: Sequence[str]) -> int:
    from brackets.venue.paper.market import build_market
    from brackets.venue.paper.orders import Close, Kind, NewOrder, Side
    from brackets.venue.paper.pairs import PAIRS
    from brackets.venue.paper.rules import Options
    from brackets.venue.paper.server import wall_clock
    from brackets.venue.paper.still import StillMarket
    from brackets.venue.paper.store import Store
    from brackets.venue.paper.venue import Beginning, PaperVenue

    state, pairs, balance = Path(arguments[0]), int(arguments[1]), Decimal(arguments[2])
    market = StillMarket(build_market(market="", start="", speed="", seed="", pairs=pairs))
    store, now = Store(state), wall_clock()
    venue = PaperVenue(
        store=store,
        market=market,
        now=now,
        beginning=Beginning(deposits={"ZUSD": balance}),
        options=Options(),
    )
    for tick in market.ticks():
        pair = PAIRS[tick.symbol]
        stop, _ = legs(tick.last, pair.tick_size)
        order = NewOrder(
            symbol=tick.symbol,
            side=Side.BUY,
            kind=Kind.MARKET,
            volume=pair.order_minimum * SIZE,
            cl_ord_id=str(entry_id(tick.symbol)),
            close=Close(kind=Kind.STOP_LOSS, price=stop),
        )
        venue.engine.add(order, now=now)
    venue.commit_by_hand()
    store.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
