"""Runs the real supervisor over small stand-in programs: `stand_in.py JSON`, started by the tests.

JSON: {"services": [{name, command, ...}], "prepare": [...]}, and any of SECONDS; all but
the services may be left out.
"""

import json
import sys

from config.supervisor.loop import Supervisor
from config.supervisor.output import Output
from config.supervisor.services import Service

SECONDS = ("grace_seconds",)

if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    output = Output()
    services = [Service(**{**it, "command": tuple(it["command"])}) for it in given["services"]]
    code = Supervisor(
        services,
        output=output,
        prepare=given.get("prepare"),
        announcement="Backstop is up",
        **{name: given[name] for name in SECONDS if name in given},
    ).run()
    output.close(timeout_seconds=1)
    sys.exit(code)
