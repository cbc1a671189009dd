"""The paper venue's own log, read as it grows: what was asked of it and what happened, by its clock.

Shares no code with the product: what is measured is what the venue saw, not what we believe we did.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

LOOK_SECONDS = 0.02


class NotSeen(RuntimeError):
    """What a round waited for did not happen in time."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: `at` in milliseconds since 1970 by the venue's clock, `verb` its first word."""

    at: float
    verb: str
    text: str  # all of it but the time

    def field(self, name: str) -> str:
        """The text of `name=…`; empty where there is none."""
        for word in self.text.split(" "):
            key, equals, value = word.partition("=")
            if equals and key == name:
                return value
        return ""

    @property
    def placed(self) -> str:
        """The venue's id of the order this request placed; empty where it placed none."""
        _, _, said = self.text.rpartition(" -> ")
        return said.removeprefix("txid=") if said.startswith("txid=") else ""


def parsed(text: str) -> Line:
    stamp, _, words = text.partition(" ")
    return Line(datetime.fromisoformat(stamp).timestamp() * 1000, words.partition(" ")[0], words)


class VenueLog:
    """The lines since the last `mark`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read = 0
        self._lines: list[Line] = []

    def mark(self) -> None:
        """Begin anew here."""
        self.lines()
        self._lines = []

    def lines(self) -> list[Line]:
        with self.path.open("rb") as file:
            file.seek(self._read)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        self._lines += [parsed(line) for line in whole.decode().splitlines()]
        return self._lines

    def first(self, verb: str, fits: Callable[[Line], bool] = lambda line: True) -> Line | None:
        return next((line for line in self.lines() if line.verb == verb and fits(line)), None)

    def wait(
        self, verb: str, fits: Callable[[Line], bool] = lambda line: True, *, seconds: float = 30
    ) -> Line:
        """The first such line since the mark, as soon as it is there. Raises NotSeen."""
        deadline = time.monotonic() + seconds
        while (line := self.first(verb, fits)) is None:
            if time.monotonic() > deadline:
                seen = "\n".join(line.text for line in self._lines[-25:])
                raise NotSeen(f"no {verb} within {seconds:g} s; the venue's last lines:\n{seen}")
            time.sleep(LOOK_SECONDS)
        return line


def of(txids: Iterable[str]) -> Callable[[Line], bool]:
    """Lines about one of these orders."""
    wanted = frozenset(txids)
    return lambda line: line.field("txid") in wanted
