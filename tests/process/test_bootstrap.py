"""`make up` on a small project of its own, in a folder with a space: the way to a whole `.venv`.

The project is the real Makefile and scripts over one tiny pinned package from a local folder and a
stand-in for the supervisor, so nothing here needs a network or Django.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.process.conftest import ROOT, Program, processes_with, wait_until

pytestmark = pytest.mark.process

SUPERVISOR = """
import os, pathlib, sys, thing
print("reached", sys.prefix, os.getcwd(), os.environ.get("DJANGO_SETTINGS_MODULE"))
print("leaked", [name for name in sorted(os.environ) if name.startswith("PYTHON")], thing.__file__)
sys.stdout.flush()
while pathlib.Path("stay").exists():
    __import__("time").sleep(0.1)
"""


def make_wheel(folder: Path) -> None:
    """thing 1.0: a package of one module, as pip wants it."""
    folder.mkdir()
    with zipfile.ZipFile(folder / "thing-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("thing.py", "")
        wheel.writestr("thing-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n")
        wheel.writestr("thing-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        files = ["thing.py", *(f"thing-1.0.dist-info/{name}" for name in ("METADATA", "WHEEL", "RECORD"))]
        wheel.writestr("thing-1.0.dist-info/RECORD", "".join(f"{file},,\n" for file in files))


def environment(wheels: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "MAKE"))}
    offline = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    return {**kept, **offline, "PYTHON": sys.executable}


def make_up(project: Path, **changes: str) -> "subprocess.CompletedProcess[str]":
    """From another folder, through make -C."""
    return subprocess.run(
        ["make", "--no-print-directory", "-C", str(project), "up"],
        cwd="/",
        env={**environment(project.parent / "wheels"), **changes},
        capture_output=True,
        text=True,
        timeout=90,
    )


def new_project(folder: Path) -> Path:
    project = folder / "a project"
    (project / "config").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", project)
    shutil.copytree(ROOT / "scripts", project / "scripts")
    (project / "config" / "supervisor.py").write_text(SUPERVISOR)
    (project / "requirements.txt").write_text("# pinned\nthing==1.0\n")
    make_wheel(folder / "wheels")
    return project


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A clean clone: nothing is installed."""
    return new_project(tmp_path)


@pytest.fixture(scope="module")
def installed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = new_project(tmp_path_factory.mktemp("installed"))
    seen = make_up(project)
    assert seen.returncode == 0, seen.stderr
    assert "installing 1 packages" in seen.stderr
    return project


@pytest.fixture
def installed(installed_once: Path, tmp_path: Path) -> Path:
    """A project whose `.venv` is whole."""
    shutil.copytree(installed_once.parent, tmp_path, symlinks=True, dirs_exist_ok=True)
    return tmp_path / installed_once.name


def reached(seen: "subprocess.CompletedProcess[str]", project: Path) -> bool:
    assert seen.returncode == 0, seen.stderr
    return f"reached {project / '.venv'} {project} config.settings" in seen.stdout


def test_a_whole_venv_is_used_as_it_is(installed: Path) -> None:
    before = (installed / ".venv" / "pyvenv.cfg").stat().st_mtime_ns
    seen = make_up(installed)
    assert reached(seen, installed)
    assert seen.stderr == ""
    assert (installed / ".venv" / "pyvenv.cfg").stat().st_mtime_ns == before


def unfinished(venv: Path) -> None:
    (venv / "requirements.sha256").unlink()
    shutil.rmtree(next(venv.glob("lib/python*/site-packages/pip")))


def broken_interpreter(venv: Path) -> None:
    (venv / "bin" / "python").unlink()
    (venv / "bin" / "python").symlink_to("/nowhere/python3.12")


def lost_file(venv: Path) -> None:
    next(venv.glob("lib/python*/site-packages/thing.py")).unlink()


