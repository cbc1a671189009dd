"""System checks of everything that has to do with the venue: where it is, with which keys, which market.

`check` answers for settings that parse but are wrong or dangerous; each message says what is wrong and
what to set. No check talks to a network or a database, and none prints a secret.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import os
import string
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from brackets.venue.paper.market import BadMarket, build_market

TIERS = ("starter", "intermediate", "pro")
SHORTEST_TIMEOUT, LONGEST_TIMEOUT = Decimal(1), Decimal(60)
SHORTEST_PING, LONGEST_PING = 10, 86_400  # seconds
MODES_WITH_KEYS = frozenset({"validate", "live"})


@register()
def check_venue(app_configs: Any = None, **_: Any) -> list[CheckMessage]:
    """Every complaint about the venue's settings, in the order a person meets them."""
    rules: tuple[Callable[[], Iterator[CheckMessage]], ...] = (
        api_url,
        stream_urls,
        keys,
        tier,
        timeout,
        paper_market,
        deadman,
    )
    return [message for rule in rules for message in rule()]


def api_url() -> Iterator[CheckMessage]:
    url = settings.KRAKEN_API_URL
    parts = split(url)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        yield Error(
            f"KRAKEN_API_URL is {shown(url)!r}, which is no URL of a venue.",
            hint="Set scheme, host and port, like https://api.kraken.com.",
            id="brackets.E001",
        )
        return
    if parts.username is not None or parts.password is not None:
        yield Error(
            "KRAKEN_API_URL carries a user or a password.",
            hint="Keys belong in KRAKEN_API_KEY and KRAKEN_PRIVATE_KEY; set scheme, host and port only.",
            id="brackets.E002",
        )
    elif parts.path.strip("/") or parts.query or parts.fragment:
        yield Error(
            f"KRAKEN_API_URL is {shown(url)!r}; it must end after host and port.",
            hint="Leave out the path (no /0): it is added for each call.",
            id="brackets.E002",
        )
    elif settings.TRADING_MODE == "live" and parts.scheme == "http" and not is_loopback(parts.hostname):
        yield Warning(
            f"KRAKEN_API_URL is plain http to {parts.hostname}: keys and orders travel unencrypted.",
            hint="Set an https URL.",
            id="brackets.W001",
        )


def stream_urls() -> Iterator[CheckMessage]:
    """The WebSocket URLs; the same URL for both is judged once, and none is no mistake."""
    names = {settings.KRAKEN_WS_PUBLIC_URL: "KRAKEN_WS_PUBLIC_URL", settings.KRAKEN_WS_URL: "KRAKEN_WS_URL"}
    for url, name in reversed(names.items()):
        if url:
            yield from stream_url(name, url)


def stream_url(name: str, url: str) -> Iterator[CheckMessage]:
    parts = split(url)
    if parts is None or parts.scheme not in {"ws", "wss"} or not parts.hostname:
        yield Error(
            f"{name} is {shown(url)!r}, which is no URL of a WebSocket.",
            hint="Set scheme, host, port and /v2, like wss://ws-auth.kraken.com/v2.",
            id="brackets.E009",
        )
    elif parts.username is not None or parts.password is not None:
        yield Error(
            f"{name} carries a user or a password.",
            hint="Nothing of that kind is needed: the stream is opened with a token of the API key.",
            id="brackets.E010",
        )
    elif parts.path.rstrip("/") != "/v2" or parts.query or parts.fragment:
        yield Error(
            f"{name} is {shown(url)!r}; it must end in /v2 right after host and port.",
            hint="Only version 2 of Kraken's WebSocket is spoken; set a URL that ends in /v2.",
            id="brackets.E010",
        )
    elif settings.TRADING_MODE == "live" and parts.scheme == "ws" and not is_loopback(parts.hostname):
        yield Warning(
            f"{name} is plain ws to {parts.hostname}: what you trade travels unencrypted.",
            hint="Set a wss URL.",
            id="brackets.W002",
        )


