"""The network between Backstop and its venue: forwards every byte, REST and WebSocket alike, until it is cut.

A cut is silence, not a refusal: connections stand, new ones are taken, and nothing arrives. What was on its
way arrives when the cut ends, however late, as it does on a real network.
"""

from __future__ import annotations

import asyncio
import threading

CHUNK = 64 * 1024


class Wire:
    """Listens on a port of its own for as long as it is open. Thread-safe from outside."""

    def __init__(self, venue_port: int) -> None:
        self._venue_port = venue_port
        self._loop = asyncio.new_event_loop()
        self._open: asyncio.Event | None = None
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="wire")
        self._thread.start()
        self._listening.wait(10)

    def cut(self) -> None:
        self._loop.call_soon_threadsafe(self._gate.clear)

    def mend(self) -> None:
        self._loop.call_soon_threadsafe(self._gate.set)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    @property
    def _gate(self) -> asyncio.Event:
        if self._open is None:
            raise RuntimeError("the wire does not listen")
        return self._open

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_exception_handler(lambda loop, context: None)  # broken connections are its trade
        self._loop.run_until_complete(self._listen())
        self._loop.run_forever()

    async def _listen(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._listening.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._gate.wait()
        try:
            venue_reader, venue_writer = await asyncio.open_connection("127.0.0.1", self._venue_port)
        except OSError:
            writer.close()  # the venue is down
            return
        await asyncio.gather(self._pump(reader, venue_writer), self._pump(venue_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(CHUNK):
                await self._gate.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            await self._gate.wait()
            writer.close()
