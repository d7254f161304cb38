"""One answer of a registry, read in a way that cancelling can interrupt."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Self

from urllib3 import BaseHTTPResponse

from worker.engine.cancel import CancelToken
from worker.engine.errors import RegistryError, RegistryMisbehaved, RegistryTimeout
from worker.engine.registry.deadlines import Deadlines
from worker.engine.registry.failures import translated

_SMALL = 1 << 16
_LENGTH_DIGITS_MAX = 19  # of any number of bytes that a disk can hold
SLOWEST = 1000.0  # bytes a second; less is no transfer, but a connection that does not die


class _Pace:
    """Whether a body flows. Counts the time that is spent waiting for it, and not what its reader takes."""

    def __init__(self, window: float) -> None:
        self._window = window
        self._size, self._waited = 0, 0.0

    def bears(self, size: int, waited: float) -> bool:
        """Note ``size`` bytes that took ``waited`` seconds; False if it is too slow by now."""
        self._size += size
        self._waited += waited
        if self._waited < self._window:
            return True
        flows = self._size >= SLOWEST * self._waited
        self._size, self._waited = 0, 0.0
        return flows


class Response:
    """An HTTP answer whose body is still on the wire; always close it.

    Attributes:
        host: Who gave it, with its port; after a redirect not the one that was asked.
        subject: The repository that it is about, for messages.
        status: The HTTP status.
        redirected: Whether it comes from another host than the one that was asked.
    """

    def __init__(
        self,
        raw: BaseHTTPResponse,
        *,
        host: str,
        subject: str,
        redirected: bool,
        cancel: CancelToken,
        deadlines: Deadlines,
        stall_timeout: float,
    ) -> None:
        self.host = host
        self.subject = subject
        self.status = raw.status
        self.redirected = redirected
        self._raw = raw
        self._cancel = cancel
        self._deadlines = deadlines
        self._stall_timeout = stall_timeout
        self._pace = _Pace(stall_timeout)
        self._watch = contextlib.ExitStack()
        self._watch.enter_context(cancel.on_cancel(self._wake))

    @property
    def headers(self) -> Mapping[str, str]:
        """By name, in any case."""
        return self._raw.headers

    def header_values(self, name: str) -> list[str]:
        """All values of a header that may occur several times."""
        return list(self._raw.headers.getlist(name))

    @property
    def content_type(self) -> str:
        """The media type alone, in lower case; empty if there is none."""
        return self._raw.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    @property
    def content_length(self) -> int | None:
        """The length of the body in bytes that the header announces; None without one that makes sense."""
        length = self._raw.headers.get("Content-Length", "")
        usable = length.isascii() and length.isdecimal() and len(length) <= _LENGTH_DIGITS_MAX
        return int(length) if usable else None

    def read_some(self, size: int) -> bytes:
        """Read up to ``size`` bytes as soon as there are any, never decoded; empty at the end.

        Raises:
            ConnectionLost, Cancelled, RegistryMisbehaved.
            RegistryTimeout: nothing comes, or so little that it is as good as nothing.
        """
        began = time.monotonic()
        # A read ends with its first bytes, unless they are the frame around the body and not the body.
        with self._deadlines.within(2 * self._stall_timeout, self._wake) as deadline:
            try:
                with translated(self.host, self.subject, self._cancel):
                    data = self._raw.read1(size, decode_content=False)
            except RegistryError as error:
                if deadline.passed:
                    raise self._stalled() from error
                raise
        self._cancel.check()  # an interrupted read looks like the end, or worse, like data
        if deadline.passed or not self._pace.bears(len(data), time.monotonic() - began):
            raise self._stalled()
        return data

    def read_all(self, limit: int, what: str = "answer") -> bytes:
        """Read the whole body.

        Raises:
            RegistryMisbehaved: it is longer than ``limit`` bytes; and what :meth:`read_some` raises.
        """
        parts: list[bytes] = []
        room = limit + 1
        while room > 0 and (data := self.read_some(min(room, 1 << 16))):
            parts.append(data)
            room -= len(data)
        if room <= 0:
            raise RegistryMisbehaved(
                f"{self.host} sent a {what} of more than {limit} bytes"
                + (f" for {self.subject}." if self.subject else ".")
            )
        return b"".join(parts)

    def discard(self) -> None:
        """Close it, but keep the connection if there is little left to read."""
        with contextlib.suppress(RegistryError):
            self.read_all(_SMALL)
        self.close()

    def close(self) -> None:
        """Give the connection back if the body was read to its end, else close it; safe to call twice."""
        self._watch.close()
        if self._raw.closed:
            self._raw.release_conn()
        else:
            self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _stalled(self) -> RegistryTimeout:
        about = f" for {self.subject}" if self.subject else ""
        return RegistryTimeout(f"{self.host} has almost stopped sending its answer{about}.")

    def _wake(self) -> None:
        # RuntimeError: the body has just ended and the connection belongs to the pool again.
        with contextlib.suppress(RuntimeError, OSError, ValueError):
            self._raw.shutdown()
