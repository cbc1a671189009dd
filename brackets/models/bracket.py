"""A bracket, its orders, the outbox, its fills and its history.

The rows mirror the frozen values of `brackets/core`; `brackets/records.py` maps between the two.
Integrity that must never be broken stands here as database constraints.
"""

from __future__ import annotations

from enum import StrEnum

from django.db import models
from django.db.models import F, Q

from brackets.core.states import LIVE, EntryNext, ExitReason, OrderStatus, Policy, Role, State
from brackets.models.account import Account
from risk.fields import money_field, price_field, quantity_field, ratio_field, seconds_field

# Plain texts in constraints and indexes: a migration must not depend on an enum of today.
LIVE_STATUSES = sorted(status.value for status in LIVE)
STATES, ROLES, STATUSES, POLICIES, NEXTS = (
    [word.value for word in words] for words in (State, Role, OrderStatus, Policy, EntryNext)
)
LEGS = [Role.STOP.value, Role.TARGET.value]


def choices(words: type[StrEnum]) -> list[tuple[str, str]]:
    return [(word.value, word.value) for word in words]


class Bracket(models.Model):
    """One long position with both its exits, from plan to end."""

    account = models.ForeignKey(Account, models.PROTECT, related_name="brackets")
    uid = models.UUIDField(unique=True)
    symbol = models.CharField(max_length=24)
    base = models.CharField(max_length=12)
    quote = models.CharField(max_length=12)
    source = models.CharField(max_length=16)
    policy = models.CharField(max_length=12, choices=choices(Policy), default=Policy.STOP_RESTS.value)
    leverage = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=16, choices=choices(State), default=State.FLAT.value)
    exit_reason = models.CharField(max_length=20, choices=choices(ExitReason), blank=True)
    version = models.PositiveIntegerField(default=0)

    planned_quantity = quantity_field()
    planned_stop_price = price_field()
    planned_target_price = price_field()
    planned_entry_price = price_field()
    tick_size = price_field()
    lot_step = quantity_field()
    minimum_quantity = quantity_field()
    attach_stop = models.BooleanField(default=True)
    entry_terms = models.JSONField(null=True)  # how a limit entry is placed; null: at market
    most_cost = money_field(null=True)  # of all entries together, as approved; null: no bound
    stop_distance = price_field(null=True)
    target_distance = price_field(null=True)
    target_r_multiple = ratio_field(null=True)
    held_quantity = quantity_field(default=0)  # coins that were in the account before
    held_price = price_field(null=True)  # what they are reckoned with
    swap_in_bps = ratio_field(default=20)
    swap_out_bps = ratio_field(default=50)

    stop_price = price_field()
    target_price = price_field()
    initial_stop_price = price_field(default=0)  # the risk that was taken
    prices_final = models.BooleanField(default=False)
    sequence = models.PositiveIntegerField(default=0)
    entry_began_at = models.DateTimeField(null=True)
    entry_next = models.CharField(max_length=8, choices=choices(EntryNext), blank=True)
    entry_over = models.BooleanField(default=False)
    entry_end = models.CharField(max_length=20, choices=choices(ExitReason), blank=True)
    reprices = models.PositiveSmallIntegerField(default=0)
    resting = models.CharField(max_length=8, default=Role.STOP.value)  # the leg wanted on the venue
    swap_began_at = models.DateTimeField(null=True)
    swap_after = models.DateTimeField(null=True)
    reduce_quantity = quantity_field(default=0)
    reduce_began_at = models.DateTimeField(null=True)
    tidy_after = models.DateTimeField(null=True)
    close_again = models.CharField(max_length=20, choices=choices(ExitReason), blank=True)
    market = models.CharField(max_length=20, default="online")  # the market's mode, as last seen
    protect_from = models.DateTimeField(null=True)
    secondaries_due_at = models.DateTimeField(null=True)
    unprotected_since = models.DateTimeField(null=True)
    bare_since = models.DateTimeField(null=True)  # no order at the venue would sell the coins
    bare_told = models.BooleanField(default=False)
    funds_refused_since = models.DateTimeField(null=True)
    retry_after = models.DateTimeField(null=True)
    exit_began_at = models.DateTimeField(null=True)
    restoring = models.BooleanField(default=False)
    dust = quantity_field(default=0)
    missing = quantity_field(default=0)  # coins gone from the account, and not by our orders
    shortage = quantity_field(default=0)  # coins that one count did not find
    shortage_since = models.DateTimeField(null=True)
    repairing = models.BooleanField(default=False)  # a leg was lost or altered by others and is not right yet
    repair_key = models.CharField(max_length=40, blank=True)  # the order of the last repair, while it counts
    repaired_at = models.DateTimeField(null=True)
    repair_cycle = models.PositiveBigIntegerField(null=True)  # the comparison after which it was noted
    repairs = models.PositiveIntegerField(default=0)
    repairs_refused = models.PositiveIntegerField(default=0)  # … for want of coins or margin
    funds_awaited = models.BooleanField(default=False)  # the next one waits for them

    # Verdicts: RESTING, WATCHED, MOVING, MISSING, WRONG; empty while there are no coins to keep.
    stop_verdict = models.CharField(max_length=8, blank=True)
    target_verdict = models.CharField(max_length=8, blank=True)
    verdict_at = models.DateTimeField(null=True)  # since when these are the verdicts
    verified_version = models.PositiveIntegerField(null=True)  # the version they were made of
    stop_bad_cycles = models.PositiveIntegerField(default=0)  # comparisons in a row: MISSING or WRONG
    target_bad_cycles = models.PositiveIntegerField(default=0)
    unstopped_cycles = models.PositiveIntegerField(default=0)  # … with coins and no stop, whatever the reason

    # Where each leg is (RESTING, WATCHED, MOVING, MISSING); empty while there are no coins to keep.
    stop_custody = models.CharField(max_length=8, blank=True)
    target_custody = models.CharField(max_length=8, blank=True)
    unprotected_seconds = seconds_field(default=0)
    unstopped_seconds = seconds_field(default=0)
    alarm = models.CharField(max_length=300, blank=True)  # the last one; what is wrong now, alerts tell
    alarm_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["account", "state"],
                name="bracket_open",
                condition=~Q(state="EXIT_COMPLETE"),
            ),
            models.Index(
                fields=["account", "completed_at"],
                name="bracket_finished",
                condition=Q(completed_at__isnull=False),
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=STATES), name="bracket_state_known"),
            models.CheckConstraint(condition=Q(planned_quantity__gt=0), name="bracket_quantity_positive"),
            models.CheckConstraint(
                condition=Q(planned_stop_price__gt=0) & Q(planned_stop_price__lt=F("planned_target_price")),
                name="bracket_stop_below_target",
            ),
            models.CheckConstraint(
                condition=~Q(state="EXIT_COMPLETE") | ~Q(exit_reason=""), name="bracket_end_has_reason"
            ),
            models.CheckConstraint(condition=Q(policy__in=POLICIES), name="bracket_policy_known"),
            models.CheckConstraint(condition=Q(resting__in=LEGS), name="bracket_resting_leg_known"),
            models.CheckConstraint(condition=Q(entry_next__in=["", *NEXTS]), name="bracket_entry_next_known"),
            models.CheckConstraint(
                condition=Q(held_quantity__gte=0) & Q(reduce_quantity__gte=0),
                name="bracket_quantities_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"bracket {self.pk} {self.symbol} {self.state}"


class Order(models.Model):
    """An order of a bracket: ours (with a client order id) or one the venue made of our entry's fill."""

    bracket = models.ForeignKey(Bracket, models.PROTECT, related_name="orders")
    account = models.ForeignKey(Account, models.PROTECT, related_name="orders")
    role = models.CharField(max_length=8, choices=choices(Role))
    status = models.CharField(max_length=10, choices=choices(OrderStatus))
    client_order_id = models.UUIDField(null=True, unique=True)
    venue_order_id = models.CharField(max_length=40, null=True)
    quantity = quantity_field()
    first_quantity = quantity_field(null=True)  # of a stop the venue made: the fill it was made of
    filled_quantity = quantity_field(default=0)
    average_price = price_field(null=True)
    trigger_price = price_field(null=True)
    limit_price = price_field(null=True)
    post_only = models.BooleanField(default=False)
    triggered = models.BooleanField(default=False)
    read_back = models.BooleanField(default=False)
    cancel_wanted = models.BooleanField(default=False)
    refused_reason = models.CharField(max_length=40, blank=True)
    end_reason = models.CharField(max_length=120, blank=True)  # why canceled, in the venue's words
    message = models.CharField(max_length=300, blank=True)  # the venue's words
    amendment = models.JSONField(null=True)  # new terms asked for and not settled yet
    amends = models.PositiveIntegerField(default=0)
    amend_refused = models.CharField(max_length=40, blank=True)
    trade_ids = models.JSONField(default=list)
    created_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True)  # by the venue's clock
    touched_at = models.DateTimeField(null=True)  # when its terms were last amended
    first_filled_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    amiss_at = models.DateTimeField(null=True)  # when a reading told that others canceled or altered it
    amiss_agreed = models.BooleanField(default=False)  # … and a later one agreed
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["account"], name="order_live", condition=Q(status__in=LIVE_STATUSES)),
            models.Index(
                fields=["account", "amiss_at"],
                name="order_doubted",
                condition=Q(amiss_at__isnull=False, amiss_agreed=False),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "venue_order_id"],
                name="order_once_per_venue_id",
                condition=Q(venue_order_id__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["bracket"],
                name="one_live_entry_per_bracket",
                condition=Q(role="entry", status__in=LIVE_STATUSES),
            ),
            models.CheckConstraint(
                condition=Q(client_order_id__isnull=False) | Q(venue_order_id__isnull=False),
                name="order_has_an_id",
            ),
            models.CheckConstraint(condition=Q(status__in=STATUSES), name="order_status_known"),
            models.CheckConstraint(condition=Q(role__in=ROLES), name="order_role_known"),
            # While an amendment is not settled a fill may already be of its larger quantity.
            models.CheckConstraint(
                condition=Q(quantity__gt=0)
                & Q(filled_quantity__gte=0)
                & (Q(filled_quantity__lte=F("quantity")) | Q(amendment__isnull=False)),
                name="order_filled_within_quantity",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.venue_order_id or self.client_order_id}"

    @property
    def is_doubted(self) -> bool:
        """Whether one reading alone told that others canceled or altered it."""
        return self.amiss_at is not None and not self.amiss_agreed

    @property
    def side(self) -> str:
        return "buy" if self.role == Role.ENTRY else "sell"

    @property
    def key(self) -> str:
        return str(self.client_order_id) if self.client_order_id else str(self.venue_order_id)


