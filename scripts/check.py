"""`make lint` and `make test`: every check in turn, then the whole suite on every database.

Runs in .venv. The suite runs on SQLite, and what needs a database again on each URL in
BACKSTOP_TEST_DATABASES (separated by spaces). Nothing stops at the first failure; the exit code tells
whether all passed, and pytest's closing line is the last line.

    check.py lint
    check.py test [pytest arguments]
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
LINT_IMPORTS = "import sys; from importlinter.cli import lint_imports_command as main; sys.exit(main())"
CHECKS: Mapping[str, Sequence[str]] = {
    "ruff": ["-m", "ruff", "check", "--quiet", "."],
    "format": ["-m", "ruff", "format", "--quiet", "--check", "."],
    "types": ["-m", "mypy"],
    "floors": ["-c", LINT_IMPORTS],
}
# A test must meet the defaults, never the venue, the keys or the database of the person who runs it:
# an empty value hides what `.env` says.
OF_THE_PERSON = (
    "HOST",
    "PORT",
    "VENUE_PORT",
    "DATABASE_URL",
    "TRADING_MODE",
    "EXECUTION_MODE",
    "INITIAL_BALANCE",
    "ADMIN_PASSWORD",
    "KRAKEN_API_URL",
    "KRAKEN_WS_URL",
    "KRAKEN_WS_PUBLIC_URL",
    "KRAKEN_TIER",
    "KRAKEN_API_KEY",
    "KRAKEN_PRIVATE_KEY",
    "KRAKEN_TIMEOUT_SECONDS",
    "PAPER_MARKET",
    "PAPER_START",
    "PAPER_SPEED",
    "PAPER_SEED",
    "SECURE",
    "ALLOWED_HOSTS",
    "CSRF_TRUSTED_ORIGINS",
    "LOG_LEVEL",
    "CLUSTER_BEAT_SECONDS",
    "CLUSTER_STALE_SECONDS",
)

# Once is enough for these: they touch no database, or ask it nothing that the others do not ask.
ONCE = (
    "--ignore=tests/unit",
    "--ignore=tests/property",
    "--ignore=tests/exploration",
    "--ignore=tests/mutations",
    "--ignore=tests/process/test_bootstrap.py",
    "--ignore-glob=tests/process/test_supervisor*",
    "--ignore-glob=tests/contract/test_paper_*",
    "--ignore-glob=tests/contract/test_stream_*",
    "--ignore-glob=tests/contract/test_kraken_[!s]*",  # all but the sender's
    "--ignore-glob=tests/integration/test_simulation*",
    "--ignore-glob=tests/stories/test_[!re]*",  # all but round trips, entries and exits
)
WORKERS = "3"  # tests of processes wait most of their time; the others keep two cores busy

current: "subprocess.Popen[bytes] | None" = None


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def stop(signum: int, frame: FrameType | None) -> None:
    """Pass the wish to stop on as SIGINT: pytest then tears its fixtures down, and their processes."""
    if current is not None and current.poll() is None:
        current.send_signal(signal.SIGINT)
        try:
            current.wait(timeout=12)
        except subprocess.TimeoutExpired:
            current.kill()
    sys.exit(128 + signum)


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> bool:
    global current
    current = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=dict(environment))
    try:
        return current.wait() == 0
    except KeyboardInterrupt:  # the terminal told the whole group: wait for the child's last words
        current.wait()
        sys.exit(128 + signal.SIGINT)


def main(arguments: Sequence[str]) -> int:
    signal.signal(signal.SIGTERM, stop)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, stop)
    environment = {**os.environ, **dict.fromkeys(OF_THE_PERSON, "")}
    databases = environment.pop("BACKSTOP_TEST_DATABASES", "").split()
    environment.setdefault("SECRET_KEY", "the tests' own key, which opens nothing")

    passed = True
    for name, check in CHECKS.items():
        if not run(check, environment):
            say(f"make {arguments[0]}: {name} FAILED")
            passed = False
    if arguments[0] == "lint":
        return 0 if passed else 1

    for url in ["", *databases]:
        say(f"--- pytest on {'PostgreSQL' if url else 'SQLite'}")
        if not run(
            ["-m", "pytest", "-n", WORKERS, "--dist", "worksteal", *(ONCE if url else ()), *arguments[1:]],
            {**environment, "DATABASE_URL": url},
        ):
            passed = False
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
