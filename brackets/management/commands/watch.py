"""`manage.py watch`: look every second, send within a fraction of one, until stopped."""

from django.core.management.base import BaseCommand

from brackets import watch


class Command(BaseCommand):
    help = "Watch prices and orders of the account; a second watch stands by."

    def handle(self, *args: object, **options: object) -> None:
        watch.main()
