"""Opening brackets for a measurement, and waiting for the book: through the product's own door.

Used inside a process of the product (`World.enter` ran). Nothing here is measured; what is, stands in
`rounds.py` and is read from the venue's log.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.utils import timezone

from benchmarks.world import World, wait_for
from brackets import accounts
from brackets.core.prices import round_down
from brackets.core.states import State
from brackets.models import Account, Bracket, Effect, Instrument, Order, Quote
from brackets.models.sender import SenderKey
from risk.models import SystemConfig
from trading import configuration, door
from trading.models import Trade

DEEP = Decimal(1_000_000)  # coins a tick trades: every order fills whole at once
AWAY = Decimal("0.05")  # stop and target stand so far from the price
SIZE = 200  # times the pair's smallest order
MOST = Decimal(1_000_000)  # dollars an entry may cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A pair of the synthetic market, held at one price."""

    symbol: str
    price: Decimal
    tick: Decimal
    minimum: Decimal
    asset: str  # the venue's code of the base

    @property
    def quantity(self) -> Decimal:
        return self.minimum * SIZE

    @property
    def stop(self) -> Decimal:
        return round_down(self.price * (1 - AWAY), self.tick)

    @property
    def target(self) -> Decimal:
        return round_down(self.price * (1 + AWAY), self.tick)

    def at(self, share: Decimal, of: Decimal) -> Decimal:
        """A price on the grid: so many times another."""
        return round_down(of * share, self.tick)


class Desk:
    """One account whose watch runs beside us."""

    def __init__(self, world: World) -> None:
        self.world, self.control, self.log = world, world.control, world.log
        self.control.do("freeze")
        self.account: Account = accounts.current()
        configuration.of(self.account)
        self.pairs: list[Pair] = []

    def configure(self, **values: object) -> None:
        SystemConfig.objects.filter(account=self.account.name).update(**values)

    def begin(self, *, streamed: bool) -> None:
        """Until the watch has compared book and venue, and the stream is as it shall be."""
        wanted = "live" if streamed else "lost"

        def ready() -> bool:
            self.account.refresh_from_db()
            return self.account.recovered_at is not None and self.account.stream_state == wanted

        wait_for(ready, f"a watch that has recovered, its stream {wanted}")
        self.configure(maximum_open_trades=1000, maximum_notional=MOST)
        self.pairs = self.known_pairs()
        for pair in self.pairs:
            self.control.price(pair.symbol, pair.price, depth=DEEP)

    def known_pairs(self) -> list[Pair]:
        prices = self.control.do("look")["prices"]
        return [
            Pair(
                symbol=row.symbol,
                price=Decimal(prices[row.symbol]["last"]),
                tick=row.tick_size,
                minimum=row.minimum_quantity,
                asset=row.base_asset,
            )
            for row in Instrument.objects.filter(account=self.account)
        ]

    # --- one bracket -----------------------------------------------------------------------------

    def open(self, pair: Pair, *, entry_type: str = "market") -> Trade:
        """As soon as the book has the pair's price again."""
        quotes = Quote.objects.filter(account=self.account, symbol=pair.symbol, last=pair.price)
        wait_for(quotes.exists, f"the price of {pair.symbol} in the book")
        verdict = door.open_position_with_brackets(
            self.account.name,
            pair.symbol,
            "buy",
            pair.quantity,
            entry_type,
            pair.stop,
            pair.target,
            Trade.Source.COMMAND,
        )
        if not isinstance(verdict, door.Opened):
            raise RuntimeError(f"no bracket was opened: {verdict}")
        return verdict.trade

    def open_all(self, pairs: Iterable[Pair]) -> dict[str, Trade]:
        """One protected bracket on each pair."""
        trades = {pair.symbol: self.open(pair) for pair in pairs}
        for trade in trades.values():
            self.until(trade, State.BRACKET_ACTIVE)
        return trades

    def until_nothing_moves(self) -> None:
        """Everything of the outbox was answered, and what was sent rests."""
        pending = Effect.objects.filter(account=self.account, done_at=None)
        unread = Order.objects.filter(account=self.account, status="OPEN", read_back=False)
        wait_for(lambda: not pending.exists() and not unread.exists(), "a book in which nothing moves")

    def until(self, trade: Trade, *states: State) -> None:
        wait_for(lambda: self.bracket(trade).state in states, f"bracket {trade.bracket_id} in {states}")

    def until_resting(self, trade: Trade, role: str) -> str:
        """The venue's id of the order of this role, once a reading showed that it rests."""
        wait_for(lambda: self.resting(trade, role), f"a resting {role} of bracket {trade.bracket_id}")
        return self.resting(trade, role)[0]

    def until_closed(self, trade: Trade) -> Bracket:
        wait_for(
            lambda: Trade.objects.filter(pk=trade.pk, status=Trade.Status.CLOSED).exists(),
            f"trade {trade.pk} closed",
        )
        return self.bracket(trade)

    @staticmethod
    def bracket(trade: Trade) -> Bracket:
        return Bracket.objects.get(pk=trade.bracket_id)

    @staticmethod
    def resting(trade: Trade, role: str) -> list[str]:
        live = Order.objects.filter(bracket=trade.bracket_id, role=role, status="OPEN", read_back=True)
        return list(live.values_list("venue_order_id", flat=True))

    def refill_budget(self) -> None:
        """Instead of the half minute until they have decayed, our own counters are set to nothing."""
        empty = {"counter_thousandths": 0, "counter_at": timezone.now(), "pair_counters": {}}
        SenderKey.objects.update(**empty)
