"""A client of the WebSocket v2 for tests: says things, and hears what comes, in order."""

import asyncio
import json
import queue
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import aiohttp

PATIENCE_SECONDS = 10.0


class Ear:
    """One connection, listening in a thread of its own. Numbers are exact; `heard` is everything so far."""

    def __init__(self, url: str) -> None:
        self.heard: list[dict[str, Any]] = []
        self._arrived: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(url), self._loop).result(PATIENCE_SECONDS)

    async def _open(self, url: str) -> None:
        self._client = aiohttp.ClientSession()
        self._socket = await self._client.ws_connect(url.replace("http", "ws", 1) + "/v2")
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        async for message in self._socket:
            self._arrived.put(json.loads(message.data, parse_float=Decimal))
        self._arrived.put(None)

    def say(self, method: str, req_id: int | None = None, **params: Any) -> None:
        message: dict[str, Any] = {"method": method}
        if params:
            message["params"] = params
        if req_id is not None:
            message["req_id"] = req_id
        self.say_text(json.dumps(message))

    def say_text(self, text: str) -> None:
        asyncio.run_coroutine_threadsafe(self._socket.send_str(text), self._loop).result(PATIENCE_SECONDS)

    def next(self, want: Callable[[dict[str, Any]], bool] = lambda message: True) -> dict[str, Any]:
        """The next message that is wanted; what came before it is in `heard`."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            message = self._arrived.get(timeout=max(0.01, deadline - time.monotonic()))
            if message is None:
                raise ConnectionError("the connection has ended")
            self.heard.append(message)
            if want(message):
                return message

    def answer(self, method: str, **params: Any) -> dict[str, Any]:
        """Say something, and the answer to it."""
        number = len(self.heard) + 1000
        self.say(method, number, **params)
        return self.next(lambda message: message.get("req_id") == number)

    def of(self, channel: str) -> dict[str, Any]:
        """The next message of a channel."""
        return self.next(lambda message: message.get("channel") == channel)

    def items(self, channel: str, *, until: str) -> list[dict[str, Any]]:
        """The items of a channel up to the first of this exec_type."""
        found = []
        while not found or found[-1]["exec_type"] != until:
            found += self.of(channel)["data"]
        return found

    def ended(self) -> bool:
        """Whether the venue ends the connection (waits for it)."""
        try:
            while True:
                self.next()
        except ConnectionError:
            return True

    def close(self) -> None:
        async def end() -> None:
            self._listening.cancel()
            await self._socket.close()
            await self._client.close()

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(PATIENCE_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_SECONDS)
        self._loop.close()
