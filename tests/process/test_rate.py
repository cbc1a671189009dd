"""Four processes on one key: nonces in order, no rate refusal, and exits before polls.

The whole run of ten thousand calls is `make bench ARGS="rate"`; this is a share of it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

pytestmark = [pytest.mark.process, pytest.mark.django_db(transaction=True)]
CALLS = 600
MOST_OVERTAKING = 3  # polls that slip in before an exit's wish is written; without the wish they are dozens


def database_url() -> str:
    """Empty: a fresh SQLite file of the run's own."""
    if connection.vendor == "sqlite":
        return ""
    login = connection.settings_dict
    return f"postgres://{login['USER']}:{login['PASSWORD']}@{login['HOST']}:{login['PORT']}/{login['NAME']}"


def test_four_processes_share_a_key(tmp_path: Path) -> None:
    figures = tmp_path / "rate.json"
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.rate", "--calls", str(CALLS), "--json", str(figures)],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DATABASE_URL": database_url()},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = json.loads(figures.read_text())
    assert found["calls"] >= CALLS
    assert set(found["kinds"]) == {"poll", "place", "cancel"}
    assert (found["nonce_refusals"], found["rate_refusals"], found["other_outcomes"]) == (0, 0, {})
    assert found["polls_begun_while_an_exit_waited"] <= MOST_OVERTAKING
