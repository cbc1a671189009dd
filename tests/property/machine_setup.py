"""What kind of bracket, on what kind of venue: what Hypothesis chooses before a history begins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from brackets.core.orders import EntryTerms, Plan
from brackets.core.states import Choice, Policy
from tests.property.machine_venue import CALM, LOT, MINIMUM, TICK, ZERO

D = Decimal
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
STOP, TARGET = D(95), D(110)


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What kind of bracket, on what kind of venue, watched how well."""

    entry: str = "market"  # market, limit, held: coins that were there before
    attach: bool = True
    measured: bool = True  # the legs follow the entry's price; else they were given
    policy: Policy = Policy.STOP_RESTS
    on_timeout: Choice = Choice.CANCEL
    on_runaway: Choice = Choice.CANCEL
    most_cost: Decimal | None = None
    punctual: bool = True  # secondaries are read within seconds
    stops_hold: bool = True
    post_only_errors: bool = False
    tiny_secondaries: bool = True
    fees_in_coins: bool = False

    @property
    def bound_by_limits(self) -> bool:
        """Whether what is spent is known beforehand: no order at market follows the limit."""
        at_market = Choice.MARKET in (self.on_timeout, self.on_runaway)
        return self.entry == "limit" and self.most_cost is not None and not at_market


def plan_of(setup: Setup) -> Plan:
    held = setup.entry == "held"
    terms = EntryTerms(
        limit_price=D("99.90"),
        offset_bps=D(10),
        timeout_seconds=20,
        most_reprices=2,
        reprice_seconds=3,
        reprice_bps=D(10),
        runaway_bps=D(250),
        on_timeout=setup.on_timeout,
        on_runaway=setup.on_runaway,
    )
    return Plan(
        uid=UUID(int=7),
        symbol="ETH/USD",
        quantity=D(1),
        stop_price=STOP,
        target_price=TARGET,
        tick_size=TICK,
        lot_step=LOT,
        minimum_quantity=MINIMUM,
        attach_stop=setup.attach and not held,
        entry=terms if setup.entry == "limit" else None,
        most_cost=setup.most_cost,
        stop_distance=D(5) if setup.measured else None,
        target_r_multiple=D(2) if setup.measured else None,
        held_quantity=D(1) if held else ZERO,
        held_price=CALM if held else None,
    )