def emptied(venv: Path) -> None:
    shutil.rmtree(venv)
    venv.mkdir()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (unfinished, "its installation was not finished"),
        (broken_interpreter, "its Python does not run"),
        (lost_file, "it lacks thing.py"),
        (emptied, "its installation was not finished"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_damaged_venv_is_made_anew(installed: Path, damage: Callable[[Path], None], said: str) -> None:
    damage(installed / ".venv")
    seen = make_up(installed)
    assert reached(seen, installed)
    assert said in seen.stderr


def test_changed_requirements_are_installed(installed: Path) -> None:
    (installed / "requirements.txt").write_text("# pinned anew\nthing==1.0\n")
    seen = make_up(installed)
    assert reached(seen, installed)
    assert "requirements.txt has changed" in seen.stderr


def test_a_link_to_anothers_environment_is_not_cleared(fresh: Path, tmp_path: Path) -> None:
    others = tmp_path / "others"
    others.mkdir()
    (others / "kept").write_text("")
    (fresh / ".venv").symlink_to(others)
    made = make_up(fresh)
    assert made.returncode != 0
    assert str(others) in made.stderr and "remove the link" in made.stderr
    assert [path.name for path in others.iterdir()] == ["kept"]


def test_another_active_environment_does_not_leak_in(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thing.py").write_text("raise SystemExit('the wrong thing')")
    other = str(tmp_path / "other")
    seen = make_up(
        installed,
        PYTHONPATH=other,
        PYTHONHOME=other,
        PYTHONDONTWRITEBYTECODE="1",
        PYTHONSAFEPATH="1",
        VIRTUAL_ENV=other,
        DJANGO_SETTINGS_MODULE="other.settings",
    )
    assert reached(seen, installed)
    (leaked,) = [line for line in seen.stdout.splitlines() if line.startswith("leaked")]
    names = leaked.partition("[")[2].partition("]")[0]
    assert not {"PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE"} & set(
        names.replace("'", "").split(", ")
    )
    assert str(installed / ".venv") in leaked


def only_tools(folder: Path) -> Path:
    """A PATH with the few programs a shell script needs, and no Python."""
    folder.mkdir()
    for tool in ("sh", "make", "dirname", "env"):
        (folder / tool).symlink_to(str(shutil.which(tool)))
    return folder


def one_sentence(seen: "subprocess.CompletedProcess[str]") -> str:
    """The complaint; make's own last line aside."""
    assert seen.returncode != 0
    assert "Traceback" not in seen.stderr
    lines = [line for line in seen.stderr.splitlines() if not line.startswith("make")]
    return lines[-1]


def test_no_fitting_python_is_said(fresh: Path, tmp_path: Path) -> None:
    tools = only_tools(tmp_path / "tools")
    shim = tools / "python3.12"
    shim.write_text("#!/bin/sh\necho 'pyenv: python3.12: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    seen = make_up(
        fresh, PATH=str(tools), HOME=str(tmp_path), PYTHON="", PYENV_ROOT="", UV_PYTHON_INSTALL_DIR=""
    )
    complaint = one_sentence(seen)
    assert "no Python 3.12 or 3.13" in complaint
    assert "nothing was changed" in complaint
    assert "PYTHON=" in complaint
    assert not (fresh / ".venv").exists()


def test_a_shim_that_fails_is_passed_over_for_pyenvs_own_python(installed: Path, tmp_path: Path) -> None:
    tools = only_tools(tmp_path / "tools")
    for name in ("python3.12", "python3.13", "python3"):
        (tools / name).write_text("#!/bin/sh\nexit 127\n")
        (tools / name).chmod(0o755)
    version = tmp_path / ".pyenv" / "versions" / "3.12.99" / "bin"
    version.mkdir(parents=True)
    (version / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (version / "python").chmod(0o755)
    seen = make_up(installed, PATH=str(tools), HOME=str(tmp_path), PYTHON="", PYENV_ROOT="")
    assert reached(seen, installed)


def test_a_package_index_that_cannot_be_reached_is_said(fresh: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        index = f"http://127.0.0.1:{closed.getsockname()[1]}/simple"
        seen = make_up(fresh, PIP_NO_INDEX="", PIP_FIND_LINKS="", PIP_INDEX_URL=index)
    complaint = one_sentence(seen)
    assert "package index could not be reached" in complaint
    assert "Only .venv was touched" in complaint
    assert reached(make_up(fresh), fresh)  # and the half-installed folder is no obstacle


def test_a_folder_that_cannot_be_written_is_said(fresh: Path) -> None:
    (fresh / ".venv").write_text("a file stands where the folder should")
    complaint = one_sentence(make_up(fresh))
    assert str(fresh / ".venv") in complaint
    assert "nothing else was changed" in complaint


@pytest.fixture
def silent_index() -> Iterator[str]:
    """A package index that accepts connections and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(8)
        yield f"http://127.0.0.1:{server.getsockname()[1]}/simple"


def up(start: Callable[..., Program], project: Path, changes: Mapping[str, str]) -> Program:
    return start(
        ["make", "-C", str(project), "up"],
        environment={**environment(project.parent / "wheels"), **changes},
        cwd=project,
    )


def test_sigterm_to_make_while_installing_leaves_no_process(start, fresh: Path, silent_index: str) -> None:
    changes = {"PIP_NO_INDEX": "", "PIP_FIND_LINKS": "", "PIP_INDEX_URL": silent_index}
    program = up(start, fresh, changes)
    wait_until(lambda: program.descendants("-m pip"), what="pip at work")
    program.process.send_signal(signal.SIGTERM)
    assert program.exit_code(seconds=15) != 0
    assert processes_with(program.mark) == {}


@pytest.mark.parametrize("to_group", [False, True], ids=["SIGTERM to make", "Ctrl-C to the group"])
def test_a_signal_to_a_running_make_up_ends_it(start, installed: Path, to_group: bool) -> None:
    (installed / "stay").touch()
    program = up(start, installed, {})
    program.wait_for("leaked")
    assert len(program.descendants()) == 1  # make and the program: every step between was an exec
    if to_group:
        os.killpg(program.process.pid, signal.SIGINT)
    else:
        program.process.send_signal(signal.SIGTERM)
    assert program.exit_code(seconds=15) != 0
    assert processes_with(program.mark) == {}


def test_kill_minus_nine_of_make_ends_what_it_started(start, installed: Path) -> None:
    (installed / "stay").touch()
    program = up(start, installed, {})
    program.wait_for("leaked")
    program.process.kill()
    wait_until(lambda: not processes_with(program.mark), seconds=15, what="an empty process table")
