"""A whole Backstop in live mode against another server of Kraken's protocol, for tests of processes.

The venue is a process of its own with its own key, behind a wire that can be cut; Backstop knows
only KRAKEN_API_URL and the key pair, as it would with Kraken. No process is told that it is tested.
"""

import base64
import itertools
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.process.proxy import Wire

ROOT = Path(__file__).resolve().parent.parent.parent
API_KEY = "another-venue"
PRIVATE_KEY = base64.b64encode(b"a private key of sixty-four bytes for a venue that is not Kraken").decode()


class World:
    """Starts and kills processes by name; asks Backstop by REST and the venue by its log."""

    def __init__(
        self, folder: Path, database_url: str, ports: Callable[[], int], candles: Path, speed: str = "60"
    ) -> None:
        self.folder, self.processes = folder, dict[str, subprocess.Popen[bytes]]()
        self.venue_port, self.port = ports(), ports()
        self.market = {"--market": str(candles), "--speed": speed}
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if name in {"PATH", "HOME", "LANG", "VIRTUAL_ENV", "TMPDIR"}
        } | {
            "DATABASE_URL": database_url,
            "TRADING_MODE": "live",
            "SECRET_KEY": "a secret key of a test that is long enough for everything here",
            "KRAKEN_API_KEY": API_KEY,
            "KRAKEN_PRIVATE_KEY": PRIVATE_KEY,
            "KRAKEN_TIER": "pro",
            "PORT": str(self.port),
            "LOG_LEVEL": "INFO",
        }
        self.state = folder / "venue.sqlite3"
        self.start_venue()
        self.wire = Wire(f"http://127.0.0.1:{self.venue_port}")
        self.environment["KRAKEN_API_URL"] = self.wire.url

    # --- processes -------------------------------------------------------------------------------

    def start_venue(self) -> None:
        options = [text for pair in self.market.items() for text in pair]
        self.spawn(
            "venue",
            [
                *("-m", "brackets.venue.paper", "--port", str(self.venue_port)),
                *("--state", str(self.state), "--key", API_KEY, "--tier", "pro", *options),
            ],
            {"PAPER_PRIVATE_KEY": PRIVATE_KEY},
        )
        self.wait_for(lambda: reachable(f"http://127.0.0.1:{self.venue_port}/0/public/Time"), "the venue")

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=240,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def start(self, *names: str) -> None:
        commands = {
            "watch": ["manage.py", "watch"],
            "qcluster": ["manage.py", "qcluster"],
            "web": ["-m", "gunicorn", "-b", f"127.0.0.1:{self.port}", "--threads", "4", "config.wsgi"],
        }
        for name in names:
            self.spawn(name, commands[name], {})
        if "web" in names:
            self.wait_for(lambda: reachable(f"http://127.0.0.1:{self.port}/api/v1/status/"), "the web")

    def spawn(self, name: str, arguments: Sequence[str], more: Mapping[str, str]) -> None:
        log = (self.folder / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment | more,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        process = self.processes.pop(name)
        process.send_signal(number)
        process.wait(timeout=20)

    def close(self) -> None:
        self.wire.close()
        for name in list(self.processes):
            try:
                os.killpg(self.processes[name].pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.processes.pop(name).wait(timeout=10)

    # --- asking ----------------------------------------------------------------------------------

    def prepare(self) -> None:
        """The supervisor's own preparation, and a token that the tests ask with."""
        subprocess.run(
            [sys.executable, "-m", "config.supervisor.prepare"],
            cwd=ROOT,
            env=self.environment | {"ADMIN_PASSWORD": "a password of a test"},
            check=True,
            timeout=120,
        )
        self.token = self.manage("api_token", "admin").stdout.strip()

    def get(self, path: str) -> Any:
        return self.ask("GET", path)[1]

    def post(self, path: str, body: Mapping[str, Any], key: str | None = None) -> tuple[int, Any]:
        return self.ask("POST", path, body, key)

    def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, key: str | None = None
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Token {self.token}", "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/v1/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers=headers,
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def recovered(self) -> bool:
        return self.get("status/").get("recovering") is False

    def bracket(self) -> dict[str, Any]:
        """The newest bracket."""
        return self.get("brackets/?limit=1")["results"][0]

    def wait_for(self, condition: Callable[[], object], what: str, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                if condition():
                    return
            except (IndexError, KeyError, urllib.error.URLError, ConnectionError):
                pass
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} not seen within {seconds} s\n{self.logs()}")
            time.sleep(0.1)

    def logs(self) -> str:
        return "\n".join(
            f"--- {path.name}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-25:])
            for path in sorted(self.folder.glob("*.log"))
        )

    def placed(self, side: str) -> int:
        """How many AddOrder requests of a side have reached the venue."""
        return sum(
            method == "AddOrder" and f"type={side}" in body.split("&") for method, body in self.wire.requests
        )


def reachable(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def write_candles(path: Path, prices: Sequence[float], *, minutes: int = 5) -> Path:
    """A candle file whose price walks in a straight line from one value to the next, bar by bar."""
    lines = ["timestamp,open,high,low,close,volume,trades"]
    for number, (start, end) in enumerate(itertools.pairwise(prices)):
        moment = 1_722_816_000 + number * minutes * 60
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
        low, high = min(start, end), max(start, end)
        lines.append(f"{stamp},{start:.2f},{high:.2f},{low:.2f},{end:.2f},1000,50")
    path.write_text("\n".join(lines) + "\n")
    return path


def read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True)
