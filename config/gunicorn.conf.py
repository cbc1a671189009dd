"""How the web server runs: one process, threads; measured in docs, started by config.supervisor.

The address is given on the command line.
"""

import os

wsgi_app = "config.wsgi:application"
worker_class = "gthread"
workers = 1
threads = 16  # of which commands that wait may hold six (trading/api/command_views.py)
timeout = 60  # seconds without a sign of life of the worker's main thread, not of a request
graceful_timeout = 5  # seconds for requests in flight when told to stop; the supervisor allows 8
keepalive = 5
accesslog = None
loglevel = "warning"
control_socket_disable = True  # no file outside the project, nothing to control but the process
if os.path.isdir("/dev/shm"):
    worker_tmp_dir = "/dev/shm"


def post_worker_init(worker):  # type: ignore[no-untyped-def]
    """The web server keeps a lookout for stops that nobody watches any more."""
    from brackets import lookout

    lookout.start()
