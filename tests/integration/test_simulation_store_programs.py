"""The store in memory answers as SQLite does: the same random programs on both, answer by answer.

A program is plain data: writes that keep or break the models' constraints, questions with every kind of
lookup, transactions that end well or badly. Each is run on both stores; every answer, error and commit must
be the same, and so must all rows in the end.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import models, transaction
from django.db.models import F, Max, Q, Sum
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brackets.models import Account, Bracket, BracketEvent, Effect, Fill, Lease, Order, Quote
from risk.models import AuditRow, SystemConfig
from tests.simulation.store import contents, memory_store, sqlite_store
from tests.simulation.store.questions import QUESTIONS
from trading.models import Command, Trade

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MODELS: dict[str, type[models.Model]] = {
    model.__name__: model
    for model in (Account, Bracket, BracketEvent, Effect, Fill, Lease, Order, Quote, AuditRow, SystemConfig)
} | {"Command": Command, "Trade": Trade}
Step = tuple[Any, ...]


class Stopped(Exception):
    """How a block of a program ends badly."""


# --- what is drawn -----------------------------------------------------------------------------------

keys = st.integers(1, 4)
moments = st.integers(0, 5).map(lambda n: NOON + timedelta(seconds=n, microseconds=n * 7))
maybe_moments = st.none() | moments
coins = st.sampled_from(["-1", "0", "0.1", "0.25", "1", "2.00000001", "0.123456789"]).map(Decimal)
prices = st.sampled_from(["0", "2450", "2500.5", "2600", "60000.0000000001"]).map(Decimal)
words = st.sampled_from(["", "a", "b", "O-1", "O-2"])
ids = st.none() | st.integers(1, 4).map(lambda n: uuid.UUID(int=n))
venue_ids = st.none() | st.sampled_from(["O-1", "O-2", "O-3"])
roles = st.sampled_from(["entry", "stop", "target", "nonsense"])
statuses = st.sampled_from(["INTENDED", "OPEN", "UNKNOWN", "FILLED", "CANCELED", "nonsense"])
states = st.sampled_from(["FLAT", "ENTRY_PLACED", "BRACKET_ACTIVE", "EXIT_COMPLETE", "nonsense"])
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "é", "x"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2)
    ),
    max_leaves=4,
)

VALUES: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "Account": {
        "name": words,
        "mode": st.sampled_from(["demo", "live", "nonsense"]),
        "recovered_at": maybe_moments,
    },
    "Bracket": {
        "account_id": keys,
        "uid": st.integers(1, 3).map(lambda n: uuid.UUID(int=n)),
        "state": states,
        "exit_reason": st.sampled_from(["", "manual"]),
        "planned_quantity": coins,
        "planned_stop_price": prices,
        "planned_target_price": prices,
        "completed_at": maybe_moments,
        "entry_terms": st.none() | plain,
        "version": st.integers(-1, 3),
    },
    "Order": {
        "bracket_id": keys,
        "account_id": keys,
        "role": roles,
        "status": statuses,
        "client_order_id": ids,
        "venue_order_id": venue_ids,
        "quantity": coins,
        "filled_quantity": coins,
        "average_price": st.none() | prices,
        "amendment": st.none() | plain,
        "trade_ids": st.lists(words, max_size=2),
        "ended_at": maybe_moments,
        "post_only": st.booleans(),
    },
    "Effect": {
        "account_id": keys,
        "bracket_id": keys,
        "order_id": keys,
        "kind": st.sampled_from(["PLACE", "AMEND", "CANCEL"]),
        "amend_number": st.none() | st.integers(0, 2),
        "outcome": st.sampled_from(["", "UNKNOWN", "ACCEPTED"]),
        "done_at": maybe_moments,
        "claim_expires_at": maybe_moments,
    },
    "Fill": {
        "account_id": keys,
        "bracket_id": keys,
        "order_id": keys,
        "venue_trade_id": words,
        "side": st.sampled_from(["buy", "sell", "hold"]),
        "quantity": coins,
        "price": prices,
        "maker": st.none() | st.booleans(),
    },
    "Lease": {"name": words, "holder": words, "fence": st.integers(0, 2), "expires_at": maybe_moments},
    "Quote": {"account_id": keys, "symbol": words, "bid": prices, "ask": prices, "last": prices},
    "Trade": {
        "account_id": keys,
        "bracket_id": keys,
        "base": st.sampled_from(["ETH", "BTC"]),
        "status": st.sampled_from(["OPEN", "CLOSED"]),
        "exit_reason": st.sampled_from(["", "manual"]),
        "realized_pnl": st.none() | prices,
    },
}
REST: dict[str, dict[str, Any]] = {
    "Account": {},
    "Lease": {},
    "Bracket": {
        **dict.fromkeys(("symbol", "base", "quote", "source"), "x"),
        **dict.fromkeys(("planned_entry_price", "tick_size", "lot_step", "minimum_quantity"), Decimal(1)),
        **dict.fromkeys(("stop_price", "target_price"), Decimal(2)),
        **dict.fromkeys(("created_at", "updated_at"), NOON),
    },
    "Order": {"created_at": NOON, "updated_at": NOON},
    "Effect": {"created_at": NOON, "next_attempt_at": NOON},
    "Fill": {
        **dict.fromkeys(
            ("cost", "fee", "quote_amount", "quote_fee", "base_amount", "base_fee"), Decimal("0.5")
        ),
        **dict.fromkeys(("executed_at", "booked_at"), NOON),
    },
    "Quote": {"read_at": NOON},
    "Trade": {
        **dict.fromkeys(("symbol", "source"), "x"),
        **dict.fromkeys(("requested_quantity", "quantity"), Decimal(1)),
        **dict.fromkeys(("initial_stop_loss_price", "stop_loss_price", "take_profit_price"), Decimal(1)),
        **dict.fromkeys(("opened_at", "updated_at"), NOON),
    },
}
GOOD: dict[str, dict[str, Any]] = {
    "Account": {"mode": "demo"},
    "Bracket": {
        "account_id": 1,
        "state": "FLAT",
        "version": 1,
        "planned_quantity": Decimal(1),
        "planned_stop_price": Decimal(1),
        "planned_target_price": Decimal(2),
    },
    "Order": {
        "account_id": 1,
        "bracket_id": 1,
        "role": "stop",
        "status": "OPEN",
        "quantity": Decimal(3),
        "filled_quantity": Decimal(0),
        "average_price": None,
    },
    "Effect": {"account_id": 1, "bracket_id": 1, "order_id": 1, "kind": "PLACE", "amend_number": None},
    "Fill": {
        "account_id": 1,
        "bracket_id": 1,
        "order_id": 1,
        "side": "buy",
        "quantity": Decimal(1),
        "price": Decimal(9),
    },
    "Lease": {},
    "Quote": {"account_id": 1, "bid": Decimal(1), "ask": Decimal(1), "last": Decimal(1)},
    "Trade": {"account_id": 1, "bracket_id": 1, "status": "OPEN"},
}
"""Values most drawn rows have, so that many of them are taken; the others are drawn."""


@st.composite
def rows(draw: st.DrawFn, name: str) -> dict[str, Any]:
    drawn = {key: draw(strategy) for key, strategy in VALUES[name].items()}
    spoilt = draw(st.sets(st.sampled_from(sorted(GOOD[name])), max_size=1)) if GOOD[name] else set()
    return REST[name] | drawn | {key: value for key, value in GOOD[name].items() if key not in spoilt}


ORDER_TESTS: list[tuple[str, st.SearchStrategy[Any]]] = [
    ("pk", keys),
    ("pk__in", st.lists(keys, max_size=3)),
    ("bracket", keys),
    ("bracket__in", st.lists(keys, max_size=2)),
    ("bracket_id__gt", keys),
    ("role", roles),
    ("status__in", st.lists(statuses, max_size=3)),
    ("client_order_id", ids),
    ("client_order_id__in", st.lists(ids, max_size=2)),
    ("venue_order_id", venue_ids),
    ("venue_order_id__in", st.lists(venue_ids, max_size=2)),
    ("venue_order_id__isnull", st.booleans()),
    ("filled_quantity__gt", coins),
    ("filled_quantity__lte", coins),
    ("quantity__gt", st.just(F("filled_quantity"))),
    ("average_price__lt", prices),
    ("average_price__gte", st.just(F("quantity"))),
    ("amendment", st.none()),
    ("amendment__isnull", st.booleans()),
    ("ended_at__lt", moments),
    ("ended_at__gte", moments),
    ("post_only", st.booleans()),
    ("bracket__state", states),
    ("bracket__completed_at__lt", moments),
    ("bracket__completed_at__isnull", st.booleans()),
    ("account__name", words),
    ("bracket__account__recovered_at__isnull", st.booleans()),
]
leaves = st.one_of([st.tuples(st.just(name), value) for name, value in ORDER_TESTS])
trees = st.recursive(
    leaves.map(lambda leaf: ("leaf", *leaf)),
    lambda inner: st.tuples(st.sampled_from(["and", "or"]), inner, inner) | st.tuples(st.just("not"), inner),
    max_leaves=4,
)
orders_by = st.sampled_from(
    [(), ("pk",), ("-pk",), ("ended_at", "pk"), ("-average_price", "-pk"), ("status", "pk")]
)
shapes = st.sampled_from(
    ["rows", "values", "flat", "count", "exists", "first", "last", "slice", "sum", "related"]
)
names = st.sampled_from(sorted(VALUES))


asking = st.tuples(st.just("ask"), st.integers(0, len(QUESTIONS) - 1), keys, moments)
finding = st.tuples(st.just("find"), trees, st.booleans(), orders_by, shapes)


def blocks(inner: st.SearchStrategy[Step]) -> st.SearchStrategy[Step]:
    ending = st.sampled_from(["well", "well", "badly"])
    return st.tuples(st.just("atomic"), st.lists(inner, min_size=1, max_size=5), st.booleans(), ending)


def steps() -> st.SearchStrategy[Step]:
    making = names.flatmap(lambda name: st.tuples(st.just("create"), st.just(name), rows(name)))
    one = st.one_of(
        *[making, making, asking, finding],
        names.flatmap(
            lambda name: st.tuples(st.just("save"), st.just(name), keys, rows(name), st.booleans())
        ),
        names.flatmap(lambda n: st.tuples(st.just("update"), st.just(n), st.sets(keys), changes(n))),
        # Django asks nothing where there is nothing to set, not even whether the question can be asked.
        st.tuples(st.just("set"), trees, changes("Order").filter(bool)),
        st.tuples(st.just("bulk"), st.lists(rows("Order"), max_size=3), st.booleans()),
        st.tuples(st.just("upsert"), st.lists(rows("Quote"), max_size=3)),
        st.tuples(st.just("obtain"), rows("Lease"), st.booleans()),
        st.tuples(st.just("delete"), names, keys),
    )
    return one | one | blocks(one | blocks(one | blocks(one)))


def programs() -> st.SearchStrategy[list[Step]]:
    """Whatever is done, questions follow."""
    doing = st.lists(steps(), min_size=3, max_size=10)
    return st.tuples(doing, st.lists(asking | finding, min_size=4, max_size=8)).map(
        lambda parts: [*parts[0], *parts[1]]
    )


def changes(name: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=VALUES[name]).map(lambda told: dict(list(told.items())[:2]))


# --- how it is run -----------------------------------------------------------------------------------


def condition(tree: Step) -> Q:
    match tree:
        case ("leaf", name, value):
            return Q(**{name: value})
        case ("and", one, two):
            return condition(one) & condition(two)
        case ("or", one, two):
            return condition(one) | condition(two)
        case ("not", one):
            return ~condition(one)
    raise AssertionError(tree)


def shaped(rows: Any, shape: str) -> Any:
    match shape:
        case "values":
            return list(rows.values("pk", "bracket", "amendment", "bracket__state"))
        case "flat":
            return list(rows.values_list("average_price", flat=True))
        case "count" | "exists":
            return getattr(rows, shape)()
        case "first" | "last":
            return told(getattr(rows, shape)())
        case "slice":
            return [told(row) for row in rows[1:3]], rows[:1].count()
        case "sum":
            return rows.aggregate(total=Sum("quantity"), most=Max("ended_at"))
        case "related":
            return [
                (told(row), told(row.bracket), told(row.account)) for row in rows.select_related("bracket")
            ]
    return [told(row) for row in rows]


def told(row: models.Model | None) -> Any:
    if row is None:
        return None
    return [
        (f.attname, type(getattr(row, f.attname)), getattr(row, f.attname)) for f in row._meta.concrete_fields
    ]


def do(step: Step) -> Any:
    match step:
        case ("create", name, values):
            return told(MODELS[name].objects.create(**values)) and None
        case ("save", name, key, values, partly):
            row = MODELS[name].objects.get(pk=key)
            for column, value in values.items():
                setattr(row, column, value)
            return row.save(update_fields=list(values)[-2:] if partly else None)
        case ("update", name, some, values):
            return MODELS[name].objects.filter(pk__in=some).update(**values)
        case ("find", tree, without, order, shape):
            rows = (
                Order.objects.exclude(condition(tree)) if without else Order.objects.filter(condition(tree))
            )
            return shaped(rows.order_by(*order) if order else rows, shape)
        case ("set", tree, values):
            return Order.objects.filter(condition(tree)).update(**values)
        case ("ask", number, key, at):
            return QUESTIONS[number](key, at)
        case ("bulk", many, ignoring):
            made = Order.objects.bulk_create([Order(**row) for row in many], ignore_conflicts=ignoring)
            return None if ignoring else [order.pk for order in made]
        case ("upsert", many):
            Quote.objects.bulk_create(
                [Quote(**row) for row in many],
                update_conflicts=True,
                unique_fields=["account", "symbol"],
                update_fields=["bid", "ask", "last"],
            )
            return None
        case ("obtain", values, renewing):
            obtain = Lease.objects.update_or_create if renewing else Lease.objects.get_or_create
            return told(obtain(name=values["name"], defaults=values)[0])
        case ("delete", name, key):
            return MODELS[name].objects.filter(pk=key).delete()[0]
    return run_block(*step[1:])


def run_block(inner: list[Step], savepoint: bool, ending: str) -> Any:
    answers: list[Any] = []
    try:
        with transaction.atomic(savepoint=savepoint):
            answers.extend(answer(step) for step in inner)
            if ending == "badly":
                raise Stopped
    except Stopped:
        answers.append("stopped")
    return answers


JUDGED_WHEN_BROKEN = {"create", "save", "ask", "atomic"}
"""In a broken transaction Django refuses queries, but knows of some without asking that nothing answers."""


def answer(step: Step) -> Any:
    if transaction.get_connection().needs_rollback and step[0] not in JUDGED_WHEN_BROKEN:
        return "not asked"
    try:
        return do(step)
    except Exception as error:
        return "raised", next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ != __name__)


def run(store: Any, program: list[Step]) -> tuple[Any, ...]:
    commits: list[str] = []
    with store(commits.append):
        answers = [answer(step) for step in (*WORLD, *program)]
        return answers, commits, contents()


WORLD: list[Step] = [
    ("create", "Account", GOOD["Account"] | {"name": "demo"}),
    ("create", "Account", GOOD["Account"] | {"name": "a", "recovered_at": NOON}),
    *[("create", "Bracket", REST["Bracket"] | GOOD["Bracket"] | {"uid": uuid.UUID(int=n)}) for n in (11, 12)],
    *[
        (
            "create",
            "Order",
            REST["Order"] | GOOD["Order"] | {"client_order_id": uuid.UUID(int=n), "bracket_id": n % 2 + 1},
        )
        for n in (11, 12, 13)
    ],
    *[
        (
            "create",
            "Effect",
            REST["Effect"] | GOOD["Effect"] | {"order_id": n, "outcome": word, "claim_expires_at": at},
        )
        for n, word, at in ((1, "", None), (2, "UNKNOWN", NOON), (3, "", NOON + timedelta(seconds=3)))
    ],
    *[("create", "Fill", REST["Fill"] | GOOD["Fill"] | {"venue_trade_id": name}) for name in ("t1", "t2")],
    ("update", "Order", {1, 2}, {"filled_quantity": Decimal("2.5")}),
    ("create", "Trade", REST["Trade"] | GOOD["Trade"] | {"base": "ETH"}),
    ("ask", 16, 1, NOON),
]


@pytest.fixture
def stores(django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(timezone, "now", lambda: NOON)
    with django_db_blocker.unblock():
        yield


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(program=programs())
def test_a_program_has_the_same_answers_and_rows_in_memory_as_in_sqlite(
    program: list[Step], stores: None
) -> None:
    memory, database = run(memory_store, program), run(sqlite_store, program)
    for number, step in enumerate((*WORLD, *program)):
        assert memory[0][number] == database[0][number], step
    assert memory[1] == database[1]
    assert memory[2] == database[2]
