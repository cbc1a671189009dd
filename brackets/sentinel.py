"""The sentinel's round: after each comparison with the venue both legs of every bracket are judged.

Pure judgement is in `core/verdicts.py`, the repair itself in the machine (`core/sentinel.py`); here verdicts,
seconds of exposure and the comparisons in a row that a leg was bad in are stored with the bracket, and what
people should know becomes an alert, which is resolved when it is over.

A round costs a flat number of queries, whatever the number of brackets: one whose version was judged already
and found as it should be is not loaded again. `verify` counts the comparison; `measure` looks at time alone,
also while the venue does not answer.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import batched
from typing import Any

from django.db.models import F, Q, QuerySet

from brackets import accounts, holds, operations, records
from brackets.core.amounts import amount
from brackets.core.exposure import Exposure
from brackets.core.orders import Bracket as CoreBracket
from brackets.core.sentinel import is_held_back
from brackets.core.states import State
from brackets.core.verdicts import BAD, Verdict, Verdicts, judge, stopped
from brackets.models import Account, Bracket
from risk import alerts
from risk.core.plain import text
from risk.models import Alert, SystemConfig

log = logging.getLogger("backstop.sentinel")
BATCH = 500  # rows that one statement writes
MOST_CYCLES = 2  # a leg that is bad in more comparisons in a row is an alert
SAY_AGAIN = timedelta(seconds=60)  # what lasts is counted again so often, not with every round
SETTLED_STOPS = ["", Verdict.RESTING.value]
SETTLED_TARGETS = ["", Verdict.RESTING.value, Verdict.WATCHED.value]
NO_STOP, UNPROTECTED, UNSTOPPED = "position_without_stop", "unprotected_seconds", "unstopped_seconds"
STOP_BAD, TARGET_BAD = "stop_not_as_it_should_be", "target_not_as_it_should_be"
REPAIR_WAITS, REPAIR_REFUSED = "repair_waits", "repair_refused"
NOBODY_WATCHES = "nobody_watches"
COINS_MISSING = "coins_missing"
HELD = "held"
ABOUT_THE_STOP = (NO_STOP, UNPROTECTED, REPAIR_REFUSED, UNSTOPPED, STOP_BAD, REPAIR_WAITS)
"""What may be told of a stop, what says most first: the first that is so is the alert."""
REASONS = (REPAIR_REFUSED, REPAIR_WAITS)
"""Why it lasts: told with what says more."""
CODES = (
    NO_STOP,
    UNPROTECTED,
    UNSTOPPED,
    STOP_BAD,
    TARGET_BAD,
    REPAIR_WAITS,
    REPAIR_REFUSED,
    NOBODY_WATCHES,
    COINS_MISSING,
    HELD,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """Something to be alarmed of one bracket."""

    code: str
    severity: alerts.Severity
    message: str


Troubles = dict[str, dict[str, Trouble]]
"""By subject and code."""
Changes = dict[tuple[tuple[str, Any], ...], list[int]]
"""Columns with their new values, and the brackets they are of."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Thresholds:
    """Seconds from which a stretch without an order, or without a stop, is an alert."""

    unprotected_seconds: Decimal = Decimal(5)
    unstopped_seconds: Decimal = Decimal(60)


def verify(account: Account, *, at: datetime) -> int:
    """Judge both legs of every open bracket after a comparison with the venue; how many were looked at. The
    comparison is counted: repairs are spaced by it."""
    watched = accounts.watch_is_alive(account, at)
    was_watched = Account.objects.values_list("verified_watched", flat=True).get(pk=account.pk)
    looked_at = round_of(account, at=at, watched=watched, whole=watched is not was_watched, counts=True)
    Account.objects.filter(pk=account.pk).update(
        cycles=F("cycles") + 1, verified_at=at, verified_watched=watched
    )
    return looked_at


def measure(account: Account, *, at: datetime) -> int:
    """Refresh what grows with time, and the alerts of it, without a comparison; how many were looked at."""
    watched = accounts.watch_is_alive(account, at)
    return round_of(account, at=at, watched=watched, whole=False, counts=False)


def round_of(account: Account, *, at: datetime, watched: bool, whole: bool, counts: bool) -> int:
    rows = list(operations.open_brackets(account) if whole else unsettled(account, watched=watched))
    limits = thresholds_of(account) if rows else Thresholds()
    held = holds.reasons(rows)
    troubles: Troubles = {}
    changes: Changes = {}
    unjudged: set[str] = set()
    for row in rows:
        try:
            changed, found = look(row, at=at, watched=watched, counts=counts, limits=limits)
            found = [is_held(row, held[row.pk], found)] if row.pk in held else most_telling(found)
            changes.setdefault(tuple(changed.items()), []).append(row.pk)
            told = (replace(trouble, message=f"{row.symbol}: {trouble.message}") for trouble in found)
            troubles[subject_of(row.pk)] = {trouble.code: trouble for trouble in told}
        except Exception:
            unjudged.add(subject_of(row.pk))
            log.exception("bracket %s cannot be verified", row.pk)  # one must not keep the others from it
    write(changes)
    if not watched and (untended := untended_targets(account)):
        troubles[f"account {account.name}"] = {NOBODY_WATCHES: nobody_watches(untended)}
    tell(account, troubles, at=at, unjudged=unjudged)
    return len(rows)


