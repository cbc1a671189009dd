"""Four processes on one key: nonces in order, no rate refusal, and nothing passes an exit that waits.

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

pytestmark = pytest.mark.process
CALLS = 300


def server() -> str:
    """Where the run makes a database of its own; empty: in a SQLite file."""
    return "" if connection.vendor == "sqlite" else settings.DATABASE_URL


def test_four_processes_share_a_key(tmp_path: Path) -> None:
    figures = tmp_path / "rate.json"
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.rate", "--calls", str(CALLS), "--json", str(figures)],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DATABASE_URL": server()},
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
    assert found["exits_that_wished"], "no exit had to wait: nothing was shown"
    assert found["exits_overtaken"] == 0
