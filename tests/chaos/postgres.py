"""A PostgreSQL server of our own, from the machine's binaries: one that may be restarted at any moment."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path

START_SECONDS = 30.0
STOP_SECONDS = 20.0
MODES = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
USER = "postgres"  # who runs it when we are root: it refuses to


def installed() -> Path | None:
    """The folder of the newest server's programs, as Debian's packages have it; None when there is none."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if not found and (on_path := shutil.which("initdb")):
        found = [Path(on_path).resolve().parent]
    usable = os.geteuid() != 0 or has_user(USER)
    return max(found, key=lambda path: path.parent.name.zfill(4)) if found and usable else None


def has_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


class Server:
    """One server on 127.0.0.1, our own child until `close`. What was committed outlives every restart."""

    def __init__(self, folder: Path, programs: Path, port: int) -> None:
        self.folder, self.programs, self.port = folder, programs, port
        self.data = folder / "postgres"
        self._process: subprocess.Popen[bytes] | None = None
        self.data.mkdir()
        if os.geteuid() == 0:
            shutil.chown(self.data, USER, USER)
        self._run("initdb", "-D", str(self.data), "-U", "backstop", "--auth=trust", "-E", "UTF8", "--no-sync")
        self.start()
        self._run("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "backstop", "chaos")

    @property
    def url(self) -> str:
        return f"postgres://backstop@127.0.0.1:{self.port}/chaos"

    def start(self) -> None:
        # The machine does not crash here, so nothing has to reach the disk; what is answered as committed
        # must reach the kernel, and does.
        settings = ("listen_addresses=127.0.0.1", "fsync=off", "max_connections=200")
        options = [text for setting in settings for text in ("-c", setting)]
        self._process = self._started(
            "postgres", "-D", str(self.data), "-p", str(self.port), "-k", str(self.data), *options
        )
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start; see {self.folder / 'postgres.log'}")
            time.sleep(0.1)

    def restart(self, mode: str) -> None:
        """`fast` ends every session; `immediate` is a crash of the server."""
        self.stop(mode)
        self.start()

    def stop(self, mode: str = "fast") -> None:
        if self._process is None:
            return
        self._process.send_signal(MODES[mode])
        try:
            self._process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(timeout=STOP_SECONDS)
        self._process = None

    def answers(self) -> bool:
        command = [str(self.programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command, check=False, timeout=20).returncode == 0

    def close(self) -> None:
        self.stop("immediate")

    # --- as whom -------------------------------------------------------------------------------

    def _started(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / "postgres.log").open("ab") as log:
            return subprocess.Popen(
                [str(self.programs / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.data,
                start_new_session=True,
                user=USER if os.geteuid() == 0 else None,
                group=USER if os.geteuid() == 0 else None,
                extra_groups=[] if os.geteuid() == 0 else None,
            )

    def _run(self, program: str, *arguments: str) -> None:
        code = self._started(program, *arguments).wait(timeout=60)
        if code:
            raise RuntimeError(f"{program} failed ({code}); see {self.folder / 'postgres.log'}")
