"""Make `.venv` hold exactly what requirements.txt pins, then go on in it; the step after scripts/bootstrap.

Runs on any Python 3.12 or 3.13 with the standard library alone. A stamp inside `.venv`, written
only after a success, says which requirements it holds; with a fitting stamp and every installed
file present nothing is done. A `.venv` without a fitting interpreter, a stamp or one of its files
(an installation that was interrupted, a folder that was damaged) is built again from nothing.

    environment.py up | test [pytest arguments] | lint | bench [benchmark and its options]
    environment.py chaos | explore | mutants [its options]
    environment.py --inspect       (run by .venv's own Python: prints what it lacks)
"""

import ctypes
import fcntl
import hashlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements.txt"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "requirements.sha256"

USAGE = "up | test [pytest arguments] | lint | bench [benchmark] | chaos | explore | mutants [its options]"
INSTALL_TIMEOUT_SECONDS = 1200
PR_SET_PDEATHSIG = 1
NO_NETWORK = re.compile(
    r"Retrying \(|NewConnectionError|ConnectTimeout|ReadTimeout|Max retries|resolve|ProxyError|SSLError"
)


class Failure(Exception):
    """One sentence for the person who typed `make`: what was wrong, what was left, what to do."""


class Interrupted(BaseException):
    """A signal asked to stop."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


def say(text: str) -> None:
    try:
        sys.stderr.write(f"Backstop: {text}\n")
        sys.stderr.flush()
    except OSError:
        pass  # nobody reads; the work goes on


# --- what .venv holds ------------------------------------------------------------------------
def fingerprint() -> str:
    return hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()


def pinned_names() -> list[str]:
    lines = REQUIREMENTS.read_text().splitlines()
    return [line.split("==")[0].strip() for line in lines if "==" in line and not line.startswith("#")]


def first_missing_file() -> str | None:
    """The first installed file (by pip's own records) that is gone, or None."""
    for name in pinned_names():
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            return name
        site_packages = str(distribution.locate_file(""))
        for line in (distribution.read_text("RECORD") or "").splitlines():
            file = line.rsplit(",", 2)[0].strip('"')
            # bytecode comes and goes: not a loss
            if not file.endswith(".pyc") and not os.path.exists(os.path.join(site_packages, file)):
                return file
    return None


def inspect() -> int:
    """Inside .venv: exit 0 when it is whole; otherwise print what it lacks."""
    if not (3, 12) <= sys.version_info[:2] <= (3, 13):
        lack: str | None = "Python 3.12 or 3.13"
    else:
        lack = first_missing_file()
    if lack is not None:
        sys.stdout.write(lack)
    return 0 if lack is None else 1


def reason_to_rebuild() -> str | None:
    """Why .venv cannot be used as it stands, or None when it is whole."""
    if not VENV.exists():
        return ""
    try:
        stamp = STAMP.read_text()
    except OSError:
        return "its installation was not finished"
    if stamp != fingerprint():
        return "requirements.txt has changed"
    command = [str(PYTHON), "-I", str(Path(__file__).resolve()), "--inspect"]
    try:
        seen = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return "its Python does not run"
    if seen.returncode:
        return f"it lacks {seen.stdout.strip()}" if seen.stdout.strip() else "its Python does not run"
    return None


# --- building it -------------------------------------------------------------------------------
def run(command: Sequence[str]) -> tuple[int, str]:
    """Run to the end, or end its whole process group when we are told to stop; (exit code, output)."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        try:
            process.wait(timeout=INSTALL_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            raise Failure(
                f"the installation was given up after {INSTALL_TIMEOUT_SECONDS // 60} minutes; nothing else "
                "was changed. See why the package index is slow, then run make again."
            ) from None
        finally:
            end_group(process)
        output.seek(0)
        return process.returncode, output.read()


def end_group(process: "subprocess.Popen[bytes]") -> None:
    for signum, seconds in ((signal.SIGTERM, 3.0), (signal.SIGKILL, 3.0)):
        try:
            os.killpg(process.pid, signum)
            process.wait(timeout=seconds)
        except (ProcessLookupError, PermissionError):
            return  # the group is empty
        except subprocess.TimeoutExpired:
            continue


def why_pip_failed(output: str) -> str:
    if "No space left" in output:
        return "the disk is full; free some space"
    if NO_NETWORK.search(output):
        return "the package index could not be reached; connect to the network (or set PIP_INDEX_URL)"
    errors = [line for line in output.splitlines() if line.startswith(("ERROR", "error"))]
    detail = (errors or output.strip().splitlines() or ["no reason was given"])[-1]
    return f"pip says {detail!r}; mend that"


def build() -> None:
    if VENV.is_symlink():
        raise Failure(
            f".venv is a link to {os.readlink(VENV)} and does not hold what requirements.txt pins. It was "
            "left as it is, for others may use it: remove the link, and run make again."
        )
    started = time.monotonic()
    version = ".".join(map(str, sys.version_info[:3]))
    say(f"installing {len(pinned_names())} packages into .venv with Python {version}; about a minute ...")
    STAMP.unlink(missing_ok=True)
    code, output = run([sys.executable, "-I", "-m", "venv", "--clear", str(VENV)])
    if code:
        last = (output.strip().splitlines() or ["no reason was given"])[-1]
        raise Failure(f".venv could not be made ({last}); nothing else was changed. Mend that and try again.")
    pip = [str(PYTHON), "-I", "-m", "pip", "--no-input", "--disable-pip-version-check", "--retries", "2"]
    code, output = run([*pip, "install", "--prefer-binary", "--progress-bar", "off", "-r", str(REQUIREMENTS)])
    if code:
        raise Failure(f"{why_pip_failed(output)}, then run make again. Only .venv was touched.")
    STAMP.write_text(fingerprint())
    say(f"installed in {time.monotonic() - started:.0f} s.")


def make_whole() -> None:
    """Under a lock on requirements.txt: two commands started at once must not build one folder."""
    with REQUIREMENTS.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another make is installing; waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        reason = reason_to_rebuild()
        if reason is None:
            return
        if reason:
            say(f".venv is made anew: {reason}.")
        build()


# --- the way through ---------------------------------------------------------------------------
def follow_make() -> None:
    """Started by make, end when make ends, even by kill -9; this survives the exec below."""
    prctl: Callable[..., int] | None = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None and os.environ.get("MAKELEVEL"):
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # once is enough: the cleaning up is not interrupted
    raise Interrupted(signum)


def go_on(arguments: Sequence[str]) -> NoReturn:
    match arguments:
        case ["up"]:
            command = [str(PYTHON), "-m", "config.supervisor"]
        case ["test" | "lint", *_]:
            command = [str(PYTHON), str(ROOT / "scripts" / "check.py"), *arguments]
        case ["bench", *rest]:
            command = [str(PYTHON), "-m", "benchmarks", *rest]
        case ["chaos", *rest]:
            command = [str(PYTHON), "-m", "tests.chaos", *rest]
        case ["explore", *rest]:
            command = [str(PYTHON), "-m", "tests.exploration", *rest]
        case ["mutants", *rest]:
            command = [str(PYTHON), str(ROOT / "scripts" / "mutants.py"), *rest]
        case _:
            raise Failure(f"usage: scripts/bootstrap {USAGE}")
    os.execv(command[0], command)


def main(arguments: Sequence[str]) -> int:
    if list(arguments) == ["--inspect"]:
        return inspect()
    follow_make()
    signals = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup make up
        signals.append(signal.SIGHUP)
    for signum in signals:
        signal.signal(signum, interrupt)
    try:
        os.chdir(ROOT)
        make_whole()
        go_on(arguments)
    except Failure as failure:
        say(str(failure))
        return 2
    except OSError as error:
        say(f"{error.filename or ROOT}: {error.strerror}; nothing else was changed. Mend that and try again.")
        return 2
    except Interrupted as interrupted:
        say("stopped before anything was started; the next make goes on from here.")
        return 128 + interrupted.signum


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
