"""A request that something happens to: swallowed, cut off, late, doubled, answered by somebody else.

Stands between the HTTP front and the service where a control channel is open. Every fault delivered is
one line of the venue's log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast

from aiohttp import web

from brackets.venue.paper.control.history import History, Past
from brackets.venue.paper.control.plan import Fault, FaultKind, FaultPlan, When
from brackets.venue.paper.forms import Form
from brackets.venue.paper.journal import request_line
from brackets.venue.paper.orders import Refused
from brackets.venue.paper.service import Service
from brackets.venue.paper.venue import PaperVenue

Json = dict[str, Any]
Execute = Callable[..., Json]  # a request done, by the venue as it is or by `reading`
LONGEST_SILENCE = 120.0  # seconds; then a swallowed request's connection is cut
LOOK_SECONDS = 0.05  # how often it is looked whether the client has left
PAGE = "<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"
NEVER = frozenset({FaultKind.TIMEOUT_BEFORE, FaultKind.TIMEOUT_AFTER})
CUT = frozenset({FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER})
PAGES = {
    FaultKind.HTTP_502: (502, "502 Bad Gateway"),
    FaultKind.HTTP_520: (520, "520: Web server is returning an unknown error"),
    FaultKind.HTML_200: (200, "Just a moment..."),
}
NOT_EXECUTED = frozenset({FaultKind.TIMEOUT_BEFORE, FaultKind.DROP_BEFORE})


@dataclass(slots=True)
class Delivery:
    """The requests to one service, and what is ordered to happen to them."""

    service: Service
    clock: Callable[[], Decimal]
    plan: FaultPlan = field(default_factory=FaultPlan)
    history: History = field(init=False)

    def __post_init__(self) -> None:
        self.history = History(self.service.venue)
        self.service.witness = self.history.record

    async def private(self, request: web.Request, method: str, body: bytes) -> web.StreamResponse | Json:
        """The answer to a private request, after whatever was ordered to happen to it."""
        try:
            form = Form.of_body(body, content_type=request.content_type)
        except Refused:
            form = Form({})

        def execute(reading: PaperVenue | None = None) -> Json:
            return self.service.private(
                method, headers=request.headers, body=body, now=self.clock(), reading=reading
            )

        return await self._deliver(request, self.plan.take(method, form), method, form, execute)

    async def public(
        self, request: web.Request, method: str, fields: Mapping[str, str]
    ) -> web.StreamResponse | Json:
        """The answer to a public request. Only faults that name its method strike it."""
        form = Form(fields)

        def execute(reading: PaperVenue | None = None) -> Json:
            return self.service.public(method, fields, now=self.clock())

        fault = self.plan.take(method, form, by_name=True)
        return await self._deliver(request, fault, method, form, execute)

    async def _deliver(
        self, request: web.Request, fault: Fault | None, method: str, form: Form, execute: Execute
    ) -> web.StreamResponse | Json:
        if fault is None:
            return execute()
        self._note(fault, method, form)
        if fault.kind in NEVER | CUT:
            if fault.kind not in NOT_EXECUTED:
                execute()
            return await _gone(request, at_once=fault.kind in CUT)
        if fault.kind in PAGES:
            if fault.when is When.AFTER:
                execute()
            status, title = PAGES[fault.kind]
            return web.Response(status=status, text=PAGE.format(title), content_type="text/html")
        return await self._changed(fault, execute)

    async def _changed(self, fault: Fault, execute: Execute) -> Json:
        """The faults that end with an answer of the API."""
        match fault.kind:
            case FaultKind.LATE:
                told = execute()
                await asyncio.sleep(float(fault.seconds or 0))
                return told
            case FaultKind.DELAYED:
                await asyncio.sleep(float(fault.seconds or 0))
                return execute()
            case FaultKind.DUPLICATE:
                answers = [execute(), execute()]
                return answers[fault.answer == "second"]
            case FaultKind.ERROR:
                if fault.when is When.AFTER:
                    execute()
                return {"error": [fault.error]}
            case FaultKind.WARNING_WITH_RESULT:
                told = execute()
                return told | {"error": [*told["error"], fault.error]}
            case FaultKind.ID_NONE:
                return _without_id(execute())
            case _:
                at = fault.ordered_at if fault.seconds is None else self.clock() - fault.seconds
                return execute(cast(PaperVenue, Past(self.history, at=at)))

    def _note(self, fault: Fault, method: str, form: Form) -> None:
        when = f" when={fault.when}" if fault.kind in PAGES or fault.kind is FaultKind.ERROR else ""
        seconds = "" if fault.seconds is None else f" seconds={fault.seconds}"
        outcome = f"{fault.kind}{when}{seconds}" + (f" error={fault.error}" if fault.error else "")
        line = f"FAULT {request_line(method, form, outcome=outcome)}"
        self.service.journal.write(self.clock(), line)


def _without_id(told: Json) -> Json:
    result = told.get("result")
    if not isinstance(result, dict):
        return told
    return told | {"result": {name: part for name, part in result.items() if name != "txid"}}


async def _gone(request: web.Request, *, at_once: bool) -> web.StreamResponse:
    """End a connection without an answer: now, or when the client has lost patience."""
    deadline = asyncio.get_running_loop().time() + LONGEST_SILENCE
    while not at_once and asyncio.get_running_loop().time() < deadline:
        if request.transport is None or request.transport.is_closing():
            break
        await asyncio.sleep(LOOK_SECONDS)
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
