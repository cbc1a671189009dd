"""How often the watch asks, what it keeps in memory, and which prices it acts upon."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from brackets import lookup, readers, reconcile
from brackets.core.events import CloseRequested
from brackets.core.states import ExitReason, State
from brackets.models import AssetBalance, Bracket, Instrument
from brackets.venue.kraken.stream.news import OpenOrders, PriceReading, PricesChanged
from brackets.venue.port import QuoteReading, VenueUnavailable
from brackets.watch import Runner, Watch
from brackets.watch.prices import PriceBook
from brackets.watch.shelf import Shelf
from brackets.watch.streams import Addresses, Streams
from tests.integration.engine_venue import Fault
from tests.integration.engine_world import STOP, TARGET, World, fresh

pytest_plugins = ["tests.integration.worlds"]
Counted = Callable[[int], Any]


def a_watch(world: World) -> Watch:
    """A watch that holds the lease, and has read once."""
    watch = Watch(account=fresh(world.account), venue=world.venue, clock=world.clock)
    watch.take_lease()
    watch.account.recovered_at = world.clock()
    watch.last_cycle_at = world.clock()
    return watch


def let_it_live(watch: Watch) -> None:
    watch.follower.connecting()
    watch.follower.heard([OpenOrders(updates=())], timezone.now())
    watch.follow()
    assert watch.follower.is_live


def due_after(watch: Watch, seconds: float) -> bool:
    assert watch.last_cycle_at is not None
    return watch.reading_is_due(watch.last_cycle_at + timedelta(seconds=seconds))


def quote(price: Decimal | int | str, symbol: str = "ETH/USD") -> QuoteReading:
    last = Decimal(price)
    return QuoteReading(symbol=symbol, bid=last - 1, ask=last + 1, last=last)


# --- readings ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tier", "polling", "following"), [("starter", 7, 30), ("intermediate", 4, 15), ("pro", 2, 10)]
)
def test_a_stream_that_lives_makes_polling_rare(
    world: World, settings: Any, tier: str, polling: int, following: int
) -> None:
    settings.KRAKEN_TIER = tier
    watch = a_watch(world)
    assert (due_after(watch, polling - 0.1), due_after(watch, polling)) == (False, True)
    let_it_live(watch)
    assert (due_after(watch, following - 0.1), due_after(watch, following)) == (False, True)


@pytest.mark.parametrize(("tier", "at_once"), [("starter", 2), ("intermediate", 1), ("pro", 0.5)])
def test_what_begins_to_move_is_not_left_to_the_next_poll(
    world: World, settings: Any, tier: str, at_once: float
) -> None:
    settings.KRAKEN_TIER = tier
    watch = a_watch(world)
    world.clock.pass_seconds(0.1)
    watch.want(reconcile.Need(soon=True))
    assert (due_after(watch, at_once - 0.1), due_after(watch, at_once)) == (False, True)
    watch.last_cycle_at = world.clock()  # it was asked for, and goes on moving
    watch.want(reconcile.Need(soon=True))
    assert (due_after(watch, 1.9), due_after(watch, 2)) == (False, True)


def test_a_resting_target_that_is_reached_is_asked_for_at_once(world: World, settings: Any) -> None:
    settings.KRAKEN_TIER = "pro"
    world.watched = True
    world.configure(execution_mode="LIMIT_BRACKET", leg_policy="nearest")
    trade = world.open_active()
    world.price(TARGET - 3)
    world.turns(3)
    assert Bracket.objects.get(pk=trade.bracket_id).resting == "target"
    watch = a_watch(world)
    watch.renew_lease()
    watch.shelf.refresh()
    world.clock.pass_seconds(0.1)
    world.venue.move("ETH/USD", TARGET + 2)
    watch.ask_prices()
    assert not due_after(watch, 0.4)
    assert due_after(watch, 0.5)


def test_what_moves_is_left_to_a_stream_that_lives(world: World) -> None:
    watch = a_watch(world)
    watch.need = reconcile.Need(soon=True)
    assert due_after(watch, 2)
    let_it_live(watch)
    assert not due_after(watch, 29)


def test_what_is_urgent_is_asked_for_when_the_stream_does_not_tell_it(world: World) -> None:
    watch = a_watch(world)
    let_it_live(watch)
    assert watch.last_cycle_at is not None
    watch.need, watch.urgent_since = reconcile.Need(soon=True, urgent=True), watch.last_cycle_at
    assert not due_after(watch, 1)
    assert due_after(watch, 2)
    watch.need, watch.urgent_since = reconcile.Need(), None  # it told
    assert not due_after(watch, 29)


def test_an_unknown_is_looked_up_at_its_moments_and_not_on_a_grid(world: World) -> None:
    watch = a_watch(world)
    at = watch.last_cycle_at + timedelta(seconds=11.3)
    watch.want(reconcile.Need(look_at=at))
    assert not due_after(watch, 11.2)  # not for a quiet book either
    assert due_after(watch, 11.3)
    let_it_live(watch)
    assert (due_after(watch, 11.2), due_after(watch, 11.3)) == (False, True)
    watch.last_cycle_at = at  # it was made; the next round says when the next one is
    assert not due_after(watch, 0.25)


def test_what_can_wait_gives_way_while_an_unknown_is_to_be_looked_up(world: World) -> None:
    watch = a_watch(world)
    assert not watch.is_pressed()
    for need in (reconcile.Need(look_at=world.clock()), reconcile.Need(soon=True, urgent=True)):
        watch.want(need)
        assert watch.is_pressed()
        watch.want(reconcile.Need(soon=True))
        assert not watch.is_pressed()


def test_trouble_that_lasts_does_not_stop_the_books(world: World) -> None:
    watch = a_watch(world)
    watch.want(reconcile.Need(soon=True, urgent=True))
    world.clock.pass_seconds(59)
    watch.want(reconcile.Need(soon=True, urgent=True))
    assert watch.is_pressed()
    world.clock.pass_seconds(1)
    watch.want(reconcile.Need(soon=True, urgent=True))
    assert not watch.is_pressed()


def test_the_round_says_when_an_unknown_is_looked_up_next(world: World) -> None:
    """Nothing but its looks can tell what became of it: neither polls nor books are wanted meanwhile."""
    trade = world.open_active()
    world.venue.script("place", Fault.LOST_REQUEST)
    world.ask(trade, CloseRequested(at=world.clock(), reason=ExitReason.MANUAL))
    world.send()
    world.send()
    assert world.bracket(trade).state == State.EXITING
    assert world.look() == reconcile.Need(soon=True, urgent=True, look_at=world.clock())
    asked = len(world.venue.asked)
    world.read()
    assert sorted(world.venue.asked[asked:]) == ["closed_orders", "open_orders"]
    later = world.clock() + timedelta(seconds=lookup.SECOND_LOOK_SECONDS)
    assert world.look() == reconcile.Need(look_at=later)


def test_an_exit_that_the_venue_took_is_read_urgently(world: World) -> None:
    trade = world.open_active()
    world.ask(trade, CloseRequested(at=world.clock(), reason=ExitReason.MANUAL))
    world.send()
    world.send()
    assert world.look().urgent
    world.read()
    assert not world.look().urgent


def test_a_lost_stream_brings_polling_back_at_once(world: World) -> None:
    watch = a_watch(world)
    let_it_live(watch)
    assert not due_after(watch, 0.1)
    watch.stream_lost("the venue closed the connection")
    assert watch.reading_is_due(world.clock())


def test_a_stream_that_never_lived_does_not_hurry_the_polls(world: World) -> None:
    watch = a_watch(world)
    for _ in range(3):
        watch.stream_lost("connection refused")
    assert not due_after(watch, 0.1)


# --- prices ----------------------------------------------------------------------------------------------


def test_prices_the_stream_tells_are_not_asked_for(world: World) -> None:
    watch = a_watch(world)
    watch.prices_are_streamed = True
    symbols = readers.symbols_to_price(watch.account)
    for symbol in symbols:
        watch.prices.note(quote(2500, symbol), timezone.now())
    calls = world.venue.asked.count("quotes")
    watch.ask_prices()
    assert world.venue.asked.count("quotes") == calls
    world.clock.pass_seconds(3)  # silence
    watch.ask_prices()
    assert world.venue.asked.count("quotes") == calls + 1
    assert watch.fresh_prices(["ETH/USD"])["ETH/USD"].read_at == world.clock()


def test_an_old_price_is_none(world: World) -> None:
    watch = a_watch(world)
    watch.prices.note(quote(2500), world.clock())
    world.clock.pass_seconds(4)
    assert watch.fresh_prices(["ETH/USD"])["ETH/USD"].quote.last == 2500
    world.clock.pass_seconds(1)
    assert watch.fresh_prices(["ETH/USD"]) == {}


def test_a_target_touched_by_an_old_price_is_not_taken(world: World) -> None:
    trade = world.open_active()
    watch = a_watch(world)
    watch.prices.note(quote(TARGET + 5), world.clock())
    world.clock.pass_seconds(5)
    world.venue.set_down(True)
    with pytest.raises(VenueUnavailable):
        watch.ask_prices()
    watch.see_prices()
    assert world.bracket(trade).state == State.BRACKET_ACTIVE


def test_a_price_that_was_asked_for_is_acted_upon_at_once_too(world: World) -> None:
    trade = world.open_active()
    watch = a_watch(world)
    watch.see_prices()
    world.price(TARGET + 5)
    watch.ask_prices()
    assert world.bracket(trade).state == State.EXITING


def test_a_venue_that_does_not_answer_holds_up_no_timer(world: World) -> None:
    """The round looks at time also when there is no price, and asks nobody."""
    trade = world.open()
    world.venue.set_down(True)
    watch = a_watch(world)
    calls = len(world.venue.asked)
    watch.see_prices()
    assert len(world.venue.asked) == calls
    assert watch.need.soon
    assert world.bracket(trade).state == State.ENTRY_PLACED


def test_a_price_that_crosses_is_acted_upon_at_once(world: World) -> None:
    trade = world.open_active()
    watch = a_watch(world)
    watch.shelf.refresh()
    world.price(TARGET + 5)
    crossing = quote(TARGET + 5)
    assert watch.prices.note(crossing, timezone.now())
    assert [one.row.pk for one in watch.shelf.crossed([crossing])] == [trade.bracket_id]
    watch.see_crossing(["ETH/USD"])
    assert world.bracket(trade).state == State.EXITING
    assert watch.shelf.crossed([crossing]) == []  # it is on its way: no price is news to it


def test_a_price_that_waited_on_its_way_is_as_old_as_it_is(world: World) -> None:
    """Of two clocks that differ by an hour only the difference between ways is known."""
    watch = a_watch(world)
    streams = Streams(watch, Runner(watch), token=str, addresses=Addresses(private="ws://", public="ws://"))
    theirs = world.clock() + timedelta(hours=1)
    streams.hear_prices((PricesChanged(readings=(PriceReading(quote=quote(2500), at=theirs),)),))
    assert watch.fresh_prices(["ETH/USD"])["ETH/USD"].read_at == world.clock()
    world.clock.pass_seconds(20)
    late = theirs + timedelta(seconds=8)
    streams.hear_prices((PricesChanged(readings=(PriceReading(quote=quote(2501), at=late),)),))
    assert watch.fresh_prices(["ETH/USD"]) == {}
    streams.hear_prices((PricesChanged(readings=(PriceReading(quote=quote(2502), at=None),)),))
    assert watch.fresh_prices(["ETH/USD"])["ETH/USD"].quote.last == 2502


def test_a_newer_price_is_not_replaced_by_an_answer_to_an_older_question() -> None:
    book, now = PriceBook(), timezone.now()
    assert book.note(quote(2500), now)
    assert not book.note(quote(2400), now - timedelta(seconds=1))
    assert not book.note(quote(2500), now + timedelta(seconds=1))  # heard again: no change, but younger
    (price,) = book.fresh(["ETH/USD", "BTC/USD"], now=now + timedelta(seconds=3), seconds=2.5).values()
    assert price.quote.last == 2500


def test_where_there_are_many_pairs_only_those_somebody_wants_are_priced(world: World) -> None:
    first = Instrument.objects.get(symbol="ETH/USD")
    for number in range(30):
        first.pk, first.symbol, first.base_asset = None, f"C{number}/USD", f"C{number}"
        first.save(force_insert=True)
    AssetBalance.objects.all().delete()
    assert readers.symbols_to_price(world.account) == []
    trade = world.open()
    assert readers.symbols_to_price(world.account) == ["ETH/USD"]
    now = timezone.now()
    amounts = {"held": 0, "first_total": 0, "read_at": now}
    AssetBalance.objects.create(account=world.account, asset="C7", total=1, **amounts)
    AssetBalance.objects.create(account=world.account, asset="C8", total=0, **amounts)
    assert readers.symbols_to_price(world.account) == ["C7/USD", "ETH/USD"]
    Bracket.objects.filter(pk=trade.bracket_id).update(state=State.EXIT_COMPLETE, exit_reason="manual")
    assert "ETH/USD" in readers.symbols_to_price(world.account)  # of late
    world.clock.pass_seconds(readers.OF_LATE_SECONDS + 1)
    assert readers.symbols_to_price(world.account) == ["C7/USD"]


# --- the open brackets, in memory --------------------------------------------------------------------------


def test_a_quiet_shelf_costs_one_query_and_a_price_none(
    world: World, django_assert_num_queries: Counted
) -> None:
    world.open_active()
    shelf = Shelf(world.account)
    shelf.refresh()
    with django_assert_num_queries(1):
        shelf.refresh()
    with django_assert_num_queries(0):
        assert shelf.crossed([quote(2500)]) == []
        assert len(shelf.crossed([quote(TARGET + 2)])) == 1
        assert len(shelf.crossed([quote(STOP - 1)])) == 1
        assert shelf.crossed([quote(TARGET + 2, "BTC/USD")]) == []


def test_the_shelf_follows_what_changes(world: World) -> None:
    shelf = Shelf(world.account)
    shelf.refresh()
    assert (shelf.all(), shelf.symbols()) == ([], set())
    trade = world.open_active()
    shelf.refresh()
    (one,) = shelf.all()
    assert (one.row.pk, one.bracket.state) == (trade.bracket_id, State.BRACKET_ACTIVE)
    world.price(STOP - 1)
    world.until_closed(trade)
    shelf.refresh()
    assert shelf.all() == []


def test_a_round_of_brackets_that_only_stand_changes_nothing(world: World) -> None:
    trade = world.open_active()
    watch = a_watch(world)
    version = world.bracket(trade).version
    for _ in range(3):
        world.clock.pass_seconds(1)
        watch.see_prices()
    assert world.bracket(trade).version == version


# --- who may say that somebody watches -------------------------------------------------------------


def test_nobody_watches_when_the_lease_was_not_renewed_in_time(world: World) -> None:
    watch = a_watch(world)
    assert watch.is_held(world.clock())
    assert not watch.is_held(world.clock() + timedelta(seconds=3.5))
    watch.renew_lease()
    watch.release()
    assert not watch.is_held(world.clock())


def test_handing_over_says_that_nobody_listens(world: World) -> None:
    watch = a_watch(world)
    let_it_live(watch)
    assert fresh(world.account).stream_state == "live"
    watch.hand_over()
    assert fresh(world.account).stream_state == "off"


def test_who_lost_the_watch_hands_nothing_over(world: World) -> None:
    watch = a_watch(world)
    let_it_live(watch)
    watch.fence += 1  # somebody else's now
    watch.hand_over()
    assert fresh(world.account).stream_state == "live"
