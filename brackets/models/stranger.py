"""What the account holds beyond our book, as found: orders, coins, missing coins."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from brackets.core.strangers import OVER, Kind, Status
from brackets.models.account import Account
from brackets.models.bracket import Bracket, choices
from risk.fields import quantity_field

KINDS, STATUSES = [kind.value for kind in Kind], [status.value for status in Status]


class Stranger(models.Model):
    """One finding. The same order, or the same coin beyond our book, is the same row as long as it is there,
    and a person's decision stays with it until it changes. What somebody decided about and is over stays as
    it was: found again it is another finding, with a row of its own (`turn`)."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="strangers")
    kind = models.CharField(max_length=8, choices=choices(Kind))
    subject = models.CharField(max_length=40)  # the coin ("ETH"); of an order the venue's id
    turn = models.PositiveIntegerField(default=1)  # the first finding of this subject, the second …
    base = models.CharField(max_length=24)  # the coin; where the pair is not known, the pair
    symbol = models.CharField(max_length=24)  # the pair of the order; for coins the one to protect them by
    quantity = quantity_field(default=0)
    terms = models.CharField(max_length=120, blank=True)  # of an order: side, kind and prices
    status = models.CharField(max_length=10, choices=choices(Status), default=Status.NOTICED.value)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    # What the last reading said instead, until a second one agrees; zero: it was not there.
    noticed = quantity_field(null=True)
    noticed_terms = models.CharField(max_length=120, blank=True)
    noticed_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=100, blank=True)
    decided_at = models.DateTimeField(null=True)
    bracket = models.ForeignKey(
        Bracket, models.PROTECT, null=True, related_name="strangers"
    )  # that protects it

    class Meta:
        ordering = ["-id"]
        permissions = [("decide_stranger", "Can ignore and alarm what the account holds beyond our book")]
        indexes = [
            models.Index(
                fields=["account", "kind"],
                name="stranger_there",
                condition=Q(status__in=["noticed", "open", "ignored", "alarmed"]),
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["account", "kind", "subject", "turn"], name="stranger_turn_once"),
            models.CheckConstraint(condition=Q(kind__in=KINDS), name="stranger_kind_known"),
            models.CheckConstraint(condition=Q(status__in=STATUSES), name="stranger_status_known"),
            models.CheckConstraint(condition=Q(quantity__gte=0), name="stranger_quantity_not_negative"),
        ]

    @property
    def is_settled(self) -> bool:
        """Whether it is over and somebody decided about it: what is found from now on is another one."""
        return self.status in OVER and self.decided_at is not None

    def __str__(self) -> str:
        return f"stranger {self.pk} {self.kind} {self.subject} {self.status}"
