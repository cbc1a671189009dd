"""What the account holds beyond our book is found from readings that are made anyway."""

from __future__ import annotations

from decimal import Decimal

from brackets import readers, strangers
from brackets.core.strangers import Kind, Status
from brackets.models import Stranger
from brackets.venue import port
from brackets.watch import Watch
from risk.models import AuditRow
from tests.integration.engine_venue import Fault
from tests.integration.engine_world import ETH, QUANTITY, World, fresh

pytest_plugins = ["tests.integration.worlds"]
FIRST_COINS = Decimal(3)


def read_twice(world: World) -> None:
    """Two whole readings of the balances, each compared with the book."""
    for _ in range(2):
        world.clock.pass_seconds(60)
        world.turn()
        readers.refresh_balances(world.account, world.venue)
        strangers.compare_coins(world.account, world.clock.now)


def found(kind: Kind, *statuses: Status) -> dict[str, Decimal]:
    rows = Stranger.objects.filter(kind=kind, status__in=statuses or [Status.OPEN])
    return dict(rows.values_list("subject", "quantity"))


def journalled(action: str) -> int:
    return AuditRow.objects.filter(action=action).count()


# --- coins ---------------------------------------------------------------------------------------------


def test_what_was_there_at_first_and_what_we_bought_is_no_finding(world: World) -> None:
    world.open_active()
    read_twice(world)
    assert not Stranger.objects.exists()


def test_coins_that_came_by_themselves_are_found_once_two_readings_agree(world: World) -> None:
    world.venue.deposit("XETH", Decimal("0.7"))
    readers.refresh_balances(world.account, world.venue)
    strangers.compare_coins(world.account, world.clock.now)
    assert found(Kind.COINS) == {}

    read_twice(world)

    assert found(Kind.COINS) == {"ETH": Decimal("0.7")}
    assert Stranger.objects.get().symbol == ETH
    assert journalled("stranger.found") == 1


def test_coins_that_earn_are_the_same_coins(world: World) -> None:
    world.venue.earn("XETH", FIRST_COINS)
    read_twice(world)
    assert not Stranger.objects.exists()


def test_coins_an_order_of_ours_just_bought_are_not_taken_for_strange(world: World) -> None:
    """The balance shows them before the book does."""
    world.venue.script("place", Fault.LOST_ANSWER)
    trade = world.open()
    world.send()
    for _ in range(3):
        world.clock.pass_seconds(1)
        readers.refresh_balances(world.account, world.venue)
        strangers.compare_coins(world.account, world.clock.now)
    assert found(Kind.COINS, *Status) == {}
    world.turns(7, seconds=4)
    read_twice(world)
    assert world.bracket(trade).state == "BRACKET_ACTIVE"
    assert found(Kind.COINS, *Status) == {}


def test_dust_is_no_finding(world: World) -> None:
    world.venue.deposit("XETH", Decimal("0.00005"))
    read_twice(world)
    assert not Stranger.objects.exists()


def test_more_dollars_are_no_finding(world: World) -> None:
    world.venue.deposit("ZUSD", Decimal(500))
    read_twice(world)
    assert not Stranger.objects.exists()


def test_coins_of_ours_that_somebody_sold_are_missing(bare_world: World) -> None:
    world = bare_world
    world.open_active()
    world.venue.cancel_by_hand(world.stop_at_venue().txid)
    world.venue.sell_by_hand(ETH, Decimal("0.04"))

    for _ in range(4):
        world.clock.pass_seconds(60)
        world.read()
        readers.refresh_balances(world.account, world.venue)
        strangers.compare_coins(world.account, world.clock.now)

    assert found(Kind.MISSING) == {"ETH": Decimal("0.04")}


def test_coins_sold_by_our_own_stop_are_not_missing(bare_world: World) -> None:
    """The balance shows the sale before the book does."""
    world = bare_world
    trade = world.open_active()
    world.turns(3, seconds=31)  # all is booked
    world.price(2400)
    for _ in range(2):
        world.clock.pass_seconds(1)
        readers.refresh_balances(world.account, world.venue)
    world.read()
    strangers.compare_coins(world.account, world.clock.now)
    assert found(Kind.MISSING, Status.OPEN) == {}
    world.until_closed(trade)
    read_twice(world)
    assert found(Kind.MISSING, Status.OPEN) == {}


