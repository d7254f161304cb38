"""The ASGI application that answers live streams."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from dashboard.live import wire
from dashboard.live.admission import Admission, Refused, admit_page, admit_program
from dashboard.live.channel import Channel, Form, Hub
from dashboard.live.feeds import BLOCK_SECONDS, JobFeed, ProjectFeed
from dashboard.live.mailbox import Mailbox
from dashboard.live.messages import notice
from dashboard.live.threads import in_thread

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

HEARTBEAT_SECONDS = 15.0
"""A viewer that has nothing to hear hears a comment this often."""

RECHECK_SECONDS = 120.0
"""How often it is asked whether a viewer still may watch."""

_ENTRY = re.compile(r"[0-9]{1,15}-[0-9]{1,15}")
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]


class Live:
    """Answers ``/live/*`` (pages, by ticket) and ``/api/v1/jobs/<id>/events`` (programs, by token).

    One instance per process and event loop.
    """

    def __init__(self, redis_url: str) -> None:
        self._redis: Redis = Redis.from_url(
            redis_url,
            decode_responses=True,
            socket_connect_timeout=2,
            socket_timeout=BLOCK_SECONDS + 5,
            # The channel tries again by itself, and says so meanwhile.
            retry=Retry(NoBackoff(), 0),
        )
        self.hub = Hub()

    async def close(self) -> None:
        """End every stream; their browsers come back by themselves."""
        self.hub.close()
        await self._redis.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        form = Form.JSON if scope["path"].startswith("/api/") else Form.HTML
        try:
            admission = await self._admit(scope)
        except Refused as refused:
            await _refuse(refused, form, send)
            return
        since = _header(scope, b"last-event-id")
        if not _ENTRY.fullmatch(since):
            since = admission.since
        mailbox = Mailbox()
        channel = self._channel(admission, since)
        try:
            await channel.join(mailbox, admission.form, since)
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            await _send_part(send, wire.RETRY)
            async with _until_gone(receive) as gone:
                await _deliver(mailbox, admission, gone, send)
        finally:
            channel.leave(mailbox)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _admit(self, scope: Scope) -> Admission:
        if scope["method"] != "GET":
            raise Refused(
                HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", "A stream can only be read.", "Use GET."
            )
        path: str = scope["path"]
        if path.startswith("/api/"):
            authorization = _header(scope, b"authorization")
            return await in_thread(lambda: admit_program(path, authorization))
        ticket = parse_qs(scope["query_string"].decode("latin-1")).get("ticket", [""])[0]
        return await in_thread(lambda: admit_page(path, ticket))

    def _channel(self, admission: Admission, since: str) -> Channel:
        def make(on_end: Callable[[], None]) -> Channel:
            if admission.kind == "job":
                return Channel(JobFeed(self._redis, admission.id), notice, on_end)
            return Channel(ProjectFeed(self._redis, admission.id, since), notice, on_end)

        return self.hub.channel((admission.kind, admission.id), make)


async def _deliver(mailbox: Mailbox, admission: Admission, gone: asyncio.Task[None], send: Send) -> None:
    """Send what comes, until the mailbox is closed, the viewer is gone, or may no longer watch."""
    clock = asyncio.get_running_loop().time
    checked_at = clock()
    while not gone.done():
        news = asyncio.create_task(mailbox.wait())
        await asyncio.wait({news, gone}, timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        news.cancel()
        if gone.done():
            return
        if clock() - checked_at > RECHECK_SECONDS:
            try:
                await in_thread(admission.check)
            except Refused:
                return
            checked_at = clock()
        # Before the mailbox is emptied: what comes while this is sent opens the next round.
        last = mailbox.closed
        await _send_part(send, mailbox.take() or wire.HEARTBEAT)
        if last:
            return


@contextlib.asynccontextmanager
async def _until_gone(receive: Receive) -> Any:
    """Give a task that ends when the viewer hangs up."""

    async def wait() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    task = asyncio.create_task(wait())
    try:
        yield task
    finally:
        task.cancel()


async def _send_part(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _refuse(refused: Refused, form: Form, send: Send) -> None:
    if form is Form.JSON:
        error = {"code": refused.code, "message": refused.message, "hint": refused.hint}
        body, kind = json.dumps({"error": error}).encode(), b"application/json; charset=utf-8"
    else:
        body, kind = f"{refused.message} {refused.hint}\n".encode(), b"text/plain; charset=utf-8"
    headers = [
        (b"content-type", kind),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    if refused.status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append((b"allow", b"GET"))
    if refused.status is HTTPStatus.UNAUTHORIZED and form is Form.JSON:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": int(refused.status), "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _header(scope: Scope, name: bytes) -> str:
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value).decode("latin-1")
    return ""
