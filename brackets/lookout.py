"""The lookout: sees to it that no stop stays in hands that are gone.

While a target rests, its stop is watched by the watch process. Where that one is dead or hangs, its lease
lapses within seconds; the web server, which runs anyway, sees it and queues the safety net's task, which
puts the stops back on the venue. It also says when no task cluster gives a sign of life. It only looks and
nudges; it never talks to the venue.
"""

from __future__ import annotations

import logging
import threading
from datetime import datetime

from django.db import close_old_connections
from django.utils import timezone

from brackets import accounts, outbox, storage
from brackets.clusters import ClusterLookout
from brackets.core.states import Role, State
from brackets.models import Account, Bracket

log = logging.getLogger("backstop.lookout")
EVERY_SECONDS = 4


def stops_in_hands_that_are_gone(account: Account, now: datetime) -> bool:
    """Whether a stop is watched (or about to be) and nobody watches."""
    watched = Bracket.objects.filter(account=account, resting=Role.TARGET).exclude(state=State.EXIT_COMPLETE)
    return watched.exists() and not accounts.watch_is_alive(account, now)


def look(account: Account, now: datetime) -> bool:
    """One look; whether the safety net was called."""
    if not stops_in_hands_that_are_gone(account, now):
        return False
    log.warning("ALARM nobody watches the stops of %s: they are put back on the venue", account)
    outbox.wake(account)
    return True


def keep_looking(stop: threading.Event) -> None:
    """Look every few seconds until told to stop; a look that fails is only a look."""
    clusters = ClusterLookout(began_at=timezone.now())
    while not stop.wait(EVERY_SECONDS):
        close_old_connections()
        try:
            look(accounts.current(), timezone.now())
            clusters.look(accounts.current(), timezone.now())
        except Exception as error:
            if not storage.VOICE.tell(error):
                log.exception("the lookout failed; it looks again")
        finally:
            close_old_connections()


def start() -> threading.Event:
    """Keep looking in a thread of this process; set the event to end it."""
    stop = threading.Event()
    threading.Thread(target=keep_looking, args=(stop,), name="lookout", daemon=True).start()
    return stop