def test_ignored_coins_stay_ignored_until_more_come(world: World) -> None:
    world.venue.deposit("XETH", Decimal("0.7"))
    read_twice(world)
    Stranger.objects.update(status=Status.IGNORED)
    read_twice(world)
    assert found(Kind.COINS, Status.IGNORED) == {"ETH": Decimal("0.7")}

    world.venue.deposit("XETH", Decimal("0.1"))
    read_twice(world)

    assert found(Kind.COINS) == {"ETH": Decimal("0.8")}
    assert Stranger.objects.count() == 1


def test_coins_that_left_again_are_gone(world: World) -> None:
    world.venue.deposit("XETH", Decimal("0.7"))
    read_twice(world)
    world.venue.sell_by_hand(ETH, Decimal("0.7"))
    read_twice(world)
    assert found(Kind.COINS, Status.GONE) == {"ETH": Decimal("0.7")}
    assert journalled("stranger.gone") == 1


def test_what_was_decided_stays_and_found_again_it_is_another_finding(world: World) -> None:
    world.venue.deposit("XETH", Decimal("0.7"))
    read_twice(world)
    first = Stranger.objects.get()
    decided = {"status": Status.PROTECTED, "decided_by": "root", "decided_at": world.clock.now}
    Stranger.objects.filter(pk=first.pk).update(**decided)
    before = Stranger.objects.values().get(pk=first.pk)

    read_twice(world)  # as if its bracket were over, and the coins still there

    assert Stranger.objects.values().get(pk=first.pk) == before
    again = Stranger.objects.exclude(pk=first.pk).get()
    assert (again.turn, again.status, again.decided_by, again.decided_at) == (2, "open", "", None)
    assert again.first_seen_at > before["decided_at"]
    read_twice(world)
    assert Stranger.objects.count() == 2


def test_ignored_and_gone_it_is_decided_anew_when_it_comes_back(world: World) -> None:
    number = world.venue.sell_by_hand(ETH, Decimal("0.5"), limit=Decimal(2700))
    (shown,) = world.venue.open_orders()
    world.turns(2, seconds=31)
    Stranger.objects.update(status=Status.IGNORED, decided_by="root", decided_at=world.clock.now)
    world.venue.cancel_by_hand(number)
    world.turns(2, seconds=31)
    assert found(Kind.ORDER, Status.GONE) == {number: Decimal("0.5")}
    for _ in range(2):
        world.clock.pass_seconds(31)
        strangers.note_orders(world.account, [shown], [], world.clock.now)
    assert list(Stranger.objects.order_by("pk").values_list("turn", "status", "decided_by")) == [
        (1, "gone", "root"),
        (2, "open", ""),
    ]


def test_a_reading_from_before_the_decision_is_no_new_finding(world: World) -> None:
    (shown,) = [a_stray()]
    old = world.clock.now
    for _ in range(2):
        strangers.note_orders(world.account, [shown], [], world.clock.now)
        world.clock.pass_seconds(31)
    at = world.clock.now
    Stranger.objects.update(status=Status.PROTECTED, decided_by="root", decided_at=at, last_seen_at=at)
    strangers.note_orders(world.account, [shown], [], old)
    assert Stranger.objects.get().status == Status.PROTECTED


def test_coins_nobody_decided_about_keep_their_row(world: World) -> None:
    for _ in range(2):
        world.venue.deposit("XETH", Decimal("0.7"))
        read_twice(world)
        world.venue.sell_by_hand(ETH, Decimal("0.7"))
        read_twice(world)
    assert Stranger.objects.get().turn == 1


def test_nothing_is_compared_before_the_book_was(world: World) -> None:
    world.venue.deposit("XETH", Decimal("0.7"))
    world.account.recovered_at = None
    for _ in range(3):
        world.clock.pass_seconds(60)
        readers.refresh_balances(world.account, world.venue)
        strangers.compare_coins(world.account, world.clock.now)
    assert not Stranger.objects.exists()


