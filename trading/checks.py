"""System checks of how this house is run: mode, first values of the configuration, ports, web security.

The venue's own settings are checked in `brackets/checks.py`. No check talks to a network or a database.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

MODES = ("demo", "paper", "validate", "live")
EXECUTION_MODES = ("MARKET_ONLY", "LIMIT_BRACKET")
LARGEST_BALANCE = Decimal(10) ** 8  # what the money column holds
SHORTEST_SECRET = 32


@register()
def check_house(app_configs: Any = None, **_: Any) -> list[CheckMessage]:
    """Every complaint about how the house is run."""
    rules: tuple[Callable[[], Iterator[CheckMessage]], ...] = (
        trading_mode,
        execution_mode,
        initial_balance,
        ports,
        web,
    )
    return [message for rule in rules for message in rule()]


def trading_mode() -> Iterator[CheckMessage]:
    mode = settings.TRADING_MODE
    if mode not in MODES:
        yield Error(
            f"TRADING_MODE is {mode!r}, which is no mode.",
            hint=f"Set one of {', '.join(MODES)}.",
            id="trading.E001",
        )


def execution_mode() -> Iterator[CheckMessage]:
    mode = settings.EXECUTION_MODE
    if mode not in EXECUTION_MODES:
        yield Error(
            f"EXECUTION_MODE is {mode!r}, which is no execution mode.",
            hint=f"Set {' or '.join(EXECUTION_MODES)}, or unset it.",
            id="trading.E003",
        )


def initial_balance() -> Iterator[CheckMessage]:
    text = settings.INITIAL_BALANCE
    if not text:
        return
    try:
        balance = Decimal(text)
        fits = balance.is_finite() and 0 < balance < LARGEST_BALANCE and balance == round(balance, 10)
    except InvalidOperation:
        fits = False
    if not fits:
        yield Error(
            f"INITIAL_BALANCE is {text!r}.",
            hint="Set an amount above 0 and below 100000000 with at most 10 decimals, like 1000, or unset "
            "it: the first equity seen is then the baseline.",
            id="trading.E005",
        )


def ports() -> Iterator[CheckMessage]:
    wanted = {"PORT": settings.PORT}
    if settings.ON_PAPER_VENUE:
        wanted["VENUE_PORT"] = settings.VENUE_PORT
    for name, port in wanted.items():
        if not 1 <= port <= 65535:
            yield Error(
                f"{name} is {port}, which is no port.",
                hint="Set a port from 1 to 65535.",
                id="trading.E006",
            )
    if settings.ON_PAPER_VENUE and settings.PORT == settings.VENUE_PORT:
        yield Error(
            f"PORT and VENUE_PORT are both {settings.PORT}.",
            hint="Give the web server and the paper venue a port each.",
            id="trading.E007",
        )


def web() -> Iterator[CheckMessage]:
    if settings.DEBUG and settings.TRADING_MODE == "live":
        yield Warning(
            "DEBUG is on while real money is traded: error pages show the program's inside.",
            hint="Set DEBUG=false.",
            id="trading.W001",
        )
    if not settings.SECURE and not is_loopback(settings.HOST):
        yield Warning(
            f"HOST is {settings.HOST}: passwords and tokens cross the network unencrypted.",
            hint="Put TLS in front and set SECURE=true, or set HOST=127.0.0.1.",
            id="trading.W002",
        )
    if len(settings.SECRET_KEY) < SHORTEST_SECRET:
        yield Warning(
            f"SECRET_KEY has {len(settings.SECRET_KEY)} characters; it signs sessions and tasks.",
            hint=f"Set at least {SHORTEST_SECRET} random characters, or unset it: one is generated.",
            id="trading.W003",
        )


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
