"""The values a bracket is made of: its plan, its orders and the rules of time.

Pure and frozen: the machine returns new values and never changes one. Quantities are base coins,
prices quote currency, times aware UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid5

from brackets.core.prices import round_down
from brackets.core.states import (
    LIVE,
    AmendStatus,
    Choice,
    EntryNext,
    ExitReason,
    OrderStatus,
    Policy,
    Role,
    State,
)

ZERO = Decimal(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """How long the machine waits, in seconds, and how much it does at a time."""

    visibility_seconds: int = 10  # until an order the venue made must have become visible
    clock_error_seconds: int = 10  # by which two clocks may differ; moments further ahead are mistakes
    proof_seconds: int = 60  # until a reading must prove what became of a request, at the very most
    bare_alarm_seconds: int = 5  # coins without any order at the venue for longer: said aloud
    protect_timeout_seconds: int = 30  # without protection that long after a fill: sell (rollback)
    funds_retry_seconds: int = 10  # "insufficient funds" after our own cancel may be a late release
    retry_spacing_seconds: int = 1
    most_retry_spacing_seconds: int = 5  # after several refusals for funds in a row
    refused_exit_pause_seconds: int = 60  # after a refused exit and a restored stop: until the next try
    most_refused_exit_pause_seconds: int = 900  # after several such rounds in a row
    bare_exit_seconds: int = 300  # coins without a stop whose sell is refused for funds: then an operator
    bare_retry_seconds: int = 5
    unread_exit_seconds: int = 300  # an exit beside a stop that nobody could look for: then without proof
    count_spacing_seconds: int = 3  # between the two counts that say that coins are missing
    held_spacing_seconds: int = 20  # … or that others hold them: a hold of ours may be released late
    second_reading_seconds: int = 8  # a leg that one reading told lost or altered is repaired without another
    repair_spacing_seconds: int = 60  # at least between two repairs of a leg, and …
    repair_spacing_cycles: int = 3  # … so many comparisons with the venue
    most_repair_spacing_seconds: int = 900  # of a held bracket whose stop is refused again and again
    most_stops: int = 5  # more stops than these, and the rest of the entry is canceled
    merge_age_seconds: int = 45  # a younger stop is dear to cancel
    swap_cooldown_seconds: int = 30  # between one swap's end and the next one's begin
    swap_patience_seconds: int = 10  # a target that cannot be rested by then: the stop comes back
    reduce_patience_seconds: int = 20  # a part that cannot be sold by then keeps its legs
    expiry_margin_seconds: int = 60  # a limit entry outlives its time at the venue by no more than this
    limit_exit_slippage: Decimal = Decimal("0.005")  # below the bid, where only limit orders may sell
    market_entry_allowance: Decimal = Decimal("0.005")  # above the bid: spread and depth of a market entry
    limit_exit_seconds: int = 5  # a limit exit that does not fill by then is placed anew


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryTerms:
    """How a limit entry is placed, follows the market, and gives up. Basis points are 1/10,000."""

    limit_price: Decimal  # of the first order
    offset_bps: Decimal = ZERO  # how far below the bid a limit stands; both offsets add up
    offset_ticks: int = 0
    timeout_seconds: int = 300
    most_reprices: int = 5
    reprice_seconds: int = 10  # at least between two orders
    reprice_bps: Decimal = Decimal(10)  # from the live limit to the one of now: it is followed
    runaway_bps: Decimal = Decimal(100)  # from the live limit to the one of now: it has run away
    on_timeout: Choice = Choice.CANCEL
    on_runaway: Choice = Choice.CANCEL


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What was approved: one long position with both its exits."""

    uid: UUID
    symbol: str
    quantity: Decimal
    stop_price: Decimal
    target_price: Decimal
    tick_size: Decimal
    lot_step: Decimal
    minimum_quantity: Decimal
    attach_stop: bool = True
    entry: EntryTerms | None = None  # None: at market
    most_cost: Decimal | None = None  # what all entries together may cost, before fees; None: no bound
    # How the legs follow the entry's price (its limit first, then its average fill); None: given, it stays.
    stop_distance: Decimal | None = None
    target_distance: Decimal | None = None
    target_r_multiple: Decimal | None = None
    # Coins that were in the account before, at the price they are reckoned with; nothing is bought then.
    held_quantity: Decimal = ZERO
    held_price: Decimal | None = None
    # Policy NEAREST: how near the target the legs change places, and how far they change back.
    swap_in_bps: Decimal = Decimal(20)
    swap_out_bps: Decimal = Decimal(50)
    leverage: int = 1  # of every leg alike, from plan to end; 1: the coins are paid in full


