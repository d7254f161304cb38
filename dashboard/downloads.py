"""Serving what a file of an image holds, to be saved or drawn, never to be run.

Strangers made the images, and whatever a browser would do with their content on its own, it would do in our
name. So it is an attachment, of a type that is not guessed at, and in a sandbox without any rights should it
be shown after all (Content-Security-Policy ``sandbox``).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header

from worker.engine.content import IndexedFile, open_file, pieces
from worker.engine.files.names import to_text
from worker.engine.oci import Digest
from worker.engine.store import LayerStore

OCTETS = "application/octet-stream"
_RANGE = re.compile(r"bytes=(?:(?P<first>\d{1,18})-(?P<last>\d{1,18})?|-(?P<suffix>\d{1,18}))")
_POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True)
class Part:
    """Some bytes of a file: where they start, and how many."""

    start: int
    length: int


class OutOfRange(Exception):
    """What is asked for lies behind the end of the file."""


def wanted_part(header: str, size: int) -> Part | None:
    """Read a ``Range`` header (RFC 9110, section 14); None: the whole is wanted, or has to do.

    Several ranges at once are answered by the whole, as the RFC allows.

    Raises:
        OutOfRange: no byte of it exists.
    """
    asked = _RANGE.fullmatch(header.replace(" ", ""))
    if asked is None:
        return None
    if asked["suffix"] is not None:
        length = min(int(asked["suffix"]), size)
        start = size - length
    else:
        start = int(asked["first"])
        last = min(int(asked["last"]), size - 1) if asked["last"] is not None else size - 1
        if asked["last"] is not None and int(asked["last"]) < start:
            return None  # no range at all
        length = last - start + 1
    if length <= 0:
        raise OutOfRange
    return Part(start, length)


def serve_file(
    request: HttpRequest, layers: LayerStore, file: IndexedFile, diff_id: Digest, media_type: str = OCTETS
) -> HttpResponseBase:
    """Answer with the content of ``file`` in the layer ``diff_id``: all of it, or the part that is asked for.

    A whole file whose content is not what the index says ends before its end.

    Raises:
        StrataError: as ``open_file``.
    """
    tag = f'"{file.sha256.hex()}"' if file.sha256 else ""
    header = request.headers.get("Range", "")
    if request.headers.get("If-Range", tag) != tag:
        header = ""
    try:
        part = wanted_part(header, file.size)
    except OutOfRange:
        refused = HttpResponse(status=416)
        refused["Content-Range"] = f"bytes */{file.size}"
        return refused
    chosen = part or Part(0, file.size)
    content = open_file(layers, file, diff_id)
    response: HttpResponseBase
    if request.method == "HEAD":
        content.close()
        response = HttpResponse()
    else:
        body = _Body(content, file, chosen)
        # Under ASGI, Django would collect what a plain iterator yields before it sends the first byte.
        response = StreamingHttpResponse(_AsyncBody(body) if isinstance(request, ASGIRequest) else body)
    if part is not None:
        response.status_code = 206
        response["Content-Range"] = f"bytes {part.start}-{part.start + part.length - 1}/{file.size}"
    response["Content-Length"] = str(chosen.length)
    response["Content-Type"] = media_type
    response["Accept-Ranges"] = "bytes"
    if tag:
        response["ETag"] = tag
    name = to_text(file.path.rpartition(b"/")[2])
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = _POLICY
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


class _Body:
    """What is sent. Django closes it when the answer is over, however that ends."""

    def __init__(self, content: BinaryIO, file: IndexedFile, part: Part) -> None:
        self._content = content
        self._pieces = pieces(content, file, part.start, part.length)

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def close(self) -> None:
        self._content.close()


class _AsyncBody:
    """The same, read by threads of its own: a slow disk holds up nobody else."""

    def __init__(self, body: _Body) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        source = iter(self._body)
        read = sync_to_async(lambda: next(source, b""), thread_sensitive=False)
        while piece := await read():
            yield piece

    def close(self) -> None:
        self._body.close()
