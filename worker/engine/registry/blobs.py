"""Blobs on their way: bytes exactly as stored, from the offset that the registry granted.

(OCI distribution spec, "Pulling blobs"; ranges as in RFC 9110, section 14.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Self

from worker.engine.errors import (
    BlobNotFound,
    ConnectionLost,
    DigestMismatch,
    RegistryMisbehaved,
    SizeMismatch,
)
from worker.engine.oci import Descriptor, Digest, is_foreign
from worker.engine.registry.answers import expect, refuse_page
from worker.engine.registry.response import Response
from worker.engine.registry.session import Session

CHUNK = 1 << 20
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class BlobStream:
    """Reads one blob; use it in a ``with`` block. Digests are the caller's to verify.

    Attributes:
        offset: Where the next byte that is read stands in the blob. At first: what was asked for, or 0 when
            the registry does not serve ranges.
        size: Of the whole blob in bytes, as its descriptor says.
    """

    def __init__(self, response: Response, *, offset: int, size: int) -> None:
        self.offset = offset
        self.size = size
        self._response = response

    def read(self, size: int = CHUNK) -> bytes:
        """Read up to ``size`` bytes, as soon as there are any; empty only after the blob's last byte.

        Raises:
            ConnectionLost, RegistryTimeout: reopening at :attr:`offset` may go on.
            SizeMismatch: the registry has more than the descriptor says.
            Cancelled.
        """
        left = self.size - self.offset
        data = self._response.read_some(max(1, min(size, left)))
        if not data and left:
            # Only where no length was announced: there a connection that was cut looks like the end.
            raise ConnectionLost(f"{self._name} ended at {self.offset} of {self.size} bytes.")
        if len(data) > left:
            raise SizeMismatch(f"{self._name} is longer than the {self.size} bytes that its manifest says.")
        self.offset += len(data)
        return data

    def __iter__(self) -> Iterator[bytes]:
        """Yield what is left, in pieces of up to 1 MiB."""
        while data := self.read():
            yield data

    def close(self) -> None:
        """Give the connection back, or close it in the middle of the blob."""
        self._response.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _name(self) -> str:
        return f"A blob of {self._response.subject} at {self._response.host}"


def open_blob(session: Session, repository: str, descriptor: Descriptor, offset: int) -> BlobStream:
    """Ask for a blob from ``offset`` on.

    Raises:
        BlobNotFound, SizeMismatch, RegistryMisbehaved.
    """
    response = session.request(
        "GET",
        f"{repository}/blobs/{descriptor.digest}",
        repository=repository,
        headers={"Range": f"bytes={offset}-"} if offset else None,
    )
    try:
        if response.status == 416 and offset:
            response.close()
            return open_blob(session, repository, descriptor, 0)
        if response.status == 404 and not response.redirected:
            raise _lost(session, repository, descriptor)
        expect(response, 200, 206)
        granted = _granted(response, offset, descriptor)
        if response.content_length not in (None, descriptor.size - granted):
            refuse_page(response)
            raise SizeMismatch(
                f"{response.host} announces {response.content_length} bytes for a blob of {repository}"
                f" where {descriptor.size - granted} are due."
            )
        return BlobStream(response, offset=granted, size=descriptor.size)
    except BaseException:
        response.close()
        raise


def read_blob(session: Session, repository: str, descriptor: Descriptor) -> bytes:
    """Fetch a whole blob into memory, verified.

    Raises:
        BlobNotFound, SizeMismatch, DigestMismatch.
    """
    with open_blob(session, repository, descriptor, 0) as stream:
        content = b"".join(stream)
    actual = Digest.of(content)
    if actual != descriptor.digest:
        raise DigestMismatch(
            f"{session.endpoint.host} sent a blob of {repository} with the digest {actual}"
            f" where {descriptor.digest} was due."
        )
    return content


def _granted(response: Response, offset: int, descriptor: Descriptor) -> int:
    """The offset at which the answer begins."""
    if response.status == 200:
        return 0
    match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if match is None or int(match[1]) != offset:
        raise RegistryMisbehaved(
            f"{response.host} sent another part of a blob of {response.subject} than asked."
        )
    if match[2] not in ("*", str(descriptor.size)):
        raise SizeMismatch(
            f"{response.host} announces {match[2]} bytes for a blob of {response.subject}"
            f" where {descriptor.size} are due."
        )
    return offset


def _lost(session: Session, repository: str, descriptor: Descriptor) -> BlobNotFound:
    message = f"{session.endpoint.host} has no blob {descriptor.digest} in the repository {repository}."
    if is_foreign(descriptor.media_type):
        return BlobNotFound(
            message, hint="It is a foreign layer, which its vendor keeps elsewhere; these are not followed."
        )
    return BlobNotFound(message)
