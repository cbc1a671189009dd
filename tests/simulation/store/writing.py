"""Writing rows: save, create, update, delete, and the bulk forms, each one statement.

Values become what the column would give back before they are placed; the instance keeps what it had, as with
Django. Signals are not sent: the product listens to none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import FieldError
from django.db import DEFAULT_DB_ALIAS, DatabaseError, IntegrityError, models
from django.db.models import ProtectedError

from tests.simulation.store.conditions import key_of
from tests.simulation.store.expressions import compute
from tests.simulation.store.ledger import Statement

if TYPE_CHECKING:
    from tests.simulation.store.queryset import MemoryQuerySet
    from tests.simulation.store.tables import Row, Table


# --- one instance ----------------------------------------------------------------------------------


def save(
    table: Table,
    instance: Any,
    *,
    force_insert: bool = False,
    force_update: bool = False,
    update_fields: Iterable[str] | None = None,
) -> None:
    """`Model.save`: an update where the row is there, else an insert."""
    if update_fields is not None:
        update_fields = frozenset(update_fields)
        if not update_fields:
            return
    if force_insert and (force_update or update_fields):
        raise ValueError("Cannot force both insert and updating in model saving.")
    heed_relations(table, instance, "save")
    names = table.columns if update_fields is None else attnames(table, update_fields)
    with Statement(table.ledger):
        key = instance.__dict__.get(table.pk)
        if key is None and (force_update or update_fields):
            raise ValueError("Cannot force an update in save() with no primary key.")
        updated = False
        if key is not None and not force_insert:
            row = table.rows.get(table.convert[table.pk](key))
            stamp(table, instance, names, add=False)
            if row is not None:
                table.replace(row, differences(table, row, instance.__dict__, names))
                updated = True
            elif force_update or update_fields:
                raise DatabaseError(
                    "Forced update did not affect any rows."
                    if force_update
                    else "Save with update_fields did not affect any rows."
                )
        if not updated:
            insert(table, instance)
    stored(instance)


def attnames(table: Table, names: frozenset[str]) -> list[str]:
    unknown = [name for name in names if name not in table.names or table.names[name] == table.pk]
    if unknown:
        raise ValueError(
            "The following fields do not exist in this model, are m2m fields, primary keys, or are "
            f"non-concrete fields: {', '.join(unknown)}"
        )
    return [table.names[name] for name in names]


def insert(table: Table, instance: Any) -> None:
    """One new row; the instance learns its key."""
    stamp(table, instance, table.columns, add=True)
    row = new_row(table, instance)
    if row[table.pk] is None:
        row[table.pk] = table.take_key()
    table.insert(row)
    instance.__dict__[table.pk] = row[table.pk]


def new_row(table: Table, instance: Any) -> Row:
    content, row = instance.__dict__, {}
    for name, convert in table.convert.items():
        value = content[name]
        if value is not None:
            if hasattr(value, "resolve_expression"):
                raise NotImplementedError(f"the expression {value!r} saved in {table.meta.label}")
            value = convert(value)
        row[name] = value
    return row


def differences(table: Table, row: Row, content: dict[str, Any], names: Iterable[str]) -> Row:
    """What would change in the row, canonical."""
    changes: Row = {}
    for name in names:
        value, old = content[name], row[name]
        if value is old:
            continue
        if value is not None:
            if hasattr(value, "resolve_expression"):
                raise NotImplementedError(f"the expression {value!r} saved in {table.meta.label}")
            value = table.convert[name](value)
        if value != old or type(value) is not type(old):
            changes[name] = value
    return changes


def stamp(table: Table, instance: Any, names: Iterable[str], *, add: bool) -> None:
    for field in table.stamped:
        if field.attname in names:
            field.pre_save(instance, add)


def stored(instance: Any) -> None:
    instance._state.db, instance._state.adding = DEFAULT_DB_ALIAS, False


def heed_relations(table: Table, instance: Any, operation: str) -> None:
    """As Model._prepare_related_fields_for_save: an assigned instance without a key must not be lost."""
    cached = instance._state.fields_cache
    if not cached:
        return
    for field in table.relations:
        other = cached.get(field.cache_name)
        if other is None:
            continue
        if other.pk is None:
            raise ValueError(
                f"{operation}() prohibited to prevent data loss due to unsaved related object '{field.name}'."
            )
        if getattr(instance, field.attname) in field.empty_values:
            setattr(instance, field.name, other)
        if other.pk != getattr(instance, field.attname):
            field.delete_cached_value(instance)


# --- many ------------------------------------------------------------------------------------------


def update(query: MemoryQuerySet, values: dict[str, Any]) -> int:
    """`QuerySet.update`: how many rows were matched."""
    table = query.table
    names, convert = table.names, table.convert
    for name in values:
        if name not in names:
            raise FieldError(f"Cannot resolve keyword {name!r} into field.")
    if not values:
        return 0
    with Statement(table.ledger):
        rows = query.found()
        if len(rows) > 1:
            rows = sorted(rows, key=lambda row: row[table.pk])
        fresh: dict[str, Any] = {}
        computed: dict[str, Callable[[Row], Any]] = {}
        first = rows[0] if rows else {}
        for name, value in values.items():
            attname = names[name]
            if value is None or value is first.get(attname):
                fresh[attname] = value
            elif hasattr(value, "resolve_expression"):
                computed[attname] = compute(table, value, {})
            else:
                fresh[attname] = convert[attname](key_of(value) if isinstance(value, models.Model) else value)
        for row in rows:
            changes = {name: value for name, value in fresh.items() if row[name] is not value}
            changes = {
                name: value
                for name, value in changes.items()
                if row[name] != value or type(row[name]) is not type(value)
            }
            for attname, function in computed.items():
                value = function(row)
                changes[attname] = None if value is None else convert[attname](value)
            table.replace(row, changes)
    return len(rows)


def bulk_create(
    table: Table,
    instances: list[Any],
    *,
    ignore_conflicts: bool = False,
    update_conflicts: bool = False,
    update_fields: Sequence[str] | None = None,
    unique_fields: Sequence[str] | None = None,
) -> list[Any]:
    if not instances:
        return instances
    for instance in instances:
        heed_relations(table, instance, "bulk_create")
    if update_conflicts and not (update_fields and unique_fields):
        raise ValueError("update_fields and unique_fields must be provided")
    learns = not ignore_conflicts and not update_conflicts
    unique = [table.names[name] for name in unique_fields or ()]
    changed = [table.names[name] for name in update_fields or ()]
    instances_in_turn = sorted(instances, key=lambda one: one.pk is None)  # those with a key go first
    with Statement(table.ledger):
        for instance in instances_in_turn:
            stamp(table, instance, table.columns, add=True)
        rows = [new_row(table, instance) for instance in instances_in_turn]
        for instance, row in zip(instances_in_turn, rows, strict=True):
            if row[table.pk] is None:
                row[table.pk] = table.take_key()
            if ignore_conflicts:
                insert_or_ignore(table, row)
            elif update_conflicts and (old := holder(table, row, unique)) is not None:
                table.replace(old, {n: row[n] for n in changed if row[n] != old[n]})
            else:
                table.insert(row)
                if learns:
                    instance.__dict__[table.pk] = row[table.pk]
    for instance in instances:
        stored(instance)
    return instances


def insert_or_ignore(table: Table, row: Row) -> None:
    """SQLite passes over what breaks any constraint, checks too (PostgreSQL: what is there already)."""
    try:
        table.insert(row)
    except IntegrityError:
        pass


def holder(table: Table, row: Row, attnames: list[str]) -> Row | None:
    """The row that has the same values in the columns of a constraint."""
    for unique in table.uniques:
        if unique.condition is None and set(unique.attnames) == set(attnames):
            key = unique.key(row)
            return None if key is None or key not in unique.holders else table.rows[unique.holders[key]]
    raise NotImplementedError(f"update_conflicts of {table.meta.label} on {attnames}")


def bulk_update(table: Table, instances: list[Any], fields: list[str]) -> int:
    names = attnames(table, frozenset(fields))
    for instance in instances:
        if instance.pk is None:
            raise ValueError("All bulk_update() objects must have a primary key set.")
        heed_relations(table, instance, "bulk_update")
    with Statement(table.ledger):
        count = 0
        for instance in sorted(instances, key=lambda one: one.pk):
            row = table.rows.get(instance.pk)
            if row is not None:
                count += 1
                table.replace(row, differences(table, row, instance.__dict__, names))
    return count


# --- deleting --------------------------------------------------------------------------------------


def delete(table: Table, find: Callable[[], list[Row]]) -> tuple[int, dict[str, int]]:
    """Rows and what their deletion takes with it. Raises ProtectedError before anything is deleted."""
    doomed: dict[tuple[Table, Any], Row] = {}
    for row in find():
        collect(table, row, doomed)
    with Statement(table.ledger):
        counts: dict[str, int] = {}
        for (owner, _key), row in reversed(doomed.items()):
            owner.delete(row)
            counts[owner.meta.label] = counts.get(owner.meta.label, 0) + 1
    return sum(counts.values()), counts


def collect(table: Table, row: Row, doomed: dict[tuple[Table, Any], Row]) -> None:
    key = row[table.pk]
    if (table, key) in doomed:
        return
    doomed[table, key] = row
    hidden = table.meta.get_fields(include_hidden=True)
    for relation in hidden:
        if (
            not relation.auto_created
            or relation.concrete
            or not (relation.one_to_many or relation.one_to_one)
        ):
            continue
        other = table.tables[relation.related_model]
        found = list(other.indexes[relation.field.attname].get(key, {}).values())
        if not found:
            continue
        if relation.on_delete is models.PROTECT:
            who = {other.instance(one) for one in found}
            raise ProtectedError(f"rows of {other.meta.label} refer to it", who)
        if relation.on_delete is not models.CASCADE:
            raise NotImplementedError(f"on_delete of {relation.field}")
        for one in found:
            collect(other, one, doomed)


__all__ = ["IntegrityError", "bulk_create", "bulk_update", "delete", "save", "update"]