def untended_targets(account: Account) -> int:
    """Where nobody watches, every target in our hands is missing: that is one trouble, not one a bracket."""
    missing = Bracket.objects.filter(account=account, target_verdict=Verdict.MISSING)
    return missing.exclude(state=State.EXIT_COMPLETE).count()


def nobody_watches(untended: int) -> Trouble:
    return Trouble(
        code=NOBODY_WATCHES,
        severity=alerts.Severity.WARNING,
        message=f"no watch is alive: the targets of {untended} brackets are looked at once a minute",
    )


def most_telling(found: list[Trouble]) -> list[Trouble]:
    """At most one trouble of the stop, so that nobody has to acknowledge one thing six times; why it lasts is
    told with it."""
    of_stop = {trouble.code: trouble for trouble in found if trouble.code in ABOUT_THE_STOP}
    if not of_stop:
        return found
    most = of_stop[next(code for code in ABOUT_THE_STOP if code in of_stop)]
    reasons = [of_stop[code].message for code in REASONS if code in of_stop and code != most.code]
    told = replace(most, message="; ".join([most.message, *reasons]))
    return [told, *(trouble for trouble in found if trouble.code not in ABOUT_THE_STOP)]


def is_held(row: Bracket, why: str, found: list[Trouble]) -> Trouble:
    """The one alert of a held bracket: a warning while its coins have their stop, as grave as what they lack
    else. Nobody acts on the target of a held bracket, so that one out of place is nothing more to tell."""
    others = [trouble for trouble in most_telling(found) if trouble.code != TARGET_BAD]
    critical = any(trouble.severity == alerts.Severity.CRITICAL for trouble in others)
    said = f"held, an operator must look: {why.rstrip('.')}"
    return Trouble(
        code=HELD,
        severity=alerts.Severity.CRITICAL if critical else alerts.Severity.WARNING,
        message=". ".join([*(trouble.message for trouble in others), said] if critical else [said]),
    )


def unsettled(account: Account, *, watched: bool) -> QuerySet[Bracket]:
    """Open brackets that changed since they were judged, whose legs are not at rest, that miss coins, or that
    are held. A target that nobody watches is missing as long as that lasts."""
    targets = SETTLED_TARGETS if watched else [*SETTLED_TARGETS, Verdict.MISSING.value]
    rested = Q(verified_version=F("version"), repairing=False)
    rested &= Q(stop_verdict__in=SETTLED_STOPS, target_verdict__in=targets, missing=0)
    return operations.open_brackets(account).exclude(rested & ~Q(state=State.HELD))


def thresholds_of(account: Account) -> Thresholds:
    config = SystemConfig.objects.filter(account=account.name).first() or SystemConfig()
    return Thresholds(
        unprotected_seconds=Decimal(config.unprotected_alarm_seconds),
        unstopped_seconds=Decimal(config.unstopped_alarm_seconds),
    )


# --- one bracket -------------------------------------------------------------------------------------------


def look(
    row: Bracket, *, at: datetime, watched: bool, counts: bool, limits: Thresholds
) -> tuple[dict[str, Any], list[Trouble]]:
    """Judge one bracket: the columns that change, and what there is to be alarmed of it."""
    bracket = records.load(row)
    verdicts = judge(bracket, at=at, watched=watched, rules=operations.RULES)
    exposed = records.measure(row, bracket, at)
    changed = note(row, verdicts, exposed, at=at, counts=counts, watched=watched)
    return changed, list(troubles_of(row, bracket, verdicts, exposed, limits))


def note(
    row: Bracket, verdicts: Verdicts, exposed: Exposure, *, at: datetime, counts: bool, watched: bool
) -> dict[str, Any]:
    """Set on the row what is new, not saved; the columns that changed."""
    stop, target = verdicts.stop or "", verdicts.target or ""
    values: dict[str, Any] = {
        "stop_verdict": stop,
        "target_verdict": target,
        "unprotected_seconds": exposed.unprotected_seconds,
        "unstopped_seconds": exposed.unstopped_seconds,
        "verified_version": row.version,
    }
    if (stop, target) != (row.stop_verdict, row.target_verdict):
        values["verdict_at"] = at
    if counts:
        values |= {
            "stop_bad_cycles": row.stop_bad_cycles + 1 if stop in BAD else 0,
            "target_bad_cycles": row.target_bad_cycles + 1 if target in BAD and watched else 0,
            "unstopped_cycles": 0 if verdicts.has_stop else row.unstopped_cycles + 1,
        }
    changed = {name: value for name, value in values.items() if getattr(row, name) != value}
    for name, value in changed.items():
        setattr(row, name, value)
    return changed


