"""A terminal that is closed, gone or stands still: supervision goes on and still ends cleanly."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.conftest import PYTHON, ROOT, processes_with, wait_until

pytestmark = pytest.mark.process

STAND_IN = ROOT / "tests" / "process" / "stand_in.py"
TALKER = "import time\nfor n in range(10**9):\n    print('x' * 1000, flush=True); time.sleep(0.0005)"


@pytest.fixture
def mark() -> Iterator[str]:
    mark = f"BACKSTOP_TEST_MARK=output-{os.getpid()}-{os.urandom(6).hex()}"
    yield mark
    for pid in processes_with(mark):
        os.kill(pid, signal.SIGKILL)


def talk(mark: str, touch: Path, shell: str) -> "subprocess.Popen[bytes]":
    """The stand-in supervisor with a talkative child, started by a shell that bends descriptors."""
    code = f"open({str(touch)!r}, 'w').close()\n{TALKER}"
    given = json.dumps(
        {"services": [{"name": "talker", "command": [PYTHON, "-c", code]}], "grace_seconds": 2}
    )
    name, _, value = mark.partition("=")
    return subprocess.Popen(
        ["sh", "-c", f'exec "$0" "$@" {shell}', PYTHON, str(STAND_IN), given],
        env={**os.environ, "PYTHONPATH": str(ROOT), name: value},
        stdout=subprocess.PIPE,
    )


def full(process: "subprocess.Popen[bytes]") -> bool:
    """Whether the pipe nobody reads has filled up: 64 KiB wait in it."""
    import fcntl
    import struct
    import termios

    assert process.stdout is not None
    waiting = struct.unpack("i", fcntl.ioctl(process.stdout, termios.FIONREAD, b"\0" * 4))[0]
    return waiting > 60_000


def test_a_reader_that_stands_still_does_not_stop_the_end(mark: str, tmp_path: Path) -> None:
    process = talk(mark, tmp_path / "begun", "")
    wait_until(lambda: full(process), what="a full pipe")
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=15) == 0
    assert processes_with(mark) == {}


def test_a_reader_that_goes_away_stops_nothing(mark: str, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    process = talk(mark, begun, "")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    begun.unlink()
    (talker,) = [
        pid for pid, line in processes_with(mark).items() if "stand_in.py" not in line and "-c" in line
    ]
    os.kill(talker, signal.SIGKILL)
    wait_until(begun.exists, what="the child's next life")
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=15) == 0
    assert processes_with(mark) == {}


@pytest.mark.parametrize("closed", ["<&-", "<&- >&-", "<&- >&- 2>&-"])
def test_closed_descriptors_are_no_obstacle(mark: str, tmp_path: Path, closed: str) -> None:
    begun = tmp_path / "begun"
    process = talk(mark, begun, closed)
    wait_until(begun.exists, what="the child")
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=15) == 0
    assert processes_with(mark) == {}
