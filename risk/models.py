"""The law in force and the journal of everything that changed.

`SystemConfig` holds every limit and switch of one account; the pure rules in `risk/core` are handed
plain values of it. `AuditRow` is append-only and hash-chained; `journal.py` writes it. `Alert` is what a
person should know of; `alerts.py` raises and resolves it.
"""

from __future__ import annotations

from decimal import Decimal

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from risk.core.gate import Limits
from risk.core.plain import text
from risk.fields import ExactDecimalField, money_field, ratio_field

# Plain texts in constraints: a migration must not depend on an enum of today.
CHOICES = ["cancel", "retry", "market", "skip"]
MOST_BPS = Decimal("5000")


def bps_field(default: Decimal, *, help_text: str, least: int = 0) -> ExactDecimalField:
    """A distance in basis points: 10 is 0.1 %."""
    return ratio_field(
        default=default,
        validators=[MinValueValidator(Decimal(least)), MaxValueValidator(MOST_BPS)],
        help_text=f"{help_text} In basis points: 10 is 0.1 %.",
    )


class SystemConfig(models.Model):
    """Switches and limits of one account (named like the account, by default its mode)."""

    class SystemStatus(models.TextChoices):
        ACTIVE = "ACTIVE"
        PAUSED = "PAUSED"

    class ExecutionMode(models.TextChoices):
        MARKET_ONLY = "MARKET_ONLY", "market entry, resting stop, market exit"
        LIMIT_BRACKET = "LIMIT_BRACKET", "maker entry, both legs by custody"

    class LegPolicy(models.TextChoices):
        STOP_RESTS = "stop_rests", "the stop always rests, the target is watched"
        NEAREST = "nearest", "near the target the target rests and the stop is watched"
        BOTH_REST = "both_rest", "both rest (only where a probe showed that the venue takes it)"

    class EntryChoice(models.TextChoices):
        CANCEL = "cancel", "cancel the rest; what was bought is kept"
        RETRY = "retry", "a new limit at today's price, while reprices are left"
        MARKET = "market", "buy the rest at market"
        SKIP = "skip", "leave it until the venue expires it"

    class EntryStop(models.TextChoices):
        ATTACHED = "attached", "the entry carries its stop: the venue makes it of each fill"
        OWN = "own", "we place the stop when a fill is seen"

    class StopMethod(models.TextChoices):
        ATR = "ATR", "multiple of the ATR"
        PERCENT = "PERCENT", "share of the entry price"

    class TargetMethod(models.TextChoices):
        ATR = "ATR", "multiple of the ATR"
        R_MULTIPLE = "R_MULTIPLE", "multiple of the initial risk"

    account = models.CharField(max_length=32, unique=True, editable=False)
    system_status = models.CharField(
        max_length=8,
        choices=SystemStatus,
        default=SystemStatus.ACTIVE,
        help_text="PAUSED: no entry leaves; exits always pass.",
    )
    is_trading_active = models.BooleanField(
        default=True, help_text="Master switch beside the status: off means no entry leaves."
    )
    status_reason = models.CharField(max_length=200, blank=True, editable=False)
    execution_mode = models.CharField(
        max_length=16,
        choices=ExecutionMode,
        default=ExecutionMode.LIMIT_BRACKET,
        help_text="How the next entries are made; positions that are open keep the way they began with.",
    )
    leg_policy = models.CharField(
        max_length=12,
        choices=LegPolicy,
        default=LegPolicy.NEAREST,
        help_text="In LIMIT_BRACKET, for the next entries. In MARKET_ONLY the stop always rests.",
    )
    swap_in_bps = bps_field(
        Decimal("20"), least=1, help_text="Policy nearest: the target rests when the price is that near it."
    )
    swap_out_bps = bps_field(
        Decimal("50"),
        least=2,
        help_text="Policy nearest: the stop rests again when the price is that far from the target; at "
        "least twice swap_in_bps.",
    )
    autopilot_enabled = models.BooleanField(default=False)

    entry_offset_bps = bps_field(Decimal("0"), help_text="How far below the bid a limit entry stands.")
    entry_offset_ticks = models.PositiveSmallIntegerField(
        default=0,
        validators=[MaxValueValidator(10_000)],
        help_text="Ticks below the bid, on top of entry_offset_bps.",
    )
    entry_timeout_seconds = models.PositiveSmallIntegerField(
        default=300,
        validators=[MinValueValidator(5), MaxValueValidator(28_800)],
        help_text="How long a limit entry may rest before entry_on_timeout decides.",
    )
    entry_most_reprices = models.PositiveSmallIntegerField(
        default=5,
        validators=[MaxValueValidator(1000)],
        help_text="How often a limit entry follows a market that walks away.",
    )
    entry_reprice_seconds = models.PositiveSmallIntegerField(
        default=10,
        validators=[MinValueValidator(1), MaxValueValidator(3600)],
        help_text="At least between two orders of one entry.",
    )
    entry_reprice_bps = bps_field(
        Decimal("10"), help_text="How far the price must have walked away from the limit to follow it."
    )
    entry_runaway_bps = bps_field(
        Decimal("100"),
        help_text="The market has run away when a new limit would stand so far above the live one; "
        "entry_on_runaway decides then.",
    )
    entry_on_timeout = models.CharField(
        max_length=8,
        choices=EntryChoice,
        default=EntryChoice.CANCEL,
        help_text="What becomes of a limit entry whose time is up.",
    )
    entry_on_runaway = models.CharField(
        max_length=8,
        choices=EntryChoice,
        default=EntryChoice.CANCEL,
        help_text="What becomes of a limit entry whose market ran away.",
    )
    entry_stop = models.CharField(
        max_length=8,
        choices=EntryStop,
        default=EntryStop.ATTACHED,
        help_text="Attached protects from the first fill even if this machine dies.",
    )

    stop_method = models.CharField(max_length=8, choices=StopMethod, default=StopMethod.ATR)
    stop_atr_multiple = ratio_field(
        default=Decimal("1.5"),
        validators=[MinValueValidator(Decimal("0.05")), MaxValueValidator(Decimal("50"))],
    )
    stop_ratio = ratio_field(
        default=Decimal("0.02"),
        validators=[MinValueValidator(Decimal("0.001")), MaxValueValidator(Decimal("0.9"))],
        help_text="Share of the entry price: 0.02 is 2 %.",
    )
    target_method = models.CharField(max_length=12, choices=TargetMethod, default=TargetMethod.R_MULTIPLE)
    target_atr_multiple = ratio_field(
        default=Decimal("3"),
        validators=[MinValueValidator(Decimal("0.05")), MaxValueValidator(Decimal("100"))],
    )
    target_r_multiple = ratio_field(
        default=Decimal("2"),
        validators=[MinValueValidator(Decimal("0.05")), MaxValueValidator(Decimal("100"))],
    )
    atr_minutes = models.PositiveSmallIntegerField(
        default=15, choices=[(m, f"{m} min") for m in (1, 5, 15, 30, 60, 240, 1440)]
    )
    atr_period = models.PositiveSmallIntegerField(
        default=14, validators=[MinValueValidator(2), MaxValueValidator(200)]
    )

    maximum_notional = money_field(
        default=Decimal("1000"),
        validators=[MinValueValidator(Decimal("0"))],
        help_text="Most quote currency one entry may cost.",
    )
    maximum_open_trades = models.PositiveSmallIntegerField(default=6)
    maximum_price_age_seconds = models.PositiveSmallIntegerField(default=10)

    unprotected_alarm_seconds = models.PositiveSmallIntegerField(
        default=5,
        validators=[MinValueValidator(1), MaxValueValidator(3600)],
        help_text="Coins without any order at the venue for longer raise an alert.",
    )
    unstopped_alarm_seconds = models.PositiveSmallIntegerField(
        default=60,
        validators=[MinValueValidator(1), MaxValueValidator(3600)],
        help_text="Coins without a stop at the venue for longer raise an alert, where no watch keeps it.",
    )

    initial_balance = money_field(null=True, blank=True, editable=False)
    equity = money_field(null=True, blank=True, editable=False)
    equity_at = models.DateTimeField(null=True, blank=True, editable=False)
    high_water_mark = money_field(null=True, blank=True, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = verbose_name_plural = "system configuration"
        constraints = [
            models.CheckConstraint(
                condition=Q(system_status__in=["ACTIVE", "PAUSED"]), name="config_status_known"
            ),
            models.CheckConstraint(
                condition=Q(execution_mode__in=["MARKET_ONLY", "LIMIT_BRACKET"]), name="config_mode_offered"
            ),
            models.CheckConstraint(
                condition=Q(leg_policy__in=["stop_rests", "nearest", "both_rest"]), name="config_policy_known"
            ),
            models.CheckConstraint(
                condition=Q(entry_on_timeout__in=CHOICES) & Q(entry_on_runaway__in=CHOICES),
                name="config_entry_choices_known",
            ),
            models.CheckConstraint(
                condition=Q(entry_stop__in=["attached", "own"]), name="config_entry_stop_known"
            ),
            models.CheckConstraint(
                condition=Q(swap_in_bps__gt=0) & Q(swap_out_bps__gte=F("swap_in_bps") + F("swap_in_bps")),
                name="config_swap_out_twice_in",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account}: {self.system_status}"

    def clean(self) -> None:
        """The rules between fields. Raises ValidationError by field."""
        if self.swap_out_bps < 2 * self.swap_in_bps:
            least = text(2 * self.swap_in_bps)
            raise ValidationError(
                {"swap_out_bps": f"swap_out_bps must be at least twice swap_in_bps, so {least} or more."}
            )

    @property
    def entries_allowed(self) -> bool:
        return self.system_status == self.SystemStatus.ACTIVE and self.is_trading_active

    @property
    def drawdown(self) -> Decimal | None:
        """High-water mark minus equity, never negative; None before the first equity."""
        if self.equity is None or self.high_water_mark is None:
            return None
        return max(self.high_water_mark - self.equity, Decimal(0))

    def limits(self) -> Limits:
        """The plain values the gate judges by."""
        return Limits(
            system_status=self.system_status,
            is_trading_active=self.is_trading_active,
            execution_mode=self.execution_mode,
            maximum_notional=self.maximum_notional,
            maximum_open_trades=self.maximum_open_trades,
            maximum_price_age_seconds=self.maximum_price_age_seconds,
        )


class AuditHead(models.Model):
    """The end of the chain. Locking it puts all writers in one order, which is the journal's order."""

    seq = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, default="0" * 64)


class AuditRow(models.Model):
    """One change: who, what, before and after, chained to the row before it."""

    seq = models.BigIntegerField(unique=True)
    at = models.DateTimeField()
    actor = models.CharField(max_length=100)  # person, token, schedule or machine
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=100, db_index=True)  # "bracket 12"
    payload = models.JSONField()
    prev_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["-seq"]

    def __str__(self) -> str:
        return f"{self.seq} {self.action} {self.subject}"


