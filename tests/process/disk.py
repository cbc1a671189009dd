"""A small disk that a test can fill and free again, under the database of real processes.

As root it is a file system of its own (ENOSPC, as on any full disk). Otherwise the writing processes are
forbidden to let a file grow (EFBIG), which SQLite tells as an input/output error.
"""

import os
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

MEGABYTES = 24


class MountedDisk:
    """A file system of a few megabytes in memory."""

    says = "the disk is full"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self) -> None:
        """Until not one byte more fits."""
        shrink_logs(self.folder)
        with (self.folder / "filler").open("ab", buffering=0) as filler:
            for size in (65536, 512, 1):
                try:
                    while True:
                        filler.write(b"x" * size)
                except OSError:
                    continue

    def free(self) -> None:
        (self.folder / "filler").unlink(missing_ok=True)


class ForbiddenGrowth:
    """The limit on the size of files, on every process that writes here."""

    says = "cannot be written"

    def __init__(self, folder: Path, writers: Callable[[], list[int]]) -> None:
        self.folder, self._writers = folder, writers

    def fill(self) -> None:
        shrink_logs(self.folder)
        self._limit(4096)

    def free(self) -> None:
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        for pid in self._writers():
            _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


def shrink_logs(folder: Path) -> None:
    """Empty the write-ahead logs: what they hold already would be written over without growing."""
    for path in folder.glob("*.sqlite3"):
        with closing(sqlite3.connect(path, timeout=2)) as database:
            for _ in range(5):
                busy, _, _ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                if not busy:
                    break


def is_mounted(options: Sequence[str]) -> bool:
    """Try to; a container's root may not."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return False
    return subprocess.run(["mount", *options], capture_output=True, check=False).returncode == 0


@contextmanager
def small_disk(
    folder: Path, writers: Callable[[], list[int]], *, megabytes: int = MEGABYTES
) -> Iterator[MountedDisk | ForbiddenGrowth]:
    """A disk at `folder`, which is made; `writers` are the processes whose files are meant, where it must be
    pretended."""
    folder.mkdir()
    options = ("-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder))
    if not is_mounted(options):
        yield ForbiddenGrowth(folder, writers)
        return
    try:
        yield MountedDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
