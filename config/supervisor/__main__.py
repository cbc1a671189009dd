"""`python -m config.supervisor`: what `make up` becomes once `.venv` is whole.

Exit codes: 0 stopped as asked; 2 refused to start, with one sentence on stderr each reason.
"""

import errno
import os
import socket
import sys
from collections.abc import Iterator

from django.core.exceptions import ImproperlyConfigured

from config.supervisor.loop import Supervisor
from config.supervisor.output import STDERR, Output
from config.supervisor.services import PYTHON, backstop_services, local_url

PREPARE = (PYTHON, "-m", "config.supervisor.prepare")


def why_not_free(host: str, port: int, *, variable: str) -> str | None:
    """Why a server could not listen there, in one sentence, or None."""
    try:
        (family, kind, _, _, address), *_ = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except (OverflowError, socket.gaierror):
        return f"{variable}={port} on {host} is not an address; nothing was started. Set HOST and {variable}."
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return (
                f"port {port} on {host} is taken (perhaps by another Backstop); nothing was started. "
                f"Stop what uses it, or set {variable} to a free port."
            )
        if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            return (
                f"{host} is no address of this machine ({error.strerror}); nothing was started. "
                "Set HOST to one of its own, like 127.0.0.1."
            )
        return (
            f"port {port} on {host} cannot be used ({error.strerror}); nothing was started. Set {variable}."
        )
    return None


def port_problems(*, host: str, port: int, venue_port: int, on_paper_venue: bool) -> Iterator[str]:
    if not 0 < port < 65536:
        yield f"PORT={port} is not a port; nothing was started. Set PORT between 1 and 65535."
    elif problem := why_not_free(host, port, variable="PORT"):
        yield problem
    if not on_paper_venue:
        return
    if venue_port == port:
        yield f"PORT and VENUE_PORT are both {port}; nothing was started. Set one of them to another port."
    elif not 0 < venue_port < 65536:
        yield f"VENUE_PORT={venue_port} is not a port; nothing was started. Set it between 1 and 65535."
    elif problem := why_not_free("127.0.0.1", venue_port, variable="VENUE_PORT"):
        yield problem


def database_name(database: dict[str, object]) -> str:
    """The database for people: without its user and password."""
    if "sqlite" in str(database["ENGINE"]):
        return f"SQLite {database['NAME']}"
    return f"PostgreSQL {database['NAME']} on {database.get('HOST') or 'the local socket'}"


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")  # for every process started here
    output = Output()
    try:
        from config import settings

        problems = list(
            port_problems(
                host=settings.HOST,
                port=settings.PORT,
                venue_port=settings.VENUE_PORT,
                on_paper_venue=settings.ON_PAPER_VENUE,
            )
        )
        for problem in problems:
            output.line(f"Backstop: {problem}", to=STDERR)
        if problems:
            return 2
        return Supervisor(
            backstop_services(
                host=settings.HOST,
                port=settings.PORT,
                venue_port=settings.VENUE_PORT,
                on_paper_venue=settings.ON_PAPER_VENUE,
                cluster_stale_seconds=settings.CLUSTER_STALE_SECONDS,
            ),
            output=output,
            prepare=PREPARE,
            announcement=(
                f"Backstop is up: {local_url(settings.HOST, settings.PORT)}/admin/ "
                f"(mode {settings.TRADING_MODE}, {database_name(settings.DATABASES['default'])})"
            ),
        ).run()
    except ImproperlyConfigured as error:
        output.line(f"Backstop: {error}", to=STDERR)
        return 2
    finally:
        output.close(timeout_seconds=1)


if __name__ == "__main__":
    sys.exit(main())
