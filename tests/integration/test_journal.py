"""The journal: one chain, written with its change, in which any tampering shows."""

from __future__ import annotations

import pytest
from django.db import transaction

from brackets.models import BracketEvent
from risk import journal
from risk.models import AuditHead, AuditRow
from tests.integration.engine_venue import NOON
from tests.integration.engine_world import TARGET, World

pytest_plugins = ["tests.integration.worlds"]


def write(count: int) -> None:
    for number in range(count):
        with transaction.atomic():
            journal.write(
                at=NOON, actor="test", action="test.write", subject=f"thing {number}", payload={"n": number}
            )


@pytest.mark.django_db
def test_an_untouched_chain_is_whole() -> None:
    assert journal.first_broken_row() is None
    write(5)
    assert [row.seq for row in AuditRow.objects.order_by("seq")] == [1, 2, 3, 4, 5]
    assert journal.first_broken_row() is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        {"payload": {"n": 99}},
        {"actor": "somebody else"},
        {"action": "test.other"},
        {"subject": "thing 9"},
        {"at": NOON.replace(hour=13)},
        {"hash": "0" * 64},
        {"prev_hash": "0" * 64},
    ],
)
def test_a_changed_row_is_named(change: dict[str, object]) -> None:
    write(5)
    AuditRow.objects.filter(seq=3).update(**change)
    assert "audit row 3 " in str(journal.first_broken_row())


@pytest.mark.django_db
def test_a_row_changed_with_a_fitting_hash_breaks_the_next() -> None:
    write(5)
    row = AuditRow.objects.get(seq=3)
    row.payload = {"n": 99}
    row.hash = journal.row_hash(row)
    row.save()
    assert "audit row 4 " in str(journal.first_broken_row())


@pytest.mark.django_db
@pytest.mark.parametrize("seq", [1, 3])
def test_a_missing_row_is_named(seq: int) -> None:
    write(5)
    AuditRow.objects.filter(seq=seq).delete()
    assert f"audit row {seq} is missing" in str(journal.first_broken_row())


@pytest.mark.django_db
def test_a_cut_end_is_seen() -> None:
    write(5)
    AuditRow.objects.filter(seq__gt=3).delete()
    assert "ends at row 3" in str(journal.first_broken_row())
    AuditRow.objects.all().delete()
    assert "ends at row 0" in str(journal.first_broken_row())


@pytest.mark.django_db
def test_a_row_added_by_another_hand_is_seen() -> None:
    write(2)
    head = AuditHead.objects.get()
    row = AuditRow(
        seq=3, at=NOON, actor="x", action="y", subject="z", payload={}, prev_hash=head.hash, hash="f" * 64
    )
    row.save()
    assert journal.first_broken_row() is not None


@pytest.mark.django_db(transaction=True)
def test_a_row_is_written_in_the_transaction_of_its_change() -> None:
    with pytest.raises(RuntimeError):
        journal.write(at=NOON, actor="a", action="b", subject="c", payload={})
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        journal.write(at=NOON, actor="a", action="b", subject="c", payload={})
        raise ZeroDivisionError
    assert AuditRow.objects.count() == 0
    write(1)
    assert journal.first_broken_row() is None


def test_every_step_of_a_bracket_has_its_row(world: World) -> None:
    trade = world.open_active()
    world.price(TARGET + 1)
    world.until_closed(trade)

    steps = BracketEvent.objects.filter(bracket=trade.bracket_id).order_by("pk")
    rows = AuditRow.objects.filter(subject=f"bracket {trade.bracket_id}").order_by("seq")

    assert [row.action for row in rows] == [f"bracket.{step.kind}" for step in steps]
    assert [(row.payload["from"], row.payload["to"]) for row in rows] == [
        (step.from_state, step.to_state) for step in steps
    ]
    assert journal.first_broken_row() is None
