"""Tables in memory under Django's models: what is not a comparison with SQLite (see tests/integration)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, models, transaction
from django.db.models import F
from django.db.models.functions import Lower
from django.db.transaction import TransactionManagementError

from brackets.core.states import State
from brackets.models import Account, Bracket, Lease, Order
from risk import journal
from risk.models import AuditRow
from tests.simulation.store import Tables, contents, in_transaction, memory_store

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Crash(BaseException):
    """A process that dies at a boundary."""


class Shore:
    """Notes the boundaries that are passed, and may raise at one of them."""

    def __init__(self) -> None:
        self.passed: list[str] = []
        self.fatal = ""

    def __call__(self, place: str) -> None:
        self.passed.append(place)
        if place == self.fatal:
            raise Crash


@pytest.fixture
def shore() -> Shore:
    return Shore()


@pytest.fixture
def store(shore: Shore) -> Iterator[Tables]:
    with memory_store(shore) as tables:
        yield tables


def a_lease(name: str = "a", **values: Any) -> Lease:
    return Lease.objects.create(name=name, **values)


def a_bracket(**values: Any) -> Bracket:
    account, _ = Account.objects.get_or_create(name="demo", defaults={"mode": "demo"})
    words = dict.fromkeys(("symbol", "base", "quote", "source"), "x")
    prices = ("planned_stop_price", "planned_entry_price", "tick_size", "lot_step", "minimum_quantity")
    numbers = dict.fromkeys((*prices, "stop_price", "target_price", "planned_quantity"), Decimal(1))
    made = {**words, **numbers, "planned_target_price": Decimal(2), "uid": uuid.uuid4()}
    return Bracket.objects.create(account=account, created_at=NOON, updated_at=NOON, **{**made, **values})


# --- commits -----------------------------------------------------------------------------------------


def test_a_write_alone_is_its_own_commit(store: Tables, shore: Shore) -> None:
    a_lease()
    Lease.objects.filter(name="a").update(holder="me")
    assert shore.passed == ["before commit", "after commit"] * 2


def test_only_the_outermost_block_is_a_commit(store: Tables, shore: Shore) -> None:
    with transaction.atomic():
        with transaction.atomic():
            a_lease()
        assert (shore.passed, in_transaction()) == ([], True)
    assert (shore.passed, in_transaction()) == (["before commit", "after commit"], False)


def test_a_block_that_wrote_nothing_passes_no_boundary(store: Tables, shore: Shore) -> None:
    with transaction.atomic():
        assert Lease.objects.count() == 0
        assert Lease.objects.filter(name="a").update(holder="me") == 0
    with transaction.atomic():
        try:
            with transaction.atomic():
                a_lease()
                raise KeyError
        except KeyError:
            pass
    assert shore.passed == []


@pytest.mark.parametrize(("place", "kept"), [("before commit", 0), ("after commit", 1)])
@pytest.mark.parametrize("inside", [True, False])
def test_who_dies_at_the_commit_has_committed_or_not(
    store: Tables, shore: Shore, place: str, kept: int, inside: bool
) -> None:
    shore.fatal = place
    with pytest.raises(Crash):
        if inside:
            with transaction.atomic():
                a_lease()
        else:
            a_lease()
    assert (Lease.objects.count(), in_transaction()) == (kept, False)


def test_a_savepoint_that_is_rolled_back_takes_what_was_done_in_it(store: Tables) -> None:
    with transaction.atomic():
        kept = a_lease("kept")
        with pytest.raises(IntegrityError), transaction.atomic():
            Lease.objects.filter(pk=kept.pk).update(holder="me")
            a_lease("lost")
            a_lease("kept")
    assert list(Lease.objects.values_list("name", "holder")) == [("kept", "")]
    assert a_lease("lost").pk == 2


def test_after_an_error_a_transaction_takes_no_more_questions(store: Tables) -> None:
    a_lease()
    with pytest.raises(TransactionManagementError), transaction.atomic():
        with pytest.raises(IntegrityError):
            a_lease()
        Lease.objects.count()
    assert Lease.objects.count() == 1


def test_a_statement_that_fails_half_way_changes_nothing(store: Tables) -> None:
    a_lease("a")
    a_lease("b")
    with pytest.raises(IntegrityError):
        Lease.objects.update(name="c")
    assert sorted(Lease.objects.values_list("name", flat=True)) == ["a", "b"]


def test_a_reference_to_nothing_is_refused_at_the_commit(store: Tables) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        bracket = a_bracket()
        Bracket.objects.filter(pk=bracket.pk).update(account_id=9)
        assert Bracket.objects.filter(account=9).count() == 1
    assert Bracket.objects.count() == 0


def test_what_waits_for_the_commit_is_done_after_it_and_not_after_a_rollback(store: Tables) -> None:
    done: list[str] = []
    with transaction.atomic():
        transaction.on_commit(lambda: done.append("kept"))
        with pytest.raises(KeyError), transaction.atomic():
            transaction.on_commit(lambda: done.append("lost"))
            raise KeyError
        assert done == []
    assert done == ["kept"]


def test_rows_are_locked_in_a_transaction_alone(store: Tables) -> None:
    with pytest.raises(TransactionManagementError):  # SQLite would not notice, PostgreSQL would
        Lease.objects.select_for_update().first()


def test_the_journal_is_written_in_a_transaction_alone(store: Tables) -> None:
    entry = {"at": NOON, "actor": "a", "action": "b", "subject": "c", "payload": {}}
    with pytest.raises(RuntimeError):
        journal.write(**entry)
    with transaction.atomic():
        journal.write(**entry)
    assert AuditRow.objects.get().seq == 1
    assert journal.first_broken_row() is None


# --- rows --------------------------------------------------------------------------------------------


def test_instances_share_nothing_with_the_tables_or_each_other(store: Tables) -> None:
    terms = {"prices": ["1", "2"]}
    kept = a_bracket(entry_terms=terms)
    terms["prices"].append("3")
    one, other = Bracket.objects.get(pk=kept.pk), Bracket.objects.get(pk=kept.pk)
    one.entry_terms["prices"].append("4")
    one.symbol = "y"
    assert (other.entry_terms, other.symbol) == ({"prices": ["1", "2"]}, "x")
    assert Bracket.objects.values_list("entry_terms", flat=True)[0] is not other.entry_terms


def test_values_are_what_a_column_gives_back(store: Tables) -> None:
    at = datetime(2026, 3, 2, 14, 0, 0, 7, tzinfo=timezone(timedelta(hours=2)))
    key = a_bracket(state=State.FLAT, stop_price="1.5", entry_terms={"a": (1, 2)}, protect_from=at).pk
    row = Bracket.objects.get(pk=key)
    assert (type(row.state), type(row.version), row.entry_terms) == (str, int, {"a": [1, 2]})
    assert str(row.stop_price) == "1.5000000000"
    assert (row.protect_from, row.protect_from.tzinfo) == (at, UTC)


def test_a_number_that_does_not_fit_is_refused(store: Tables) -> None:
    for number in (Decimal("0.00000000001"), Decimal("1e9"), Decimal("NaN")):
        with pytest.raises(ValueError, match="exactly"):
            a_bracket(stop_price=number)
    assert Bracket.objects.count() == 0


# --- refusals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ask",
    [
        lambda: Lease.objects.filter(name__iregex="a"),
        lambda: Lease.objects.annotate(low=Lower("name")),
        lambda: Lease.objects.only("name"),
        lambda: Lease.objects.raw("SELECT 1"),
        lambda: Lease.objects.all().union(Lease.objects.all()),
        lambda: list(Lease.objects.order_by(F("name").desc())),
        lambda: Order.objects.filter(amendment__number=1),
        lambda: Order.objects.exclude(effects__pk=1),
        lambda: connection.cursor(),
    ],
)
def test_what_is_not_known_is_refused_and_never_answered_wrongly(store: Tables, ask: Any) -> None:
    with pytest.raises(NotImplementedError):
        ask()


def test_two_stores_at_once_are_refused(store: Tables) -> None:
    with pytest.raises(RuntimeError), memory_store(lambda place: None):
        pass
    a_lease()


def test_everything_is_put_back_also_after_an_error() -> None:
    kept = (models.Model.save, transaction.Atomic.__enter__, transaction.on_commit, connection.settings_dict)
    with pytest.raises(KeyError), memory_store(lambda place: None):
        a_lease()
        raise KeyError
    again = (models.Model.save, transaction.Atomic.__enter__, transaction.on_commit, connection.settings_dict)
    assert all(one is other for one, other in zip(kept, again, strict=True))
    assert type(Lease.objects.all()) is models.QuerySet
    with memory_store(lambda place: None):
        assert contents() == {}
        assert a_lease().pk == 1
