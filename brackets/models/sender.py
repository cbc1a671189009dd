"""The one sender of an API key: who may talk to the venue now, with which nonce, at what cost.

Written only by `brackets.venue.sender`, by compare-and-swap on `fence`; read by people in the admin.
"""

from __future__ import annotations

from django.db import models


class SenderKey(models.Model):
    """One row per API key and venue URL, shared by every process and machine that uses the key."""

    key_fingerprint = models.CharField(max_length=64, unique=True)  # sha256 of URL and API key: no secret
    holder = models.CharField(max_length=200, blank=True)  # empty: nobody is sending
    fence = models.BigIntegerField(default=0)  # one up with every turn taken
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    last_nonce = models.BigIntegerField(default=0)  # milliseconds since 1970, never lower than before
    urgent_until = models.DateTimeField(null=True, blank=True)  # somebody urgent waits: others stand back
    urgent_waiting = models.PositiveIntegerField(default=0)  # how many of them; counts until then
    counter_thousandths = models.BigIntegerField()  # Kraken's REST counter as we reckon it, in 1/1000 points
    counter_at = models.DateTimeField()  # when it stood there
    # Kraken's trading counters: symbol -> [1/1000 points, when they stood there in ms since 1970]
    pair_counters = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"sender {self.key_fingerprint[:8]}"
