"""Blobs on their way within the caps, from whichever source has them."""

from __future__ import annotations

from typing import Self

from worker.engine.errors import ContentError, RegistryError
from worker.engine.oci import Descriptor
from worker.engine.registry.blobs import CHUNK, BlobStream, open_blob
from worker.engine.registry.caps import Lane
from worker.engine.registry.mirrors import Source, Sources


class SharedStream(BlobStream):
    """A blob's stream that keeps within the caps, and tells when its source fails in the middle.

    The next one that is opened then begins at the same byte at another source.
    """

    @classmethod
    def open(
        cls, sources: Sources, source: Source, repository: str, descriptor: Descriptor, offset: int
    ) -> Self:
        """Raises what :func:`open_blob` raises."""
        opened = open_blob(source.session, repository, descriptor, offset)
        return cls(opened, sources, source, descriptor)

    def __init__(self, opened: BlobStream, sources: Sources, source: Source, descriptor: Descriptor) -> None:
        super().__init__(opened._response, offset=opened.offset, size=opened.size, end=opened.end)
        self._sources = sources
        self._source = source
        self._digest = descriptor.digest
        self._lane: Lane | None = None
        self._told = False

    def keep_within(self, lane: Lane) -> None:
        """Hold what was entered until the stream is closed."""
        self._lane = lane

    def read(self, size: int = CHUNK) -> bytes:
        if not self._told:
            self._told = True
            self._sources.sends(self._source, self._digest)
        try:
            data = super().read(min(size, self._lane.piece) if self._lane is not None else size)
        except (RegistryError, ContentError):
            if self._source.session is not self._sources.origin:
                self._source.rest()
            raise
        if self._lane is not None:
            self._lane.pay(len(data))
        return data

    def close(self) -> None:
        super().close()
        if self._lane is not None:
            self._lane.leave()
