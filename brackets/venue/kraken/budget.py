"""Kraken's REST counter, reckoned by us: may this private call be made now, and if not, when?

Pure: `brackets.venue.sender` stores the counter beside the nonce and charges it with every turn. Kraken
adds 1 for a private call, 2 for a ledger or trade history call, 0 for placing, canceling and amending;
the counter decays by the second and a call that would lift it above the tier's limit is refused.

Everything is whole thousandths of a point, so that nothing is lost in rounding. A counter never seen
before is taken to be full: the key may have been used up by a process that just ended.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

POINT = 1000  # thousandths


@dataclass(frozen=True, kw_only=True, slots=True)
class Tier:
    """What an account's verification level grants; thousandths of a point."""

    limit: int
    decay_per_second: int
    reserve: int  # the top of the limit, which only urgent reads may use

    def hastened(self, times: int) -> Tier:
        """The same tier at so many times the decay: for a test against a venue that decays as fast."""
        return replace(self, decay_per_second=self.decay_per_second * times)


TIERS = {
    "starter": Tier(limit=15 * POINT, decay_per_second=330, reserve=5 * POINT),
    "intermediate": Tier(limit=20 * POINT, decay_per_second=500, reserve=5 * POINT),
    "pro": Tier(limit=20 * POINT, decay_per_second=1000, reserve=5 * POINT),
}

WRITE_COST = 0  # AddOrder, AmendOrder, CancelOrder count elsewhere (per pair)
READ_COST = 1
HISTORY_COST = 2  # Ledgers, TradesHistory, QueryTrades


def decayed(counter: int, *, elapsed_milliseconds: int, tier: Tier) -> int:
    """The counter now, in thousandths. Time that ran backwards decays nothing."""
    gone = max(0, elapsed_milliseconds) * tier.decay_per_second // 1000
    return max(0, min(counter, tier.limit) - gone)


def ceiling(tier: Tier, *, urgent: bool) -> int:
    """How far this caller may lift the counter."""
    return tier.limit if urgent else tier.limit - tier.reserve


def charged(level: int, *, cost: int, urgent: bool, tier: Tier) -> int | None:
    """The counter after a call of `cost` points, or None when the call must not be made now."""
    if cost == WRITE_COST:
        return level
    after = level + cost * POINT
    return after if after <= ceiling(tier, urgent=urgent) else None


def milliseconds_until(level: int, *, cost: int, urgent: bool, tier: Tier) -> int:
    """How long until a call of `cost` points may be made, rounded up; 0 when it may be made now."""
    excess = level + cost * POINT - ceiling(tier, urgent=urgent)
    if cost == WRITE_COST or excess <= 0:
        return 0
    return -(-excess * 1000 // tier.decay_per_second)