class Effect(models.Model):
    """The outbox: something to send, committed before it is sent.

    A PLACE or an AMEND is sent at most once (`sent_at` is committed before the send). What is not certain
    then is looked up (a placement, by its id) or read (an amendment, by the terms the order has), never
    repeated. A CANCEL is repeated until a reading shows the order ended.
    """

    class Kind(models.TextChoices):
        PLACE = "PLACE"
        AMEND = "AMEND"
        CANCEL = "CANCEL"

    class Outcome(models.TextChoices):
        ACCEPTED = "ACCEPTED"
        REFUSED = "REFUSED"
        UNKNOWN = "UNKNOWN"
        WITHDRAWN = "WITHDRAWN"
        ABSENT = "ABSENT"

    account = models.ForeignKey(Account, models.PROTECT, related_name="effects")
    bracket = models.ForeignKey(Bracket, models.PROTECT, related_name="effects")
    order = models.ForeignKey(Order, models.PROTECT, related_name="effects")
    kind = models.CharField(max_length=8, choices=Kind)
    close_stop_price = price_field(null=True)  # of a placement
    expires_at = models.DateTimeField(null=True)  # of a placement, by our clock
    amend_number = models.PositiveIntegerField(null=True)
    quantity = quantity_field(null=True)  # new terms of an amendment; null: as it is
    trigger_price = price_field(null=True)
    limit_price = price_field(null=True)
    created_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    claimed_by = models.CharField(max_length=200, blank=True)
    claim_expires_at = models.DateTimeField(null=True)
    fence = models.BigIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    deadline_at = models.DateTimeField(null=True)  # by the venue's clock
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    message = models.CharField(max_length=300, blank=True)
    absences = models.PositiveSmallIntegerField(default=0)  # conclusive lookups that found nothing
    last_lookup_at = models.DateTimeField(null=True)
    rechecked_at = models.DateTimeField(null=True)  # when a proven absence was doubted once more
    done_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(
                fields=["account", "next_attempt_at"],
                name="effect_pending",
                condition=Q(done_at__isnull=True),
            ),
            models.Index(
                fields=["account", "done_at"],
                name="effect_absence_to_recheck",
                condition=Q(outcome="ABSENT", rechecked_at__isnull=True),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["order", "kind"], name="effect_once_per_order", condition=~Q(kind="AMEND")
            ),
            models.UniqueConstraint(
                fields=["order", "amend_number"], name="effect_once_per_amendment", condition=Q(kind="AMEND")
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["PLACE", "CANCEL"], amend_number__isnull=True)
                | Q(kind="AMEND", amend_number__isnull=False),
                name="effect_kind_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.order_id} {self.outcome or 'pending'}"


