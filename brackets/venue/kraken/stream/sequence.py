"""The numbers of a private stream's messages: is one missing, repeated or out of order?

Pure. Kraken numbers the messages of a connection; whether each channel counts for itself (as its own
samples show) or all channels together (as its guide can be read) is told by the first messages: both
readings are followed until a number contradicts one of them.
"""

from __future__ import annotations

from brackets.venue.kraken.stream.news import StreamBroken


class Sequence:
    """The numbers seen on one connection."""

    def __init__(self) -> None:
        self._last_of: dict[str, int] = {}
        self._last: int | None = None
        self._each_channel = self._all_together = True

    def follow(self, channel: str, number: int) -> None:
        """Take the next message's number. Raises StreamBroken when it does not follow the former ones."""
        own = self._last_of.get(channel)
        self._each_channel = self._each_channel and own in (None, number - 1)
        self._all_together = self._all_together and self._last in (None, number - 1)
        if not (self._each_channel or self._all_together):
            raise StreamBroken(f"message {number} of {channel} came after {own} ({self._last} of all)")
        self._last_of[channel] = self._last = number
