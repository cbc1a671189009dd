"""Figures of many samples: medians, p99, ratios, and the tables they are shown in.

Pure. The last room of a benchmark: whatever was measured ends here as text.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """What many samples of one thing say."""

    n: int
    median: float
    p99: float  # nearest rank: of fewer than 100 samples the largest
    worst: float


def figure(samples: Sequence[float]) -> Figure | None:
    """None of no samples."""
    if not samples:
        return None
    ordered = sorted(samples)
    rank = math.ceil(0.99 * len(ordered)) - 1
    return Figure(len(ordered), statistics.median(ordered), ordered[rank], ordered[-1])


def number(value: float | None) -> str:
    """Three digits that say something, no more."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    places = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(places, 3)}f}"


def ratio(value: float | None, base: float | None) -> str:
    """How many times the base; a dash where there is none."""
    if value is None or not base:
        return "–"
    return f"{number(value / base)}×"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with straight columns; all but the first are numbers."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]

    def line(row: Sequence[str]) -> str:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        return f"| {' | '.join(cells)} |"

    rule = "|".join(["", "-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:]), ""])
    return "\n".join([line(head), rule, *(line(row) for row in rows)])