def write(changes: Changes) -> None:
    """Store what changed, rows of the same change together. A verdict on a version that is past by now does
    no harm: it says of which version it is, and the next round judges anew."""
    for changed, keys in changes.items():
        for batch in batched(keys if changed else (), BATCH):
            Bracket.objects.filter(pk__in=batch).update(**dict(changed))


def troubles_of(
    row: Bracket, bracket: CoreBracket, verdicts: Verdicts, exposed: Exposure, limits: Thresholds
) -> Iterator[Trouble]:
    coins = amount(bracket, bracket.coins)
    if not verdicts.has_stop and row.unstopped_cycles > MOST_CYCLES:
        yield Trouble(
            code=NO_STOP,
            severity=alerts.Severity.CRITICAL,
            message=f"of {coins} only {text(stopped(bracket))} have a stop at the venue, in "
            f"{row.unstopped_cycles} comparisons with it in a row{lasting(exposed)}",
        )
    if bracket.missing > 0:
        yield missing_coins(bracket)
    if verdicts.stop is None:
        return
    if exposed.bare_for_seconds > limits.unprotected_seconds:
        yield Trouble(
            code=UNPROTECTED,
            severity=alerts.Severity.CRITICAL,
            message=f"{coins} have had no order at the venue for {text(exposed.bare_for_seconds)} s",
        )
    if exposed.stopless_for_seconds > limits.unstopped_seconds and verdicts.stop is not Verdict.WATCHED:
        yield Trouble(
            code=UNSTOPPED,
            severity=alerts.Severity.WARNING,
            message=f"{coins} have had no stop at the venue for {text(exposed.stopless_for_seconds)} s",
        )
    for kind, verdict, cycles in (
        ("stop", verdicts.stop, row.stop_bad_cycles),
        ("target", verdicts.target, row.target_bad_cycles),
    ):
        if verdict in BAD and cycles > MOST_CYCLES:
            yield Trouble(
                code=STOP_BAD if kind == "stop" else TARGET_BAD,
                severity=alerts.Severity.WARNING,
                message=f"the {kind} is {verdict} in {cycles} comparisons with the venue in a row",
            )
    yield from repairs_of(bracket)


def lasting(exposed: Exposure) -> str:
    """For how long, where it is known that it lasts."""
    if exposed.bare_for_seconds > 0:
        return f", and for {text(exposed.bare_for_seconds)} s no order at all"
    return f", for {text(exposed.stopless_for_seconds)} s by now" if exposed.stopless_for_seconds > 0 else ""


def missing_coins(bracket: CoreBracket) -> Trouble:
    return Trouble(
        code=COINS_MISSING,
        severity=alerts.Severity.CRITICAL,
        message=f"{amount(bracket, bracket.missing)} are gone from the account or held there, and not by our "
        "orders: they have no stop and are not sold until they are back",
    )


def repairs_of(bracket: CoreBracket) -> Iterator[Trouble]:
    if bracket.repairing and bracket.funds_awaited:
        yield Trouble(
            code=REPAIR_REFUSED,
            severity=alerts.Severity.CRITICAL,
            message="coins or margin do not suffice for the stop "
            f"({bracket.repairs_refused} times refused); it is placed when a balance shows them",
        )
    elif is_held_back(bracket):
        yield Trouble(
            code=REPAIR_WAITS,
            severity=alerts.Severity.WARNING,
            message="somebody cancels or alters the leg again and again; until the next repair what has no "
            "order is in the hands of the watch",
        )


# --- alerts ------------------------------------------------------------------------------------------------


def tell(account: Account, troubles: Troubles, *, at: datetime, unjudged: set[str]) -> None:
    """Raise what is found, and resolve what is not found any more: also of a bracket that came to rest, or
    is over, and was not looked at in this round."""
    known: dict[tuple[str, str], Alert] = {
        (alert.subject, alert.code): alert
        for alert in alerts.open_alerts(account.name).filter(code__in=CODES)
    }
    for subject, code in known:
        if code not in troubles.get(subject, {}) and subject not in unjudged:
            alerts.resolve_alert(account=account.name, code=code, subject=subject, at=at)
    for subject, found in troubles.items():
        for trouble in found.values():
            alert = known.get((subject, trouble.code))
            if alert is not None and alerts.is_graver(alert.severity, trouble.severity):
                alerts.resolve_alert(account=account.name, code=trouble.code, subject=subject, at=at)
                alert = None  # what made it so grave is over
            graver = alert is not None and alerts.is_graver(trouble.severity, alert.severity)
            if alert is None or graver or at - alert.last_at >= SAY_AGAIN:
                alerts.raise_alert(
                    account=account.name,
                    severity=trouble.severity,
                    code=trouble.code,
                    subject=subject,
                    message=trouble.message,
                    at=at,
                )


def subject_of(bracket_id: int) -> str:
    return f"bracket {bracket_id}"
