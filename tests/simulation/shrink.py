"""Making a failure small: leave out what it does not need, as long as the same rule stays broken."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

from tests.simulation.options import House, Options
from tests.simulation.people import ImpossibleHouse
from tests.simulation.runs import Ending

MOST_TRIES = 1200
THROWS = 3
Live = Callable[[Options], Ending]


def shrink(
    options: Options,
    kind: str,
    live: Live,
    *,
    seconds: float = 60.0,
    clock: Callable[[], float] = time.monotonic,
) -> Options:
    """The smallest options found in which a violation of that kind remains. Greedy: what can be left out
    stays out, and all is tried again until nothing more can go, or the time is up."""
    until, tries = time.monotonic() + seconds, 0
    found = True
    while found:
        found = False
        for candidate in with_luck(smaller(options)):
            tries += 1
            if tries > MOST_TRIES or time.monotonic() > until:
                return options
            if still_fails(candidate, kind, live):
                options, found = candidate, True
                break
    return options


def still_fails(candidate: Options, kind: str, live: Live) -> bool:
    """Whether it breaks the same rule. What the product does not let be configured is no candidate."""
    try:
        return live(candidate).has(kind)
    except ImpossibleHouse:
        return False


def with_luck(candidates: Iterator[Options]) -> Iterator[Options]:
    """Each with a few throws of the dice: what is left out makes all later chances fall otherwise."""
    for candidate in candidates:
        for luck in range(THROWS):
            yield replace(candidate, luck=candidate.luck + luck)


def smaller(options: Options) -> Iterator[Options]:
    """What could be left out, the largest parts first."""
    yield from with_less_of(options, "incidents")
    yield from with_less_of(options, "owner_acts")
    yield from with_less_of(options, "skews")
    yield from with_fewer_faults(options)
    yield from with_fewer_symbols(options)
    yield from with_less_of(options, "acts")
    yield from with_less_time(options)
    yield from with_plainer_acts(options)
    yield from with_plainer_house(options)


def with_less_of(options: Options, name: str) -> Iterator[Options]:
    """None of them, half of them, one less."""
    items: tuple[Any, ...] = getattr(options, name)
    yield from (replace(options, **{name: kept}) for kept in less(items))


def less[T](items: tuple[T, ...]) -> Iterator[tuple[T, ...]]:
    if not items:
        return
    yield ()
    if len(items) > 3:
        half = len(items) // 2
        yield items[:half]
        yield items[half:]
    if len(items) > 1:
        for index in range(len(items)):
            yield items[:index] + items[index + 1 :]


def with_fewer_faults(options: Options) -> Iterator[Options]:
    rates = tuple(options.venue.rates.items())
    yield from (replace(options, venue=replace(options.venue, rates=dict(kept))) for kept in less(rates))


def with_fewer_symbols(options: Options) -> Iterator[Options]:
    if len(options.symbols) == 1:
        return
    for symbol in options.symbols:
        yield replace(
            options,
            symbols=tuple(one for one in options.symbols if one != symbol),
            acts=tuple(act for act in options.acts if act.symbol != symbol),
        )


def with_less_time(options: Options) -> Iterator[Options]:
    moments = [act.at for act in options.acts] + [one.at for one in options.incidents]
    for seconds in (round(max(moments, default=0.0)) + 5, options.trouble_seconds // 2):
        if 0 < seconds < options.trouble_seconds:
            yield replace(options, trouble_seconds=seconds)


def with_plainer_acts(options: Options) -> Iterator[Options]:
    for index, act in enumerate(options.acts):
        if act.twice:
            plain = replace(act, twice=False)
            yield replace(options, acts=(*options.acts[:index], plain, *options.acts[index + 1 :]))


def with_plainer_house(options: Options) -> Iterator[Options]:
    plain = House(mode=options.house.mode)
    for field in fields(House):
        usual = getattr(plain, field.name)
        if getattr(options.house, field.name) != usual:
            yield replace(options, house=replace(options.house, **{field.name: usual}))