class Alert(models.Model):
    """Something a person should know of: open until it is resolved, counted while it lasts."""

    class Severity(models.TextChoices):
        INFO = "info"
        WARNING = "warning"
        CRITICAL = "critical"

    account = models.CharField(max_length=32)
    severity = models.CharField(max_length=8, choices=Severity)
    code = models.CharField(max_length=60)  # "position_without_stop": the same words for the same trouble
    subject = models.CharField(max_length=100)  # "bracket 12", as in the journal
    message = models.CharField(max_length=500)
    raised_at = models.DateTimeField()
    last_at = models.DateTimeField()  # when it was raised last
    times = models.PositiveIntegerField(default=1)
    resolved_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=100, blank=True)
    acknowledged_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        permissions = [("acknowledge_alert", "Can acknowledge alerts")]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "code", "subject"],
                name="alert_open_once",
                condition=Q(resolved_at__isnull=True),
            ),
            models.CheckConstraint(
                condition=Q(severity__in=["info", "warning", "critical"]), name="alert_severity_known"
            ),
        ]

    def __str__(self) -> str:
        return f"alert {self.pk} {self.severity} {self.code} {self.subject}"

    @property
    def status(self) -> str:
        """open until it is resolved, whether somebody acknowledged it or not."""
        return "open" if self.resolved_at is None else "resolved"
