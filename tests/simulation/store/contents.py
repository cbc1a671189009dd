"""What a store holds, read through the ORM: by this two stores are compared."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db import connection

UNCOMPARABLE = {"django_q.OrmQ": ("payload",)}
"""A queued task is signed with the time of the wall's clock."""


def in_transaction() -> bool:
    """Whether a transaction is running: nothing may be said to the venue then."""
    return bool(connection.in_atomic_block)


def contents() -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables by model, in the order of their keys, every column by its attname."""
    found = {}
    for model in apps.get_models(include_auto_created=True):
        if model._meta.managed and not model._meta.proxy:
            label = model._meta.label
            names = [field.attname for field in model._meta.concrete_fields]
            names = [name for name in names if name not in UNCOMPARABLE.get(label, ())]
            rows = list(model._base_manager.order_by("pk").values(*names))
            if rows:
                found[label] = rows
    return found
