"""`manage.py probe_both_rest SYMBOL [--yes]`: whether this venue lets a stop and a target rest together."""

import sys

from django.core.management.base import BaseCommand, CommandError, CommandParser

from brackets import accounts, venues
from brackets.venue.port import VenueUnavailable
from trading import market, probe

PATIENCE_SECONDS = 30
UNASKED = (probe.ProbeRefused, market.UnknownSymbol, market.MarketUnavailable, VenueUnavailable)


class Command(BaseCommand):
    help = (
        "Place the two smallest sells that prove something (together more than the free coins), "
        "see what the venue does, cancel both."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbol", help="for example ETH/USD; its coins must be held and free")
        parser.add_argument("--yes", action="store_true", help="do not ask before the orders are placed")

    def handle(self, *args: object, **options: object) -> None:
        account = accounts.current()
        venue = venues.of(account, patience_seconds=PATIENCE_SECONDS)
        try:
            planned = probe.plan(account, venue, str(options["symbol"]))
            if not (options["yes"] or self.agreed(f"Place {planned} on the {account.name} account?")):
                raise CommandError("Nothing was sent.")
            works = probe.run(account, venue, planned, self.say, pause=probe.wait)
        except (
            probe.ProbeRefused,
            market.UnknownSymbol,
            market.MarketUnavailable,
            VenueUnavailable,
        ) as error:
            raise CommandError(f"{error} Nothing was sent.") from None
        except probe.ProbeFailed as error:
            raise CommandError(str(error)) from None
        if works:
            self.say("Both legs may rest on this account: leg_policy can be both_rest.")
        else:
            self.say("One leg rests at a time on this account: leg_policy stays nearest or stop_rests.")

    def agreed(self, question: str) -> bool:
        if not sys.stdin.isatty():
            raise CommandError(f"{question} Run it with --yes to agree. Nothing was sent.")
        return input(f"{question} [y/N] ").strip().lower() in {"y", "yes"}

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
