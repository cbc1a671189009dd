"""Which processes there are, as data, and when a dead one is tried again; pure, no process here."""

import sys
from dataclasses import dataclass, field

PYTHON = sys.executable

FAST_RETRY_SECONDS = 1.0
SLOW_RETRY_SECONDS = 30.0
MANY_DEATHS = 5
WINDOW_SECONDS = 60.0
# The cluster judges itself first, by what its workers do (config/cluster.py); here is the second line, for
# one that is stopped as a whole.
CLUSTER_MARGIN_SECONDS = 30.0
# The watch shows itself each second, after it renewed its lease. No request to the venue stands in between;
# what may is a locked SQLite, waited for 20 s (config/settings.py), and leaving a lost lease behind, 14 s.
WATCH_SILENT_SECONDS = 30.0
FIRST_SIGN_SECONDS = 60.0  # a process that has just begun may take longer, on a machine with much to do


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """One process to keep alive. URLs are asked by GET; any answer below 500 is an answer."""

    name: str
    command: tuple[str, ...]
    answers_at: str | None = None
    waits_for: str | None = None  # the service that must have answered before this one is started
    stops_last: bool = False  # the others may need it to leave things in order
    silent_at_most_seconds: float | None = None  # without a sign of life; then it is replaced


def local_url(host: str, port: int) -> str:
    """The address a person on this machine can open, also when HOST listens everywhere."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def backstop_services(
    *, host: str, port: int, venue_port: int, on_paper_venue: bool, cluster_stale_seconds: float
) -> tuple[Service, ...]:
    """Every process of one Backstop; the paper venue only where the mode trades on it."""
    manage = (PYTHON, "manage.py")
    bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    gunicorn = ("-m", "gunicorn", "--config", "config/gunicorn.conf.py", "--bind", bind, "config.wsgi")
    venue = Service(
        name="paper_venue",
        command=(*manage, "paper_venue"),
        answers_at=f"http://127.0.0.1:{venue_port}/0/public/Time",
        stops_last=True,
    )
    return (
        *((venue,) if on_paper_venue else ()),
        Service(name="web", command=(PYTHON, *gunicorn), answers_at=f"{local_url(host, port)}/admin/"),
        Service(
            name="qcluster",
            command=(*manage, "qcluster"),
            silent_at_most_seconds=cluster_stale_seconds + CLUSTER_MARGIN_SECONDS,
        ),
        Service(
            name="watch",
            command=(*manage, "watch"),
            waits_for="paper_venue" if on_paper_venue else None,
            silent_at_most_seconds=WATCH_SILENT_SECONDS,
        ),
    )


@dataclass(slots=True)
class Restarts:
    """The deaths of one child, and what follows from them.

    A second after a death it is tried again; after five deaths within a minute every 30 s, until
    one life has lasted a minute.
    """

    deaths: list[float] = field(default_factory=list)  # seconds of the caller's monotonic clock
    slow: bool = False

    def delay_after_death(self, *, started_at: float, died_at: float) -> float:
        """Record a death; the seconds until the next attempt."""
        if died_at - started_at >= WINDOW_SECONDS:
            self.slow = False
            self.deaths.clear()
        self.deaths = [at for at in self.deaths if died_at - at < WINDOW_SECONDS] + [died_at]
        if len(self.deaths) >= MANY_DEATHS:
            self.slow = True
        return SLOW_RETRY_SECONDS if self.slow else FAST_RETRY_SECONDS
