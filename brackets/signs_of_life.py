"""Tell whoever started this process that it still does its work: the protocol of systemd's watchdog.

A process that hangs looks alive to everybody who only looks at its pid. So the long-running ones say
`WATCHDOG=1` on the socket named in NOTIFY_SOCKET after each round of real work; `make up` and systemd
(`WatchdogSec=`, `NotifyAccess=all`) replace one that falls silent. Without such a socket nothing is said.
"""

from __future__ import annotations

import os
import socket

NOTIFY_SOCKET = "NOTIFY_SOCKET"


def show() -> None:
    """Say it once; never waits and never raises: nobody may be there to hear."""
    address = os.environ.get(NOTIFY_SOCKET, "")
    if address[:1] not in ("@", "/"):
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaker:
            speaker.setblocking(False)
            speaker.sendto(b"WATCHDOG=1", "\0" + address[1:] if address[0] == "@" else address)
    except OSError:
        pass
