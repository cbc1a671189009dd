"""The force test: open a small position through the one door and look, step by step, at what stands.

Every line it says was read from the records or from the venue at that moment; nothing is assumed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils import timezone

from brackets import accounts, records, tasks, venues
from brackets.core.legs import legs
from brackets.core.orders import ZERO
from brackets.core.states import ExitReason, Role, State
from brackets.models import Account, Bracket, Order
from brackets.venue.port import VenueStatus, VenueUnavailable
from brackets.watch import run_hooks
from risk.core.gate import DenialCode
from risk.core.plain import text
from risk.models import AuditRow
from trading import commands, market
from trading.models import Command, Trade

Say = Callable[[str], None]
PROTECT_SECONDS = 90
DEMO_PATIENCE_SECONDS = 180
OVER = frozenset({State.EXIT_COMPLETE})


class ForceTestFailed(Exception):
    """What was expected did not come about; the message says what stands instead."""


def submit(symbol: str, amount_usd: str, say: Say) -> Command:
    """Ask for the position. Where the demo trader holds the coin, wait until it has made room."""
    payload = {"symbol": symbol, "amount_usd": amount_usd}
    patience = timezone.now() + timedelta(seconds=DEMO_PATIENCE_SECONDS)
    while True:
        command = commands.submit("force-test", payload, user=None, actor="manage.py force_test")
        codes = {denial["code"] for denial in command.denials}
        account = command.account
        if account.mode != "demo" or codes != {DenialCode.POSITION_OPEN} or timezone.now() > patience:
            return command
        base = market.instrument_named(account, symbol).base
        in_the_way = Trade.objects.filter(account=account, base=base, status=Trade.Status.OPEN).first()
        if in_the_way is None:
            continue  # it closed this moment
        if in_the_way.source != Trade.Source.AUTOPILOT:
            return command
        say(
            f"waiting  the demo trader holds {base} (trade {in_the_way.pk}) and makes room when it has closed"
        )
        wait_until_closed(account, in_the_way, patience)


def wait_until_closed(account: Account, trade: Trade, patience: datetime) -> None:
    while trade.status == Trade.Status.OPEN and timezone.now() < patience:
        be_the_watch_if_there_is_none(account)
        time.sleep(0.5)
        trade.refresh_from_db()


def be_the_watch_if_there_is_none(account: Account) -> None:
    if not accounts.watch_is_alive(account, timezone.now()):
        tasks.reconcile_once(account)
        time.sleep(1.5)  # the rate budget is small


def report(command: Command, say: Say, *, wait_seconds: int) -> None:
    """Follow a force test's command: entry, stop on the venue, watched target, records; and with
    `wait_seconds`, which leg closed it and that nothing is left. Raises ForceTestFailed."""
    trade = command.trade
    if trade is None:
        reasons = "; ".join(denial["message"] for denial in command.denials)
        raise ForceTestFailed(f"denied, nothing was written: {reasons or command.message}")
    account = trade.account
    bracket = follow(
        account,
        trade.bracket_id,
        until=lambda b: b.state not in (State.FLAT, State.ENTRY_PLACED, State.ENTRY_FILLED),
        seconds=PROTECT_SECONDS,
        what="protected",
    )
    if bracket.exit_reason == ExitReason.VALIDATED:
        say("validated the venue found the entry good; validate mode places nothing")
        say_records(bracket, trade, say)
        return
    say_entry(bracket, trade, say)
    say_stop(account, bracket, say)
    say_target(bracket, say)
    say_records(bracket, trade, say)
    if wait_seconds:
        say(f"waiting  up to {wait_seconds} s for one of the legs")
        follow(account, bracket.pk, until=lambda b: b.state in OVER, seconds=wait_seconds, what="closed")
        say_end(account, trade, say)


def follow(
    account: Account, bracket_id: int, *, until: Callable[[Bracket], bool], seconds: int, what: str
) -> Bracket:
    """Wait for the bracket; where no watch is alive, do its work meanwhile."""
    patience = timezone.now() + timedelta(seconds=seconds)
    while True:
        bracket = Bracket.objects.get(pk=bracket_id)
        if until(bracket):
            return bracket
        if timezone.now() > patience:
            raise ForceTestFailed(
                f"not {what} within {seconds} s: the bracket is {bracket.state} {bracket.alarm}".rstrip()
            )
        be_the_watch_if_there_is_none(account)
        time.sleep(0.25)


def orders(bracket: Bracket, role: Role) -> list[Order]:
    return list(bracket.orders.filter(role=role).order_by("pk"))


def say_entry(bracket: Bracket, trade: Trade, say: Say) -> None:
    for order in orders(bracket, Role.ENTRY):
        if not order.filled_quantity:
            raise ForceTestFailed(
                f"the entry bought nothing: {order.status} {order.refused_reason} {order.message}".rstrip()
            )
        say(
            f"entry    order {order.venue_order_id} bought {text(order.filled_quantity)} {bracket.base} at "
            f"{text(order.average_price or ZERO)} (trade {trade.pk}, bracket {bracket.pk})"
        )


def say_stop(account: Account, bracket: Bracket, say: Say) -> None:
    stops = orders(bracket, Role.STOP)
    if not stops:
        raise ForceTestFailed("there is no stop")
    ids = [order.venue_order_id for order in stops if order.venue_order_id]
    try:
        seen = {report.venue_order_id: report for report in venues.of(account).orders(ids, urgent=True)}
    except VenueUnavailable as error:
        raise ForceTestFailed(f"the stop could not be read back: {error}") from error
    for order in stops:
        report = seen.get(order.venue_order_id or "")
        if report is None:
            raise ForceTestFailed(f"the venue does not show stop {order.venue_order_id}")
        say(
            f"stop     order {report.venue_order_id} is {report.status} at the venue: sells "
            f"{text(report.quantity)} {bracket.base} at {text(report.trigger_price or ZERO)}"
        )


def say_target(bracket: Bracket, say: Say) -> None:
    """Where the target is: watched by us, or resting once the price has come near (policy nearest)."""
    custody = legs(records.load(bracket))[1].custody
    where = f"no longer watched ({bracket.state})" if custody is None else custody.lower()
    say(f"target   {text(bracket.target_price)}, {where}")


def say_records(bracket: Bracket, trade: Trade, say: Say) -> None:
    audit = AuditRow.objects.filter(subject=f"bracket {bracket.pk}").count()
    say(
        f"records  trade {trade.pk} {trade.source}, bracket {bracket.pk} {bracket.state}, "
        f"{bracket.orders.count()} orders, {bracket.events.count()} events, {audit} audit rows"
    )


def say_end(account: Account, trade: Trade, say: Say) -> None:
    patience = timezone.now() + timedelta(seconds=30)
    trade.refresh_from_db()
    while trade.status != Trade.Status.CLOSED and timezone.now() < patience:
        time.sleep(0.25)
        if not accounts.watch_is_alive(account, timezone.now()):
            run_hooks(account)
        trade.refresh_from_db()
    if trade.status != Trade.Status.CLOSED:
        raise ForceTestFailed("the bracket is complete and the trade was not settled")
    say(
        f"closed   by {trade.exit_reason} at {text(trade.exit_price or ZERO)}: PnL "
        f"{text(trade.realized_pnl or ZERO)}, fees {text(trade.fees)}, R {trade.r_multiple or 0:.2f}"
    )
    ids = [o.venue_order_id for o in trade.bracket.orders.all() if o.venue_order_id]
    left = [
        report.venue_order_id
        for report in venues.of(account).orders(ids, urgent=True)
        if report.status in (VenueStatus.OPEN, VenueStatus.PENDING)
    ]
    if left:
        raise ForceTestFailed(f"still open at the venue: {', '.join(left)}")
    say(f"venue    nothing of it is left: {len(ids)} orders, all ended")
