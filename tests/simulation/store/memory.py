"""Installing the store: while it lasts, every ORM call of this process goes to tables in memory.

The product's code stays as it is. What is replaced, and put back also after an error: what managers hand out,
saving, deleting and reloading of instances, following a reference, the blocks of `transaction.atomic`, and
the default connection, by one that refuses to be used. One thread at a time; a boundary may raise, and must
not let other work run "before commit" (it stands in the transaction).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from django.db import models
from django.db.models.fields import related_descriptors
from django.db.models.manager import BaseManager
from django.db.transaction import Atomic

from tests.simulation.store import writing
from tests.simulation.store.ledger import Boundary, Ledger
from tests.simulation.store.queryset import MemoryQuerySet
from tests.simulation.store.relations import RelatedRows
from tests.simulation.store.sqlite import private_connection, use
from tests.simulation.store.tables import Tables

UNUSED = Ledger(lambda place: None, None)
TABLES = Tables(UNUSED)
"""What is known of the models is worked out once a process; every store begins with these, emptied."""
NO_DATABASE = "the store in memory has no database: a call reached for SQL"


@contextmanager
def memory_store(boundary: Boundary) -> Iterator[Tables]:
    """Empty tables of every model, until the block ends. `boundary` is called around every commit that wrote
    something, outermost transactions only: raising at "before commit" rolls back."""
    if TABLES.ledger is not UNUSED:
        raise RuntimeError("a store in memory is installed already")
    connection = private_connection()
    for name in ("connect", "ensure_connection", "cursor", "chunked_cursor"):
        setattr(connection, name, refuse)
    connection.get_autocommit = lambda: not connection.in_atomic_block
    with ExitStack() as stack:
        TABLES.begin(Ledger(boundary, connection))
        stack.callback(TABLES.begin, UNUSED)
        use(connection, stack)
        install(stack, TABLES)
        yield TABLES


def refuse(*args: object, **options: object) -> None:
    raise NotImplementedError(NO_DATABASE)


def install(stack: ExitStack, tables: Tables) -> None:
    def replace(owner: Any, name: str, new: Any) -> None:
        stack.enter_context(patch.object(owner, name, new))

    replace(BaseManager, "get_queryset", queryset_of(tables))
    replace(BaseManager, "all", everything)
    for name, method in methods_of_instances(tables).items():
        replace(models.Model, name, method)
    replace(related_descriptors.ForwardManyToOneDescriptor, "get_object", reference_of(tables))
    kept = related_descriptors.ReverseManyToOneDescriptor.__get__
    replace(related_descriptors.ReverseManyToOneDescriptor, "__get__", referring_of(tables, kept))
    ledger = tables.ledger

    def enter(self: Atomic) -> None:
        ledger.enter(self)

    def leave(self: Atomic, kind: Any, error: BaseException | None, trace: Any) -> None:
        ledger.leave(error)

    replace(Atomic, "__enter__", enter)
    replace(Atomic, "__exit__", leave)
    ledger.connection.on_commit = lambda func, robust=False: ledger.on_commit(func)


def queryset_of(tables: Tables) -> Any:
    of = tables.of

    def get_queryset(self: Any) -> MemoryQuerySet:
        model = self.model
        query = MemoryQuerySet(of.get(model) or tables[model])
        query.fresh = True
        return query

    return get_queryset


def everything(self: Any) -> MemoryQuerySet:
    """`objects.all()` may be kept and asked twice."""
    query: MemoryQuerySet = self.get_queryset()
    query.fresh = False
    return query


def reference_of(tables: Tables) -> Any:
    def get_object(self: Any, instance: models.Model) -> Any:
        field = self.field
        table = tables[field.remote_field.model]
        table.ledger.check_usable()
        row = table.rows.get(instance.__dict__[field.attname])
        if row is None:
            raise table.model.DoesNotExist(f"{table.meta.object_name} matching query does not exist.")
        return table.instance(row)

    return get_object


def referring_of(tables: Tables, kept: Any) -> Any:
    plain = related_descriptors.ReverseManyToOneDescriptor

    def related(self: Any, instance: Any, owner: Any = None) -> Any:
        if instance is None or type(self) is not plain:
            return kept(self, instance, owner)
        return RelatedRows(tables[self.rel.related_model], self.rel, instance)

    return related


def methods_of_instances(tables: Tables) -> dict[str, Any]:
    def save(self: Any, *, using: str | None = None, **options: Any) -> None:
        writing.save(tables[type(self)], self, **options)

    def delete(self: Any, using: str | None = None, keep_parents: bool = False) -> tuple[int, dict[str, int]]:
        if self.pk is None:
            raise ValueError(f"{type(self).__name__} object can't be deleted because it has no key.")
        table, key = tables[type(self)], self.pk
        told = writing.delete(table, lambda: [row] if (row := table.rows.get(key)) is not None else [])
        setattr(self, table.pk, None)
        return told

    def refresh_from_db(self: Any, using: str | None = None, fields: Any = None, **options: Any) -> None:
        if options:
            raise NotImplementedError("refresh_from_db() from a queryset")
        refresh(tables, self, fields)

    begin = models.Model.__init__

    def __init__(self: Any, *values: Any, **named: Any) -> None:
        if values or type(self)._meta.proxy:
            begin(self, *values, **named)
        else:
            tables[type(self)].begin_instance(self, named)

    return {
        "__init__": __init__,
        "save": save,
        "delete": delete,
        "refresh_from_db": refresh_from_db,
        "save_base": refuse,
    }


def refresh(tables: Tables, instance: Any, fields: Any) -> None:
    """Read the row again: all columns and no relation kept, or the named ones."""
    table = tables[type(instance)]
    table.ledger.check_usable()
    row = table.rows.get(instance.pk)
    if row is None:
        raise table.model.DoesNotExist(f"{table.meta.object_name} matching query does not exist.")
    wanted = table.columns
    prefetched = instance.__dict__.get("_prefetched_objects_cache", {})
    if fields is None:
        instance._prefetched_objects_cache = {}
    else:
        names = set(fields)
        for name in names & prefetched.keys():
            del prefetched[name]
        names -= prefetched.keys()
        wanted = tuple(table.attname(name) for name in names if name in table.names)
    fresh = table.instance(row).__dict__
    for name in wanted:
        instance.__dict__[name] = fresh[name]
    forget_relations(table, instance, set(wanted), fields)


def forget_relations(table: Any, instance: Any, wanted: set[str], fields: Any) -> None:
    cached = instance._state.fields_cache
    for field in table.relations:
        if field.attname in wanted:
            cached.pop(field.cache_name, None)
    for relation in table.meta.related_objects:
        if fields is None or relation.name in fields:
            cached.pop(relation.cache_name, None)
