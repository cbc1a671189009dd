"""One story: the whole product below the web, on the paper venue's real server through the real ccxt class.

The test holds every hand: it moves the market, breaks the wire, and takes the watch's turns itself. What a
watch does in a second (`turn`) is done with the watch's own functions, in its order. At the end `verdict`
hands the venue's log to the judge.

What is not as in production, all of it here and in `conftest.py`: the clock (`clock.py`), an HTTP timeout of
less than a second instead of five, no rate budgets on either side (stories of their own prove those), and one
portion of depth in a tick.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from brackets import accounts, readers, reconcile, records, venues
from brackets.core.invariants import violations
from brackets.core.states import State
from brackets.models import Account, Bracket, Order
from brackets.models.sender import SenderKey
from brackets.venue.kraken import adapter
from brackets.venue.kraken.adapter import KrakenVenue
from brackets.venue.kraken.clock import ClockOffset
from brackets.venue.port import VenueUnavailable
from brackets.venue.sender import SenderSlot, fingerprint
from risk import journal
from risk.models import SystemConfig
from tests.contract.paper_control import Control
from tests.contract.paper_house import KEY, PRIVATE_KEY, House
from tests.stories import judge
from tests.stories.clock import SkippingClock
from trading import configuration, door, hooks, proof
from trading.models import Trade

ETH = "ETH/USD"
PRICE, STOP, TARGET = Decimal(2500), Decimal(2450), Decimal(2600)
QUANTITY = Decimal("0.1")
DOLLARS = Decimal(10_000)
DEEP = "1000"
HTTP_SECONDS = 0.75
MOST_TURNS = 90
SETTINGS = {name: SystemConfig._meta.get_field(name).default for name in configuration.DEMO_DEFAULTS} | {
    "execution_mode": "MARKET_ONLY",
    "leg_policy": "stop_rests",
    "stop_method": "PERCENT",
}
"""What a story begins with: the product's settings outside demo, but at market and with one policy."""
STORY = pytest.mark.django_db(transaction=True, available_apps=["risk", "brackets", "trading", "django_q"])
"""Mark of every module of stories: real transactions; afterwards only the tables of these are emptied."""


def connect(house: House, clock: SkippingClock) -> KrakenVenue:
    """The product's own adapter, on the story's clock."""
    slot = SenderSlot(
        key_fingerprint=fingerprint(url=house.url, api_key=KEY),
        tier="pro",
        timeout_seconds=HTTP_SECONDS,
        clock=clock.now,
    )
    venue = KrakenVenue(
        slot=slot, url=house.url, api_key=KEY, private_key=PRIVATE_KEY, timeout_seconds=HTTP_SECONDS
    )
    venue.clock = ClockOffset(venue.server_time, wall=clock.now, ticking=clock.ticking)
    return venue


