"""The supervisor over stand-in children: what is started is kept alive, and nothing outlives it."""

import json
import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.process.conftest import PYTHON, ROOT, Program, free_port, processes_with, wait_until

pytestmark = pytest.mark.process

STAND_IN = ROOT / "tests" / "process" / "stand_in.py"
SLEEPER = "import time; print('begun', flush=True); time.sleep(600)"
DYING = "raise SystemExit(1)"
DEAF = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('begun', flush=True); time.sleep(600)"
)
# A parent with a deaf child in its group, like a task cluster whose worker hangs.
FAMILY = (
    "import os, signal, time\n"
    "if os.fork() == 0:\n"
    "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('begun', flush=True)\n"
    "time.sleep(600)\n"
)


def service(name: str, code: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "command": [PYTHON, "-c", f"{code}  # {name}"], **more}


@pytest.fixture
def supervise(start: Callable[..., Program]) -> Callable[..., Program]:
    def run(services: Sequence[dict[str, Any]], **more: Any) -> Program:
        return start([PYTHON, str(STAND_IN), json.dumps({"services": services, **more})])

    return run


def only_pid(program: Program, part: str) -> int:
    (pid,) = [pid for pid, line in program.descendants(part).items() if "stand_in.py" not in line]
    return pid


def begun(program: Program, *names: str) -> None:
    for name in names:
        program.wait_for(f"{name:<11} | begun")


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_everything_and_leaves_no_process(supervise, signum: int) -> None:
    program = supervise([service("one", SLEEPER), service("two", FAMILY)], grace_seconds=1)
    begun(program, "one", "two")
    program.process.send_signal(signum)
    assert program.exit_code() == 0
    assert processes_with(program.mark) == {}


def test_a_child_deaf_to_sigterm_is_killed_within_the_promised_fifteen_seconds(supervise) -> None:
    services = [service("deaf", DEAF), service("venue", DEAF, stops_last=True)]
    program = supervise(services)  # the grace of production
    begun(program, "deaf", "venue")
    asked_at = time.monotonic()
    program.process.send_signal(signal.SIGTERM)
    assert program.exit_code() == 0
    assert time.monotonic() - asked_at < 15
    assert processes_with(program.mark) == {}


def test_asking_twice_ends_everything_too(supervise) -> None:
    program = supervise([service("deaf", DEAF)], grace_seconds=1)
    begun(program, "deaf")
    for _ in range(3):
        program.process.send_signal(signal.SIGTERM)
        program.process.send_signal(signal.SIGINT)
    assert program.exit_code() == 0
    assert processes_with(program.mark) == {}


def test_a_child_killed_is_started_again_and_the_others_stay(supervise) -> None:
    program = supervise([service("one", SLEEPER), service("two", SLEEPER)])
    begun(program, "one", "two")
    first, other = only_pid(program, "# one"), only_pid(program, "# two")
    os.kill(first, signal.SIGKILL)
    program.wait_for("one died (killed by SIGKILL); restarted", seconds=5)
    wait_until(lambda: program.descendants("# one"), seconds=5)
    assert only_pid(program, "# one") != first
    assert only_pid(program, "# two") == other


def test_what_a_dead_child_leaves_of_its_group_is_ended_before_the_next_life(supervise) -> None:
    program = supervise([service("family", FAMILY)])
    begun(program, "family")
    wait_until(lambda: len(program.descendants("# family")) == 2)
    before = set(program.descendants("# family"))
    os.kill(min(before), signal.SIGKILL)
    program.wait_for("family died (killed by SIGKILL); restarted")
    assert not before & set(program.descendants("# family"))


def test_five_deaths_within_a_minute_alarm_and_the_others_go_on(supervise) -> None:
    program = supervise([service("dying", DYING), service("other", SLEEPER)])
    begun(program, "other")
    other = only_pid(program, "# other")
    program.wait_for("ALARM: dying died 5 times within a minute (exit 1)")
    assert sum("dying died (exit 1); restarted" in line for line in program.out) == 4
    assert only_pid(program, "# other") == other
    program.process.send_signal(signal.SIGTERM)
    assert program.exit_code(seconds=5) == 0


