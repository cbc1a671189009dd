"""A wire between Backstop and a venue that a test can cut at an exact moment.

Forwards HTTP requests; a `Cut` names the private method after whose answer something must happen:
the venue has answered (its log shows it) and Backstop has not heard it yet.
"""

import threading
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Cut:
    """After the venue answered a request to `method` whose body contains `body`: act, and say nothing."""

    method: str
    body: str
    action: Callable[[], None]
    times: int = 1
    done: threading.Event = field(default_factory=threading.Event)


class Wire:
    """The proxy; `requests` is every private request seen, as (method, body)."""

    def __init__(self, venue_url: str) -> None:
        self.requests: list[tuple[str, str]] = []
        self.cuts: list[Cut] = []
        self.lock = threading.Lock()
        wire = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.forward(None)

            def do_POST(self) -> None:
                self.forward(self.rfile.read(int(self.headers.get("Content-Length", 0))))

            def forward(self, body: bytes | None) -> None:
                names = ("API-Key", "API-Sign", "Content-Type")
                headers = {name: self.headers[name] for name in names if self.headers[name]}
                request = urllib.request.Request(venue_url + self.path, data=body, headers=headers)
                try:
                    with urllib.request.urlopen(request, timeout=20) as answer:
                        content = answer.read()
                except OSError:  # the venue is down: the wire is dead
                    self.close_connection = True
                    return
                if body is not None and wire.cut(self.path.rsplit("/", 1)[-1], body.decode()):
                    self.close_connection = True
                    return
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def cut(self, method: str, body: str) -> bool:
        """Whether this answer is to be swallowed; acts when it is."""
        with self.lock:
            self.requests.append((method, body))
            for cut in self.cuts:
                if cut.method == method and cut.body in body and cut.times > 0:
                    cut.times -= 1
                    cut.action()
                    cut.done.set()
                    return True
        return False

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
