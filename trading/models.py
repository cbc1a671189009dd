"""What people see and ask for: trades, commands, tokens; and where the event consumers stand."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from brackets.models import Account, Bracket
from risk.fields import money_field, price_field, quantity_field, ratio_field


class Trade(models.Model):
    """One round trip: a projection of its bracket, settled from the bracket's events."""

    class Status(models.TextChoices):
        OPEN = "OPEN"
        CLOSED = "CLOSED"

    class Source(models.TextChoices):
        AUTOPILOT = "autopilot"
        COMMAND = "command"
        FORCE_TEST = "force_test"
        ASSISTANT = "assistant"
        PROTECT = "protect"

    account = models.ForeignKey(Account, models.PROTECT, related_name="trades")
    bracket = models.OneToOneField(Bracket, models.PROTECT, related_name="trade")
    symbol = models.CharField(max_length=24)
    base = models.CharField(max_length=12)
    side = models.CharField(max_length=4, default="buy")
    source = models.CharField(max_length=12, choices=Source)
    status = models.CharField(max_length=6, choices=Status, default=Status.OPEN)
    requested_quantity = quantity_field()
    quantity = quantity_field()  # asked for, until filled; then what was bought
    entry_price = price_field(null=True)
    entry_at = models.DateTimeField(null=True)
    initial_stop_loss_price = price_field()
    stop_loss_price = price_field()
    take_profit_price = price_field()
    exit_price = price_field(null=True)
    exit_at = models.DateTimeField(null=True)
    exit_reason = models.CharField(max_length=20, blank=True)
    fees = money_field(default=0)
    realized_pnl = money_field(null=True)  # net of all fees; final when CLOSED
    r_multiple = ratio_field(null=True)
    opened_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "base"],
                name="one_open_trade_per_base",
                condition=Q(status="OPEN"),
            ),
            models.CheckConstraint(condition=Q(status__in=["OPEN", "CLOSED"]), name="trade_status_known"),
            models.CheckConstraint(condition=Q(quantity__gte=0), name="trade_quantity_not_negative"),
            models.CheckConstraint(
                condition=Q(status="OPEN") | (~Q(exit_reason="") & Q(realized_pnl__isnull=False)),
                name="trade_closed_is_final",
            ),
        ]

    def __str__(self) -> str:
        return f"trade {self.pk} {self.symbol} {self.status}"


class Command(models.Model):
    """One order of a person or script: what was asked, by whom, and what became of it."""

    class Status(models.TextChoices):
        ACCEPTED = "accepted"
        DONE = "done"
        DENIED = "denied"
        FAILED = "failed"

    account = models.ForeignKey(Account, models.PROTECT, related_name="commands")
    kind = models.CharField(max_length=16)
    actor = models.CharField(max_length=100)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    idempotency_key = models.CharField(max_length=128, null=True)
    payload = models.JSONField()
    status = models.CharField(max_length=8, choices=Status, default=Status.ACCEPTED)
    denials = models.JSONField(default=list)
    message = models.TextField(blank=True)
    trade = models.ForeignKey(Trade, models.PROTECT, null=True, related_name="commands")
    trades = models.ManyToManyField(Trade, related_name="liquidations", blank=True)  # of a liquidate-all
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        permissions = [
            ("trade", "Can open and close positions"),
            ("pause", "Can pause and resume trading"),
            ("liquidate", "Can sell everything and pause (kill switch)"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "user", "idempotency_key"],
                name="command_once_per_key",
                condition=Q(idempotency_key__isnull=False),
            ),
            models.CheckConstraint(
                condition=Q(status__in=["accepted", "done", "denied", "failed"]), name="command_status_known"
            ),
        ]

    def __str__(self) -> str:
        return f"command {self.pk} {self.kind} {self.status}"


class ApiToken(models.Model):
    """A token of a user, kept as a hash; the token itself is shown once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"token {self.pk} of {self.user}"


class EventCursor(models.Model):
    """How far one consumer has read the bracket events of one account."""

    consumer = models.CharField(max_length=32)
    account = models.ForeignKey(Account, models.CASCADE)
    last_event_id = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["consumer", "account"], name="cursor_once")]

    def __str__(self) -> str:
        return f"{self.consumer} at {self.last_event_id}"
