"""Questions the supervisor must not wait for: each is asked by a thread of its own."""

import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

ASK_EVERY_SECONDS = 0.2
ANSWER_WITHIN_SECONDS = 5.0


def answers(url: str) -> bool:
    """True when a GET gets an answer that is not a server's failure (status below 500)."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=ANSWER_WITHIN_SECONDS)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status < 500
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


class Probe:
    """Asks a URL until it has answered once."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._answered = threading.Event()
        threading.Thread(target=self._ask, daemon=True, name=f"probe {url}").start()

    @property
    def answered(self) -> bool:
        return self._answered.is_set()

    def _ask(self) -> None:
        while not answers(self._url):
            time.sleep(ASK_EVERY_SECONDS)
        self._answered.set()


class Pulse:
    """Asks again and again whether the heartbeat is stale; holds the latest answer."""

    def __init__(
        self, is_stale: Callable[[], bool], *, every_seconds: float, say: Callable[[str], None]
    ) -> None:
        self._every_seconds = every_seconds
        self.stale = False
        self._is_stale = is_stale
        self._say = say
        threading.Thread(target=self._ask, daemon=True, name="pulse").start()

    def _ask(self) -> None:
        complaint = ""
        while True:
            time.sleep(self._every_seconds)
            try:
                self.stale = self._is_stale()
                complaint = ""
            except Exception as error:  # whatever it is: the watch over the cluster must go on
                self.stale = False
                if complaint != (complaint := f"{type(error).__name__}: {error}"):
                    self._say(f"ALARM: the cluster's heartbeat cannot be read ({complaint})")
