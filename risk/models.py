"""The law in force and the journal of everything that changed.

`SystemConfig` holds every limit and switch of one account; the pure rules in `risk/core` are handed
plain values of it. `AuditRow` is append-only and hash-chained; `journal.py` writes it.
"""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from risk.core.gate import Limits
from risk.fields import money_field, ratio_field


class SystemConfig(models.Model):
    """Switches and limits of one account (named like the account, by default its mode)."""

    class SystemStatus(models.TextChoices):
        ACTIVE = "ACTIVE"
        PAUSED = "PAUSED"

    class ExecutionMode(models.TextChoices):
        MARKET_ONLY = "MARKET_ONLY"

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
        default=ExecutionMode.MARKET_ONLY,
        help_text="Market entry, resting stop, market exit at the target.",
    )
    autopilot_enabled = models.BooleanField(default=False)

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
                condition=Q(execution_mode__in=["MARKET_ONLY"]), name="config_mode_offered"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account}: {self.system_status}"

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