@dataclass(frozen=True, kw_only=True, slots=True)
class Amendment:
    """New terms asked of an open order, until a reading shows them or proves that they were not taken."""

    number: int
    status: AmendStatus
    asked_at: datetime
    quantity: Decimal | None = None
    trigger_price: Decimal | None = None
    limit_price: Decimal | None = None
    provable_from: datetime | None = None  # a reading asked for from here on decides


@dataclass(frozen=True, kw_only=True, slots=True)
class BracketOrder:
    """One order of a bracket as far as it is known. `key` is the client order id, or the venue's
    own id for a secondary that the venue made."""

    key: str
    role: Role
    quantity: Decimal
    status: OrderStatus
    created_at: datetime
    venue_order_id: str | None = None
    filled: Decimal = ZERO
    average_price: Decimal | None = None
    trigger_price: Decimal | None = None
    limit_price: Decimal | None = None
    post_only: bool = False
    triggered: bool = False
    read_back: bool = False  # a reading of the venue showed it, not only our own send
    cancel_wanted: bool = False
    refused_reason: str = ""
    end_reason: str = ""  # why it was canceled, in the venue's words
    amendment: Amendment | None = None
    amends: int = 0  # amendments intended so far
    amend_refused: str = ""  # why the newest amendment was refused; empty: it was not
    opened_at: datetime | None = None
    touched_at: datetime | None = None  # when its terms were last amended
    first_filled_at: datetime | None = None
    ended_at: datetime | None = None
    trade_ids: frozenset[str] = frozenset()  # fills the venue named
    booked_trade_ids: frozenset[str] = frozenset()
    booked: Decimal = ZERO
    base_fees: Decimal = ZERO  # fees taken in coins, of the booked fills
    amiss_at: datetime | None = None  # when a reading told that others canceled or altered it
    amiss_agreed: bool = False  # … and a later one agreed
    first_quantity: Decimal | None = None  # of a stop the venue made: the fill it was made of

    @property
    def live(self) -> bool:
        return self.status in LIVE

    @property
    def leaves(self) -> Decimal:
        """What may still execute: while an amendment is not settled, the larger of both quantities."""
        return self.most_quantity - self.filled if self.live else ZERO

    @property
    def most_quantity(self) -> Decimal:
        asked = self.amendment.quantity if self.amendment is not None else None
        return self.quantity if asked is None else max(self.quantity, asked)

    @property
    def certain_leaves(self) -> Decimal:
        """What certainly rests: the smaller of both quantities, of an order that was read back and is
        not on its way out."""
        if self.status is not OrderStatus.OPEN or not self.read_back or self.cancel_wanted:
            return ZERO
        asked = self.amendment.quantity if self.amendment is not None else None
        least = self.quantity if asked is None else min(self.quantity, asked)
        return max(least - self.filled, ZERO)

    @property
    def rests_as_limit(self) -> bool:
        return self.live and self.limit_price is not None

    @property
    def fully_booked(self) -> bool:
        return self.booked == self.filled

    @property
    def age_from(self) -> datetime:
        """From when the venue counts its age: creation or the last amendment."""
        return self.touched_at or self.opened_at or self.created_at


