"""The simulated stream: the product's own sessions hear the paper venue's, until something goes wrong."""

from __future__ import annotations

from typing import Any

import pytest

from brackets.venue.kraken.stream.news import (
    BalancesChanged,
    OpenOrders,
    OrdersChanged,
    PairStatusesSaid,
    PricesChanged,
    SystemStatusSaid,
)
from brackets.venue.paper.orders import System
from tests.simulation.venue import Fault
from tests.simulation.venue.stream import CONNECTING, LOST, OPEN, Connection, SimStream
from tests.unit.sim_desk import ETH, SimDesk


class Listener:
    """A desk with a stream, and all that was heard of one of its connections."""

    def __init__(
        self, rates: dict[Fault, float] | None = None, *, prices: bool = False, **options: Any
    ) -> None:
        self.desk = SimDesk(**options)
        self.stream: SimStream = self.desk.venue.stream("watch")
        self.stream.want(frozenset({ETH}))
        self.connection: Connection = self.stream.prices if prices else self.stream.private
        self.states: list[str] = []
        self.news: list[Any] = []
        self.why = ""
        self.hear(2)
        self.desk.venue.house.mischief.rates.update(rates or {})

    def hear(self, seconds: int = 1) -> None:
        for _ in range(seconds * 4):
            self.desk.wait(0.25)
            if self.desk.now.microsecond < 250_000:
                self.desk.venue.advance()
            for state, news, why in self.connection.pump():
                self.states += [state] if state else []
                self.news += news
                self.why = why or self.why

    def heard(self, kind: type) -> list[Any]:
        return [item for item in self.news if isinstance(item, kind)]


def test_a_connection_opens_with_what_is_open_and_there() -> None:
    listener = Listener()
    assert listener.states == [CONNECTING, OPEN]
    assert listener.heard(OpenOrders) == [OpenOrders(updates=())]
    assert listener.heard(BalancesChanged)
    listener.hear(10)
    assert listener.states == [CONNECTING, OPEN], "heartbeats keep it alive"


def test_it_tells_an_order_s_life() -> None:
    listener = Listener()
    listener.desk.buy()
    stop = listener.desk.stop()
    listener.hear()
    told = [update for item in listener.heard(OrdersChanged) for update in item.updates]
    assert {"pending", "open", "closed"} <= {update.status for update in told if update.client_order_id}
    assert stop.refid in {update.parent_venue_order_id for update in told}
    listener.desk.cancel_stop()
    listener.hear()
    last = listener.heard(OrdersChanged)[-1].updates[-1]
    assert (last.venue_order_id, last.status) == (stop.txid, "canceled")


def test_the_other_connection_tells_prices_and_modes() -> None:
    listener = Listener(prices=True)
    listener.desk.venue.lead(ETH, "target")
    listener.hear(3)
    readings = [reading.quote for item in listener.heard(PricesChanged) for reading in item.readings]
    assert readings[-1].last > 2500
    listener.desk.venue.house.set_mode(System.POST_ONLY)
    listener.hear(2)
    assert listener.heard(SystemStatusSaid)[-1].status == "post_only"
    assert (ETH, "post_only") in listener.heard(PairStatusesSaid)[-1].statuses


ENDING = (
    Fault.STREAM_GAP,
    Fault.STREAM_TWICE,
    Fault.STREAM_DISORDER,
    Fault.STREAM_DROP,
    Fault.STREAM_SILENT,
)


@pytest.mark.parametrize("fault", ENDING)
def test_whatever_goes_wrong_ends_the_connection_and_another_begins(fault: Fault) -> None:
    listener = Listener({fault: 1.0})
    listener.desk.buy()
    if fault is Fault.STREAM_GAP:  # it is seen with the next message that arrives
        listener.desk.venue.house.mischief.rates.clear()
        listener.desk.buy(close_stop_price=None)
    listener.hear(9 if fault is Fault.STREAM_SILENT else 2)
    assert listener.desk.count[fault] >= 1
    assert LOST in listener.states
    assert listener.why
    listener.desk.venue.calm()
    listener.hear(8)
    assert listener.states[-1] == OPEN
    snapshot = listener.heard(OpenOrders)[-1]
    assert [update.venue_order_id for update in snapshot.updates] == [listener.desk.stop().txid]


def test_a_connection_that_is_refused_is_tried_with_growing_pauses() -> None:
    listener = Listener()
    listener.desk.venue.house.mischief.rates[Fault.STREAM_REFUSED] = 1.0
    listener.connection.distrust("something was missed")
    listener.hear(20)
    tries = listener.desk.count[Fault.STREAM_REFUSED]
    assert 3 <= tries <= 12
    assert OPEN not in listener.states[2:]


def test_a_cut_network_takes_the_stream_with_it() -> None:
    listener = Listener({Fault.CUT: 1.0}, phase_seconds=(4.0, 4.0))
    listener.desk.venue.weather._rates[Fault.CUT] = 1.0
    listener.hear(3)
    assert listener.states[-1] == LOST
    listener.desk.venue.calm()
    listener.hear(12)
    assert listener.states[-1] == OPEN


def test_a_process_that_is_gone_is_let_go_by_the_venue() -> None:
    listener = Listener()
    air = listener.desk.venue._air
    assert air is not None
    assert len(air.hub.sessions) == 1
    for _ in range(70):
        listener.desk.advance()
    assert len(air.hub.sessions) == 0
