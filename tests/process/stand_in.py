"""Runs the real supervisor over small stand-in programs: `stand_in.py JSON`, started by the tests.

JSON: {"services": [{name, command, ...}], "prepare": [...] or null, "grace_seconds": number,
"stale_file": path or null}; the heartbeat is stale while the file exists.
"""

import json
import sys
from pathlib import Path

from config.supervisor import probe
from config.supervisor.loop import Supervisor
from config.supervisor.output import Output
from config.supervisor.services import Service

if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    if given.get("pulse_every_seconds"):
        probe.PULSE_EVERY_SECONDS = given["pulse_every_seconds"]
    stale_file = given.get("stale_file")
    output = Output()
    services = [Service(**{**it, "command": tuple(it["command"])}) for it in given["services"]]
    code = Supervisor(
        services,
        output=output,
        prepare=given.get("prepare"),
        announcement="Backstop is up",
        heartbeat_is_stale=lambda: bool(stale_file) and Path(stale_file).exists(),
        grace_seconds=given.get("grace_seconds", 8.0),
    ).run()
    output.close(timeout_seconds=1)
    sys.exit(code)
