"""One reader per Redis stream, and any number of viewers behind it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from django.db import DatabaseError
from redis.exceptions import RedisError

from dashboard.live.mailbox import Mailbox

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
"""How long a reader waits before it asks a Redis that failed again."""


class Form(Enum):
    """How a viewer wants to be told."""

    HTML = auto()
    JSON = auto()


@dataclass(frozen=True, slots=True)
class Update:
    """One message, made once for everybody.

    Attributes:
        slot: what it replaces in a mailbox that still holds an older one.
        html: for pages; empty if pages need not know.
        json: for programs; empty likewise.
    """

    slot: str
    html: bytes
    json: bytes

    def in_form(self, form: Form) -> bytes:
        return self.html if form is Form.HTML else self.json


class Feed(Protocol):
    """What a channel reads from."""

    finished: bool
    """Whether the last update was given, and nothing can follow."""

    async def poll(self) -> list[Update]:
        """Return what is new, waiting a few seconds for it. Raises RedisError, DatabaseError."""

    async def greet(self, since: str) -> list[Update]:
        """Return what a viewer who saw everything up to entry ``since`` has missed. Raises RedisError."""

    async def interrupted(self) -> list[Update]:
        """Return what can be said without Redis; the next poll begins anew. Raises DatabaseError."""

    async def resumed(self) -> list[Update]:
        """Return what makes up for the time without Redis."""


class Channel:
    """Reads a feed while anybody watches, and tells everybody who does.

    A viewer joins by a mailbox; a slow one finds the newest state in it. When Redis fails, the viewers are
    told once, and once again when it is back.
    """

    def __init__(self, feed: Feed, notice: Callable[[bool], Update], on_end: Callable[[], None]) -> None:
        self._feed = feed
        self._notice = notice
        self._on_end = on_end
        self._viewers: dict[Mailbox, Form] = {}
        self._interrupted = False
        self._ended = False
        self._task: asyncio.Task[None] | None = None

    async def join(self, mailbox: Mailbox, form: Form, since: str) -> None:
        """Tell ``mailbox`` everything after entry ``since``, in ``form``."""
        self._viewers[mailbox] = form
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        if self._interrupted:
            _put(mailbox, form, self._notice(True))
        with contextlib.suppress(RedisError, OSError):  # the reader meets the same failure, and says so
            for update in await self._feed.greet(since):
                _put(mailbox, form, update)

    def leave(self, mailbox: Mailbox) -> None:
        self._viewers.pop(mailbox, None)
        if not self._viewers:
            self.end()

    def end(self) -> None:
        """Stop reading, and let every viewer go."""
        if self._ended:
            return
        self._ended = True
        self._on_end()
        for mailbox in self._viewers:
            mailbox.close()
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()

    async def _run(self) -> None:
        try:
            while not self._feed.finished:
                await self._step()
        except Exception:
            # The boundary of a background task: without it the viewers would wait for ever. They are let go,
            # and come back to a new reader.
            log.exception("A live stream failed")
        finally:
            self.end()

    async def _step(self) -> None:
        try:
            if self._interrupted:
                self._publish(await self._feed.resumed())
                self._interrupted = False
                self._publish([self._notice(False)])
            self._publish(await self._feed.poll())
        except (RedisError, OSError, DatabaseError) as error:
            if not self._interrupted:
                log.warning("Live updates are interrupted: %s", error)
                self._interrupted = True
                self._publish([self._notice(True)])
            with contextlib.suppress(DatabaseError):
                last = await self._feed.interrupted()
                if self._feed.finished:
                    # Nothing more is to come, so nothing is interrupted.
                    self._publish([self._notice(False)])
                self._publish(last)
            if not self._feed.finished:
                await asyncio.sleep(RETRY_SECONDS)

    def _publish(self, updates: list[Update]) -> None:
        for update in updates:
            for mailbox, form in self._viewers.items():
                _put(mailbox, form, update)


def _put(mailbox: Mailbox, form: Form, update: Update) -> None:
    if message := update.in_form(form):
        mailbox.put(update.slot, message)


class Hub:
    """The channels of this process, by what they are about."""

    def __init__(self) -> None:
        self._channels: dict[Hashable, Channel] = {}

    def channel(self, about: Hashable, make: Callable[[Callable[[], None]], Channel]) -> Channel:
        """Return the open channel ``about`` something, or ``make`` it; it forgets itself when it ends."""
        if about not in self._channels:
            self._channels[about] = make(lambda: self._forget(about))
        return self._channels[about]

    def _forget(self, about: Hashable) -> None:
        self._channels.pop(about, None)

    def close(self) -> None:
        """End every stream."""
        for channel in list(self._channels.values()):
            channel.end()

    def __len__(self) -> int:
        return len(self._channels)
