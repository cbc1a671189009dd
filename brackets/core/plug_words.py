"""The plug's lines taken together: what can be lost in each currency, and one sentence that a person reads.

Pure. The sentence keeps two things apart that a single number would hide: what is bounded (every coin has a
stop at the venue) and what is not (coins that would have only a target, or nothing). What is bounded is no
maximum either: a stop sells at market, so the slippage it is reckoned with is said beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from brackets.core.orders import ZERO
from brackets.core.plug import SLIPPAGE, PlugLine
from risk.core.plain import text

CENT = Decimal("0.01")


@dataclass(frozen=True, kw_only=True, slots=True)
class Total:
    """All lines of one quote currency."""

    quote: str
    loss_at_stop: Decimal
    unprotected_value: Decimal

    @property
    def worst_loss(self) -> Decimal:
        return self.loss_at_stop + self.unprotected_value


def totals(lines: Iterable[PlugLine]) -> tuple[Total, ...]:
    """By quote currency, in the order of their names. They are sums of what each bracket loses at worst: as
    if every stop were reached, the gains of some stops set against the losses of others."""
    by_quote: dict[str, list[PlugLine]] = {}
    for line in lines:
        by_quote.setdefault(line.quote, []).append(line)
    return tuple(
        Total(
            quote=quote,
            loss_at_stop=sum((line.loss_at_stop for line in of_quote), ZERO),
            unprotected_value=sum((line.unprotected_value for line in of_quote), ZERO),
        )
        for quote, of_quote in sorted(by_quote.items())
    )


def sentence(lines: Sequence[PlugLine], *, venue: str, slippage: Decimal = SLIPPAGE) -> str:
    """What would be, in words: "If this machine died now: …". `venue` is how people call it, `slippage` the
    ratio that the losses were reckoned with."""
    held = [line for line in lines if line.coins > 0]
    said = [
        positions(held, venue),
        bounded(lines, held, slippage),
        *unbounded(lines),
        *entries(lines),
        *doubts(lines),
    ]
    return f"If this machine died now: {'; '.join(part for part in said if part)}."


def positions(held: Sequence[PlugLine], venue: str) -> str:
    if not held:
        return "no coins of ours are held"
    stopped = sum(1 for line in held if line.stopped == line.coins)
    if len(held) == 1:
        return f"the one position is {'' if stopped else 'not '}stopped by {venue}"
    many = f"all {stopped}" if stopped == len(held) else f"{stopped or 'none'} of {len(held)}"
    return f"{many} positions are stopped by {venue}"


def bounded(lines: Sequence[PlugLine], held: Sequence[PlugLine], slippage: Decimal) -> str:
    """What is lost if every stop is reached; of several currencies each is said."""
    if not held and not any(line.may_buy for line in lines):
        return ""
    sums = [total for total in totals(lines) if total.loss_at_stop]
    losses = [money(total.loss_at_stop, total.quote) for total in sums if total.loss_at_stop > 0]
    gains = [money(-cents(total.loss_at_stop), total.quote) for total in sums if total.loss_at_stop < 0]
    said = [f"you would lose about {' and '.join(losses)}"] if losses else []
    said += [f"{'' if losses else 'you would '}still gain about {' and '.join(gains)}"] if gains else []
    return f"{' and '.join(said)} {within(slippage)}" if said else ""


def unbounded(lines: Iterable[PlugLine]) -> list[str]:
    """Coins without a stop, what they are worth, and what they would have instead."""
    said = []
    for line in lines:
        worth = line.bid or line.cost_per_coin
        for quantity, fate in ((line.sell_only, "have only a target"), (line.bare, "have no order at all")):
            if quantity > 0:
                value = f" ({money(quantity * worth, line.quote)})" if worth else ""
                said.append(f"{text(quantity)} {line.base}{value} would {fate}")
    return said


def entries(lines: Iterable[PlugLine]) -> list[str]:
    said = []
    for line in lines:
        for entry in line.may_buy:
            until = f" until {entry.ends_at:%H:%M} UTC" if entry.ends_at is not None else ""
            stop = "each fill with its stop" if entry.stop_price is not None else "without a stop"
            said.append(f"up to {text(entry.quantity)} {line.base} may still be bought{until}, {stop}")
    return said


def doubts(lines: Iterable[PlugLine]) -> list[str]:
    unknown = sum(len(line.uncertain) for line in lines)
    if not unknown:
        return []
    orders = "1 order is" if unknown == 1 else f"{unknown} orders are"
    return [f"{orders} not known for certain and counted at the worse of both cases"]


def within(slippage: Decimal) -> str:
    """The condition under which the losses are what they are said to be."""
    return f"where the stops sell within {percent(slippage)}"


def percent(ratio: Decimal) -> str:
    return f"{text(ratio * 100)} %"


def money(amount: Decimal, currency: str) -> str:
    return f"{cents(amount):,f} {currency}"


def cents(loss: Decimal) -> Decimal:
    """A loss in whole cents, never made smaller."""
    return loss.quantize(CENT, rounding=ROUND_CEILING)
