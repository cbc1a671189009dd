"""Tables in memory: rows by primary key, found by indexes, guarded by the constraints of their models.

A row is a dict by attname that is never changed once it is placed: an update places another dict, and the
undo log keeps the old one. Whoever hands rows out copies them (`Table.instance`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import DEFAULT_DB_ALIAS, IntegrityError, models
from django.db.models.base import ModelState
from django.db.models.fields.json import JSONField

from tests.simulation.store.ledger import NO_ROW, Ledger
from tests.simulation.store.values import Convert, converter, copied

Row = dict[str, Any]
Predicate = Callable[[Row], bool | None]
NOTHING: dict[Any, Row] = {}


@dataclass(frozen=True, slots=True)
class Check:
    """A CHECK: a row for which the condition is False is refused; unknown (None) passes, as in SQL."""

    name: str
    columns: frozenset[str]
    condition: Predicate

    def verify(self, row: Row) -> None:
        if self.condition(row) is False:
            raise IntegrityError(f"CHECK constraint failed: {self.name}")


class Unique:
    """A UNIQUE over columns, perhaps of some rows only: from the key to the row that holds it."""

    __slots__ = ("attnames", "columns", "condition", "holders", "only", "said")

    def __init__(
        self, table: Table, attnames: tuple[str, ...], condition: Predicate | None, columns: Iterable[str]
    ) -> None:
        self.attnames, self.condition = attnames, condition
        self.only = attnames[0] if len(attnames) == 1 else None
        self.columns = frozenset(attnames) | frozenset(columns)
        self.holders: dict[Any, Any] = {}
        names = (table.model._meta.get_field(name).column for name in attnames)
        self.said = ", ".join(f"{table.model._meta.db_table}.{name}" for name in names)

    def key(self, row: Row) -> Any:
        """What must be there once; None where the row is not bound (a NULL, or the condition)."""
        if self.condition is not None and not self.condition(row):
            return None
        if self.only is not None:
            return row[self.only]
        key = tuple([row[name] for name in self.attnames])
        return None if None in key else key


class Table:
    """The rows of one model."""

    def __init__(self, model: type[models.Model], tables: Tables) -> None:
        meta = model._meta
        self.model, self.tables, self.ledger = model, tables, tables.ledger
        self.meta = meta
        self.rows: dict[Any, Row] = {}
        self.last_key = 0
        self.pk: str = meta.pk.attname
        self.columns: tuple[str, ...] = tuple(field.attname for field in meta.concrete_fields)
        self.convert: dict[str, Convert] = {f.attname: converter(f) for f in meta.concrete_fields}
        self.names: dict[str, str] = {"pk": self.pk}
        for one in meta.concrete_fields:
            self.names |= {one.name: one.attname, one.attname: one.attname}
        self.jsons = tuple(f.attname for f in meta.concrete_fields if isinstance(f, JSONField))
        self.required = frozenset(f.attname for f in meta.concrete_fields if not f.null)
        positive = (models.PositiveIntegerField, models.PositiveSmallIntegerField)
        positive = (*positive, models.PositiveBigIntegerField)
        self.positive = frozenset(f.attname for f in meta.concrete_fields if isinstance(f, positive))
        self.relations = tuple(f for f in meta.concrete_fields if f.is_relation)
        self.references = {field.attname: field.remote_field.model for field in self.relations}
        self.stamped = tuple(
            f for f in meta.concrete_fields if getattr(f, "auto_now", 0) or getattr(f, "auto_now_add", 0)
        )
        self.constants, self.makers = defaults(meta)
        self.setters = {
            name: to for name, to in self.names.items() if name == to
        }  # those no descriptor minds
        self.indexes: dict[str, dict[Any, dict[Any, Row]]] = {name: {} for name in self.indexed(meta)}
        self.uniques: tuple[Unique, ...] = ()
        self.checks: tuple[Check, ...] = ()
        self.lookups: dict[str, Any] = {}  # filled by `conditions`
        self.single: dict[str, Unique] = {}  # unconditional, one column
        self.watched: frozenset[str] = frozenset()  # columns that any constraint or index looks at

    @staticmethod
    def indexed(meta: Any) -> set[str]:
        """Columns worth an index: references, and what an index of the model begins with or asks for."""
        names = {field.attname for field in meta.concrete_fields if field.is_relation or field.db_index}
        for index in meta.indexes:
            names |= {meta.get_field(name.lstrip("-")).attname for name in index.fields}
        return names

    def constrain(self) -> None:
        """Build the constraints (after construction: their conditions look at the table's columns)."""
        from tests.simulation.store.conditions import condition_columns, constraint_condition

        uniques, checks = [], []
        for field in self.meta.concrete_fields:
            if field.unique and not field.primary_key:
                uniques.append(Unique(self, (field.attname,), None, ()))
        for names in self.meta.unique_together:
            uniques.append(Unique(self, tuple(self.names[name] for name in names), None, ()))
        for constraint in self.meta.constraints:
            asked = getattr(constraint, "condition", None)
            condition = None if asked is None else constraint_condition(self, asked)
            columns = () if asked is None else condition_columns(self, asked)
            if isinstance(constraint, models.CheckConstraint):
                checks.append(Check(constraint.name, frozenset(columns), condition))  # type: ignore[arg-type]
            elif isinstance(constraint, models.UniqueConstraint) and not constraint.expressions:
                if constraint.nulls_distinct is False or constraint.deferrable:
                    raise NotImplementedError(f"the constraint {constraint.name}")
                attnames = tuple(self.names[name] for name in constraint.fields)
                uniques.append(Unique(self, attnames, condition, columns))
            else:
                raise NotImplementedError(f"the constraint {constraint.name}")
        self.uniques, self.checks = tuple(uniques), tuple(checks)
        self.single = {u.only: u for u in uniques if u.only is not None and u.condition is None}
        bound = chain.from_iterable(one.columns for one in (*uniques, *checks))
        self.watched = frozenset(bound) | self.required | self.positive | self.indexes.keys()

    def attname(self, name: str) -> str:
        """Raises FieldDoesNotExist."""
        try:
            return self.names[name]
        except KeyError:
            raise FieldDoesNotExist(f"{self.meta.object_name} has no field named {name!r}") from None

    def begin(self, ledger: Ledger) -> None:
        self.ledger, self.last_key = ledger, 0
        self.rows.clear()
        for unique in self.uniques:
            unique.holders.clear()
        for buckets in self.indexes.values():
            buckets.clear()

    # --- handing out -------------------------------------------------------------------------------

    def instance(self, row: Row) -> Any:
        """A fresh model instance of the row."""
        model = self.model
        instance = model.__new__(model)
        state = ModelState()
        state.__dict__ = {"db": DEFAULT_DB_ALIAS, "adding": False}
        content = {"_state": state, **row}
        for name in self.jsons:
            if content[name] is not None:
                content[name] = copied(content[name])
        instance.__dict__ = content
        return instance

    def begin_instance(self, instance: Any, values: Row) -> None:
        """`Model.__init__` with keywords alone."""
        content = instance.__dict__
        content["_state"] = ModelState()
        content |= self.constants
        for name, make in self.makers.items():
            if name not in values:
                content[name] = make()
        setters = self.setters
        for name, value in values.items():
            if name in setters:
                content[name] = value
            elif name in self.names or name in self.meta._property_names:
                setattr(instance, name, value)  # a relation, or the key by its other name
            else:
                said = f"{self.meta.object_name}() got unexpected keyword arguments: {name!r}"
                raise TypeError(said)

    # --- writing -----------------------------------------------------------------------------------

    def take_key(self) -> int:
        """The next key; as in SQLite, one taken in vain is only given again after a rollback."""
        self.ledger.undo.append((self, NO_ROW, None, self.last_key))
        self.last_key += 1
        return self.last_key

    def insert(self, row: Row) -> None:
        """Raises IntegrityError; nothing was written then."""
        key = row[self.pk]
        if key in self.rows:
            raise IntegrityError(f"UNIQUE constraint failed: {self.meta.db_table}.{self.meta.pk.column}")
        self.verify(row, None)
        for unique in self.uniques:
            value = unique.key(row)
            if value is not None and value in unique.holders:
                raise IntegrityError(f"UNIQUE constraint failed: {unique.said}")
        self.refer(key, row, self.references)
        self.ledger.undo.append((self, key, None, self.last_key))
        if type(key) is int and key > self.last_key:
            self.last_key = key
        self.place(key, row)

    def replace(self, old: Row, changes: Row) -> None:
        """Place the row with its changes (canonical values that differ). Raises IntegrityError."""
        key = old[self.pk]
        self.ledger.undo.append((self, key, old, self.last_key))
        if not changes:
            return
        row = {**old, **changes}
        self.ledger.version += 1
        if self.watched.isdisjoint(changes):
            self.rows[key] = row
            for name, buckets in self.indexes.items():
                buckets[row[name]][key] = row
            return
        if self.pk in changes:
            raise NotImplementedError(f"an update of the primary key of {self.meta.label}")
        self.verify(row, changes)
        touched = [u for u in self.uniques if not u.columns.isdisjoint(changes)]
        for unique in touched:
            value = unique.key(row)
            if value is not None and unique.holders.get(value, key) != key:
                raise IntegrityError(f"UNIQUE constraint failed: {unique.said}")
        if not self.references.keys().isdisjoint(changes):
            self.refer(key, row, self.references.keys() & changes.keys())
        self.rows[key] = row
        for unique in touched:
            self.hold(unique, key, old, row)
        for name, buckets in self.indexes.items():
            self.shelve(buckets, key, old[name], row[name], row)

    def delete(self, row: Row) -> None:
        key = row[self.pk]
        self.ledger.undo.append((self, key, row, self.last_key))
        self.place(key, None)

    def place(self, key: Any, row: Row | None) -> None:
        """Put a row, or none, where another or none was; without judging it."""
        old = self.rows.get(key)
        self.ledger.version += 1
        for unique in self.uniques:
            self.hold(unique, key, old, row)
        for name, buckets in self.indexes.items():
            if row is None:
                del buckets[old[name]][key]  # type: ignore[index]
            elif old is None:
                buckets.setdefault(row[name], {})[key] = row
            else:
                self.shelve(buckets, key, old[name], row[name], row)
        if row is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = row

    @staticmethod
    def shelve(buckets: dict[Any, dict[Any, Row]], key: Any, old: Any, new: Any, row: Row) -> None:
        if old is not new and old != new:
            del buckets[old][key]
            buckets.setdefault(new, {})[key] = row
        else:
            buckets[new][key] = row

    @staticmethod
    def hold(unique: Unique, key: Any, old: Row | None, new: Row | None) -> None:
        before = None if old is None else unique.key(old)
        after = None if new is None else unique.key(new)
        if before != after:
            if before is not None and unique.holders.get(before) == key:
                del unique.holders[before]
            if after is not None:
                unique.holders[after] = key

    def verify(self, row: Row, changes: Row | None) -> None:
        """NOT NULL, then CHECK, as SQLite does."""
        for name in self.required if changes is None else self.required & changes.keys():
            if row[name] is None:
                column = self.meta.get_field(name).column
                raise IntegrityError(f"NOT NULL constraint failed: {self.meta.db_table}.{column}")
        for name in self.positive if changes is None else self.positive & changes.keys():
            if row[name] is not None and row[name] < 0:
                raise IntegrityError(f"CHECK constraint failed: {name}")
        for check in self.checks:
            if changes is None or not check.columns.isdisjoint(changes):
                check.verify(row)

    # --- references --------------------------------------------------------------------------------

    def refer(self, key: Any, row: Row, names: Iterable[str]) -> None:
        """References are judged at the end of the transaction, as on both databases; here, what is in doubt
        is noted."""
        for name in names:
            value = row[name]
            if value is not None and value not in self.tables[self.references[name]].rows:
                self.ledger.doubtful.append((self, key))
                return

    def check_references(self, key: Any) -> None:
        row = self.rows.get(key)
        if row is None:
            return
        for name, model in self.references.items():
            if row[name] is not None and row[name] not in self.tables[model].rows:
                raise IntegrityError("FOREIGN KEY constraint failed")


def defaults(meta: Any) -> tuple[Row, dict[str, Callable[[], Any]]]:
    """What a new instance begins with: values that never change, and those that are made each time."""
    constants, makers = {}, {}
    for field in meta.concrete_fields:
        if callable(field.default) and field.has_default():
            makers[field.attname] = field.get_default
        else:
            constants[field.attname] = field.get_default()
    return constants, makers


class Tables:
    """All tables of one store, each made when it is first asked for."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.of: dict[type[models.Model], Table] = {}

    def begin(self, ledger: Ledger) -> None:
        """Empty all tables for another store."""
        self.ledger = ledger
        for table in self.of.values():
            table.begin(ledger)

    def __getitem__(self, model: type[models.Model]) -> Table:
        try:
            return self.of[model]
        except KeyError:
            return self.make(model)

    def make(self, model: type[models.Model]) -> Table:
        concrete = model._meta.concrete_model
        if concrete is not model:
            raise NotImplementedError(f"the proxy model {model._meta.label}")
        if model._meta.parents:
            raise NotImplementedError(f"the inherited model {model._meta.label}")
        table = self.of[model] = Table(model, self)
        table.constrain()
        return table
