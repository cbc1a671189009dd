"""The views that act: each takes a command, answers 202 as soon as its intent is stored, 409 when denied."""

from __future__ import annotations

import threading
import time
from http import HTTPStatus

from rest_framework.request import Request
from rest_framework.response import Response

from trading import commands
from trading.api.base import ApiView, actor_of, require_permission
from trading.api.problems import Problem
from trading.api.resources import COMMANDS
from trading.core.asks import Kind
from trading.models import Command
from trading.rights import RIGHTS

LONGEST_WAIT_SECONDS = 30
LOOK_EVERY_SECONDS = 0.1
LONGEST_KEY = 128
WAITERS = threading.BoundedSemaphore(6)  # of the web process's 16 threads


class CommandView(ApiView):
    """One kind of command."""

    kind: Kind = Kind.BUY  # each address sets its own
    parameters = frozenset({"wait"})

    def post(self, request: Request) -> Response:
        require_permission(request, RIGHTS[self.kind])
        wait_seconds = wait_of(request)
        command = commands.submit(
            self.kind,
            request.data,
            user=request.user,
            actor=actor_of(request),
            idempotency_key=key_of(request),
        )
        await_outcome(command, wait_seconds)
        shown = COMMANDS.rows().get(pk=command.pk)
        denied = shown.status == Command.Status.DENIED
        return Response(COMMANDS.show(shown), status=HTTPStatus.CONFLICT if denied else HTTPStatus.ACCEPTED)


def wait_of(request: Request) -> int:
    """Seconds to hold the answer for the outcome, at most 30."""
    text = request.query_params.get("wait", "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            "malformed",
            f"wait must be a whole number of seconds, not {text[:40]!r}.",
            field="wait",
            limit=f"0 to {LONGEST_WAIT_SECONDS}",
            value=text[:40],
        )
    return min(int(text), LONGEST_WAIT_SECONDS)


def key_of(request: Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        limit = f"1 to {LONGEST_KEY} printable ASCII characters"
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            "malformed",
            f"Idempotency-Key must be {limit}.",
            field="Idempotency-Key",
            limit=limit,
        )
    return key


def await_outcome(command: Command, wait_seconds: int) -> None:
    """Look at the Command until it is no longer merely accepted, or the time is up. Where many wait
    already the answer comes at once: waiting must never take the threads that a pause needs."""
    until = time.monotonic() + wait_seconds
    if not wait_seconds or not WAITERS.acquire(blocking=False):
        return
    try:
        while command.status == Command.Status.ACCEPTED and time.monotonic() < until:
            time.sleep(LOOK_EVERY_SECONDS)
            command.refresh_from_db(fields=["status"])
    finally:
        WAITERS.release()
