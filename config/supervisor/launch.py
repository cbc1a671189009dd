"""What a child runs before it becomes its program: `launch.py PARENT_PID COMMAND...`.

Asks the kernel for a SIGTERM when the supervisor dies, however it dies. This is a program of its
own because code between fork and exec of a process with threads can deadlock.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    parent, *command = sys.argv[1:]
    prctl = getattr(ctypes.CDLL(None), "prctl", None)  # Linux; elsewhere the sweeper alone does it
    if prctl is not None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit(0)  # it died before we could ask
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(signum, signal.SIG_DFL)
    os.execv(command[0], command)