@dataclass(frozen=True, kw_only=True, slots=True)
class Bracket:
    """One bracket: state, plan, orders, and the few wishes and times the machine must remember."""

    plan: Plan
    state: State = State.FLAT
    orders: tuple[BracketOrder, ...] = ()
    policy: Policy = Policy.STOP_RESTS
    stop_price: Decimal = ZERO
    target_price: Decimal = ZERO
    initial_stop_price: Decimal = ZERO  # the risk that was taken: the stop when the entry was over
    prices_final: bool = False  # measured from the average fill, or edited: nothing recomputes them
    exit_reason: ExitReason | None = None
    sequence: int = 0  # orders intended so far; makes the next client order id

    entry_began_at: datetime | None = None  # of the present attempt: its time runs from here
    entry_next: EntryNext | None = None  # what follows when the live entry has ended
    entry_over: bool = False  # nothing more is bought
    entry_end: ExitReason | None = None  # why, if nothing was bought by then
    reprices: int = 0

    resting: Role = Role.STOP  # the leg wanted on the venue (NEAREST)
    swap_began_at: datetime | None = None
    swap_after: datetime | None = None  # no swap before
    reduce_quantity: Decimal = ZERO  # still to be sold of a reduce
    reduce_began_at: datetime | None = None
    tidy_after: datetime | None = None  # no merging and no amending of prices before
    close_again: ExitReason | None = None  # a close that was refused and is tried again
    market: str = "online"  # the market's mode, as last seen

    protect_from: datetime | None = None  # from here on uncovered coins get a stop of ours
    secondaries_due_at: datetime | None = None  # stops of the last fills must be visible by then; None: seen
    unprotected_since: datetime | None = None  # by our knowledge; the truth is in exposure.py
    bare_since: datetime | None = None  # by our knowledge no order at the venue would sell the coins
    bare_told: bool = False  # … and it was called out
    funds_refused_since: datetime | None = None
    retry_after: datetime | None = None
    exit_began_at: datetime | None = None
    restoring: bool = False  # an exit was refused and the stop is being put back
    dust: Decimal = ZERO  # coins left at the end: too few to be sold; negative: sold beyond what was acquired
    missing: Decimal = ZERO  # coins that are gone from the account, and not by our orders
    shortage: Decimal = ZERO  # coins that one count did not find; a second one decides
    shortage_since: datetime | None = None
    repairing: bool = False  # others canceled or altered a leg, and it is not right yet
    repair_key: str = ""  # the order of the last repair, as long as the next one is spaced from it
    repaired_at: datetime | None = None
    repair_cycle: int | None = None  # the comparison with the venue it is counted from
    repairs: int = 0
    repairs_refused: int = 0  # in a row, for want of coins or margin; of a held bracket for any reason
    funds_awaited: bool = False  # the next repair waits for them

    def having(self, role: Role) -> tuple[BracketOrder, ...]:
        return tuple(order for order in self.orders if order.role is role)

    def live(self, role: Role) -> tuple[BracketOrder, ...]:
        return tuple(order for order in self.orders if order.role is role and order.live)

    # --- coins -------------------------------------------------------------------------------------

    @property
    def sells(self) -> tuple[BracketOrder, ...]:
        return tuple(order for order in self.orders if order.role is not Role.ENTRY)

    @property
    def bought(self) -> Decimal:
        return total_filled(self.having(Role.ENTRY))

    @property
    def acquired(self) -> Decimal:
        """Coins this bracket was given to protect, bought or held before."""
        return self.plan.held_quantity + self.bought

    @property
    def sold(self) -> Decimal:
        return total_filled(self.sells)

    @property
    def coins(self) -> Decimal:
        """Whole lots of this bracket still in the account; negative when more was sold than acquired.
        Where the venue took its fee in coins, or somebody took coins out, those are gone; a sell that was
        sized before that was known (and used others of the account) leaves none, not less than none."""
        left, taken = self.plan.held_quantity, self.missing
        for order in self.orders:  # in one pass: nothing is asked of a bracket more often
            left = left + order.filled if order.role is Role.ENTRY else left - order.filled
            taken += order.base_fees
        return round_down(max(left - taken, min(left, ZERO)), self.plan.lot_step)

    @property
    def average_entry_price(self) -> Decimal | None:
        """What a coin cost on average; coins held before count with the price they were reckoned with."""
        parts = [
            (o.filled, o.average_price)
            for o in self.having(Role.ENTRY)
            if o.filled > 0 and o.average_price is not None
        ]
        if self.plan.held_quantity and self.plan.held_price is not None:
            parts.append((self.plan.held_quantity, self.plan.held_price))
        coins = sum((quantity for quantity, _ in parts), ZERO)
        if not coins:
            return None
        return sum((quantity * price for quantity, price in parts), ZERO) / coins

    # --- orders at work ----------------------------------------------------------------------------

    @property
    def live_entries(self) -> tuple[BracketOrder, ...]:
        return self.live(Role.ENTRY)

    @property
    def entering(self) -> bool:
        """Whether more may still be bought."""
        return bool(self.live_entries) or self.entry_next is not None

    @property
    def live_sells(self) -> tuple[BracketOrder, ...]:
        return tuple(order for order in self.sells if order.live)

    @property
    def live_stops(self) -> tuple[BracketOrder, ...]:
        return self.live(Role.STOP)

    @property
    def live_targets(self) -> tuple[BracketOrder, ...]:
        return self.live(Role.TARGET)

    @property
    def idle(self) -> bool:
        """Nothing of this bracket can still execute."""
        return not self.live_entries and not self.live_sells

    @property
    def covering(self) -> tuple[BracketOrder, ...]:
        """Live sells, each coin counted once: where both legs rest, the target stands for no coins of
        its own as long as a stop does."""
        if self.policy is Policy.BOTH_REST and self.live_stops:
            return tuple(o for o in self.live_sells if not (o.role is Role.TARGET and o.rests_as_limit))
        return self.live_sells

    @property
    def uncovered(self) -> Decimal:
        """Coins no live sell order stands for."""
        return self.coins - total_leaves(self.covering)

    @property
    def standing(self) -> Decimal:
        """Coins for which a leg certainly rests at the venue: read back, and not on its way out."""
        legs = (o for o in self.covering if o.role is Role.STOP or o.rests_as_limit)
        return sum((order.certain_leaves for order in legs), ZERO)

    @property
    def fully_stopped(self) -> bool:
        """Every coin has its resting stop, and no other order may execute for it."""
        stops = sum((stop.certain_leaves for stop in self.live_stops), ZERO)
        return stops == self.coins == total_leaves(self.covering)

    @property
    def covered(self) -> bool:
        """Every coin has its resting leg, and nothing else may execute for it."""
        return self.uncovered == 0 and self.standing == self.coins

    @property
    def secondaries_missing(self) -> bool:
        """The venue made (or is making) stops of the entries' fills that were not seen yet."""
        seen = (o for o in self.having(Role.STOP) if o.venue_order_id is not None)
        arrived = (max(o.quantity, o.first_quantity or ZERO) for o in seen)
        return self.plan.attach_stop and sum(arrived, ZERO) < self.bought

    def next_client_order_id(self) -> str:
        """A UUID that only this bracket's next order can have: made of the bracket and its sequence,
        so that a step repeated after a crash names the same order."""
        return str(uuid5(self.plan.uid, f"order {self.sequence + 1}"))

    def replacing(self, changed: BracketOrder) -> Bracket:
        """This bracket with one of its orders in a newer version."""
        return replace(
            self, orders=tuple(changed if order.key == changed.key else order for order in self.orders)
        )


def total_filled(orders: Iterable[BracketOrder]) -> Decimal:
    return sum((order.filled for order in orders), ZERO)


def total_leaves(orders: Iterable[BracketOrder]) -> Decimal:
    return sum((order.leaves for order in orders), ZERO)


def later(moment: datetime, seconds: int) -> datetime:
    return moment + timedelta(seconds=seconds)
