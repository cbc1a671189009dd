"""A named right that one process holds for a while (who may watch)."""

from django.db import models


class Lease(models.Model):
    """Taken and renewed by compare-and-swap on `fence`; free again when `expires_at` has passed."""

    name = models.CharField(max_length=80, unique=True)
    holder = models.CharField(max_length=200, blank=True)
    fence = models.BigIntegerField(default=0)
    expires_at = models.DateTimeField(null=True)
    renewed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.name}: {self.holder or 'free'}"
