"""What can go wrong at a registry, to be switched on in a test."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Faults:
    """All off by default; change them at any time.

    Attributes:
        where: The faults of bodies and answers below touch only paths that contain this text.
        corrupt: Serve blobs and manifests with one byte changed (and the true length).
        truncate: Announce and serve blobs without their last so many bytes.
        cut: Announce the true length of a blob, and close the connection after so many bytes of the body.
        cut_times: How often to do so; None means always.
        reset: Cut with a reset (RST) instead of a clean end.
        stall: Send so many bytes of a blob, and then nothing more, until the registry stops.
        trickle: After ``stall``, send one byte each so many seconds.
        ignore_range: Answer a range request with the whole blob and status 200.
        shift_range: Answer a range request with what begins so many bytes after (or before) it.
        part_of_range: Answer a range request with at most so many bytes.
        longer: Serve blobs with so many bytes more.
        announce: Announce so many bytes more (or less) of a blob than are sent.
        no_length: Send bodies without Content-Length, in chunks.
        until_close: Send bodies without Content-Length, that end with the connection.
        one_answer: Close the connection after each answer, and say so.
        encoded: Compress bodies, which nobody asked for.
        no_head: Answer HEAD with 405.
        no_digest: Leave out Docker-Content-Digest.
        digest: Send this as Docker-Content-Digest of manifests.
        blob_headers: Send these with blobs.
        head_digest: Send this so in answers to HEAD alone.
        content_type: Send this as the Content-Type of manifests.
        page: Answer everything with a web page and status 200.
        redirect: Redirect blobs to this address, with the path appended.
        location: Redirect blobs to this address, as it is.
        missing: Answer 404 for paths that contain this text.
    """

    where: str = ""
    corrupt: bool = False
    truncate: int = 0
    cut: int | None = None
    cut_times: int | None = None
    reset: bool = False
    stall: int | None = None
    trickle: float = 0.0
    ignore_range: bool = False
    shift_range: int = 0
    part_of_range: int = 0
    longer: int = 0
    announce: int = 0
    no_length: bool = False
    until_close: bool = False
    one_answer: bool = False
    encoded: bool = False
    no_head: bool = False
    no_digest: bool = False
    digest: str = ""
    blob_headers: Mapping[str, str] = field(default_factory=dict)
    head_digest: str = ""
    content_type: str = ""
    page: bool = False
    redirect: str = ""
    location: str = ""
    missing: str = ""
    _failures: list[tuple[int, dict[str, str], str]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fail(
        self, status: int, *, times: int = 1, headers: Mapping[str, str] | None = None, body: str = ""
    ) -> None:
        """Answer the next ``times`` requests (that match ``where``) with ``status``."""
        with self._lock:
            self._failures += [(status, dict(headers or {}), body)] * times

    def take_failure(self, path: str) -> tuple[int, dict[str, str], str] | None:
        """The failure that is due for a request, if any."""
        with self._lock:
            return self._failures.pop(0) if self._failures and self.where in path else None

    def take_cut(self, path: str) -> int | None:
        """After how many bytes to cut the answer to a request, if at all."""
        with self._lock:
            if self.cut is None or self.where not in path or self.cut_times == 0:
                return None
            if self.cut_times is not None:
                self.cut_times -= 1
            return self.cut
