"""An account at the venue, and what was last read of its world: instruments, prices, balances."""

from __future__ import annotations

from django.db import models

from brackets.venue.port import Instrument as InstrumentReading
from risk.fields import money_field, price_field, quantity_field, ratio_field


class Account(models.Model):
    """One account has one mode, and every row belongs to one account: modes never mix."""

    name = models.CharField(max_length=32, unique=True)
    mode = models.CharField(max_length=10)
    created_at = models.DateTimeField(auto_now_add=True)
    first_balances_at = models.DateTimeField(null=True, blank=True)  # when `first_total` was read
    # When all balances were last asked for, with what open orders hold of them; totals may be told later.
    balances_read_at = models.DateTimeField(null=True, blank=True)
    balances_wanted_at = models.DateTimeField(null=True, blank=True)  # … a reading from then on is
    # None while the book has not yet been compared with the venue since the last start.
    recovered_at = models.DateTimeField(null=True, blank=True)
    recovering_since = models.DateTimeField(null=True, blank=True)  # the first comparison that was not enough
    recovering_because = models.CharField(
        max_length=300, blank=True
    )  # what recovery waits for, in a sentence
    reconciled_at = models.DateTimeField(null=True, blank=True)  # when a full cycle last began and succeeded
    open_orders_read_at = models.DateTimeField(null=True, blank=True)
    # Looks at all open orders that can still prove something, as [asked for, answered].
    open_looks = models.JSONField(default=list, blank=True)
    closed_orders_read_at = models.DateTimeField(null=True, blank=True)  # for stops that were never seen open
    # What must have been visible then, and was never shown, does not exist (brackets/looks.py).
    compared_at = models.DateTimeField(null=True, blank=True)
    # Comparisons of all brackets with the venue, by readings or by what its stream tells.
    cycles = models.PositiveBigIntegerField(default=0)
    verified_at = models.DateTimeField(null=True, blank=True)  # when both legs of all were last judged
    verified_watched = models.BooleanField(null=True, blank=True)  # whether a watch was alive then
    venue_seen_at = models.DateTimeField(null=True, blank=True)
    venue_system = models.CharField(max_length=20, blank=True)  # online, maintenance, …
    venue_error = models.CharField(max_length=300, blank=True)
    private_error = models.CharField(max_length=300, blank=True)  # why private calls fail; empty: they do not
    # Whether the venue lets a stop and a target rest for the same coins; null: never probed.
    both_rest_works = models.BooleanField(null=True, blank=True)
    both_rest_probed_at = models.DateTimeField(null=True, blank=True)

    # The private stream of the watch: how it stands, when the venue last said anything, why it was lost.
    stream_state = models.CharField(max_length=12, default="off")
    stream_seen_at = models.DateTimeField(null=True, blank=True)
    stream_error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(mode__in=["demo", "paper", "validate", "live"]), name="account_mode_known"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Instrument(models.Model):
    """A pair as the venue describes it; refreshed by the readers."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="instruments")
    symbol = models.CharField(max_length=24)  # "BTC/USD"
    venue_symbol = models.CharField(max_length=24)  # "XXBTZUSD"
    altname = models.CharField(max_length=24)
    base = models.CharField(max_length=12)
    quote = models.CharField(max_length=12)
    base_asset = models.CharField(max_length=12)  # "XXBT"
    quote_asset = models.CharField(max_length=12)  # "ZUSD"
    tick_size = price_field()
    lot_step = quantity_field()
    minimum_quantity = quantity_field()
    minimum_cost = price_field()
    taker_fee_ratio = ratio_field()
    maker_fee_ratio = ratio_field()
    status = models.CharField(max_length=20)
    read_at = models.DateTimeField()
    # Until then nothing is opened here: the venue wants to be left alone (brackets/venue/throttles.py).
    throttled_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["symbol"]
        constraints = [models.UniqueConstraint(fields=["account", "symbol"], name="instrument_once")]

    def __str__(self) -> str:
        return self.symbol

    def update_from(self, reading: InstrumentReading) -> None:
        for name in InstrumentReading.__dataclass_fields__:
            setattr(self, name, getattr(reading, name))


class Quote(models.Model):
    """The last price read, one row a symbol."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="quotes")
    symbol = models.CharField(max_length=24)
    bid = price_field()
    ask = price_field()
    last = price_field()
    read_at = models.DateTimeField()

    class Meta:
        ordering = ["symbol"]
        constraints = [models.UniqueConstraint(fields=["account", "symbol"], name="quote_once")]

    def __str__(self) -> str:
        return f"{self.symbol} {self.bid} / {self.ask}"


class AssetBalance(models.Model):
    """The last reading of one asset, with what was there when the account was first seen."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="balances")
    asset = models.CharField(max_length=16)  # the venue's code, "ZUSD"
    total = money_field()
    held = money_field()
    first_total = money_field()
    read_at = models.DateTimeField()

    class Meta:
        ordering = ["asset"]
        constraints = [models.UniqueConstraint(fields=["account", "asset"], name="balance_once")]

    def __str__(self) -> str:
        return f"{self.asset} {self.total}"