@pytest.mark.parametrize("code", [SLEEPER, FAMILY], ids=["child", "child with a deaf child of its own"])
def test_kill_minus_nine_of_the_supervisor_leaves_no_process(supervise, code: str) -> None:
    program = supervise([service("one", code)])
    begun(program, "one")
    program.process.kill()
    assert program.exit_code() == -signal.SIGKILL
    wait_until(lambda: not processes_with(program.mark), seconds=15, what="an empty process table")


def test_a_failed_preparation_starts_nothing_and_passes_its_exit_code_on(supervise) -> None:
    program = supervise([service("one", SLEEPER)], prepare=[PYTHON, "-c", "raise SystemExit(2)"])
    assert program.exit_code() == 2
    assert not program.saw("begun")


def test_a_signal_during_a_preparation_that_hangs_ends_it(supervise) -> None:
    program = supervise([service("one", SLEEPER)], prepare=[PYTHON, "-c", DEAF], grace_seconds=1)
    program.wait_for("begun")
    program.process.send_signal(signal.SIGTERM)
    assert program.exit_code() == 0
    assert processes_with(program.mark) == {}
    assert not program.saw("one ")


def answering(port: int, file: Path | None = None) -> str:
    """An HTTP server; with a file, it begins to listen when the file appears."""
    wait = f"\nwhile not os.path.exists({str(file)!r}): time.sleep(0.02)" if file else ""
    return (
        f"import http.server, os, time{wait}\n"
        f"http.server.test(http.server.SimpleHTTPRequestHandler, port={port}, bind='127.0.0.1')"
    )


def test_who_needs_the_venue_is_started_when_it_answers(supervise, tmp_path: Path) -> None:
    port, ready = free_port(), tmp_path / "ready"
    venue = service("venue", answering(port, ready), answers_at=f"http://127.0.0.1:{port}/")
    program = supervise([venue, service("watch", SLEEPER, waits_for="venue"), service("other", SLEEPER)])
    begun(program, "other")
    assert not program.descendants("# watch")
    ready.touch()
    begun(program, "watch")


def test_being_up_is_said_once_when_the_web_answers(supervise) -> None:
    port = free_port()
    program = supervise([service("web", answering(port), answers_at=f"http://127.0.0.1:{port}/")])
    program.wait_for("Backstop is up")
    os.kill(only_pid(program, "# web"), signal.SIGKILL)
    program.wait_for("web died (killed by SIGKILL); restarted")
    program.process.send_signal(signal.SIGTERM)
    assert program.exit_code() == 0
    assert program.out.count("Backstop is up") == 1


def test_what_stops_last_is_there_while_the_others_stop(supervise, tmp_path: Path) -> None:
    order = tmp_path / "order"
    note = (
        "import signal, sys, time\n"
        "def end(*_):\n"
        f"    time.sleep({{pause}}); open({str(order)!r}, 'a').write('{{name}} '); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end); print('begun', flush=True)\n"
        "while True: time.sleep(1)\n"
    )
    venue = service("venue", note.format(pause=0, name="venue"), stops_last=True)
    program = supervise([venue, service("watch", note.format(pause=0.5, name="watch"))])
    begun(program, "venue", "watch")
    program.process.send_signal(signal.SIGTERM)
    assert program.exit_code() == 0
    assert order.read_text() == "watch venue "


LIVELY = (
    "import os, time\n"
    "from brackets import signs_of_life\n"
    "print('begun', flush=True)\n"
    "while not os.path.exists({file!r}):\n"
    "    signs_of_life.show(); time.sleep(0.05)\n"
    "time.sleep(600)\n"
)


def test_a_child_without_signs_of_life_is_replaced_and_the_others_stay(supervise, tmp_path: Path) -> None:
    hangs = tmp_path / "hangs"
    services = [
        service("lively", LIVELY.format(file=str(hangs)), silent_at_most_seconds=2),
        service("mute", FAMILY, silent_at_most_seconds=600),
        service("other", SLEEPER),
    ]
    program = supervise(services)
    begun(program, "lively", "mute", "other")
    before, others = only_pid(program, "# lively"), set(program.descendants("# mute"))
    hangs.touch()
    program.wait_for("ALARM: lively does no work", seconds=10)
    hangs.unlink()
    wait_until(lambda: set(program.descendants("# lively")) - {before}, seconds=5)
    assert before not in program.descendants("# lively")
    assert not program.saw("ALARM: mute")
    assert others == set(program.descendants("# mute"))
    assert only_pid(program, "# other")
