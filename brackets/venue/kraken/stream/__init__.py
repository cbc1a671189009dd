"""Kraken's WebSocket v2: what the venue tells by itself, instead of being asked.

`session` (with `private` and `public`) is pure: messages in, news out; `connection` is the socket around
it. The stream wakes and informs; what it cannot say for certain is asked by REST, and money is never
booked from it.
"""
