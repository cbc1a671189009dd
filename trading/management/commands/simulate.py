"""`manage.py simulate --seed N --runs N`: the product against a faulty venue, on a virtual clock.

Nothing of it touches the database, the network or the account of the person who runs it: the worlds live
in memory. The simulator itself is `tests/simulation`, which stands beside the product in its repository.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    help = "Live many simulated worlds with faults and crashes; exit 0 when no rule was broken in any."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seed", type=int, default=1, help="the first seed")
        parser.add_argument("--runs", type=int, default=200, help="how many worlds, a seed each")
        parser.add_argument("--store", choices=("memory", "sqlite"), default="memory")
        parser.add_argument("--faults", choices=("on", "off"), default="on")
        parser.add_argument("--jobs", type=int, default=1, help="processes to live them in")
        parser.add_argument("--verbose", action="store_true", help="the whole story, not shrunk")

    def handle(self, *args: object, **options: Any) -> None:
        if options["runs"] < 1 or options["jobs"] < 1 or options["seed"] < 0:
            raise CommandError("--runs and --jobs must be at least 1 and --seed at least 0; nothing was run.")
        try:
            simulator = import_module("tests.simulation.command")
        except ModuleNotFoundError as error:
            raise CommandError(f"The simulator is not installed here ({error}); nothing was run.") from None
        wanted = simulator.Wanted(
            seed=options["seed"],
            runs=options["runs"],
            jobs=options["jobs"],
            store=options["store"],
            faults=options["faults"] == "on",
            verbose=options["verbose"],
        )
        total, missing = simulator.simulate(wanted, self.say, self.progress)
        if total.violations:
            raise CommandError(f"{total.violations} violations in {len(total.failed)} of {total.runs} runs.")
        if missing:
            raise CommandError(f"{len(missing)} things never occurred in {total.runs} runs: {missing[0]}.")

    def say(self, line: str) -> None:
        if sys.stdout.isatty():
            self.stdout.write("\r\033[K", ending="")
        self.stdout.write(line)

    def progress(self, line: str) -> None:
        if sys.stdout.isatty():
            self.stdout.write(f"\r\033[K{line}", ending="")
            self.stdout.flush()
