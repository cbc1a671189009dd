"""A database of its own for a whole Backstop under test, on the kind of server the suite runs on."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from django.conf import settings


@contextmanager
def fresh_database(folder: Path) -> Iterator[str]:
    """The URL of an empty database; a PostgreSQL one is dropped afterwards."""
    values = settings.DATABASES["default"]
    if "sqlite" in values["ENGINE"]:
        yield f"sqlite:///{folder / 'book.sqlite3'}"
        return
    import psycopg

    name = f"backstop_world_{uuid.uuid4().hex[:12]}"
    server = {
        "host": values["HOST"] or None,
        "port": values["PORT"] or None,
        "user": values["USER"] or None,
        "password": values["PASSWORD"] or None,
    }
    with psycopg.connect(dbname="postgres", autocommit=True, **server) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    login = quote(values["USER"] or "") + (f":{quote(values['PASSWORD'])}" if values["PASSWORD"] else "")
    try:
        yield f"postgres://{login}@{values['HOST'] or 'localhost'}:{values['PORT'] or 5432}/{name}"
    finally:
        with psycopg.connect(dbname="postgres", autocommit=True, **server) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
