"""A blob from the registry into the store, resuming wherever it breaks off."""

from __future__ import annotations

from collections.abc import Callable

from worker.engine.cancel import CancelToken
from worker.engine.errors import RegistryError
from worker.engine.events import Phase
from worker.engine.oci import Descriptor
from worker.engine.pipeline.progress import LayerReporter
from worker.engine.registry import BlobStream, RegistryClient, RetryPolicy
from worker.engine.store import BlobWriter

Sink = Callable[[int, int], None]
"""Is told, by offset and number, which bytes have just been written to the blob's file."""

_PROGRESS = 64 << 10  # bytes; a connection that brings less before it breaks counts as another failure
_POLICY = RetryPolicy()


def ignore(offset: int, count: int) -> None:
    """A sink for a blob that is only stored."""


class Download:
    """Fetches one blob."""

    def __init__(
        self,
        client: RegistryClient,
        repository: str,
        descriptor: Descriptor,
        reporter: LayerReporter,
        cancel: CancelToken,
    ) -> None:
        self._client = client
        self._repository = repository
        self._descriptor = descriptor
        self._reporter = reporter
        self._cancel = cancel

    def run(self, writer: BlobWriter, sink: Sink) -> None:
        """Write the whole blob, and tell ``sink`` of it: first of what was on disk, then of what comes.

        When the connection breaks it goes on at the same byte, after a pause; it gives up after several
        failures in a row that brought nothing.

        Raises:
            RegistryError: it cannot be had.
            SizeMismatch: it has another size than it should.
            StoreError: the disk is full or refuses.
            Cancelled: at once.
        """
        for data in writer.replay():
            self._cancel.check()
            sink(writer.offset - len(data), len(data))
            self._reporter.moved(Phase.DOWNLOADING, writer.offset)
        failures = 0
        while writer.offset < writer.size:
            # The client itself tries again what fails before the first byte.
            with self._open(writer.offset) as stream:
                before = writer.offset
                try:
                    self._copy(stream, writer, sink)
                    continue  # it may have been a part: some registries send so much at once and no more
                except RegistryError as error:
                    failures = 1 if writer.offset - before >= _PROGRESS else failures + 1
                    delay = _POLICY.delay(error, failures)
                    if delay is None:
                        raise
                    self._reporter.retrying(error.message, failures, delay)
            self._cancel.wait(delay)

    def _open(self, offset: int) -> BlobStream:
        return self._client.open_blob(
            self._repository, self._descriptor, offset, on_retry=self._reporter.retrying
        )

    def _copy(self, stream: BlobStream, writer: BlobWriter, sink: Sink) -> None:
        """Read the stream to its end. It may begin before what is missing: not every registry can skip."""
        known = writer.offset - stream.offset
        while data := stream.read():
            self._reporter.fetched += len(data)
            if known:
                known, data = max(0, known - len(data)), data[known:]
            if data:
                writer.write(data)
                sink(writer.offset - len(data), len(data))
                self._reporter.moved(Phase.DOWNLOADING, writer.offset)
