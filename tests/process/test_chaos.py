"""A short storm over the real processes, as `make chaos` makes long ones; on the suite's kind of database."""

import re
import subprocess
import sys

import pytest
from django.conf import settings

from tests.chaos.postgres import installed
from tests.process.conftest import ROOT

pytestmark = pytest.mark.process
ON_SQLITE = "sqlite" in settings.DATABASES["default"]["ENGINE"]
LAST_LINE = re.compile(r"chaos: kills=(\d+) orders=(\d+) violations=(\d+) seconds=\d+")
SHORT = ("--minutes", "0.2", "--every", "1.2", "--people", "2", "--seed", "7")


def storm(*options: str) -> None:
    command = [sys.executable, "-m", "tests.chaos", *SHORT, *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400, check=False)
    said = f"{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, said
    told = LAST_LINE.fullmatch(done.stdout.strip().splitlines()[-1])
    assert told is not None, said
    kills, orders, violations = map(int, told.groups())
    assert violations == 0, said
    assert min(kills, orders) > 0, said  # a storm in which something happened


@pytest.mark.skipif(not ON_SQLITE, reason="the other test is for PostgreSQL")
def test_what_make_up_started_survives_a_storm() -> None:
    storm("--database", "sqlite")


@pytest.mark.skipif(ON_SQLITE, reason="the other test is for SQLite")
@pytest.mark.skipif(installed() is None, reason="no PostgreSQL is installed that a test may restart")
def test_two_clusters_and_two_watches_on_postgresql_survive_a_storm() -> None:
    storm("--database", "postgres", "--clusters", "2", "--watches", "2", "--cut-seconds", "3")
