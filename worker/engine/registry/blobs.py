"""Blobs on their way: bytes exactly as stored, from the offset that the registry granted.

(OCI distribution spec, "Pulling blobs"; ranges as in RFC 9110, section 14.)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Self

from worker.engine.errors import (
    BlobNotFound,
    ConnectionLost,
    DigestMismatch,
    RegistryError,
    SizeMismatch,
)
from worker.engine.oci import Descriptor, Digest, is_foreign
from worker.engine.registry.addresses import NamedBy
from worker.engine.registry.answers import expect, refuse_page
from worker.engine.registry.response import Response
from worker.engine.registry.session import Session
from worker.engine.registry.transport import web_address

CHUNK = 1 << 20
_CONTENT_RANGE = re.compile(
    r"bytes (?:(?P<first>[0-9]{1,19})-(?P<last>[0-9]{1,19})|\*)/(?P<size>[0-9]{1,19}|\*)"
)
_URLS_MAX = 4  # of a foreign layer


class BlobStream:
    """Reads one blob; use it in a ``with`` block. Digests are the caller's to verify.

    Attributes:
        offset: Where the next byte that is read stands in the blob. At first: what was asked for, or 0 when
            the registry does not serve ranges.
        end: Where it ends: before the blob's own end, if the registry sends so much at once and no more.
        size: Of the whole blob in bytes, as its descriptor says.
    """

    def __init__(self, response: Response, *, offset: int, size: int, end: int | None = None) -> None:
        self.offset = offset
        self.end = size if end is None else end
        self.size = size
        self._response = response

    def read(self, size: int = CHUNK) -> bytes:
        """Read up to ``size`` bytes, as soon as there are any; empty only at the :attr:`end`.

        Raises:
            ConnectionLost, RegistryTimeout: reopening at :attr:`offset` may go on.
            SizeMismatch: the registry has more than the descriptor says.
            Cancelled.
        """
        left = self.end - self.offset
        data = self._response.read_some(max(1, min(size, left)))
        if not data and left:
            # Only where no length was announced: there a connection that was cut looks like the end.
            raise ConnectionLost(f"{self._name} ended at {self.offset} of {self.size} bytes.")
        if len(data) > left:
            raise SizeMismatch(f"{self._name} is longer than the {self.end} bytes that are due.")
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
    """Ask for a blob from ``offset`` on; a foreign layer that the registry lacks, at the URLs that it names.

    Raises:
        BlobNotFound, SizeMismatch, RegistryMisbehaved.
    """

    def ask(start: int) -> Response:
        return session.request(
            "GET",
            f"{repository}/blobs/{descriptor.digest}",
            repository=repository,
            headers=_range(start),
        )

    try:
        return _open(ask, descriptor, offset)
    except BlobNotFound:
        if not is_foreign(descriptor.media_type):
            raise
        return _open_elsewhere(session, repository, descriptor, offset)


def _open(ask: Callable[[int], Response], descriptor: Descriptor, offset: int) -> BlobStream:
    """Open what ``ask`` answers from an offset on, or from the start if it cannot skip."""
    response = ask(offset)
    try:
        if offset and response.status in (206, 416) and not _continues(response, offset, descriptor.size):
            response.close()
            return _open(ask, descriptor, 0)
        if response.status == 404 and not response.redirected:
            raise BlobNotFound(
                f"{response.host} has no blob {descriptor.digest} in the repository {response.subject}."
            )
        expect(response, 200, 206)
        granted = offset if response.status == 206 else 0
        end = _end(response, granted, descriptor.size)
        if response.content_length not in (None, end - granted):
            refuse_page(response)
            raise SizeMismatch(
                f"{response.host} announces {response.content_length} bytes for a blob of {response.subject}"
                f" where {end - granted} are due."
            )
        return BlobStream(response, offset=granted, size=descriptor.size, end=end)
    except BaseException:
        response.close()
        raise


def _open_elsewhere(session: Session, repository: str, descriptor: Descriptor, offset: int) -> BlobStream:
    """Open a foreign layer where its vendor keeps it (OCI image spec, descriptor.md, "urls").

    The author of the image wrote the addresses: no credentials go there, and only public hosts are asked,
    over TLS (docs/security.md). What comes is verified as everything is, by the digest.
    """
    missing = f"{session.endpoint.host} has no blob {descriptor.digest} in the repository {repository}"
    failures: list[RegistryError] = []
    for url in _vendor_urls(session, descriptor):
        try:
            return _open(_asking_at(session, url, repository), descriptor, offset)
        except RegistryError as error:
            if error.temporary:
                raise
            failures.append(error)
    if not failures:
        raise BlobNotFound(
            f"{missing}: it is a foreign layer, which its vendor keeps elsewhere.",
            hint="The image names no address over https from where it could be fetched.",
        )
    raise BlobNotFound(
        f"{missing}, nor can this foreign layer be had from its vendor: {failures[-1].message}",
        hint="Push the image again together with its foreign layers.",
    ) from failures[-1]


def _vendor_urls(session: Session, descriptor: Descriptor) -> list[str]:
    schemes = ("https", "http") if session.endpoint.insecure else ("https",)
    found = [web_address(text) for text in descriptor.urls[:_URLS_MAX]]
    return [url._replace(fragment="").geturl() for url in found if url is not None and url.scheme in schemes]


def _asking_at(session: Session, url: str, repository: str) -> Callable[[int], Response]:
    def ask(start: int) -> Response:
        return session.transport.send("GET", url, _range(start), subject=repository, named_by=NamedBy.AUTHOR)

    return ask


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


def _range(start: int) -> dict[str, str]:
    return {"Range": f"bytes={start}-"} if start else {}


def _continues(response: Response, offset: int, size: int) -> bool:
    """Whether this is the part that was asked for; if not, the registry is no good at parts.

    Raises:
        SizeMismatch: the whole is not what it should be.
    """
    match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if match is None:
        return False
    if match["size"] not in ("*", str(size)):
        raise SizeMismatch(
            f"{response.host} has {match['size']} bytes of a blob of {response.subject} where {size} are due."
        )
    return response.status == 206 and match["first"] == str(offset)


def _end(response: Response, start: int, size: int) -> int:
    """Where the answer ends: a registry may send less than it was asked for (RFC 9110, section 15.3.7)."""
    match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if response.status != 206 or match is None or match["last"] is None:
        return size
    return max(start + 1, min(size, int(match["last"]) + 1))
