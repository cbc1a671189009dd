"""Steps the table takes and the assembled product cannot make, each with its reason.

A test holds this list against what happens: a pair that occurs must be taken off it.
"""

from __future__ import annotations

REASONS: dict[tuple[str, str], str] = {}
