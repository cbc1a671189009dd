"""A request judged and answered, without HTTP: key, signature, nonce, method, storing, logging.

Stands between `server.py` (sockets, time) and the methods. The answer is given only after everything
it says is stored. The order of checks is Kraken's: method, key, signature, nonce.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from brackets.venue.paper import private, public
from brackets.venue.paper.forms import Form
from brackets.venue.paper.journal import Journal, event_lines, outcome_of, request_line
from brackets.venue.paper.orders import Changes, Refused, Status, System
from brackets.venue.paper.rules import UNAVAILABLE
from brackets.venue.paper.signing import decoded_key, is_signed
from brackets.venue.paper.stream.hub import Hub
from brackets.venue.paper.venue import PaperVenue

Json = dict[str, Any]
PRIVATE_PATH = "/0/private/"
UNKNOWN_METHOD = "EGeneral:Unknown method"
INTERNAL_ERROR = "EGeneral:Internal error"
LARGEST_NONCE = 2**64 - 1
TOKEN_SECONDS = 900
TOKEN_METHOD = "GetWebSocketsToken"  # noqa: S105 - a method's name


@dataclass(slots=True)
class Service:
    """The venue behind one API key."""

    venue: PaperVenue
    key: str
    private_key: str
    journal: Journal
    tokens: dict[str, Decimal] = field(default_factory=dict)  # WebSocket token -> end of its life
    hub: Hub = field(init=False)
    witness: Callable[..., None] | None = None  # told of every change as well, `record(changes, now=)`
    _secret: bytes = b""

    def __post_init__(self) -> None:
        self._secret = decoded_key(self.private_key)
        self.hub = Hub(venue=self.venue, is_token=self.is_token)
        self.hub.trouble.note = lambda line: self.journal.write(self.venue.latest, line)

    # --- asked from outside --------------------------------------------------------------------------

    def public(self, method: str, fields: Mapping[str, str], *, now: Decimal) -> Json:
        """The answer to a public method."""
        ask = public.METHODS.get(method)
        if ask is None:
            return _error(UNKNOWN_METHOD)
        try:
            return _result(ask(self.venue, Form(fields), self.venue.at(now)))
        except Refused as refusal:
            return _error(refusal.error)
        except Exception as error:
            return self._failed(method, error, now)

    def private(
        self,
        method: str,
        *,
        headers: Mapping[str, str],
        body: bytes,
        now: Decimal,
        reading: PaperVenue | None = None,
    ) -> Json:
        """The answer to a private method, after everything it changed is stored.

        `reading` stands in for the venue where a method only reads.
        """
        if method != TOKEN_METHOD and method not in private.METHODS:
            return _error(UNKNOWN_METHOD)
        now = self.venue.at(now)
        form = Form({})
        try:
            form = Form.of_body(body, content_type=headers.get("Content-Type", ""))
            nonce = self._authenticate(method, form, headers=headers, body=body)
            return self._answer(method, form, nonce=nonce, now=now, reading=reading or self.venue)
        except Refused as refusal:  # of the body or the authentication: no nonce is used up
            self.journal.write(now, request_line(method, form, outcome=f"error={refusal.error}"))
            return _error(refusal.error)
        except Exception as error:
            return self._failed(method, error, now)

    def tick(self, *, seconds: Decimal, now: Decimal) -> None:
        """Let time pass. Raises what storing raises, after going back to what is stored."""
        try:
            changes = self.venue.tick(seconds=seconds, now=now)
        except Exception:
            self.venue.reload()
            raise
        self.tell(changes, now=self.venue.latest)
        self.hub.beat(self.venue.latest)

    def tell(self, changes: Changes, *, now: Decimal) -> None:
        """What was stored: into the log, and to everybody who listens."""
        for line in event_lines(changes.events):
            self.journal.write(now, line)
        seconds = self.venue.hold_release_seconds
        for event in changes.events if seconds else ():
            if event.order.status is Status.CANCELED:
                self.journal.write(now, f"FAULT hold_release txid={event.order.txid} seconds={seconds}")
        if self.witness is not None:
            self.witness(changes, now=now)
        self.hub.publish(changes, now=now)

    def is_token(self, token: str, now: Decimal) -> bool:
        """Whether this is a token for the private WebSocket that has not run out."""
        end = self.tokens.get(token)
        return end is not None and now < end

    # --- inside ----------------------------------------------------------------------------------------

    def _authenticate(self, method: str, form: Form, *, headers: Mapping[str, str], body: bytes) -> int:
        """The request's nonce. Raises Refused; a bad signature uses no nonce up."""
        key = headers.get("API-Key", "").encode("utf-8", "replace")
        if not secrets.compare_digest(key, self.key.encode()):
            raise Refused("EAPI:Invalid key")
        text = form.text("nonce") or ""
        signed = is_signed(
            secret=self._secret,
            path=PRIVATE_PATH + method,
            nonce=text,
            body=body,
            signature=headers.get("API-Sign", ""),
        )
        if not signed:
            raise Refused("EAPI:Invalid signature")
        if not (text.isascii() and text.isdigit() and len(text) <= 20):
            raise Refused("EAPI:Invalid nonce")
        nonce = int(text)
        if not self.venue.nonces.get(self.key, 0) < nonce <= LARGEST_NONCE:
            raise Refused("EAPI:Invalid nonce")
        return nonce

    def _answer(self, method: str, form: Form, *, nonce: int, now: Decimal, reading: PaperVenue) -> Json:
        try:
            self.venue.limits.call(method, now=now)
            if self.venue.engine.system is System.MAINTENANCE:
                raise Refused(UNAVAILABLE)
            result = (
                self._token(now) if method == TOKEN_METHOD else private.METHODS[method](reading, form, now)
            )
            answer, outcome = _result(result), outcome_of(result)
        except Refused as refusal:
            answer, outcome = _error(refusal.error), f"error={refusal.error}"
        changes = self.venue.commit(key=self.key, nonce=nonce)
        self.journal.write(now, request_line(method, form, outcome=outcome))
        self.tell(changes, now=now)
        return answer

    def _token(self, now: Decimal) -> Json:
        """A token for the private WebSocket; it is random, for it is a credential."""
        self.tokens = {token: end for token, end in self.tokens.items() if end > now}
        token = secrets.token_urlsafe(36)
        self.tokens[token] = now + TOKEN_SECONDS
        return {"token": token, "expires": TOKEN_SECONDS}

    def _failed(self, method: str, error: Exception, now: Decimal) -> Json:
        """A fault of ours, or a full disk: nothing of this request is kept, and the client is told so."""
        self.journal.write(now, f"{method} -> fault={type(error).__name__}: {str(error)[:200]!r}")
        self.venue.reload()
        return _error(INTERNAL_ERROR)


def _result(result: Json) -> Json:
    return {"error": [], "result": result}


def _error(word: str) -> Json:
    return {"error": [word]}