def test_the_watch_finds_them_by_itself(world: World) -> None:
    world.open_active()
    watch = Watch(account=fresh(world.account), venue=world.venue, clock=world.clock)
    watch.take_lease()
    watch.read()
    world.venue.deposit("XETH", Decimal("0.7"))
    for _ in range(4):
        world.clock.pass_seconds(61)
        watch.see_prices()
        watch.read()
        watch.keep_house()
    assert found(Kind.COINS) == {"ETH": Decimal("0.7")}
    assert found(Kind.MISSING, *Status) == {}


# --- orders --------------------------------------------------------------------------------------------


def test_a_foreign_order_is_found_with_its_terms(world: World) -> None:
    number = world.venue.sell_by_hand(ETH, Decimal("0.5"), limit=Decimal(2700))
    world.turns(2, seconds=31)
    assert found(Kind.ORDER) == {number: Decimal("0.5")}
    assert Stranger.objects.get().terms == "sell limit at 2700"


def test_a_foreign_order_that_ended_is_gone(world: World) -> None:
    number = world.venue.sell_by_hand(ETH, Decimal("0.5"), limit=Decimal(2700))
    world.turns(2, seconds=31)
    world.venue.cancel_by_hand(number)
    world.turns(2, seconds=31)
    assert found(Kind.ORDER, Status.GONE) == {number: Decimal("0.5")}


def test_a_foreign_order_that_fills_in_part_stays_ignored(world: World) -> None:
    number = world.venue.sell_by_hand(ETH, Decimal("0.5"), limit=Decimal(2550))
    world.turns(2, seconds=31)
    Stranger.objects.update(status=Status.IGNORED)
    world.price(2560, depth=Decimal("0.2"))
    world.turns(3, seconds=31)
    assert found(Kind.ORDER, Status.IGNORED) == {number: Decimal("0.3")}


def test_our_own_orders_and_the_venues_stops_of_them_are_not_foreign(world: World) -> None:
    world.open_active()
    world.open(
        entry_type="limit", symbol="SOL/USD", quantity=Decimal(1), stop=Decimal(140), target=Decimal(160)
    )
    world.turns(4, seconds=31)
    assert not Stranger.objects.exists()


def test_an_order_of_ours_whose_answer_is_on_its_way_is_not_foreign(world: World) -> None:
    """Its stop names an entry whose number we have not heard yet."""
    world.venue.script("place", Fault.LOST_ANSWER)
    world.open()
    world.send()
    seen = world.venue.open_orders()
    assert any(report.parent_venue_order_id for report in seen)
    strangers.note_orders(world.account, seen, [], world.clock.now)
    world.turns(10, seconds=4)
    assert not Stranger.objects.exclude(status__in=[Status.GONE, Status.NOTICED]).exists()
    assert journalled("stranger.found") == 0


def test_finding_them_costs_no_call(world: World) -> None:
    world.venue.deposit("XETH", Decimal("0.7"))
    readers.refresh_balances(world.account, world.venue)
    asked = list(world.venue.asked)
    strangers.compare_coins(world.account, world.clock.now)
    strangers.note_orders(world.account, [a_stray()], [], world.clock.now)
    assert world.venue.asked == asked


def a_stray() -> port.OrderReport:
    return port.OrderReport(
        venue_order_id="OSTRAY-AAAAA-BBBBBB",
        client_order_id=None,
        parent_venue_order_id=None,
        symbol=ETH,
        side=port.Side.SELL,
        kind=port.OrderKind.STOP_LOSS,
        status=port.VenueStatus.OPEN,
        quantity=QUANTITY,
        filled_quantity=Decimal(0),
        average_price=None,
        cost=Decimal(0),
        fee=Decimal(0),
        limit_price=None,
        trigger_price=Decimal(2000),
        triggered=False,
        reason="",
        opened_at=None,
        closed_at=None,
        trade_ids=(),
    )