class Desk:
    """One account at one venue."""

    def __init__(
        self,
        house: House,
        venue: KrakenVenue,
        clock: SkippingClock,
        monkeypatch: pytest.MonkeyPatch,
        *,
        tell: Callable[[dict[str, float]], None],
    ) -> None:
        """`tell` is handed the seconds without an order of each verdict."""
        self.house, self.venue, self.clock, self.tell = house, venue, clock, tell
        monkeypatch.setattr(timezone, "now", clock.now)
        monkeypatch.setattr(adapter, "datetime", clock.datetime())
        monkeypatch.setattr(venues, "of", lambda account, patience_seconds=0.0: venue)
        self.watched = True  # the watch lease is ours
        self.price_is_seen = True
        self.need = reconcile.Need()
        self.control: Control = house.control
        self.begin_world()
        self.account = accounts.current()
        configuration.of(self.account)
        self.configure(**SETTINGS)
        readers.refresh_instruments(self.account, venue)
        self.clock.skip(1)
        self.turn()
        assert self.account.recovered_at is not None

    def begin_world(self) -> None:
        """The venue as a story finds it: online, calm, one price, ten thousand dollars and no coins."""
        self.control.calm()
        self.control.mode("online")
        self.control.mode("online", ETH)
        self.house.inside(self.clear_account)
        self.price(PRICE)
        self.log_from = len(self.house.log.getvalue())

    def clear_account(self) -> None:
        engine, now = self.house.service.venue.engine, self.clock.unix()
        engine.options = self.house.options
        engine.cancel_all(now=now)
        engine.advance((), now=now)
        for asset, amount in list(engine.account.balances.items()):
            if amount > 0:
                engine.withdraw(asset=asset, amount=amount, now=now)
        engine.deposit(asset="ZUSD", amount=DOLLARS, now=now)

    def let_post_only_be(self, form: str) -> None:
        """How the venue turns a crossing post-only order away: accepted and `canceled`, or `refused`."""
        engine = self.house.service.venue.engine
        engine.options = replace(engine.options, post_only_cancels=form == "canceled")

    def configure(self, **values: object) -> None:
        SystemConfig.objects.filter(account=self.account.name).update(**values)

    # --- asking ------------------------------------------------------------------------------------

    def open(
        self,
        *,
        quantity: Decimal = QUANTITY,
        entry_type: str = "market",
        stop: Decimal | None = STOP,
        target: Decimal | None = TARGET,
    ) -> Trade:
        """Through the door; what is not Opened is a failure of the story."""
        verdict = door.open_position_with_brackets(
            self.account.name, ETH, "buy", quantity, entry_type, stop, target, Trade.Source.COMMAND
        )
        assert isinstance(verdict, door.Opened), verdict
        return verdict.trade

    def open_active(self, **wishes: Any) -> Trade:
        """A trade that stands: bought, its stop read back."""
        trade = self.open(**wishes)
        self.until(trade, State.BRACKET_ACTIVE)
        return trade

    def price(self, last: Decimal | str | int, *, depth: Decimal | str | None = DEEP) -> None:
        self.control.price(ETH, last, depth=depth)

    def fault(self, method: str, kind: str, **options: Any) -> None:
        self.control.fault(method, kind, **options)

    # --- the watch, by hand ------------------------------------------------------------------------

    def turn(self, seconds: float = 1) -> None:
        """One second of a watch: the market, prices, sending, reading, sending again, settling."""
        self.clock.skip(seconds)
        self.house.inside(lambda: self.house.service.tick(seconds=Decimal(0), now=self.clock.unix()))
        self.refill_budget()
        for job in (self.keep_house, self.look, self.send, self.read, self.send, self.settle):
            try:
                job()
            except VenueUnavailable:
                pass  # the watch says so and goes on

    def refill_budget(self) -> None:
        """Our own counters stand at nothing: what they do has stories of its own."""
        now, name = self.clock.now(), fingerprint(url=self.house.url, api_key=KEY)
        values = {"counter_thousandths": 0, "counter_at": now, "pair_counters": {}, "updated_at": now}
        SenderKey.objects.update_or_create(key_fingerprint=name, defaults=values)

    def keep_house(self) -> None:
        readers.note_venue(self.account, system=self.venue.system_status())

    def look(self) -> None:
        quotes = {}
        if self.price_is_seen:
            try:
                wanted = readers.symbols_to_price(self.account)
                quotes = readers.refresh_quotes(self.account, self.venue, wanted)
            except VenueUnavailable:
                pass
        self.need = reconcile.see_prices(self.account, quotes, self.clock.now, watched=self.watched)

    def send(self) -> None:
        reconcile.drive(self.account, self.venue, self.clock.now)

    def read(self) -> None:
        reconcile.cycle(self.account, self.venue, urgent=self.need.urgent, clock=self.clock.now)

    def settle(self) -> None:
        hooks.settle(self.account)
        hooks.finish_liquidations(self.account)

    def turns(self, count: int, *, seconds: float = 1) -> None:
        for _ in range(count):
            self.turn(seconds)

    def wait(self, condition: Callable[[], bool], *, seconds: float = 1) -> None:
        """Take turns until the condition holds."""
        for _ in range(MOST_TURNS):
            if condition():
                return
            self.turn(seconds)
        raise AssertionError(f"not within {MOST_TURNS} turns: {self.told()}")

    def until(self, trade: Trade, *states: State, seconds: float = 1) -> Bracket:
        """Take turns until the trade's bracket is in one of the states."""
        self.wait(lambda: self.bracket(trade).state in states, seconds=seconds)
        return self.bracket(trade)

    def until_closed(self, trade: Trade, *, seconds: float = 1) -> Trade:
        self.until(trade, State.EXIT_COMPLETE, seconds=seconds)
        self.turn()
        trade.refresh_from_db()
        assert trade.status == Trade.Status.CLOSED
        return trade

    # --- seeing ------------------------------------------------------------------------------------

    @staticmethod
    def bracket(trade: Trade) -> Bracket:
        return Bracket.objects.get(pk=trade.bracket_id)

    @staticmethod
    def stop_in_book(trade: Trade) -> Order:
        """The one live stop, as the book has it."""
        return Order.objects.get(bracket=trade.bracket_id, role="stop", status="OPEN")

    def at_venue(self, *, minimum: Decimal = Decimal("0.002"), held: Decimal = Decimal(0)) -> judge.Record:
        """What the venue's log says of the story so far."""
        text = self.house.log.getvalue()[self.log_from :]
        return judge.Record(held=held, minimum=minimum).read(text)

    def told(self) -> str:
        """The story as the venue and the book have it, for a failure's message."""
        lines = self.house.log.getvalue()[self.log_from :].splitlines()
        quiet = ("OpenOrders", "QueryOrders", "ClosedOrders", "BalanceEx", "QueryTrades", "Ledgers")
        venue = "\n".join(line for line in lines if line.split(" ", 2)[1] not in quiet)
        book = "\n".join(
            f"{row.state} {row.exit_reason} {row.alarm!r} {[(o.role, o.status) for o in row.orders.all()]}"
            for row in Bracket.objects.all()
        )
        return f"\n{venue}\n{book}"

    def verdict(self, *, held: Decimal = Decimal(0), prove: bool = False, **expected: Any) -> judge.Record:
        """The judge's word on the venue's log; with `prove` also the product's own proof of its money."""
        self.control.calm()
        self.turn()
        record = self.at_venue(held=held)
        self.tell({name: float(seconds) for name, seconds in record.naked.seconds.items()})
        rows = Order.objects.filter(account=self.account)
        book = rows.values("venue_order_id", "status", "quantity", "filled_quantity")
        found = judge.complaints(record, judge.Expected(**({"planned": QUANTITY} | expected)), book)
        assert found == [], f"{found}{self.told()}"
        self.assert_sound()
        if prove:
            self.refill_budget()
            different = proof.prove(self.account, self.venue, lambda line: None).differences
            assert different == (), f"{different}{self.told()}"
        return record

    @staticmethod
    def assert_sound() -> None:
        """No invariant is broken, and the audit is whole."""
        for row in Bracket.objects.all():
            broken = violations(records.load(row))
            assert broken == (), broken
        assert journal.first_broken_row() is None


def fresh(account: Account) -> Account:
    """The account as another process would hold it."""
    return Account.objects.get(pk=account.pk)
