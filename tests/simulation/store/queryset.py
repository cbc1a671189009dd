"""What managers hand out while the rows live in memory: the part of a QuerySet the product uses.

Lazy and immutable like Django's: every refinement is a clone. What is not offered raises NotImplementedError
by its name, never a wrong answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.db.models import Aggregate, Q, QuerySet
from django.db.transaction import TransactionManagementError

from tests.simulation.store import conditions, relations, shapes, writing
from tests.simulation.store.conditions import Where
from tests.simulation.store.expressions import aggregate, compute
from tests.simulation.store.lookups import Compute, reader
from tests.simulation.store.tables import Row, Table

EVERYTHING = Where()


class MemoryQuerySet:
    """A query over one table. Class attributes are what a fresh one has: clones copy few entries."""

    table: Table
    where: Where = EVERYTHING
    order: tuple[str, ...] | None = None  # None: the model's own
    backwards = False
    low = 0
    high: int | None = None
    related: tuple[str, ...] = ()
    prefetched: tuple[str, ...] = ()
    annotations: dict[str, Compute] = {}
    groups: dict[str, Any] = {}
    fields: tuple[str, ...] | None = None
    shape: str = ""  # "", "dict", "tuple" or "flat"
    locks = False
    unique = False
    known: tuple[Any, Any] | None = None  # a foreign key and the instance all rows refer to by it
    cache: list[Any] | None = None
    fresh = False  # from a manager's hand for one call: nobody else will see it, the first clone is itself

    def __init__(self, table: Table) -> None:
        self.table = table

    def clone(self) -> MemoryQuerySet:
        if self.fresh:
            self.fresh = False
            return self
        new = object.__new__(MemoryQuerySet)
        content = new.__dict__ = self.__dict__.copy()
        content.pop("cache", None)
        return new

    # --- what Django's own managers look at --------------------------------------------------------

    db = "default"
    _for_write = False
    _extract_model_params = QuerySet._extract_model_params
    get_or_create = QuerySet.get_or_create
    update_or_create = QuerySet.update_or_create

    @property
    def model(self) -> Any:
        return self.table.model

    def using(self, alias: str | None) -> MemoryQuerySet:
        self.fresh = False
        return self

    def _add_hints(self, **hints: Any) -> None:
        pass

    def _next_is_sticky(self) -> MemoryQuerySet:
        return self

    # --- refining ----------------------------------------------------------------------------------

    def all(self) -> MemoryQuerySet:
        return self.clone()

    def none(self) -> MemoryQuerySet:
        new = self.clone()
        new.where = Where(never=True)
        return new

    def filter(self, *args: Any, **kwargs: Any) -> MemoryQuerySet:
        new = self.clone()
        if args or kwargs:
            self.refuse_sliced()
            new.where = where = self.where.copy()
            conditions.narrow(self.table, where, args, kwargs, self.annotations)
        return new

    def exclude(self, *args: Any, **kwargs: Any) -> MemoryQuerySet:
        self.refuse_sliced()
        new = self.clone()
        new.where = where = self.where.copy()
        conditions.widen(self.table, where, Q(*args, **kwargs), self.annotations)
        return new

    def order_by(self, *names: Any) -> MemoryQuerySet:
        self.refuse_sliced()
        for name in names:
            if not isinstance(name, str) or name == "?":
                raise NotImplementedError(f"the order {name!r}")
        new = self.clone()
        new.order = names
        return new

    def reverse(self) -> MemoryQuerySet:
        new = self.clone()
        new.backwards = not self.backwards
        return new

    def select_related(self, *names: str) -> MemoryQuerySet:
        if not names:
            raise NotImplementedError("select_related() of everything")
        new = self.clone()
        new.related = () if names == (None,) else (*self.related, *names)
        return new

    def prefetch_related(self, *names: str) -> MemoryQuerySet:
        new = self.clone()
        new.prefetched = () if names == (None,) else (*self.prefetched, *names)
        return new

    def select_for_update(self, **options: Any) -> MemoryQuerySet:
        new = self.clone()
        new.locks = True
        return new

    def annotate(self, **expressions: Any) -> MemoryQuerySet:
        new = self.clone()
        if self.shape:
            if self.shape == "flat" or self.order != ():
                raise NotImplementedError("a grouping of flat or ordered values")
            new.groups = {**self.groups, **expressions}
            return new
        new.annotations = dict(self.annotations)
        for name, expression in expressions.items():
            new.annotations[name] = compute(self.table, expression, new.annotations)
            if new.order is None and has_aggregate(expression):
                new.order = ()  # Django drops the model's own order where SQL groups
        return new

    def values(self, *names: str) -> MemoryQuerySet:
        return self.shaped("dict", names or tuple(self.table.columns))

    def values_list(self, *names: str, flat: bool = False, named: bool = False) -> MemoryQuerySet:
        if named or (flat and len(names) != 1):
            raise NotImplementedError("values_list() named, or flat without exactly one name")
        return self.shaped("flat" if flat else "tuple", names or tuple(self.table.columns))

    def shaped(self, shape: str, names: tuple[str, ...]) -> MemoryQuerySet:
        new = self.clone()
        new.shape, new.fields = shape, names
        return new

    def distinct(self) -> MemoryQuerySet:
        new = self.clone()
        new.unique = True
        return new

    def refuse_sliced(self) -> None:
        if self.low or self.high is not None:
            raise TypeError("Cannot filter a query once a slice has been taken.")

    # --- rows --------------------------------------------------------------------------------------

    def found(self) -> list[Row]:
        """The rows, in no order and not sliced."""
        self.table.ledger.check_usable()
        if self.locks and not self.table.ledger.connection.in_atomic_block:
            # As PostgreSQL has it; SQLite does not notice.
            raise TransactionManagementError("select_for_update cannot be used outside of a transaction.")
        return conditions.find(self.table, self.where)

    def rows(self) -> list[Row]:
        rows = self.found()
        if len(rows) > 1:
            rows = self.sorted(rows)
        if self.low or self.high is not None:
            rows = rows[self.low : self.high]
        return rows

    def sorted(self, rows: list[Row]) -> list[Row]:
        """By the order asked for; without one, and among equals, by primary key."""
        pk = self.table.pk
        names = self.table.meta.ordering if self.order is None else self.order
        if len(names) == 1 and names[0] in DESCENDING_KEYS and self.table.meta.pk.name == names[0][1:]:
            return sorted(rows, key=lambda row: row[pk], reverse=not self.backwards)
        rows = sorted(rows, key=lambda row: row[pk])
        for name in reversed(names):
            key, descending = self.sort_key(name)
            rows.sort(key=key, reverse=descending != self.backwards)
        return rows

    def sort_key(self, name: str) -> tuple[Callable[[Row], Any], bool]:
        descending = name.startswith("-")
        read = self.reader(name.lstrip("-"))
        return (lambda row: (False, None) if (value := read(row)) is None else (True, value)), descending

    def reader(self, name: str) -> Compute:
        return self.annotations.get(name) or reader(self.table, name)

    def fetch(self) -> list[Any]:
        if self.cache is None:
            rows = self.rows()
            if self.shape:
                self.cache = shapes.plain(self, rows)
            else:
                self.cache = self.instances(rows)
        return self.cache

    def instances(self, rows: list[Row]) -> list[Any]:
        found = [self.table.instance(row) for row in rows]
        for name, compute_value in self.annotations.items():
            for instance, row in zip(found, rows, strict=True):
                instance.__dict__[name] = compute_value(row)
        if self.known is not None:
            field, owner = self.known
            for instance in found:
                field.set_cached_value(instance, owner)
        if found:
            for path in self.related:
                relations.select(self.table, found, path)
            if self.prefetched:
                relations.prefetch(self.table.tables, found, self.prefetched)
        return found

    def one_column(self) -> set[Any]:
        """The values of a subquery. Raises NotImplementedError where a NULL is among them, of which the two
        databases think differently from Python."""
        names = self.fields or ("pk",)
        if len(names) != 1:
            raise NotImplementedError("a subquery of several columns")
        if self.groups:
            raise NotImplementedError("a grouped subquery")
        read = self.reader(names[0])
        found = {read(row) for row in self.rows()}
        if None in found:
            raise NotImplementedError("a subquery with NULL in it")
        return found

    # --- answers -----------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Any]:
        return iter(self.fetch())

    def __len__(self) -> int:
        return len(self.fetch())

    def __bool__(self) -> bool:
        return bool(self.fetch())

    def __getitem__(self, wish: int | slice) -> Any:
        if self.cache is not None:
            return self.cache[wish]
        if isinstance(wish, int):
            return self[wish : wish + 1].fetch()[0]
        if wish.step is not None or (wish.start or 0) < 0 or (wish.stop is not None and wish.stop < 0):
            raise NotImplementedError(f"the slice {wish}")
        if self.low or self.high is not None:
            raise NotImplementedError("a slice of a slice")
        new = self.clone()
        new.low, new.high = wish.start or 0, wish.stop
        return new

    def __repr__(self) -> str:
        return f"<MemoryQuerySet of {self.table.meta.label}>"

    def iterator(self, chunk_size: int | None = None) -> Iterator[Any]:
        return iter(self.clone().fetch())

    def get(self, *args: Any, **kwargs: Any) -> Any:
        query = self.filter(*args, **kwargs)
        rows = query.found()
        name = self.table.meta.object_name
        if len(rows) == 1:
            return shapes.plain(query, rows)[0] if query.shape else query.instances(rows)[0]
        if not rows:
            raise self.model.DoesNotExist(f"{name} matching query does not exist.")
        many = "more than 20" if len(rows) > 20 else len(rows)
        raise self.model.MultipleObjectsReturned(
            f"get() returned more than one {name} -- it returned {many}!"
        )

    def first(self) -> Any:
        return next(iter(self.ordered()[:1]), None)

    def last(self) -> Any:
        return next(iter(self.ordered().reverse()[:1]), None)

    def latest(self, *names: str) -> Any:
        return self.order_by(*names).reverse().one("latest")

    def earliest(self, *names: str) -> Any:
        return self.order_by(*names).one("earliest")

    def one(self, asked: str) -> Any:
        if not self.order:
            raise NotImplementedError(f"{asked}() without a name")
        found = self[:1].fetch()
        if not found:
            raise self.model.DoesNotExist(f"{self.table.meta.object_name} matching query does not exist.")
        return found[0]

    def ordered(self) -> MemoryQuerySet:
        if self.order or (self.order is None and self.table.meta.ordering):
            return self
        return self.order_by("pk")

    def exists(self) -> bool:
        return bool(self.cache if self.cache is not None else self.window(self.found()))

    def count(self) -> int:
        return len(self.cache if self.cache is not None else self.window(self.found()))

    def window(self, rows: list[Row]) -> list[Row]:
        if self.unique:
            raise NotImplementedError("count() or exists() of distinct()")
        return rows[self.low : self.high]

    def contains(self, instance: Any) -> bool:
        return self.filter(pk=instance.pk).exists()

    def in_bulk(self, keys: Iterable[Any] | None = None) -> dict[Any, Any]:
        query = self if keys is None else self.filter(pk__in=list(keys))
        return {instance.pk: instance for instance in query}

    def aggregate(self, **expressions: Any) -> dict[str, Any]:
        rows = self.rows()
        return {
            name: aggregate(self.table, expression, rows, self.annotations)
            for name, expression in expressions.items()
        }

    # --- writing -----------------------------------------------------------------------------------

    def create(self, **values: Any) -> Any:
        instance = self.model(**values)
        instance.save(force_insert=True)
        return instance

    def update(self, **values: Any) -> int:
        self.refuse_sliced()
        self.cache = None
        return writing.update(self, values)

    def delete(self) -> tuple[int, dict[str, int]]:
        self.refuse_sliced()
        return writing.delete(self.table, self.found)

    def bulk_create(
        self, instances: Iterable[Any], batch_size: int | None = None, **options: Any
    ) -> list[Any]:
        return writing.bulk_create(self.table, list(instances), **options)

    def bulk_update(
        self, instances: Iterable[Any], fields: Iterable[str], batch_size: int | None = None
    ) -> int:
        return writing.bulk_update(self.table, list(instances), list(fields))


def has_aggregate(expression: Any) -> bool:
    return any(isinstance(one, Aggregate) for one in expression.flatten())


DESCENDING_KEYS = frozenset({"-pk", "-id"})


def refusal(name: str) -> Callable[..., Any]:
    def refuse(self: MemoryQuerySet, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"QuerySet.{name}() in memory")

    return refuse


for _name in dir(QuerySet):
    if not _name.startswith("_") and not hasattr(MemoryQuerySet, _name):
        setattr(MemoryQuerySet, _name, refusal(_name))
