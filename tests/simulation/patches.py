"""The seams at which the product meets the real world, and what stands there in a simulated one.

Time, process names, random ids, sleeping, queueing and the venue's adapter: nothing of the product's own
logic is replaced.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, tzinfo
from random import Random
from typing import Any

from django.db.models import Manager, Model
from django.db.models.manager import BaseManager
from django.db.transaction import Atomic
from django.test.utils import override_settings
from django.utils import timezone

from brackets import leases, outbox, reconcile, storage, venues
from brackets.watch import following, streams
from trading import coins

HOOKS = ["trading.hooks.settle", "trading.hooks.finish_liquidations"]  # nobody trades by himself here


@contextmanager
def swapped(owner: Any, name: str, value: object) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


@contextmanager
def swapped_default(function: Callable[..., object], name: str, value: object) -> Iterator[None]:
    """Another default of a keyword-only argument."""
    defaults: dict[str, Any] = function.__kwdefaults__  # type: ignore[attr-defined]
    before, defaults[name] = defaults[name], value
    try:
        yield
    finally:
        defaults[name] = before


def virtual_datetime(now: Callable[[], datetime]) -> type[datetime]:
    """What `timezone.now` reads. The function itself is bound as a default all over the product; the name
    it looks up is the one place to reach all of them."""

    class VirtualDatetime(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return now()

    return VirtualDatetime


@contextmanager
def questions_heard(asked: Callable[[], None]) -> Iterator[None]:
    """Call `asked` before every question the product asks of the database, and before every row it saves:
    where the product begins one, so that both stores have the same."""
    question, save = BaseManager.get_queryset, Model.save

    def get_queryset(manager: Any) -> Any:
        if type(manager) is Manager and manager.name == "objects":  # no other is the product's own
            asked()
        return question(manager)

    def saving(instance: Model, *args: Any, **options: Any) -> None:
        asked()
        save(instance, *args, **options)

    with swapped(BaseManager, "get_queryset", get_queryset), swapped(Model, "save", saving):
        yield


class VirtualTime:
    """Stands for the module `time` where only the monotonic clock is asked."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self.monotonic = seconds


@contextmanager
def installed(
    *,
    now: Callable[[], datetime],
    seconds: Callable[[], float],
    wait: Callable[[float], None],
    holder_name: Callable[[], str],
    is_dead: Callable[[str], bool],
    venue: Callable[[], Any],
    wake: Callable[[], None],
    begin: Callable[[], None],
    asked: Callable[[], None] | None,
    random: Random,
    settings: dict[str, object],
) -> Iterator[None]:
    """The simulated world stands around the product as long as this is open."""
    enter = Atomic.__enter__

    def entering(atomic: Atomic) -> object:
        begin()
        return enter(atomic)

    with ExitStack() as stack:
        put = stack.enter_context
        put(override_settings(WATCH_HOOKS=HOOKS, **settings))
        put(swapped(timezone, "datetime", virtual_datetime(now)))
        put(swapped(streams, "time", VirtualTime(seconds)))
        put(swapped(storage, "time", VirtualTime(seconds)))
        put(swapped(storage, "VOICE", storage.Voice()))  # it remembers what it said, for a process's life
        put(swapped_default(following.Follower.__init__, "monotonic", seconds))
        put(swapped_default(reconcile.swap_back_all, "pause", wait))
        put(swapped_default(coins.await_reading, "pause", wait))
        put(swapped(leases, "holder_name", holder_name))
        put(swapped(leases, "is_dead", is_dead))
        put(swapped(venues, "of", lambda account, **options: venue()))
        put(swapped(outbox, "async_task", lambda *args, **options: wake()))
        put(swapped(uuid, "uuid4", lambda: uuid.UUID(int=random.getrandbits(128), version=4)))
        put(swapped(Atomic, "__enter__", entering))
        if asked is not None:
            put(questions_heard(asked))
        yield
