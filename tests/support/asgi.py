"""A viewer of a live stream, as the ASGI server would drive one; and what it understood."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Self

Message = MutableMapping[str, Any]
App = Callable[[Any, Any, Any], Awaitable[None]]

PATIENCE = 20.0
"""Seconds after which a test gives up waiting."""


@dataclass(frozen=True)
class Event:
    """One server-sent event; ``name`` is empty for an unnamed one."""

    name: str
    data: str
    id: str


class Viewer:
    """Opens one address of an ASGI application and reads what comes.

    Used as an asynchronous context manager: leaving it hangs up.
    """

    def __init__(
        self, app: App, path: str, query: str = "", method: str = "GET", headers: dict[str, str] | None = None
    ) -> None:
        self._scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()],
            "server": ("localhost", 80),
            "client": ("127.0.0.1", 1),
        }
        self._app = app
        self._gone = asyncio.Event()
        self._news = asyncio.Event()
        self._sent_request = False
        self.may_read = asyncio.Event()
        """Cleared: the viewer is slow, and its connection takes nothing more."""
        self.may_read.set()
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self._parsed = 0

    async def __aenter__(self) -> Self:
        self._task = asyncio.ensure_future(self._app(self._scope, self._receive, self._send))
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._gone.set()
        self.may_read.set()
        async with asyncio.timeout(PATIENCE):
            await self._task

    async def _receive(self) -> Message:
        if not self._sent_request:
            self._sent_request = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {k.decode(): v.decode() for k, v in message["headers"]}
        else:
            await self.may_read.wait()
            self.body += message.get("body", b"")
        self._news.set()

    async def begun(self) -> None:
        """Wait until the server has begun to answer."""
        await self.until(lambda: self.status != 0)

    async def ended(self) -> None:
        """Wait until the server has ended the answer."""
        async with asyncio.timeout(PATIENCE):
            await asyncio.shield(self._task)

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait until ``happened``, looking whenever something came."""
        async with asyncio.timeout(PATIENCE):
            while not happened():
                await self._news.wait()
                self._news.clear()

    async def event(self) -> Event:
        """Return the next event; comments and ``retry:`` are passed over."""
        while True:
            await self.until(lambda: b"\n\n" in self.body[self._parsed :])
            end = self.body.index(b"\n\n", self._parsed)
            lines = self.body[self._parsed : end].decode().split("\n")
            self._parsed = end + 2
            fields = [line.partition(": ")[::2] for line in lines]
            if any(name in ("data", "event") for name, _ in fields):
                return Event(
                    name="".join(value for name, value in fields if name == "event"),
                    data="\n".join(value for name, value in fields if name == "data"),
                    id="".join(value for name, value in fields if name == "id"),
                )

    async def event_with(self, text: str) -> Event:
        """Return the next event whose data has ``text``."""
        while True:
            event = await self.event()
            if text in event.data:
                return event

    async def event_named(self, name: str) -> Event:
        """Return the next event of that name."""
        while True:
            event = await self.event()
            if event.name == name:
                return event
