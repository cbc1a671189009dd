"""A whole Backstop in a folder of its own: on SQLite as `make up` starts it, on PostgreSQL as systemd would.

On SQLite the supervisor starts and keeps everything. On PostgreSQL several clusters and watches share one
database, and between them and the venue lies a wire that can be cut. Both trade on the paper venue in demo
mode; every process carries a mark in its environment, by which nothing of it is ever missed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any

from tests.chaos.keeper import ROOT, Keeper, Unit, ending_with_us
from tests.chaos.options import Options
from tests.chaos.postgres import Server
from tests.chaos.wire import Wire
from tests.process.conftest import free_port, processes_with
from tests.process.disk import MountedDisk

# Quicker doubts than in production, so that minutes show what hours would.
PACE = {"CLUSTER_BEAT_SECONDS": "2", "CLUSTER_STALE_SECONDS": "30", "KRAKEN_TIER": "pro"}
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "VIRTUAL_ENV", "TMPDIR")
END_SECONDS = 15.0  # what the outside may rely on
ANSWER_SECONDS = 60.0


class NoAnswer(Exception):
    """Nobody answered, or not as a web server of ours would."""


class House:
    """Started with `open`, ended with `close`; neither leaves a process. Folder and logs stay."""

    def __init__(
        self, folder: Path, options: Options, *, server: Server | None, disk: MountedDisk | None
    ) -> None:
        self.folder, self.options, self.server, self.disk = folder, options, server, disk
        self.mark = f"BACKSTOP_CHAOS_MARK={uuid.uuid4().hex}"
        self.port, self.venue_port = free_port(), free_port()
        self.book = (disk.folder if disk else folder) / "book.sqlite3"
        self.database_url = server.url if server else f"sqlite:///{self.book}"
        self.wire = Wire(self.venue_port) if server else None
        self.keeper = Keeper(folder)
        self.supervisor: subprocess.Popen[bytes] | None = None
        self.token = ""
        self.environment = self._environment()

    def _environment(self) -> dict[str, str]:
        name, _, value = self.mark.partition("=")
        return {
            **{name: os.environ[name] for name in KEPT if name in os.environ},
            **PACE,
            name: value,
            "PYTHONDONTWRITEBYTECODE": "1",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATABASE_URL": self.database_url,
            "BACKSTOP_STATE_DIR": str(self.folder / "state"),
            "TRADING_MODE": "demo",
            "SECRET_KEY": "a secret key of a run of chaos, long enough for everything here",
            "ADMIN_PASSWORD": "a password of a run of chaos",
            "PORT": str(self.port),
            "VENUE_PORT": str(self.wire.port if self.wire else self.venue_port),
            "PAPER_SEED": str(self.options.seed % 1000 + 1),
        }

    # --- its life --------------------------------------------------------------------------------

    def open(self) -> None:
        """Start everything and wait until entries are allowed. Raises RuntimeError when they never are."""
        if self.server is None:
            self._supervise()
        else:
            self._keep()
        self.wait_for(lambda: self.ask("GET", "status/")[0] in (200, 401), "the web", seconds=90)
        self.token = self.manage("api_token", "admin").stdout.strip()
        self.wait_for(self.recovered, "the first comparison with the venue", seconds=90)

    def _supervise(self) -> None:
        with (self.folder / "supervisor.log").open("ab") as log:
            self.supervisor = subprocess.Popen(
                [*ending_with_us(), sys.executable, "-m", "config.supervisor"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _keep(self) -> None:
        """The processes the README names, one by one."""
        with (self.folder / "prepare.log").open("ab") as log:
            command = [sys.executable, "-m", "config.supervisor.prepare"]
            subprocess.run(command, cwd=ROOT, env=self.environment, stderr=log, stdout=log, check=True)
        gunicorn = ("-m", "gunicorn", "--config", "config/gunicorn.conf.py")
        bind = ("--bind", f"127.0.0.1:{self.port}", "config.wsgi")
        venue = {**self.environment, "VENUE_PORT": str(self.venue_port)}
        self.keeper.start(
            [
                Unit("venue", ("manage.py", "paper_venue"), venue),
                Unit("web", (*gunicorn, *bind), self.environment),
                *(
                    Unit(f"watch-{number}", ("manage.py", "watch"), self.environment)
                    for number in range(1, self.options.watches + 1)
                ),
                *(
                    Unit(f"qcluster-{number}", ("manage.py", "qcluster"), self.environment)
                    for number in range(1, self.options.clusters + 1)
                ),
            ]
        )

    def close(self) -> list[str]:
        """End everything; what was wrong with the end, in sentences."""
        said = []
        if self.supervisor is not None:
            self.supervisor.send_signal(signal.SIGTERM)
            try:
                self.supervisor.wait(timeout=END_SECONDS)
            except subprocess.TimeoutExpired:
                said.append(f"the supervisor did not end within {END_SECONDS:.0f} s")
                self.supervisor.kill()
                self.supervisor.wait(timeout=10)
        self.keeper.end(seconds=END_SECONDS)
        if self.wire is not None:
            self.wire.close()
        left = self._left()
        said += [f"a process was left behind: {line}" for line in left.values()]
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return said

    def _left(self) -> dict[int, str]:
        deadline = time.monotonic() + 5
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return left

    def venue_state(self) -> Path:
        """Where the paper venue of this database keeps its own file."""
        if self.server is None:
            return self.book.with_name(self.book.name + "-venue.sqlite3")
        (path,) = (self.folder / "state").glob("venue-*.sqlite3")
        return path

    def processes(self) -> dict[int, str]:
        """Every living process of it: {pid: command line}."""
        return processes_with(self.mark)

    # --- asking ----------------------------------------------------------------------------------

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run("manage.py", *arguments)

    def run(self, *arguments: str, seconds: float = 240) -> subprocess.CompletedProcess[str]:
        """A command of this Backstop's Python, in its environment, to its end."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, key: str | None = None
    ) -> tuple[int, Any]:
        """(status, JSON) of `/api/v1/…`, or of a whole address. Raises NoAnswer."""
        headers = {"Authorization": f"Token {self.token}", "Content-Type": "application/json"}
        if key is not None:
            headers["Idempotency-Key"] = key
        address = path if path.startswith("http") else f"http://127.0.0.1:{self.port}/api/v1/{path}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(address, method=method, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            try:
                return error.code, json.load(error)
            except (OSError, HTTPException, ValueError):
                raise NoAnswer(f"{error.code} without JSON") from None
        except (OSError, HTTPException, ValueError) as error:
            raise NoAnswer(str(error) or type(error).__name__) from None

    def rows(self, path: str) -> list[dict[str, Any]]:
        """A whole list, page by page. Raises NoAnswer."""
        found: list[dict[str, Any]] = []
        address: str | None = path + ("&" if "?" in path else "?") + "limit=100"
        while address:
            status, page = self.ask("GET", address)
            if status != 200:
                raise NoAnswer(f"{address}: {status} {page}")
            found += page["results"]
            address = page["next"]
        return found

    def recovered(self) -> bool:
        status, told = self.ask("GET", "status/")
        return status == 200 and told.get("recovering") is False and bool(told["watch"]["alive"])

    def wait_for(self, condition: Any, what: str, *, seconds: float) -> None:
        """Raises RuntimeError when it is not seen in time."""
        deadline = time.monotonic() + seconds
        last = ""
        while time.monotonic() < deadline:
            try:
                if condition():
                    return
            except NoAnswer as error:
                last = f" (last: {error})"
            if self.supervisor is not None and self.supervisor.poll() is not None:
                raise RuntimeError(f"the supervisor ended ({self.supervisor.returncode}) before {what}")
            time.sleep(0.25)
        raise RuntimeError(f"not seen within {seconds:.0f} s: {what}{last}")
