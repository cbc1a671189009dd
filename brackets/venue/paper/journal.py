"""The venue's line log: what was asked and answered, what triggered and filled. No secrets.

Written to stdout and to a file beside the state, each line flushed, after the change was stored and
before the answer leaves: a line says what is already so. Tests read it; its words are not for clients.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import IO

from brackets.venue.paper.forms import Form
from brackets.venue.paper.orders import Event, EventKind

# Of a request, in this order; whatever else it carries is not logged.
TOLD = (
    "cl_ord_id",
    "cl_ord_ids",
    "txid",
    "userref",
    "orders",
    "pair",
    "type",
    "ordertype",
    "volume",
    "price",
    "price2",
    "oflags",
    "timeinforce",
    "expiretm",
    "close[ordertype]",
    "close[price]",
    "order_qty",
    "limit_price",
    "trigger_price",
    "deadline",
    "validate",
)
LONGEST_VALUE = 200
LARGEST_FILE = 64 * 1024 * 1024  # then the file is kept once as `.1` and begun anew


class Journal:
    """Where lines go; a stdout nobody reads any more is no reason to stop, nor is a full disk. Raises OSError
    when opened."""

    def __init__(self, path: Path | None, *, stdout: IO[str] | None = sys.stdout) -> None:
        self._path, self._stdout = path, stdout
        self._file = None if path is None else path.open("a", encoding="utf-8")

    def write(self, now: Decimal, text: str) -> None:
        moment = datetime.fromtimestamp(float(now), UTC).isoformat(timespec="milliseconds")
        line = moment.replace("+00:00", "Z") + " " + text + "\n"
        if self._stdout is not None:
            try:
                self._stdout.write(line)
                self._stdout.flush()
            except (OSError, ValueError):
                self._stdout = None
        if self._file is not None:
            try:
                self._file.write(line)
                self._file.flush()
                self._turn_over()
            except OSError:
                pass  # a full disk costs lines; what was stored is answered all the same

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _turn_over(self) -> None:
        if self._file is None or self._path is None or self._file.tell() < LARGEST_FILE:
            return
        self._file.close()
        self._path.replace(self._path.with_name(self._path.name + ".1"))
        self._file = self._path.open("a", encoding="utf-8")


def request_line(method: str, form: Form, *, outcome: str) -> str:
    """`AddOrder cl_ord_id=x pair=ETHUSD … -> txid=O…` or `… -> error=EOrder:…`."""
    words = [method]
    for name in TOLD:
        value = form.fields.get(name)
        if value not in (None, ""):
            words.append(f"{name}={_safe(value)}")
    return f"{' '.join(words)} -> {outcome}"


def outcome_of(result: dict[str, object]) -> str:
    """What a result says in a few words."""
    for name in ("txid", "amend_id", "count"):
        value = result.get(name)
        if value is not None:
            return f"{name}={','.join(value) if isinstance(value, list) else value}"
    orders = result.get("orders")
    if isinstance(orders, list):
        return "orders=" + ",".join(str(part.get("txid") or part.get("error")) for part in orders)
    return "ok"


def event_lines(events: Iterable[Event]) -> list[str]:
    """One line for each trigger, fill and end; a placed order is in its request's line, or has a refid."""
    lines = []
    for event in events:
        order, trade = event.order, event.trade
        what = f"txid={order.txid} {order.symbol} {order.side} {order.kind}"
        if event.kind is EventKind.FILLED and trade is not None:
            role = "maker" if trade.maker else "taker"
            lines.append(
                f"FILL {what} trade={trade.trade_id} volume={trade.volume:f} price={trade.price:f} "
                f"cost={trade.cost:f} fee={trade.fee:f} {role} leaves={order.leaves:f}"
            )
        elif event.kind is EventKind.TRIGGERED:
            lines.append(f"TRIGGER {what} price={order.trigger_price} misc={order.misc}")
        elif event.kind is EventKind.PLACED and order.refid is not None:
            lines.append(f"ATTACHED {what} refid={order.refid} volume={order.volume:f} price={order.price:f}")
        elif event.kind is EventKind.ENDED:
            reason = f" reason={order.reason}" if order.reason else ""
            lines.append(f"END {what} status={order.status} filled={order.filled:f}{reason}")
    return lines


def _safe(value: object) -> str:
    """A value on one line, bounded: a client cannot write lines of its own."""
    text = str(value)[:LONGEST_VALUE]
    return "".join(letter if letter.isprintable() else "?" for letter in text)
