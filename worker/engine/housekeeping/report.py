"""What a scrub finds, while it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from worker.engine.cancel import CancelToken
from worker.engine.errors import Cancelled, DiskFull, StoreNotWritable, StrataError
from worker.engine.events import Keeping, Listener
from worker.engine.housekeeping.repair import Repair
from worker.engine.housekeeping.values import Finding, FindingKind
from worker.engine.oci import Digest
from worker.engine.store import Store

_INTERVAL = 0.1  # seconds between two events of one step
Code = Literal["damaged", "missing", "unreadable", "unknown"]


class Report:
    """Collects findings, has them mended, and tells the progress.

    Attributes:
        store: The store in question.
        repair: Mends; None if nothing is to be.
        cancel: Ends it.
        findings: So far.
        bytes_read: So far.
    """

    def __init__(
        self, store: Store, repair: Repair | None, listener: Listener, cancel: CancelToken | None
    ) -> None:
        self.store = store
        self.repair = repair
        self.cancel = cancel or CancelToken()
        self.findings: list[Finding] = []
        self.bytes_read = 0
        self._known: set[tuple[str, str]] = set()
        self._listener = listener
        self._step = Keeping("", 0, 0, 0, "")
        self._next = 0.0

    def found(
        self,
        kind: FindingKind,
        subject: str,
        code: Code,
        message: str,
        mend: Callable[[Repair], None] | None = None,
    ) -> bool:
        """Something is wrong; mend it if that is wanted and ``mend`` can. Tell whether it is right now.

        Raises:
            DiskFull, StoreNotWritable: nothing more can be mended.
            Cancelled
        """
        repaired = False
        if self.repair is not None and mend is not None:
            try:
                mend(self.repair)
                repaired = True
            except (DiskFull, StoreNotWritable, Cancelled):
                raise
            except StrataError as error:
                message = f"{message} It could not be repaired: {error.message}"
        self._known.add((kind, subject))
        self.findings.append(Finding(kind, subject, code, message, repaired))
        return repaired

    def found_blob(self, digest: Digest, code: Code, message: str) -> None:
        """A blob is not as it should be; once is enough. See :meth:`found`."""
        if not self.known("blob", str(digest)):
            self.found("blob", str(digest), code, message, lambda repair: repair.blob(digest))

    def found_layer(self, diff_id: Digest, code: Code, message: str) -> None:
        """A layer is not as it should be; once is enough. See :meth:`found`."""
        if not self.known("layer", str(diff_id)):
            self.found("layer", str(diff_id), code, message, lambda repair: repair.layer(diff_id))

    def known(self, kind: FindingKind, subject: str) -> bool:
        """Whether there is a finding about it already."""
        return (kind, subject) in self._known

    def step(self, step: str, done: int, total: int, subject: str) -> None:
        """Begin with the next of ``total`` things."""
        self.cancel.check()
        another = step != self._step.step
        self._step = Keeping(step, done, total, self.bytes_read, subject)
        if another or done == total:
            self._next = 0.0
        self._tell()

    def read(self, count: int) -> None:
        """So many bytes more were read."""
        self.cancel.check()
        self.bytes_read += count
        self._tell()

    def _tell(self) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _INTERVAL
            last = self._step
            self._listener(Keeping(last.step, last.done, last.total, self.bytes_read, last.subject))
