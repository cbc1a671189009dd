"""What every test shares: a test database that several connections can use at once.

SQLite's own choice for tests is a shared cache in memory, in which a second connection does not wait for
the first but fails; in a file it waits, as it does in production.
"""

from pathlib import Path

import pytest
from django.db import connections


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    values = connections["default"].settings_dict
    if "sqlite" in values["ENGINE"]:
        folder: Path = tmp_path_factory.mktemp("database")
        values["TEST"]["NAME"] = str(folder / "test.sqlite3")