class Fill(models.Model):
    """One execution with its money: price and quantity from the venue's trade, amounts from its ledger."""

    account = models.ForeignKey(Account, models.PROTECT, related_name="fills")
    bracket = models.ForeignKey(Bracket, models.PROTECT, related_name="fills")
    order = models.ForeignKey(Order, models.PROTECT, related_name="fills")
    venue_trade_id = models.CharField(max_length=40)
    side = models.CharField(max_length=4)
    price = price_field()
    quantity = quantity_field()
    cost = money_field()
    fee = money_field()
    # The venue's ledger by refid: what really moved. Signed; the fee is taken besides the amount.
    quote_amount = money_field()
    quote_fee = money_field()
    base_amount = money_field()
    base_fee = money_field()
    from_ledger = models.BooleanField(default=True)
    maker = models.BooleanField(null=True)
    executed_at = models.DateTimeField()
    booked_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "venue_trade_id"], name="fill_booked_once"),
            models.CheckConstraint(condition=Q(quantity__gt=0) & Q(price__gt=0), name="fill_positive"),
            models.CheckConstraint(condition=Q(side__in=["buy", "sell"]), name="fill_side_known"),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.quantity} @ {self.price}"

    @property
    def cash(self):  # type: ignore[no-untyped-def]
        """What this fill did to the quote balance: signed, fees taken off."""
        return self.quote_amount - self.quote_fee


class BracketEvent(models.Model):
    """The history of a bracket: one row for each step that changed it; the upper floors consume it."""

    account = models.ForeignKey(Account, models.PROTECT, related_name="events")
    bracket = models.ForeignKey(Bracket, models.PROTECT, related_name="events")
    version = models.PositiveIntegerField()
    kind = models.CharField(max_length=24)  # the event's type
    from_state = models.CharField(max_length=16)
    to_state = models.CharField(max_length=16)
    payload = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["bracket", "version"], name="event_once_per_version")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.from_state} → {self.to_state}"
