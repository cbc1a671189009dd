"""The pieces of work that are measured: the watch's own functions, called as its loops call them.

Used inside a process of the product. What a loop has at hand when it calls (a renewed lease, prices the
stream told, a rate budget that is not spent) is given before the meter runs.
"""

from __future__ import annotations

import itertools
import json
from decimal import Decimal
from typing import Any

from django.utils import timezone

from benchmarks.meter import Cost, metered
from benchmarks.standing import refill_budget
from brackets import operations, reconcile
from brackets.core.events import EditRequested
from brackets.models import Account, Bracket
from brackets.venue.kraken.adapter import KrakenVenue
from brackets.venue.kraken.stream.public import PublicSession
from brackets.venue.port import QuoteReading
from brackets.watch.jobs import Watch
from brackets.watch.prices import PriceBook
from brackets.watch.streams import Addresses, Streams


class NoThreads:
    """A ticker inside every band asks for no thread; whoever asks for one has found a defect."""

    async def job(self, function: Any) -> object:
        raise AssertionError("nothing was to be done in a thread")

    async def answer(self, function: Any) -> Any:
        raise AssertionError("nothing was to be asked")


class Works:
    """One account with its open brackets, and a watch whose turns are taken by hand."""

    def __init__(self, account: Account, venue: KrakenVenue) -> None:
        self.account, self.venue = account, venue
        self.watch = Watch(account=account, venue=venue)
        self.watch.take_lease()
        reconcile.cycle(account, venue, urgent=True)
        self.watch.ask_prices()
        self.watch.see_prices()
        self.quotes = self.told()
        self.session = PublicSession(symbols=[quote.symbol for quote in self.quotes], now=0.0)
        nowhere = Addresses(private="", public="")
        self.streams = Streams(self.watch, NoThreads(), token=str, addresses=nowhere)
        self._turns = itertools.count()
        self._changing = Bracket.objects.filter(account=account).latest("pk")

    def told(self) -> list[QuoteReading]:
        """The prices that are known now."""
        known = self.watch.prices.fresh(self.watch.wanted, now=timezone.now(), seconds=3600)
        return [price.quote for price in known.values()]

    def ready(self, *, streamed: bool) -> None:
        """As before every turn: the lease renewed, the budget there, prices told where the stream lives."""
        refill_budget()
        self.watch.renew_lease()
        self.watch.prices_are_streamed = streamed
        self.watch.prices = PriceBook()
        if streamed:
            now = timezone.now()
            for quote in self.quotes:
                self.watch.prices.note(quote, now)

    # --- measured --------------------------------------------------------------------------------

    def quiet_cycle(self) -> Cost:
        """One comparison of book and venue in which nothing is new."""
        self.ready(streamed=True)
        with metered() as cost:
            reconcile.cycle(self.account, self.venue)
        return cost

    def asked_round(self) -> Cost:
        """The round of every second while no stream tells prices: one asks, the other looks."""
        self.ready(streamed=False)
        with metered() as cost:
            self.watch.ask_prices()
            self.watch.see_prices()
        return cost

    def streamed_round(self) -> Cost:
        """The round of every second while the stream tells them."""
        self.ready(streamed=True)
        with metered() as cost:
            self.watch.see_prices()
        return cost

    def message(self) -> Cost:
        """One message of one pair whose price leaves no band: from its text to nothing to do."""
        turn = next(self._turns)
        quote = self.quotes[turn % len(self.quotes)]
        text = ticker(quote, moved=turn % 2 == 0)
        with metered() as cost:
            self.streams.hear_prices(self.session.hear(text, now=0.0))
        return cost

    def one_change(self) -> Cost:
        """A stop is moved by a tick: the wish, the amendment and its reading, a cycle and a round."""
        self.ready(streamed=True)
        Bracket.objects.filter(pk=self._changing.pk).update(
            tidy_after=None
        )  # not a second after the last one
        tick = self._changing.tick_size * (1 if next(self._turns) % 2 else 2)
        wish = EditRequested(at=timezone.now(), stop_price=self._changing.planned_stop_price + tick)
        with metered() as cost:
            operations.apply(self._changing.pk, wish, actor="benchmark")
            self.watch.see_prices()
            self.watch.send()
            reconcile.cycle(self.account, self.venue)
            self.watch.see_prices()
        return cost


def ticker(quote: QuoteReading, *, moved: bool) -> str:
    """A message of Kraken's public ticker; every second one states another price."""
    last = quote.last * (Decimal("1.0001") if moved else 1)
    said = {"symbol": quote.symbol, "bid": str(quote.bid), "ask": str(quote.ask), "last": str(last)}
    said |= {"bid_qty": "1.0", "ask_qty": "1.0", "volume": "1.0", "vwap": str(last), "change": "0.1"}
    return json.dumps({"channel": "ticker", "type": "update", "data": [said]})
