"""Looking, beside a pull, for what refers to what it brings: signatures, SBOMs, attestations."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from django.utils.timezone import now

from worker.engine.cancel import CancelToken
from worker.engine.errors import NotFound, StrataError
from worker.engine.events import Event, Planned, Resolved
from worker.engine.oci import Digest
from worker.engine.pull import PulledImage
from worker.engine.referrers import Referrer, look_at, of_attestations
from worker.engine.registry import Endpoint, RegistryClient, RetryPolicy
from worker.engine.registry.patience import impatient
from worker.models import Image, ImageIndex
from worker.models.referring import record_referrers

_SUBJECTS_MAX = 5  # that one pull asks about: the index, and the first of its images
_GRACE_SECONDS = 2.0  # that a pull waits for the answers once its layers are here
_ONCE = RetryPolicy(attempts=1)


class Looking:
    """Listens to a pull, and asks the registry while the layers come, if there is anything new.

    A context manager. It never fails, and hardly delays, the pull; what is not known by its end can be asked
    for on the image's page.
    """

    def __init__(self, endpoint: Endpoint, repository: str) -> None:
        self._endpoint = impatient(endpoint)
        self._repository = repository
        self._cancel = CancelToken()
        self._subjects: list[Digest] = []
        self._found: Mapping[Digest, tuple[Referrer, ...]] = {}
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cancel.cancel()
        if self._thread is not None:
            self._thread.join()

    def __call__(self, event: Event) -> None:
        match event:
            case Resolved():
                # The index first: that is what is signed, mostly.
                new = [Digest.parse(text) for text in (event.index, event.digest) if text]
                self._subjects += [digest for digest in new if digest not in self._subjects]
            case Planned() if not all(layer.present for layer in event.layers) and self._thread is None:
                self._thread = threading.Thread(target=self._look, name="referrers", daemon=True)
                self._thread.start()

    def record(self, images: Sequence[Image], pulled: Sequence[PulledImage]) -> None:
        """Write what was found of ``images``, which have just been recorded."""
        if self._thread is not None:
            self._thread.join(_GRACE_SECONDS)
        found, moment = self._found, now()
        for image, brought in zip(images, pulled, strict=True):
            beside = of_attestations(brought.attestations)
            answer = found.get(brought.digest)
            if answer is not None or (beside and not brought.unchanged):
                every = {one.digest: one for one in (*(answer or ()), *beside)}
                _record(image, every.values(), moment if answer is not None else None)
        index, digest = images[0].index, pulled[0].index
        if index is not None and digest is not None and digest in found:
            _record(index, found[digest], moment)

    def _look(self) -> None:
        with (
            contextlib.suppress(StrataError),
            RegistryClient(self._endpoint, cancel=self._cancel, retries=_ONCE) as client,
        ):
            self._found = look_at(client, self._repository, self._subjects[:_SUBJECTS_MAX])


def _record(of: Image | ImageIndex, found: Iterable[Referrer], looked_at: datetime | None) -> None:
    with contextlib.suppress(NotFound):  # removed meanwhile: no concern of the pull
        record_referrers(of, found, looked_at)
