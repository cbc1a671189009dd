"""A whole small world for a benchmark: paper venue, fresh database, the product's own processes.

Everything lives in a temporary folder and on 127.0.0.1. The venue is a process of its own, and the product
knows only its URL and a key pair, as it would with Kraken (TRADING_MODE=live, so that nothing trades by
itself). `prepared` must run before anything of Django is imported, for the settings read the environment.
"""

from __future__ import annotations

import base64
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn
from urllib.parse import urlsplit, urlunsplit

from benchmarks.control import Control
from benchmarks.venue_log import VenueLog

ROOT = Path(__file__).resolve().parent.parent
API_KEY = "benchmark"
PRIVATE_KEY = base64.b64encode(b"a private key of sixty-four bytes for a venue that is a benchmark.").decode()
PATIENCE_SECONDS = 60.0
PR_SET_PDEATHSIG = 1
DOLLARS = 50_000_000
PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")
# What the settings would otherwise take from this machine's `.env`.
OF_THE_PERSON = (
    *("HOST", "PORT", "VENUE_PORT", "EXECUTION_MODE", "INITIAL_BALANCE", "ADMIN_PASSWORD", "KRAKEN_WS_URL"),
    *("KRAKEN_WS_PUBLIC_URL", "KRAKEN_TIMEOUT_SECONDS", "PAPER_MARKET", "PAPER_START", "PAPER_SPEED"),
    *("PAPER_SEED", "SECURE", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS"),
)


class World:
    """The venue and what is started beside it."""

    def __init__(self, folder: Path, *, database_url: str, tier: str) -> None:
        self.folder, self.database_url, self.tier = folder, database_url, tier
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.url = ""
        self.control: Control
        self.log: VenueLog

    # --- the venue -------------------------------------------------------------------------------

    def start_venue(
        self,
        *,
        pairs: int | None = None,
        still: bool = False,
        standing: bool = False,
        decay_times: int | None = None,
    ) -> None:
        """On free ports. It counts no requests, and the product's own budget, of its tier, is what binds;
        with `decay_times` it counts them, at so many times Kraken's decay. `standing`: a position on each
        pair is there from the beginning."""
        state = self.folder / "venue.sqlite3"
        if standing:
            self.buy(state, pairs or 0)
        options = ["--pairs", str(pairs)] if pairs is not None else []
        options += ["--still"] if still else []
        limits = ["--no-limits"]
        if decay_times is not None:
            limits = ["--tier", self.tier, "--decay-times", str(decay_times)]
        self.spawn(
            "venue",
            *("-m", "brackets.venue.paper", "--port", "0", "--control-port", "0", "--state", str(state)),
            *("--key", API_KEY, *limits, "--balance", f"ZUSD={DOLLARS}", *options),
            more={"PAPER_PRIVATE_KEY": PRIVATE_KEY},
        )
        log = state.with_name(f"{state.name}.log")
        wait_for(lambda: log.exists() and b" READY " in log.read_bytes(), "the paper venue")
        self.log = VenueLog(log)
        (ready,) = [line for line in self.log.lines() if line.verb == "READY"]
        self.url = ready.text.split(" ")[4]
        self.control = Control(ready.field("control"))
        self.log.mark()

    def buy(self, state: Path, pairs: int) -> None:
        """In a process of its own: which pairs are listed is a process's matter."""
        command = [sys.executable, "-m", "benchmarks.bought", str(state), str(pairs), str(DOLLARS)]
        subprocess.run(command, cwd=ROOT, env=self.environment(), check=True)

    # --- the product -----------------------------------------------------------------------------

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name in PASSED_ON}
        stream = self.url.replace("http://", "ws://") + "/v2"
        return (
            kept
            | dict.fromkeys(OF_THE_PERSON, "")
            | {
                "DJANGO_SETTINGS_MODULE": "config.settings",
                "DATABASE_URL": self.database_url,
                "TRADING_MODE": "live",
                "SECRET_KEY": "the benchmarks' own key, which opens nothing",
                "KRAKEN_API_URL": self.url,
                "KRAKEN_WS_URL": stream,
                "KRAKEN_WS_PUBLIC_URL": stream,
                "KRAKEN_API_KEY": API_KEY,
                "KRAKEN_PRIVATE_KEY": PRIVATE_KEY,
                "KRAKEN_TIER": self.tier,
                "LOG_LEVEL": "WARNING",
                "DEBUG": "",
                "BACKSTOP_STATE_DIR": str(self.folder),
            }
        )

    def enter(self) -> None:
        """Make this process one of the product's: its settings, and a migrated database."""
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ.update(self.environment())
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0, interactive=False)

    def start_watch(self) -> None:
        self.spawn("watch", "manage.py", "watch")

    def stop(self, name: str) -> None:
        process = self.processes.pop(name, None)
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=10)

    def spawn(self, name: str, *arguments: str, more: dict[str, str] | None = None) -> None:
        environment = self.environment() | (more or {})
        with (self.folder / f"{name}.out").open("ab") as errors:
            self.processes[name] = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    def complaints(self) -> str:
        """What the processes said last, for a failure's message."""
        tails = (path.read_text(errors="replace").splitlines()[-15:] for path in self.folder.glob("*.out"))
        return "\n".join(line for tail in tails for line in tail)


def die_with_parent() -> None:
    """Runs in the child: whatever ends the benchmark, nothing it started stays."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def told_to_stop(number: int, frame: FrameType | None) -> NoReturn:
    """SIGTERM ends a benchmark as an exception does: everything is cleared away."""
    sys.exit(128 + number)


def wait_for(
    condition: Callable[[], object], what: str, *, seconds: float = PATIENCE_SECONDS, every: float = 0.05
) -> None:
    """Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} not seen within {seconds:g} s")
        time.sleep(every)


@contextmanager
def prepared(
    *,
    tier: str,
    pairs: int | None = None,
    still: bool = False,
    standing: bool = False,
    decay_times: int | None = None,
) -> Iterator[World]:
    """A venue that runs and a database that is migrated; nothing of it is left afterwards."""
    given = os.environ.get("DATABASE_URL", "")
    signal.signal(signal.SIGTERM, told_to_stop)
    with ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="backstop-bench-")))
        url = cleanup.enter_context(fresh_database(given)) if given.startswith("postgres") else ""
        world = World(folder, database_url=url or f"sqlite:///{folder / 'book.sqlite3'}", tier=tier)
        cleanup.callback(lambda: [world.stop(name) for name in list(world.processes)])
        world.start_venue(pairs=pairs, still=still, standing=standing, decay_times=decay_times)
        world.enter()
        cleanup.callback(close_connections)
        yield world


def close_connections() -> None:
    from django.db import connections

    connections.close_all()


@contextmanager
def fresh_database(given: str) -> Iterator[str]:
    """An empty database on the server of a PostgreSQL URL, dropped afterwards."""
    import psycopg
    from psycopg import sql

    name = f"backstop_bench_{os.getpid()}"
    parts = urlsplit(given)
    server = urlunsplit(parts._replace(scheme="postgresql", path="/postgres", query=""))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield urlunsplit(parts._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )
