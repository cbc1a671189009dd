"""Asking the venue whether a stop and a target may rest for the same coins (policy both_rest).

Kraken is assumed not to let them: an untriggered stop reserves the coins. Whether that is so on this
account is found out with the two smallest orders that must share coins, both far from the price, both
canceled again. What the venue did is kept on the account; `leg_policy` can be both_rest only where it works.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from brackets import counting, readers
from brackets.core.prices import round_down, round_up
from brackets.core.states import State
from brackets.models import Account, Bracket, Instrument
from brackets.venue.port import (
    Accepted,
    OrderKind,
    OrderReport,
    OrderRequest,
    Outcome,
    Reason,
    Refused,
    Side,
    UnknownWord,
    Venue,
    VenueUnavailable,
)
from risk import journal
from risk.core.plain import text
from trading import coins, market

Say = Callable[[str], None]
FAR_BELOW, FAR_ABOVE = Decimal("0.5"), Decimal("1.5")  # of the price: nothing of it is ever reached
CANCEL_ATTEMPTS = 8
LOOK_SECONDS = 1.0
ACTOR = "manage.py probe_both_rest"


class ProbeRefused(Exception):
    """The probe cannot be made here and now; nothing was sent."""


class ProbeFailed(Exception):
    """The probe was begun and tells nothing; the message says what is left at the venue, if anything."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """Two sells for the same coins: together more than there are."""

    instrument: Instrument
    quantity: Decimal
    trigger_price: Decimal
    limit_price: Decimal

    def __str__(self) -> str:
        coins = f"{text(self.quantity)} {self.instrument.base}"
        return (
            f"a stop for {coins} at {text(self.trigger_price)} and a post-only limit for the same coins at "
            f"{text(self.limit_price)}"
        )


def plan(account: Account, venue: Venue, symbol: str) -> Probe:
    """The smallest orders that must share coins. Raises ProbeRefused, UnknownSymbol, MarketUnavailable and
    VenueUnavailable; nothing was sent."""
    if account.mode == "validate":
        raise ProbeRefused("In validate mode nothing is placed, so nothing can be probed.")
    instrument = market.instrument_named(account, symbol)
    unfinished = Bracket.objects.filter(account=account, base=instrument.base)
    if unfinished.exclude(state=State.EXIT_COMPLETE).exists():
        raise ProbeRefused(f"A bracket in {instrument.base} is open; its coins are not played with.")
    readers.refresh_balances(account, venue, urgent=True)
    free = coins.free_coins(account, instrument) or Decimal(0)
    quote = market.fresh_quote(account, instrument)
    trigger = round_down(quote.bid * FAR_BELOW, instrument.tick_size)
    # More than half of the coins: with less, two orders would fit beside each other and prove nothing.
    quantity = max(
        instrument.minimum_quantity,
        round_up(instrument.minimum_cost / trigger, instrument.lot_step),
        round_down(free / 2, instrument.lot_step) + instrument.lot_step,
    )
    if quantity > free:
        raise ProbeRefused(
            f"{text(quantity)} {instrument.base} are needed, held and free; there are {text(free)}."
        )
    return Probe(
        instrument=instrument,
        quantity=quantity,
        trigger_price=trigger,
        limit_price=round_up(quote.ask * FAR_ABOVE, instrument.tick_size),
    )


def run(account: Account, venue: Venue, probe: Probe, say: Say, *, pause: Callable[[float], None]) -> bool:
    """Place both orders, read what the venue makes of them, cancel them, and keep the verdict.

    Raises ProbeFailed when nothing certain was learned. `pause` waits that many seconds.
    """
    before = coins_held(account, venue, probe)
    stop = request(probe, OrderKind.STOP_LOSS)
    target = request(probe, OrderKind.LIMIT)
    sent: list[OrderRequest] = []
    try:
        for order in (stop, target):
            sent.append(order)
            answer = venue.place(order, urgent=False)
            say(f"{order.kind}: {in_words(answer)}")
            if not isinstance(answer, Accepted):
                break
        works = verdict(venue, answer, sent, say)
        if coins_held(account, venue, probe) != before:
            raise ProbeFailed("The coins changed meanwhile, so the answers prove nothing. Probe again.")
    except (VenueUnavailable, UnknownWord) as error:
        raise ProbeFailed(f"The venue could not be read: {error}.") from error
    finally:
        clear(venue, sent, say, pause=pause)
    keep(account, probe, works)
    return works


def request(probe: Probe, kind: OrderKind) -> OrderRequest:
    is_stop = kind is OrderKind.STOP_LOSS
    return OrderRequest(
        client_order_id=str(uuid.uuid4()),
        symbol=probe.instrument.symbol,
        side=Side.SELL,
        kind=kind,
        quantity=probe.quantity,
        trigger_price=probe.trigger_price if is_stop else None,
        limit_price=None if is_stop else probe.limit_price,
        post_only=not is_stop,
    )


def coins_held(account: Account, venue: Venue, probe: Probe) -> Decimal:
    readings = readers.refresh_balances(account, venue, urgent=True)
    return counting.coins_of(probe.instrument, readings)


def in_words(answer: Outcome) -> str:
    match answer:
        case Accepted():
            return f"accepted as {answer.venue_order_id}"
        case Refused():
            return f"refused: {answer.message}"
    return f"no certain answer: {answer.message}"


def verdict(venue: Venue, last: Outcome, sent: Sequence[OrderRequest], say: Say) -> bool:
    """What the answers mean: both accepted must also both be open. Raises ProbeFailed and
    VenueUnavailable."""
    if len(sent) == 2 and isinstance(last, Refused) and last.reason is Reason.INSUFFICIENT_FUNDS:
        return False
    if len(sent) < 2 or not isinstance(last, Accepted):
        raise ProbeFailed(f"The venue did not say whether both may rest: {in_words(last)}.")
    standing = still_open(venue, sent)
    say(f"{len(standing)} of the two are open at the venue")
    return len(standing) == len(sent)


def still_open(venue: Venue, sent: Sequence[OrderRequest]) -> list[OrderReport]:
    ours = {order.client_order_id for order in sent}
    return [report for report in venue.open_orders(urgent=True) if report.client_order_id in ours]


def clear(venue: Venue, sent: Sequence[OrderRequest], say: Say, *, pause: Callable[[float], None]) -> None:
    """Cancel what was sent until a reading shows none of it. Raises ProbeFailed, naming what is left."""
    left = [order.client_order_id for order in sent]
    for _ in range(CANCEL_ATTEMPTS):
        for order in sent:
            if order.client_order_id in left:
                venue.cancel_by_client_id(order.client_order_id, symbol=order.symbol)
        try:
            left = [report.client_order_id or "" for report in still_open(venue, sent)]
        except (VenueUnavailable, UnknownWord) as error:
            say(f"not read yet: {error}")
        else:
            if not left:
                say("both are canceled, and the venue shows neither")
                return
        pause(LOOK_SECONDS)
    raise ProbeFailed(f"Cancel by hand at the venue, under their client order ids: {', '.join(left)}.")


def keep(account: Account, probe: Probe, works: bool) -> None:
    at = timezone.now()
    with transaction.atomic():
        Account.objects.filter(pk=account.pk).update(both_rest_works=works, both_rest_probed_at=at)
        journal.write(
            at=at,
            actor=ACTOR,
            action="account.probe_both_rest",
            subject=f"account {account.name}",
            payload={"probe": str(probe), "works": works},
        )


def wait(seconds: float) -> None:
    time.sleep(seconds)
