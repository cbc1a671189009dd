"""The probe for both legs: it learns from the venue's answers alone, and leaves nothing there."""

from __future__ import annotations

from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from brackets.models import Account
from brackets.venue.port import Accepted, Outcome, Reason, Refused, Unknown, VenueUnavailable
from risk.models import AuditRow
from tests.integration.engine_venue import Fault
from tests.integration.engine_world import HeardVenue, World
from trading import probe

pytest_plugins = ["tests.integration.worlds"]
COINS = Decimal(3)  # of the owner


@pytest.fixture(autouse=True)
def _orders_without_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The probe's orders are in no bracket: the venue of the stories has no row to note their role by."""
    monkeypatch.setattr(HeardVenue, "note", lambda venue, method, **which: None)


def quiet(line: str) -> None:
    pass


def run(world: World) -> bool:
    planned = probe.plan(world.account, world.venue, "ETH/USD")
    return probe.run(world.account, world.venue, planned, quiet, pause=world.clock.pass_seconds)


def kept(world: World) -> tuple[bool | None, bool]:
    account = Account.objects.get(pk=world.account.pk)
    return account.both_rest_works, account.both_rest_probed_at is not None


def test_two_sells_are_sized_so_that_they_must_share_coins(world: World) -> None:
    planned = probe.plan(world.account, world.venue, "ETH/USD")
    assert COINS / 2 < planned.quantity <= COINS
    assert (planned.trigger_price, planned.limit_price) == (Decimal("1249.99"), Decimal(3750))


def test_where_a_stop_reserves_its_coins_one_leg_rests_at_a_time(world: World) -> None:
    assert run(world) is False
    assert kept(world) == (False, True)
    stop, target = world.venue.sent
    assert (stop.trigger_price is not None, target.limit_price is not None) == (True, True)
    assert stop.quantity == target.quantity
    assert dict(world.venue.engine.open_orders) == {}
    row = AuditRow.objects.get(action="account.probe_both_rest")
    assert row.payload["works"] is False


def test_where_both_stand_both_may_rest(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    place = world.venue.place

    def shares_coins(request: Any, *, urgent: bool) -> Outcome:
        """Coins for the second order appear for as long as it is placed: no hold was made for the first."""
        world.venue.deposit("XETH", COINS)
        return place(request, urgent=urgent)

    monkeypatch.setattr(world.venue, "place", shares_coins)
    balances = world.venue.balances
    monkeypatch.setattr(
        world.venue,
        "balances",
        lambda **options: [
            type(b)(asset=b.asset, total=COINS if b.asset == "XETH" else b.total, held=Decimal(0))
            for b in balances(**options)
        ],
    )
    assert run(world) is True
    assert kept(world) == (True, True)
    assert dict(world.venue.engine.open_orders) == {}


@pytest.mark.parametrize(
    "steps",
    [
        [Refused(reason=Reason.RATE_LIMITED, message="EOrder:Rate limit exceeded")],
        [Unknown(message="read timed out")],
        [Fault.LOST_ANSWER],
        [lambda: None, Refused(reason=Reason.BAD_PRICE, message="EOrder:Invalid price")],
        [lambda: None, Fault.LOST_ANSWER],
    ],
    ids=["first refused", "first unknown", "first lost", "second refused", "second lost"],
)
def test_what_is_not_certain_proves_nothing_and_is_cleared_away(world: World, steps: list[Any]) -> None:
    world.venue.script("place", *steps)
    with pytest.raises(probe.ProbeFailed, match="did not say"):
        run(world)
    assert kept(world) == (None, False)
    assert dict(world.venue.engine.open_orders) == {}


def test_what_cannot_be_canceled_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        world.venue, "cancel_by_client_id", lambda key, **options: Unknown(message="read timed out")
    )
    with pytest.raises(probe.ProbeFailed, match="Cancel by hand") as raised:
        run(world)
    assert world.venue.sent[0].client_order_id in str(raised.value)


def test_coins_that_change_meanwhile_prove_nothing(world: World) -> None:
    world.venue.script("place", lambda: world.venue.deposit("XETH", 1))
    with pytest.raises(probe.ProbeFailed, match="changed meanwhile"):
        run(world)
    assert kept(world) == (None, False)
    assert dict(world.venue.engine.open_orders) == {}


def test_a_venue_that_cannot_be_read_proves_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = probe.plan(world.account, world.venue, "ETH/USD")
    open_orders = world.venue.open_orders
    turns = iter([True, True, False])

    def limps(**options: Any) -> Any:
        if next(turns, False):
            raise VenueUnavailable("502")
        return open_orders(**options)

    monkeypatch.setattr(world.venue, "open_orders", limps)
    world.venue.script("place", lambda: None, Accepted(venue_order_id="OXXXXX"))
    with pytest.raises(probe.ProbeFailed, match="could not be read"):
        probe.run(world.account, world.venue, planned, quiet, pause=world.clock.pass_seconds)
    assert dict(world.venue.engine.open_orders) == {}


def test_without_free_coins_nothing_is_sent(bare_world: World) -> None:
    with pytest.raises(probe.ProbeRefused, match="are needed, held and free; there are 0"):
        run(bare_world)
    assert bare_world.venue.sent == []


def test_while_a_bracket_in_the_coin_is_open_nothing_is_sent(world: World) -> None:
    world.open_active()
    sent = len(world.venue.sent)
    with pytest.raises(probe.ProbeRefused, match="A bracket in ETH is open"):
        run(world)
    assert len(world.venue.sent) == sent


def test_validate_mode_cannot_probe(world: World) -> None:
    world.account.mode = "validate"
    with pytest.raises(probe.ProbeRefused, match="validate"):
        probe.plan(world.account, world.venue, "ETH/USD")


def test_the_command_asks_first_and_says_what_was_learned(world: World) -> None:
    with pytest.raises(CommandError, match="--yes to agree"):
        call_command("probe_both_rest", "ETH/USD")
    assert world.venue.sent == []
    printed = StringIO()
    call_command("probe_both_rest", "eth/usd", "--yes", stdout=printed)
    assert "refused: " in printed.getvalue()
    assert "One leg rests at a time" in printed.getvalue()
    with pytest.raises(CommandError, match="FOO"):
        call_command("probe_both_rest", "FOO/USD", "--yes")
