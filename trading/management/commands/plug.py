"""`manage.py plug [--ask] [--json]`: what would rest and what would be lost if this machine died now."""

import json

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from brackets import accounts, plug, venues
from brackets.venue.port import VenueUnavailable
from trading.plug import shape, table

PATIENCE_SECONDS = 30


class Command(BaseCommand):
    help = (
        "Show, for each open bracket, what rests at the venue and the worst loss if nobody ever acted again. "
        "Exit code 0 only when every coin above the venue's minimum has a stop that was read there (or its "
        "target rests by the rules while a living watch keeps the stop), nothing may be bought without one, "
        "and the book is fresh."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--ask",
            action="store_true",
            help="read the venue's open orders first (one private call) and show what they say otherwise",
        )
        parser.add_argument("--json", action="store_true", help="as REST shows it")

    def handle(self, *args: object, **options: object) -> None:
        account = accounts.current()
        if options["ask"]:
            venue = venues.of(account, patience_seconds=PATIENCE_SECONDS)
            try:
                view = plug.ask(account, venue, timezone.now())
            except VenueUnavailable as error:
                raise CommandError(f"Nothing is known: the venue could not be read ({error}).") from None
        else:
            view = plug.look(account, timezone.now())
        self.say(view, as_json=bool(options["json"]))
        if not view.well:
            raise CommandError(" ".join(view.reasons))

    def say(self, view: plug.View, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(shape(view), indent=2, ensure_ascii=False))
            return
        for line in (*table(view), *view.differences, view.sentence):
            self.stdout.write(line)
        self.stdout.write(age(view))


def age(view: plug.View) -> str:
    """How old what is said is."""
    if view.asked:
        return "Read from the venue just now."
    if view.compared_at is None:
        return "Not compared with the venue since the start."
    seconds = (view.at - view.compared_at).total_seconds()
    return f"As last compared {seconds:.0f} s ago and heard since; --ask reads the venue first."
