"""`manage.py paper_venue`: the local venue of demo and paper mode, until stopped.

Stands beside the database's file but does not open the database: it starts before any migration.
"""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from brackets.venue.paper.cli import Start, run
from brackets.venue.paper.state_path import paper_state_path


class Command(BaseCommand):
    help = "Serve the paper venue on 127.0.0.1 (VENUE_PORT), speaking Kraken's REST and WebSocket v2."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.ON_PAPER_VENUE:
            # In other modes the settings hold the keys of a real account, which have no business here.
            self.stderr.write("paper venue: only TRADING_MODE demo and paper have one; nothing was started.")
            sys.exit(2)
        code = run(
            Start(
                port=settings.VENUE_PORT,
                state=paper_state_path(settings.DATABASES["default"], mode=settings.TRADING_MODE),
                key=settings.KRAKEN_API_KEY,
                private_key=settings.KRAKEN_PRIVATE_KEY,
                market=settings.PAPER_MARKET,
                feed_url=settings.PAPER_FEED_URL,
                feed_ws_url=settings.PAPER_FEED_WS_URL,
                start=settings.PAPER_START,
                speed=settings.PAPER_SPEED,
                seed=settings.PAPER_SEED,
                tier=settings.KRAKEN_TIER,
            )
        )
        sys.exit(code)
