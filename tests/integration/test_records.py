"""Rows and values: nothing of the core is lost on the way, and a step writes only what changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from brackets import operations, records
from brackets.core.effects import Cancel
from brackets.core.events import EditRequested
from brackets.core.orders import Amendment, Bracket, BracketOrder, EntryTerms
from brackets.core.states import (
    AmendStatus,
    Choice,
    EntryNext,
    ExitReason,
    OrderStatus,
    Policy,
    Role,
    State,
)
from brackets.models import Bracket as Row
from brackets.models import Effect, Order
from tests.integration.engine_venue import NOON
from tests.integration.engine_world import World

pytest_plugins = ["tests.integration.worlds"]
MANY = 100


def moment(seconds: int) -> Any:
    return NOON + timedelta(seconds=seconds)


def a_row(world: World) -> Row:
    return world.bracket(world.open_active())


def saved(row: Row, before: Bracket, after: Bracket) -> Bracket:
    records.store(row, before, after, NOON)
    row.save()
    return records.load(Row.objects.get(pk=row.pk))


def test_every_field_of_a_bracket_comes_back(world: World) -> None:
    row = a_row(world)
    before = records.load(row)
    terms = EntryTerms(
        limit_price=Decimal("2499.99"),
        offset_bps=Decimal("1.5"),
        offset_ticks=2,
        timeout_seconds=33,
        most_reprices=4,
        reprice_seconds=7,
        reprice_bps=Decimal("12.5"),
        runaway_bps=Decimal(90),
        on_timeout=Choice.MARKET,
        on_runaway=Choice.SKIP,
    )
    row.entry_terms, row.stop_distance, row.held_quantity = (
        records.plain(terms),
        Decimal("49.5"),
        Decimal("0.5"),
    )
    row.held_price, row.swap_in_bps, row.swap_out_bps = Decimal(2501), Decimal("12.5"), Decimal("33.25")
    after = replace(
        before,
        policy=Policy.BOTH_REST,
        initial_stop_price=Decimal(2440),
        prices_final=True,
        exit_reason=ExitReason.MANUAL,
        sequence=9,
        entry_began_at=moment(1),
        entry_next=EntryNext.MARKET,
        entry_over=True,
        entry_end=ExitReason.ENTRY_EXPIRED,
        reprices=3,
        resting=Role.TARGET,
        swap_began_at=moment(2),
        swap_after=moment(3),
        reduce_quantity=Decimal("0.01"),
        reduce_began_at=moment(4),
        tidy_after=moment(5),
        close_again=ExitReason.KILL_SWITCH,
        market="limit_only",
        protect_from=moment(6),
        unprotected_since=moment(7),
        funds_refused_since=moment(8),
        retry_after=moment(9),
        exit_began_at=moment(10),
        restoring=True,
        dust=Decimal("0.0001"),
    )

    loaded = saved(row, before, after)

    assert replace(loaded, plan=before.plan) == after
    plan = loaded.plan
    assert (plan.entry, plan.stop_distance) == (terms, Decimal("49.5"))
    assert (plan.held_quantity, plan.held_price) == (Decimal("0.5"), Decimal(2501))
    assert (plan.swap_in_bps, plan.swap_out_bps) == (Decimal("12.5"), Decimal("33.25"))


def test_every_field_of_an_order_comes_back(world: World) -> None:
    row = a_row(world)
    before = records.load(row)
    (stop,) = before.live_stops
    changed = replace(
        stop,
        status=OrderStatus.OPEN,
        filled=Decimal("0.03"),
        average_price=Decimal("2449.5"),
        trigger_price=Decimal(2451),
        limit_price=Decimal(2452),
        post_only=True,
        triggered=True,
        cancel_wanted=True,
        refused_reason="other",
        end_reason="User requested",
        amendment=Amendment(
            number=3,
            status=AmendStatus.UNKNOWN,
            asked_at=moment(1),
            quantity=Decimal("0.2"),
            trigger_price=Decimal("2460.25"),
            limit_price=Decimal("2460.5"),
            provable_from=moment(2),
        ),
        amends=3,
        amend_refused="bad_price",
        touched_at=moment(3),
        first_filled_at=moment(4),
        ended_at=moment(5),
        trade_ids=frozenset({"T1", "T2"}),
    )
    fresh = BracketOrder(
        key=before.next_client_order_id(),
        role=Role.TARGET,
        quantity=Decimal("0.07"),
        status=OrderStatus.INTENDED,
        created_at=moment(6),
        limit_price=Decimal(2600),
        post_only=True,
    )
    after = replace(before.replacing(changed), orders=(*before.replacing(changed).orders, fresh))

    assert saved(row, before, after).orders == after.orders


def test_words_of_the_venue_that_are_too_long_are_cut(world: World) -> None:
    row = a_row(world)
    before = records.load(row)
    after = before.replacing(replace(before.live_stops[0], end_reason="x" * 500))
    assert saved(row, before, after).live_stops[0].end_reason == "x" * 120


def test_a_fill_of_new_terms_may_come_before_they_are_read(world: World) -> None:
    """The stream tells of a fill beyond the old quantity; without an amendment that is a contradiction."""
    row = a_row(world)
    before = records.load(row)
    stop = before.live_stops[0]
    asked = Amendment(number=1, status=AmendStatus.UNKNOWN, asked_at=NOON, quantity=Decimal("0.2"))
    filled = replace(stop, filled=Decimal("0.15"), amendment=asked)
    assert saved(row, before, before.replacing(filled)).live_stops[0].filled == Decimal("0.15")
    with pytest.raises(IntegrityError), transaction.atomic():
        Order.objects.filter(role="stop").update(amendment=None)


# --- the outbox ------------------------------------------------------------------------------------------


def test_amendments_are_many_and_each_is_one(world: World) -> None:
    trade = world.open_active()
    for price in (2451, 2452, 2453):
        world.ask(trade, EditRequested(at=world.clock.now, stop_price=Decimal(price)))
        world.turns(3)
    amends = Effect.objects.filter(kind=Effect.Kind.AMEND).order_by("pk")
    assert [effect.amend_number for effect in amends] == [1, 2, 3]
    twin = amends[0]
    twin.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save(force_insert=True)


def test_a_cancel_wanted_anew_opens_its_row_again(world: World) -> None:
    """An order that was given up and came back: what was wanted of it is asked again."""
    row = a_row(world)
    key = records.load(row).live_stops[0].key
    records.store_effects(row, (Cancel(key=key),), NOON)
    Effect.objects.filter(kind="CANCEL").update(done_at=NOON, outcome="ABSENT")

    records.store_effects(row, (Cancel(key=key),), moment(60))

    effect = Effect.objects.get(kind="CANCEL")
    assert (effect.done_at, effect.outcome, effect.next_attempt_at) == (None, "", moment(60))


# --- what a step costs -------------------------------------------------------------------------------------


def with_history(row: Row, count: int) -> None:
    """As if so many sells had been refused before."""
    Order.objects.bulk_create(
        Order(
            bracket=row,
            account_id=row.account_id,
            role="exit",
            status="REJECTED",
            client_order_id=f"00000000-0000-4000-8000-{number:012d}",
            quantity=row.planned_quantity,
            created_at=NOON,
            updated_at=NOON,
        )
        for number in range(count)
    )


def test_a_step_costs_the_same_whatever_the_bracket_has_behind_it(world: World) -> None:
    trade = world.open_active()
    counts = []
    for number in range(2):
        event = EditRequested(at=world.clock.now, stop_price=Decimal(2451 + number))
        with CaptureQueriesContext(
            connection,
        ) as queries:
            operations.apply(trade.bracket_id, event, actor="test")
        counts.append(len(queries))
        world.turns(2)
        with_history(world.bracket(trade), MANY) if not number else None
    first, second = counts
    assert first == second <= 15
    untouched = Order.objects.filter(role="exit")
    assert untouched.count() == MANY
    assert set(untouched.values_list("updated_at", flat=True)) == {NOON}
    assert world.bracket(trade).state == State.BRACKET_ACTIVE
