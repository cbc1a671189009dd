"""Names in queries, understood: columns, paths along references, relations to many rows, comparisons."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulation.store.tables import Row, Table

Compute = Callable[["Row"], Any]
Compare = Callable[[Any, Any], bool]
COMPARISONS: dict[str, Compare] = {
    "exact": lambda value, wanted: value == wanted,
    "gt": lambda value, wanted: value > wanted,
    "gte": lambda value, wanted: value >= wanted,
    "lt": lambda value, wanted: value < wanted,
    "lte": lambda value, wanted: value <= wanted,
    "in": lambda value, wanted: value in wanted,
    "startswith": lambda value, wanted: value.startswith(wanted),
}
WORDS = frozenset({*COMPARISONS, "isnull"})


@dataclass(frozen=True, slots=True)
class Lookup:
    """One keyword of a filter, understood: `bracket__state__in` of an order."""

    name: str
    attname: str  # of the last table
    word: str  # the comparison
    read: Compute  # from a row of the first table
    local: bool  # whether the column is the first table's own
    convert: Callable[[Any], Any]
    is_json: bool
    is_plain: bool = False  # an own column, not of JSON, to be equal
    relation: str = ""  # a relation to many rows: the rest is asked of those
    rest: str = ""


@dataclass(slots=True)
class Related:
    """Rows that belong to a row by a relation to many."""

    table: Table
    rows: Callable[[Row], Iterable[Row]]
    keys: Callable[[Row], Iterable[Any]] = field(default=lambda row: ())
    """From one of those rows back to the primary keys of the first table."""


def lookup_of(table: Table, name: str) -> Lookup:
    try:
        found: Lookup = table.lookups[name]
    except KeyError:
        found = table.lookups[name] = understand(table, name)
    return found


def understand(table: Table, name: str) -> Lookup:
    parts = name.split("__")
    word = parts.pop() if len(parts) > 1 and parts[-1] in WORDS else "exact"
    if parts[0] not in table.names:
        if parts[0] in relations_to_many(table):
            rest = "__".join([*parts[1:], word]) if parts[1:] else f"pk__{word}"
            return Lookup(name, "", word, never_read, False, never_read, False, relation=parts[0], rest=rest)
        return reverse_single(table, parts, word, name)
    last, steps = table, []
    while len(parts) > 1 and last.attname(parts[0]) in last.references:
        attname = last.attname(parts.pop(0))
        steps.append((attname, last.tables[last.references[attname]].rows))
        last = last.tables[last.references[attname]]
    if len(parts) > 1:
        raise NotImplementedError(f"the lookup {name!r} of {table.meta.label}")
    attname = last.attname(parts[0])
    convert, is_json = last.convert[attname], attname in last.jsons
    if steps and attname == last.pk:  # `bracket__id` is this table's own `bracket_id`
        attname = steps.pop()[0]
    read, local = path_reader(steps, attname), not steps
    is_plain = local and word == "exact" and not is_json
    return Lookup(name, attname, word, read, local, convert, is_json, is_plain)


def reverse_single(table: Table, parts: list[str], word: str, name: str) -> Lookup:
    """`trade__status` of a bracket: over the one row that refers to this one."""
    for relation in table.meta.related_objects:
        if relation.one_to_one and relation.name == parts[0]:
            other = table.tables[relation.related_model]
            inner = understand(other, "__".join([*(parts[1:] or ["pk"]), word]))
            read = through_referring(table.pk, other.indexes[relation.field.attname], inner.read)
            return Lookup(name, inner.attname, word, read, False, inner.convert, inner.is_json)
    raise NotImplementedError(f"the lookup {name!r} of {table.meta.label}")


def through_referring(key: str, buckets: dict[Any, dict[Any, Row]], inner: Compute) -> Compute:
    def read(row: Row) -> Any:
        found = buckets.get(row[key])
        return inner(next(iter(found.values()))) if found else None

    return read


def path_reader(steps: list[tuple[str, dict[Any, Row]]], attname: str) -> Compute:
    if not steps:
        return lambda row: row[attname]
    if len(steps) == 1:
        ((first, rows),) = steps
        return lambda row: None if (key := row[first]) is None else rows[key][attname]

    def read(row: Row) -> Any:
        for name, rows in steps:
            key = row[name]
            if key is None:
                return None
            row = rows[key]
        return row[attname]

    return read


def never_read(row: Row) -> Any:
    raise NotImplementedError("a relation to many rows where one value is wanted")


def reader(table: Table, name: str) -> Compute:
    """The value of a name with a path ("bracket__state"). Raises NotImplementedError."""
    lookup = lookup_of(table, name)
    if lookup.relation or name.rpartition("__")[2] in WORDS:
        raise NotImplementedError(f"the name {name!r} of {table.meta.label}")
    return lookup.read


def relations_to_many(table: Table) -> dict[str, Any]:
    found = {r.name: r for r in table.meta.related_objects if not r.one_to_one}
    return found | {f.name: f for f in table.meta.many_to_many}


def related_rows(table: Table, name: str) -> Related:
    relation = relations_to_many(table).get(name)
    if relation is None:
        raise NotImplementedError(f"the relation {name!r} of {table.meta.label}")
    other, key = table.tables[relation.related_model], table.pk
    if relation.one_to_many:
        attname = relation.field.attname
        buckets = other.indexes[attname]
        return Related(other, lambda row: buckets.get(row[key], {}).values(), lambda row: (row[attname],))
    forward = not relation.auto_created
    m2m = relation if forward else relation.field
    through = table.tables[m2m.remote_field.through]
    here, there = m2m.m2m_field_name(), m2m.m2m_reverse_field_name()
    here, there = (f"{name}_id" for name in ((here, there) if forward else (there, here)))
    links, back = through.indexes[here], through.indexes[there]
    return Related(
        other,
        lambda row: [other.rows[link[there]] for link in links.get(row[key], {}).values()],
        lambda row: [link[here] for link in back.get(row[other.pk], {}).values()],
    )
