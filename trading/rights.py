"""Which right each kind of command takes, for REST and admin alike."""

from __future__ import annotations

from collections.abc import Mapping

from trading.core.asks import Kind

RIGHTS: Mapping[Kind, str] = {
    Kind.BUY: "trading.trade",
    Kind.SELL: "trading.trade",
    Kind.FORCE_TEST: "trading.trade",
    Kind.CLOSE: "trading.trade",
    Kind.EDIT: "trading.trade",
    Kind.PROTECT: "trading.trade",
    Kind.LIQUIDATE_ALL: "trading.liquidate",
    Kind.PAUSE: "trading.pause",
    Kind.RESUME: "trading.pause",
    Kind.RELEASE: "trading.trade",
}
