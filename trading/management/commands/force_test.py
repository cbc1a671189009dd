"""`manage.py force_test ETH/USD 10 [--wait]`: open a small bracket through the one door and report."""

from decimal import Decimal, InvalidOperation

from django.core.management.base import BaseCommand, CommandError, CommandParser

from brackets.venue.port import VenueUnavailable
from trading import door, force_test, market


class Command(BaseCommand):
    help = "Open about USD dollars of SYMBOL and report the entry, the stop, the target and the records."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbol", help="for example ETH/USD")
        parser.add_argument("usd", help="about how many dollars")
        parser.add_argument("--wait", action="store_true", help="wait until one leg has closed it")
        parser.add_argument("--wait-seconds", type=int, default=900, help="how long to wait at most")

    def handle(self, *args: object, **options: object) -> None:
        symbol, text = str(options["symbol"]), str(options["usd"])
        try:
            Decimal(text)
        except InvalidOperation:
            raise CommandError(f"USD must be a number, not {text!r}; nothing was written.") from None
        self.say(f"force test of {symbol} for about {text} dollars")
        try:
            command = force_test.submit(symbol, text, self.say)
            wait_seconds = options["wait_seconds"] if options["wait"] else 0
            force_test.report(command, self.say, wait_seconds=int(str(wait_seconds)))
        except (door.BadInput, market.UnknownSymbol, market.MarketUnavailable, door.Recovering) as error:
            raise CommandError(f"{error}; nothing was written.") from None
        except (force_test.ForceTestFailed, VenueUnavailable) as error:
            raise CommandError(str(error)) from None
        self.say("all is well")

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
