"""Pull the plug: the lines of an account from its rows, beside a fresh reading, by command and by REST."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from brackets import accounts, leases, plug
from brackets.core.plug import Certainty, Standing
from brackets.models import Account, Bracket
from brackets.venue.port import VenueUnavailable
from tests.integration.engine_world import QUANTITY, STOP, TARGET, World

pytest_plugins = ["tests.integration.worlds"]
SELLS_AT = Decimal("0.995") * Decimal("0.996")  # slippage, and the taker's fee


def look(world: World) -> plug.View:
    return plug.look(world.account, world.clock.now)


def only(view: plug.View) -> plug.Position:
    (position,) = view.positions
    return position


def run(*options: str) -> tuple[str, str]:
    """What the command printed, and why it failed."""
    out = StringIO()
    try:
        call_command("plug", *options, stdout=out)
    except CommandError as error:
        return out.getvalue(), str(error)
    return out.getvalue(), ""


@pytest.fixture(autouse=True)
def fresh(world: World) -> None:
    world.account.refresh_from_db()


def active(world: World) -> Any:
    trade = world.open_active()
    world.turns(2)
    world.account.refresh_from_db()
    return trade


def test_an_empty_account_is_well(world: World) -> None:
    view = look(world)
    assert (view.well, view.positions, view.totals) == (True, (), ())
    assert view.sentence == "If this machine died now: no coins of ours are held."


def test_a_stopped_bracket_loses_what_it_cost_less_what_its_stop_brings(world: World) -> None:
    trade = active(world)
    world.turns(2, seconds=35)  # its entry is booked too
    world.account.refresh_from_db()
    view = look(world)
    position = only(view)
    assert (position.bracket, position.line.standing, view.well) == (trade.bracket_id, Standing.STOPPED, True)
    cost = -sum(fill.cash for fill in Bracket.objects.get().fills.all())  # as the venue's ledger says
    assert position.line.cost_per_coin == cost / QUANTITY
    assert position.line.loss_at_stop == cost - QUANTITY * STOP * SELLS_AT
    assert position.line.unprotected_value == 0
    (rest,) = position.line.rests
    assert (rest.certainty, rest.venue_order_id) == (Certainty.READ, world.stop_at_venue().txid)
    assert view.sentence.startswith(
        "If this machine died now: the one position is stopped by the paper venue;"
    )


def test_looking_asks_nobody(world: World) -> None:
    active(world)
    asked, events = len(world.venue.asked), Bracket.objects.get().version
    look(world)
    assert (len(world.venue.asked), Bracket.objects.get().version) == (asked, events)


def test_the_number_of_queries_does_not_grow_with_the_brackets(
    world: World, django_assert_num_queries: Any
) -> None:
    active(world)
    with django_assert_num_queries(7):
        look(world)
    world.open_active(symbol="SOL/USD", quantity=Decimal(2), stop=Decimal(140), target=Decimal(160))
    with django_assert_num_queries(7):
        assert len(look(world).positions) == 2


def test_an_entry_that_was_sent_and_not_read_may_buy_it_all(world: World) -> None:
    world.open()
    world.send()
    view = look(world)
    line = only(view).line
    assert [rest.certainty for rest in line.rests] == [Certainty.UNCERTAIN]
    assert [(entry.quantity, entry.stop_price) for entry in line.may_buy] == [(QUANTITY, STOP)]
    assert "1 order is not known for certain" in view.sentence


def test_an_entry_that_was_not_sent_yet_buys_nothing(world: World) -> None:
    world.open()
    line = only(look(world)).line
    assert [rest.certainty for rest in line.rests] == [Certainty.NOT_SENT]
    assert (line.may_buy, line.worst_loss) == ((), 0)


def test_a_limit_entry_brings_its_stop_and_ends_by_itself(world: World) -> None:
    world.configure(execution_mode="LIMIT_BRACKET")
    trade = world.open(entry_type="limit")
    world.turns(2)
    view = look(world)
    (entry,) = only(view).line.may_buy
    order = world.at_venue(live=True)[0]
    assert (entry.quantity, entry.price) == (order.leaves, order.limit_price)
    assert entry.stop_price == order.close.price
    assert entry.ends_at is not None and entry.ends_at > world.clock.now
    assert "each fill with its stop" in view.sentence
    assert view.well, trade


def test_a_target_in_the_stops_place_is_well_while_somebody_watches(world: World) -> None:
    world.configure(leg_policy="nearest", execution_mode="LIMIT_BRACKET")
    trade = active(world)
    name = accounts.watch_lease_name(world.account)
    fence = leases.take(name, "test", now=world.clock.now, seconds=5)
    world.watched = True
    world.price(TARGET - 3)
    for _ in range(8):
        leases.renew(name, fence, now=world.clock.now, seconds=5)
        world.turn()
    leases.renew(name, fence, now=world.clock.now, seconds=5)
    view = look(world)
    assert only(view).line.standing is Standing.SWAPPED, trade
    assert view.well
    assert "would have only a target" in view.sentence
    world.clock.pass_seconds(6)
    stale = look(world)
    assert only(stale).line.standing is Standing.UNSTOPPED
    assert stale.reasons == (
        f"Bracket {trade.bracket_id} (ETH/USD): 0.1 ETH have no stop, and nobody watches for them.",
    )


# --- freshness -----------------------------------------------------------------------------------


def test_a_book_that_is_old_is_not_well(world: World) -> None:
    Account.objects.update(reconciled_at=world.clock.now - timedelta(seconds=121))
    world.account.refresh_from_db()
    assert look(world).reasons == ("The book was last compared with the venue 121 s ago.",)


def test_a_book_that_was_never_compared_is_not_well(world: World) -> None:
    Account.objects.update(recovered_at=None)
    world.account.refresh_from_db()
    assert look(world).reasons == ("The book has not been compared with the venue since the start.",)
    assert plug.ask(world.account, world.venue, world.clock.now).well


# --- asking --------------------------------------------------------------------------------------


def test_asking_costs_one_call_and_changes_nothing(world: World) -> None:
    active(world)
    version, asked = Bracket.objects.get().version, len(world.venue.asked)
    view = plug.ask(world.account, world.venue, world.clock.now)
    assert world.venue.asked[asked:] == ["open_orders"]
    assert (view.differences, view.well, view.asked) == ((), True, True)
    assert Bracket.objects.get().version == version


def test_a_stop_that_somebody_canceled_is_seen_by_asking(world: World) -> None:
    trade = active(world)
    stop = world.stop_at_venue().txid
    world.venue.cancel_by_hand(stop)
    assert look(world).well  # the book does not know yet
    view = plug.ask(world.account, world.venue, world.clock.now)
    assert view.differences == (
        f"Bracket {trade.bracket_id}: Stop {stop} is live in the book and not among the venue's open orders.",
    )
    assert only(view).line.standing is Standing.BARE
    assert look(world).well  # and was not told


def test_foreign_orders_are_left_alone(world: World) -> None:
    world.venue.sell_by_hand("ETH/USD", Decimal(1), limit=Decimal(9000))
    view = plug.ask(world.account, world.venue, world.clock.now)
    assert (view.positions, view.differences) == ((), ())


# --- by command ----------------------------------------------------------------------------------


def test_the_command_says_all_and_fails_only_when_it_is_not_well(world: World) -> None:
    active(world)
    out, why = run()
    assert why == ""
    assert "stop 0.1 at 2450" in out and "the one position is stopped by the paper venue" in out
    world.venue.cancel_by_hand(world.stop_at_venue().txid)
    out, why = run("--ask")
    assert "is live in the book and not among the venue's open orders." in out
    assert why.startswith("Bracket ") and "no order at the venue is certain for 0.1 ETH" in why


def test_the_command_speaks_json(world: World) -> None:
    active(world)
    out, _ = run("--json")
    told = json.loads(out)
    assert told["well"] is True and told["reasons"] == [] and told["asked"] is False
    (line,) = told["brackets"]
    assert (line["standing"], line["coins"], line["stopped"], line["bare"]) == ("stopped", "0.1", "0.1", "0")
    (sums,) = told["totals"]
    assert Decimal(sums["worst_loss"]) == Decimal(line["loss_at_stop"]) > 0
    assert told["compared_at"].endswith("Z")


def test_a_venue_that_cannot_be_read_proves_nothing(world: World) -> None:
    world.venue.set_down(True)
    out, why = run("--ask")
    assert out == "" and why.startswith("Nothing is known: the venue could not be read")
    with pytest.raises(VenueUnavailable):
        plug.ask(world.account, world.venue, world.clock.now)
