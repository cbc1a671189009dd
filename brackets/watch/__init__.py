"""The watch: the process that looks every second, hears the venue, and sends within a fraction of one.

`jobs` is what it does, `runner` when, `streams` what the venue's WebSocket wakes; `following` takes the
private stream into the book, `prices` and `shelf` keep in memory what every price is compared with.
"""

from __future__ import annotations

import asyncio
import logging
import os

from django.conf import settings

from brackets import accounts, venues
from brackets.watch.hooks import run_hooks
from brackets.watch.jobs import Watch
from brackets.watch.runner import Runner, guarded, patience_after
from brackets.watch.streams import Streams
from brackets.watch.tokens import Tokens

__all__ = ["Runner", "Watch", "guarded", "main", "patience_after", "run_hooks"]
PATIENCE_SECONDS = 30  # how long a poll waits for rate budget, so that a cycle once begun is finished


def main() -> None:
    """Watch the account of TRADING_MODE until SIGTERM or SIGINT."""
    account = accounts.current()
    venue = venues.of(account, patience_seconds=PATIENCE_SECONDS, give_way=lambda: watch.is_pressed())
    watch = Watch(account=account, venue=venue)
    tokens = Tokens(venue, pressed=watch.is_pressed)

    def streams(runner: Runner) -> Streams:
        return Streams(watch, runner, token=tokens.take, token_was_said=tokens.spend)

    asyncio.run(Runner(watch, streams=streams if settings.KRAKEN_WS_URL else None).run())
    # A thread may still wait for rate budget. All that matters is in the database: leave now.
    logging.shutdown()
    os._exit(0)
