"""What an operator is told of a held bracket: what is known, what is not, what led here, what may be done.

Pure. A held bracket decides nothing more; its stop rests or comes to rest. The sentences here are made from
the facts of the bracket alone, so that nobody must read events to know whether coins are at risk.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from brackets.core.amounts import amount, base_of, is_left_over, too_small
from brackets.core.invariants import violations
from brackets.core.orders import ZERO, Amendment, Bracket, BracketOrder
from brackets.core.states import CLOSED_MARKETS, OrderStatus, Role, State
from risk.core.plain import text


@dataclass(frozen=True, kw_only=True, slots=True)
class Act:
    """Something an operator may do now. `why_not` says in a sentence why it is not taken; empty: it is."""

    name: str  # the command: close, release, liquidate-all
    does: str
    why_not: str = ""

    @property
    def offered(self) -> bool:
        return not self.why_not


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """Sentences for an operator."""

    why: str
    prices: tuple[tuple[str, Decimal | None], ...]  # bid (None: not known now), stop and target
    known: tuple[str, ...]
    unknown: tuple[str, ...]
    actions: tuple[Act, ...]


def explain(
    bracket: Bracket, *, why: str = "", compared_at: datetime | None = None, bid: Decimal | None = None
) -> Held | None:
    """What is to be told of a held bracket; None of one that is not held. `why` is what led here, as it was
    said then; `compared_at` when its orders were last compared with the venue; `bid` what is offered for a
    coin now, in quote currency, where it is known: by it the acts say whether they sell at once."""
    if bracket.state is not State.HELD:
        return None
    return Held(
        why=why or "It was put on hold; the timeline tells when.",
        prices=(("bid", bid), ("stop", bracket.stop_price), ("target", bracket.target_price)),
        known=tuple(known(bracket, compared_at)),
        unknown=tuple(unknown(bracket)),
        actions=actions(bracket, bid),
    )


# --- what is known ----------------------------------------------------------------------------------


def known(bracket: Bracket, compared_at: datetime | None) -> Iterator[str]:
    base = base_of(bracket)
    yield (
        f"{text(max(bracket.coins, ZERO))} {base} of this bracket are in the account: "
        f"{text(bracket.acquired)} came in, {text(bracket.sold)} were sold."
    )
    if bracket.coins < 0:
        yield f"{text(-bracket.coins)} {base} more were sold than came in."
    if bracket.missing > 0:
        yield f"{text(bracket.missing)} {base} are gone from the account, and not by our orders."
    when = "" if compared_at is None else f", as compared at {compared_at:%Y-%m-%d %H:%M:%S} UTC"
    resting = [order for order in bracket.orders if is_read(order)]
    for order in resting:
        yield f"{described(order).capitalize()} rests at the venue as {order.venue_order_id}{when}."
    if not resting:
        yield f"No order of this bracket is known to rest at the venue{when}."
    if (bare := bracket.coins - bracket.standing) > 0:
        yield f"{text(bare)} {base} have no order that certainly rests for them."


def is_read(order: BracketOrder) -> bool:
    """Whether a reading showed the order at the venue, with these terms, and nothing of ours changes it."""
    return order.status is OrderStatus.OPEN and order.read_back and not order.cancel_wanted


def described(order: BracketOrder) -> str:
    """An order in words: its role, what is left of it, its price."""
    words = {Role.ENTRY: "an entry", Role.STOP: "a stop", Role.TARGET: "a target", Role.EXIT: "an exit"}
    left = max(order.quantity - order.filled, ZERO)
    if order.trigger_price is not None:
        return f"{words[order.role]} for {text(left)} at {text(order.trigger_price)}"
    if order.limit_price is not None:
        return f"{words[order.role]} for {text(left)} with the limit {text(order.limit_price)}"
    return f"{words[order.role]} for {text(left)} at market"


# --- what is not ------------------------------------------------------------------------------------


def unknown(bracket: Bracket) -> Iterator[str]:
    for order in bracket.orders:
        yield from unknown_of(order)
    if bracket.secondaries_due_at is not None and bracket.secondaries_missing:
        yield "Whether the venue made a stop of every fill of the entry was not seen yet."
    if bracket.shortage > 0:
        yield (
            f"One count did not find {text(bracket.shortage)} {base_of(bracket)}; whether they are gone, "
            "a second one tells."
        )
    unbooked = sum((order.filled - order.booked for order in bracket.orders), ZERO)
    if unbooked > 0:
        yield f"What {text(unbooked)} {base_of(bracket)} of fills brought or cost is not booked yet."


def unknown_of(order: BracketOrder) -> Iterator[str]:
    what, number = described(order), order.venue_order_id
    if order.status is OrderStatus.UNKNOWN:
        yield f"Whether {what} reached the venue (sent as {order.key}); it is being looked up."
        return
    if order.status is OrderStatus.INTENDED:
        yield f"{what.capitalize()} is to be sent and was not, as far as is known."
        return
    if order.status is not OrderStatus.OPEN:
        return
    if order.cancel_wanted:
        yield f"Whether {what} ({number}) has ended: its cancel is asked for until a reading shows the end."
    elif not order.read_back:
        yield f"{what.capitalize()} was accepted as {number}, and no reading has shown it."
    if order.amendment is not None:
        yield f"Whether {what} ({number}) has its new terms: {terms(order.amendment)}."


def terms(asked: Amendment) -> str:
    named: tuple[tuple[str, Decimal | None], ...] = (
        ("quantity", asked.quantity),
        ("stop", asked.trigger_price),
        ("limit", asked.limit_price),
    )
    return ", ".join(f"{name} {text(value)}" for name, value in named if value is not None)


# --- what may be done -------------------------------------------------------------------------------


def actions(bracket: Bracket, bid: Decimal | None = None) -> tuple[Act, ...]:
    """The acts that a held bracket takes, or why it does not."""
    nothing = "" if bracket.coins > 0 or not bracket.idle else "There is nothing left to sell."
    if bracket.coins < 0:
        nothing = "More was sold than came in: only a close by hand ends it."
    return (
        close(bracket, nothing, bid),
        Act(name="release", does=does_release(bracket, bid), why_not=cannot_release(bracket) or ""),
        Act(
            name="liquidate-all",
            does="Pauses trading and sells every open position of ours, this one included.",
            why_not=nothing,
        ),
    )


def close(bracket: Bracket, nothing: str, bid: Decimal | None) -> Act:
    if bracket.coins < 0:
        return Act(
            name="close",
            does=f"Ends it once its orders have ended and are booked; nothing is sold. It says that you saw "
            f"that {text(-bracket.coins)} {base_of(bracket)} of others in the account were sold.",
        )
    if too_small(bracket):
        return Act(name="close", does=f"Cancels what rests and ends it: {left_as_dust(bracket)}")
    does = "Cancels what rests, reads its end, and sells the coins at market"
    if bid is None or bracket.coins == 0:
        return Act(name="close", does=f"{does}.", why_not=nothing)
    return Act(name="close", does=f"{does}: {sells(bracket)}, the bid is {text(bid)}.", why_not=nothing)


def does_release(bracket: Bracket, bid: Decimal | None) -> str:
    """What a release leads to, beginning with what would be done at once."""
    if is_left_over(bracket):
        return f"Goes on, and ends it: {left_as_dust(bracket)}"
    goes_on = (
        "Goes on as if it had just been bought: what rests and fits stays, what lacks a stop gets one, and "
        "coins that cannot get one in time are sold. What cannot be true is held again."
    )
    if bid is not None and (crossed := where_it_stands(bracket, bid)):
        sentence = f"{sells(bracket)}: the bid {text(bid)} is {crossed}."
        return f"{sentence[0].upper()}{sentence[1:]} {goes_on}"
    return goes_on


def where_it_stands(bracket: Bracket, bid: Decimal) -> str:
    """On which side of both legs the bid stands, where a leg is reached; empty: it is between them."""
    if bracket.coins <= 0 or too_small(bracket):
        return ""
    for side, leg, price in (
        ("below", "stop", bracket.stop_price),
        ("above", "target", bracket.target_price),
    ):
        if bid == price:
            return f"at the {leg} of {text(price)}"
        if (bid < price) if side == "below" else (bid > price):
            return f"{side} the {leg} of {text(price)}"
    return ""


def sells(bracket: Bracket) -> str:
    """What is sold, and when: in a closed market as soon as it opens."""
    when = "as soon as the market opens" if bracket.market in CLOSED_MARKETS else "now"
    return f"this sells {amount(bracket, bracket.coins)} {when}"


def left_as_dust(bracket: Bracket) -> str:
    left = amount(bracket, bracket.coins)
    return f"{left} are too small for the venue: nothing can be sold, and they stay in the account as dust."


def cannot_release(bracket: Bracket) -> str | None:
    """Why the machine cannot go on with this bracket by itself, in a sentence; None: it can."""
    if bracket.live_entries:
        return "Its entry may still buy; it is being taken back first."
    if bracket.coins < 0:
        return "More was sold than came in: only the books can tell what happened."
    if bracket.coins == 0:
        return "No coins are left to watch over; it ends when its orders have ended and are booked."
    broken = violations(bracket)
    return f"The facts contradict each other: {broken[0]}." if broken else None
