"""`manage.py api_token USER`: print a new token with all of the user's rights, and nothing else."""

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from trading import tokens


class Command(BaseCommand):
    help = "Print a new API token with all of USER's rights; earlier ones stay valid."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="the user's name")

    def handle(self, *args: object, **options: object) -> None:
        name = str(options["user"])
        user_model = get_user_model()
        user = user_model.objects.filter(**{user_model.USERNAME_FIELD: name}).first()
        if user is None:
            raise CommandError(f"There is no user {name!r}; no token was made.")
        if not user.is_active:
            raise CommandError(f"The user {name!r} is not active; no token was made.")
        self.stdout.write(tokens.issue(user, actor="manage.py api_token"))
