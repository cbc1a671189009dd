"""`manage.py config get [KEY]`, `config set KEY VALUE`: the configuration of the running mode's account."""

from django.core.management.base import BaseCommand, CommandError, CommandParser

from brackets import accounts
from trading import amendments, configuration
from trading.core.asks import Malformed


class Command(BaseCommand):
    help = "Show the configuration, or change one setting of it (validated and journalled)."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        get = acts.add_parser("get", help="print every setting, or the value of one")
        get.add_argument("key", nargs="?")
        change = acts.add_parser("set", help="change one setting")
        change.add_argument("key")
        change.add_argument("value")

    def handle(self, *args: object, **options: object) -> None:
        account = accounts.current()
        if options["act"] == "set":
            key = str(options["key"])
            try:
                config = amendments.change(account, {key: options["value"]}, actor="manage.py config")
            except Malformed as malformed:
                raise CommandError(f"{malformed} Nothing was changed.") from None
            self.say(key, amendments.values(config)[key])
            return
        values = amendments.values(configuration.of(account))
        if options["key"] is None:
            for name, value in values.items():
                self.say(name, value)
            return
        if options["key"] not in values:
            raise CommandError(f"There is no setting {options['key']!r}; there are {', '.join(values)}.")
        self.stdout.write(plain(values[str(options["key"])]))

    def say(self, name: str, value: object) -> None:
        self.stdout.write(f"{name} {plain(value)}")


def plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
