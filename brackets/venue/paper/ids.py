"""Kraken-shaped ids out of a seed and a counter: the same inputs give the same ids.

Used by the engine alone. A hash spreads the counter, so that no client can come to rely on an order.
"""

from __future__ import annotations

import base64
import hashlib


def venue_id(*, seed: str, letter: str, number: int) -> str:
    """The `number`th id of its kind: "O" order, "T" trade or amendment, "L" ledger entry."""
    digest = hashlib.sha256(f"{seed}:{letter}:{number}".encode()).digest()
    text = letter + base64.b32encode(digest).decode()[:15]
    return f"{text[:6]}-{text[6:11]}-{text[11:16]}{letter}"
