"""A question the supervisor must not wait for: it is asked by a thread of its own."""

import threading
import time
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
