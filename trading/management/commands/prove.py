"""`manage.py prove`: compare the book with the venue and run the invariants; exit 0 when all agree."""

from django.core.management.base import BaseCommand, CommandError

from brackets import accounts, venues
from brackets.venue.port import VenueUnavailable
from trading import proof

PATIENCE_SECONDS = 120  # it shares the rate budget with the watch, and never takes from its reserve


class Command(BaseCommand):
    help = "Compare the book with the venue and run the invariants; each difference is one sentence."

    def handle(self, *args: object, **options: object) -> None:
        account = accounts.current()
        try:
            verdict = proof.prove(account, venues.of(account, patience_seconds=PATIENCE_SECONDS), self.say)
        except VenueUnavailable as error:
            raise CommandError(f"Nothing is proven: the venue could not be read ({error}).") from None
        for sentence in verdict.differences:
            self.stdout.write(f"DIFFERENCE {sentence}")
        counted = f"{verdict.orders} orders, {verdict.fills} fills and {verdict.trades} closed trades"
        if verdict.differences:
            raise CommandError(f"{len(verdict.differences)} differences in {counted}.")
        self.stdout.write(f"Book and venue agree: {counted}, holds, balances, ledger and invariants.")

    def say(self, line: str) -> None:
        self.stdout.write(f"… {line}")
        self.stdout.flush()