def split(url: str) -> SplitResult | None:
    """The parts of a URL; None when it cannot be one (a bad port included)."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def shown(url: str) -> str:
    """A URL without what may stand before its `@`."""
    scheme, separator, rest = url.rpartition("@")
    return f"…@{rest}" if separator and scheme else url


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def keys() -> Iterator[CheckMessage]:
    if settings.TRADING_MODE not in MODES_WITH_KEYS:
        return
    for name in ("KRAKEN_API_KEY", "KRAKEN_PRIVATE_KEY"):
        if not getattr(settings, name):
            yield Error(
                f"{name} is missing; TRADING_MODE={settings.TRADING_MODE} needs it.",
                hint=f"Set {name}, or TRADING_MODE=demo.",
                id="brackets.E003",
            )
    private_key = settings.KRAKEN_PRIVATE_KEY
    if private_key and not is_base64(private_key):
        yield Error(
            "KRAKEN_PRIVATE_KEY is not base64, so nothing can be signed with it.",
            hint="Copy the private key exactly as Kraken shows it.",
            id="brackets.E004",
        )


def is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return False


def tier() -> Iterator[CheckMessage]:
    if settings.KRAKEN_TIER not in TIERS:
        yield Error(
            f"KRAKEN_TIER is {settings.KRAKEN_TIER!r}, which is no tier.",
            hint=f"Set one of {', '.join(TIERS)}; starter is safe for every account.",
            id="brackets.E005",
        )


def timeout() -> Iterator[CheckMessage]:
    text = str(settings.KRAKEN_TIMEOUT_SECONDS)
    try:
        seconds = Decimal(text)
        fits = seconds.is_finite() and SHORTEST_TIMEOUT <= seconds <= LONGEST_TIMEOUT
    except InvalidOperation:
        fits = False
    if not fits:
        yield Error(
            f"KRAKEN_TIMEOUT_SECONDS is {text!r}.",
            hint=f"Set a number of seconds from {SHORTEST_TIMEOUT} to {LONGEST_TIMEOUT}.",
            id="brackets.E006",
        )


def paper_market() -> Iterator[CheckMessage]:
    """The paper venue's market, as far as it can be judged without reading a candle file.

    The file itself is read once, before anything is started, by `config/supervisor/prepare.py`.
    """
    if not settings.ON_PAPER_VENUE:
        return
    if settings.PAPER_MARKET == "feed":
        yield from paper_feed()
        return
    synthetic = settings.PAPER_MARKET.lower() == "synthetic"
    if not synthetic and not os.path.isfile(os.path.expanduser(settings.PAPER_MARKET)):
        yield Error(
            f"PAPER_MARKET names {settings.PAPER_MARKET}, but there is no such file.",
            hint="Set synthetic, feed, or the path of a candle file.",
            id="brackets.E007",
        )
    for name, given in market_texts(synthetic=synthetic):
        try:
            build_market(**{"market": "synthetic", "start": "", "speed": "", "seed": "", **given})
        except BadMarket as bad:
            yield Error(str(bad), hint=f"Change or unset {name}.", id="brackets.E008")
    if not synthetic and settings.PAPER_START and not is_time(settings.PAPER_START):
        yield Error(
            f"PAPER_START is {settings.PAPER_START!r}, which is not a time.",
            hint="Set one like 2024-08-05T00:30:00Z, or unset it.",
            id="brackets.E008",
        )


def paper_feed() -> Iterator[CheckMessage]:
    """Where the prices of the market `feed` come from. It carries no key, so plain http may do."""
    parts = split(settings.PAPER_FEED_URL)
    if (
        parts is None
        or parts.scheme not in {"http", "https"}
        or not parts.hostname
        or parts.username is not None
        or parts.path.strip("/")
        or parts.query
        or parts.fragment
    ):
        yield Error(
            f"KRAKEN_API_URL is {shown(settings.PAPER_FEED_URL)!r}, which is no source of prices.",
            hint="Set scheme, host and port only, like https://api.kraken.com, or unset it.",
            id="brackets.E011",
        )
    if settings.PAPER_FEED_WS_URL:
        yield from stream_url("KRAKEN_WS_PUBLIC_URL", settings.PAPER_FEED_WS_URL)


def deadman() -> Iterator[CheckMessage]:
    """The address of the dead man's ping is a secret: no message names it."""
    if not settings.DEADMAN_SECRET_URL:
        return
    parts = split(settings.DEADMAN_SECRET_URL)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname or parts.fragment:
        yield Error(
            "DEADMAN_URL is no address that can be asked.",
            hint="Set a URL like https://hc-ping.com/your-uuid, or unset it.",
            id="brackets.E012",
        )
    elif parts.scheme == "http" and not is_loopback(parts.hostname):
        yield Error(
            "DEADMAN_URL is plain http: whoever listens could go on telling that all is well.",
            hint="Set an https URL; http is taken for this machine alone.",
            id="brackets.E013",
        )
    path = settings.DEADMAN_FAIL_PATH
    if path and not set(path) <= set(string.ascii_letters + string.digits + "/-_."):
        yield Error(
            "DEADMAN_FAIL_PATH is no path.",
            hint="Set the path that tells trouble, like /fail, or unset it.",
            id="brackets.E014",
        )
    if not SHORTEST_PING <= settings.DEADMAN_SECONDS <= LONGEST_PING:
        yield Error(
            f"DEADMAN_SECONDS is {settings.DEADMAN_SECONDS}, not from {SHORTEST_PING} to {LONGEST_PING}.",
            hint="Set what the service expects as its period, like 60.",
            id="brackets.E015",
        )


def market_texts(*, synthetic: bool) -> Iterator[tuple[str, dict[str, str]]]:
    """The market's settings one by one, so that each is named by itself."""
    yield "PAPER_SPEED", {"speed": settings.PAPER_SPEED}
    yield "PAPER_SEED", {"seed": settings.PAPER_SEED}
    if synthetic:
        yield "PAPER_START", {"start": settings.PAPER_START}


def is_time(text: str) -> bool:
    """Whether the text is a time; whether the file has it is seen when the file is read."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
