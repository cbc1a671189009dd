"""From row to row: what `row.orders`, `effect.order`, select_related and prefetch_related find in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulation.store.conditions import Where
from tests.simulation.store.lookups import related_rows
from tests.simulation.store.tables import NOTHING

if TYPE_CHECKING:
    from tests.simulation.store.queryset import MemoryQuerySet
    from tests.simulation.store.tables import Table, Tables


class RelatedRows:
    """What `row.orders` is: the manager of the rows that refer to an instance."""

    __slots__ = ("instance", "relation", "table")

    def __init__(self, table: Table, relation: Any, instance: Any) -> None:
        self.table, self.relation, self.instance = table, relation, instance

    @property
    def model(self) -> Any:
        return self.table.model

    def get_queryset(self) -> MemoryQuerySet:
        instance, field = self.instance, self.relation.field
        try:
            kept: MemoryQuerySet = instance._prefetched_objects_cache[self.relation.cache_name]
        except (AttributeError, KeyError):
            return referring(self.table, field, instance)
        return kept

    all = get_queryset

    def create(self, **values: Any) -> Any:
        getattr(self.instance, "_prefetched_objects_cache", {}).pop(self.relation.cache_name, None)
        return self.model._default_manager.create(**{**values, self.relation.field.name: self.instance})

    def __getattr__(self, name: str) -> Any:
        if name in {"add", "set", "remove", "clear", "get_or_create", "update_or_create", "bulk_create"}:
            raise NotImplementedError(f"{name}() of the rows that refer to an instance")
        return getattr(self.get_queryset(), name)


def referring(table: Table, field: Any, instance: Any) -> MemoryQuerySet:
    from tests.simulation.store.queryset import MemoryQuerySet

    if instance.pk is None:
        raise ValueError(
            f"{type(instance).__name__!r} instance needs to have a primary key value before this "
            "relationship can be used."
        )
    query = MemoryQuerySet(table)
    query.where = Where(equal=((field.attname, instance.pk),))
    query.known = (field, instance)
    return query


# --- select_related --------------------------------------------------------------------------------


def select(table: Table, instances: list[Any], path: str) -> None:
    """Every instance gets its own instances of what it refers to, along the path."""
    name, _, rest = path.partition("__")
    field = table.meta.get_field(name)
    if not (field.many_to_one or field.one_to_one):
        raise NotImplementedError(f"select_related({path!r}) of {table.meta.label}")
    other = table.tables[field.related_model]
    reach = forward if field.concrete else backward
    found = [one for instance in instances if (one := reach(other, field, instance)) is not None]
    if rest:
        select(other, found, rest)


def forward(other: Table, field: Any, instance: Any) -> Any:
    """The instance referred to: of an earlier path where there is one, else a fresh one."""
    if field.is_cached(instance):
        return field.get_cached_value(instance)
    key = instance.__dict__[field.attname]
    row = None if key is None else other.rows.get(key)
    related = None if row is None else other.instance(row)
    if row is not None or key is None:
        field.set_cached_value(instance, related)
    if related is not None and not field.remote_field.multiple:
        field.remote_field.set_cached_value(related, instance)
    return related


def backward(other: Table, relation: Any, instance: Any) -> Any:
    """The one instance that refers to it."""
    if relation.is_cached(instance):
        return relation.get_cached_value(instance)
    found = other.indexes[relation.field.attname].get(instance.pk, NOTHING)
    related = next((other.instance(row) for row in found.values()), None)
    relation.set_cached_value(instance, related)
    if related is not None:
        relation.field.set_cached_value(related, instance)
    return related


# --- prefetch_related ------------------------------------------------------------------------------


def prefetch(tables: Tables, instances: list[Any], paths: tuple[str, ...]) -> None:
    for path in paths:
        if not isinstance(path, str):
            raise NotImplementedError(f"prefetch_related({path!r})")
        level = instances
        for name in path.split("__"):
            if not level:
                break
            level = prefetch_level(tables[type(level[0])], level, name)


def prefetch_level(table: Table, instances: list[Any], name: str) -> list[Any]:
    """One step of a path for all instances; what was fetched before is used. Returns what it leads to."""
    relation = relation_named(table, name)
    if relation.many_to_many:
        return prefetch_many(table, instances, relation)
    if relation.one_to_many:
        return prefetch_referring(table, instances, relation)
    other = table.tables[relation.related_model]
    if not relation.concrete:
        return [one for instance in instances if (one := backward(other, relation, instance)) is not None]
    shared: dict[Any, Any] = {}
    for instance in instances:
        if relation.is_cached(instance):
            continue
        key = instance.__dict__[relation.attname]
        if key is not None and key not in shared:
            shared[key] = other.instance(other.rows[key])
        relation.set_cached_value(instance, shared.get(key))
    found = {id(one): one for i in instances if (one := relation.get_cached_value(i)) is not None}
    return list(found.values())


def relation_named(table: Table, name: str) -> Any:
    for relation in table.meta.related_objects:
        if relation.accessor_name == name:
            return relation
    return table.meta.get_field(name)


def prefetch_referring(table: Table, instances: list[Any], relation: Any) -> list[Any]:
    """`orders` of many brackets. Instances of one row share the list, which refers to the last of them."""
    field, other = relation.field, table.tables[relation.related_model]
    missing = lacking(instances, relation.cache_name)
    owners = {instance.pk: instance for instance in missing}
    children = {key: referring(other, field, owner).fetch() for key, owner in owners.items()}
    for instance in missing:
        query = referring(other, field, instance)
        query.cache = children[instance.pk]
        instance._prefetched_objects_cache[relation.cache_name] = query
    return reached(instances, relation.cache_name)


def prefetch_many(table: Table, instances: list[Any], relation: Any) -> list[Any]:
    """The other side of a many-to-many relation."""
    from tests.simulation.store.queryset import MemoryQuerySet

    forward = not relation.auto_created
    accessor = relation.name if forward else relation.accessor_name
    cache_name = relation.name if forward else relation.field.related_query_name()
    related = related_rows(table, relation.name)
    for instance in lacking(instances, cache_name):
        query = getattr(instance, accessor).get_queryset()
        plain = MemoryQuerySet(related.table)
        query.cache = plain.instances(plain.sorted(list(related.rows(table.rows[instance.pk]))))
        instance._prefetched_objects_cache[cache_name] = query
    return reached(instances, cache_name)


def lacking(instances: list[Any], cache_name: str) -> list[Any]:
    """Those that were not fetched before, ready to keep what will be."""
    caches = [instance.__dict__.setdefault("_prefetched_objects_cache", {}) for instance in instances]
    return [one for one, cache in zip(instances, caches, strict=True) if cache_name not in cache]


def reached(instances: list[Any], cache_name: str) -> list[Any]:
    """All children once, for the next step of the path."""
    found = {
        id(child): child for one in instances for child in one._prefetched_objects_cache[cache_name].fetch()
    }
    return list(found.values())
