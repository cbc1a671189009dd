"""The step before the processes: settings and market checked, database opened and migrated, first user made,
recovery begun.

Runs as a process of its own between the supervisor's port check and the first child, so that a
database that does not answer cannot keep the supervisor from stopping. Exit 0, or 2 with one
sentence on stderr for each thing that is wrong.
"""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import django
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from brackets.venue.paper.market import BadMarket, build_market

MIGRATION_LOCK = 0x4261636B  # "Back": one machine at a time migrates a PostgreSQL database


class Refusal(Exception):
    """Why nothing is started: what is wrong, what was left, what to do."""


def complain(text: str) -> None:
    sys.stderr.write(f"Backstop: {text}\n")
    sys.stderr.flush()


def check_settings() -> None:
    """Run the system checks: warnings are said, errors refuse."""
    found = [message for message in checks.run_checks() if not message.is_silenced()]
    errors = [message for message in found if message.level >= checks.ERROR]
    for message in found:
        word = "error" if message in errors else "warning"
        hint = f" {message.hint}" if message.hint else ""
        complain(f"{word}: {message.msg}{hint} ({message.id})")
    if errors:
        raise Refusal("the settings above are wrong; nothing was started.")


def check_market() -> None:
    """Read the paper venue's market once, as the venue will: it may be a file that only looks like one."""
    if not settings.ON_PAPER_VENUE or settings.PAPER_MARKET == "feed":
        return  # whether a feed answers is seen by the venue, which waits for it
    try:
        build_market(
            market=settings.PAPER_MARKET,
            start=settings.PAPER_START,
            speed=settings.PAPER_SPEED,
            seed=settings.PAPER_SEED,
        )
    except BadMarket as bad:
        raise Refusal(f"{bad} Nothing was started.") from None


def check_database() -> None:
    """Open the database and begin a write, or say why that is impossible."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SHOW transaction_read_only")
                if cursor.fetchone()[0] == "on":
                    raise Refusal(f"{database()} is read-only; nothing was started. {ADVICE}")
            else:
                cursor.execute("SELECT 1")  # IMMEDIATE: this transaction already writes
    except DatabaseError as error:
        raise Refusal(
            f"{database()} cannot be written ({first_line(error)}); nothing was started. {ADVICE}"
        ) from None


ADVICE = "Make it writable, or set DATABASE_URL."


def database() -> str:
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"the database {values['NAME']}"
    return f"the database {values['NAME']} on {values['HOST'] or 'the local socket'}"


def first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """On PostgreSQL, wait for another machine's preparation; SQLite has one machine and one port."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])


def migrate() -> None:
    try:
        call_command("migrate", verbosity=0, interactive=False)
    except (DatabaseError, CommandError) as error:
        raise Refusal(
            f"{database()} could not be migrated ({first_line(error)}); nothing was started. {ADVICE}"
        ) from None


def make_first_user() -> None:
    """Create `admin` in a database without any user; a generated password is said this once."""
    from django.contrib.auth.models import User  # importable only after django.setup()

    users = User.objects
    with transaction.atomic():
        if users.exists():
            return
        password = settings.ADMIN_PASSWORD or secrets.token_urlsafe(12)
        users.create_superuser("admin", "", password)
    if not settings.ADMIN_PASSWORD:
        sys.stdout.write(f"admin password: {password}\n")
        sys.stdout.flush()


def begin_recovery() -> None:
    """Forget that the book was once compared with the venue: the last run may have ended anyhow. From the
    web's first answer on, entries wait until a watch or a cluster of this run has compared them."""
    from brackets import recovery  # importable only after django.setup()

    recovery.begin(settings.TRADING_MODE)


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        django.setup()
        check_settings()
        check_market()
        check_database()
        with one_at_a_time():
            migrate()
            make_first_user()
            begin_recovery()
    except (Refusal, ImproperlyConfigured) as refusal:
        complain(str(refusal))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
