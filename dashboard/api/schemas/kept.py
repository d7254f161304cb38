"""What came of a job that keeps the store in order: in a job, counts; on their own, also the lists."""

from __future__ import annotations

from ninja import Schema

from dashboard.api.schemas.common import Bytes
from worker.models import Job, JobKind, JobState


class CollectedOut(Schema):
    """What was removed, or with ``dry_run`` would be."""

    dry_run: bool
    count: int
    bytes: Bytes


class ScrubbedOut(Schema):
    """What was read, and how much of it was not as it should be; ``found`` includes what is ``repaired``."""

    repair: bool
    blobs: int
    layers: int
    bytes: Bytes
    found: int
    repaired: int


class RebuiltOut(Schema):
    """How many images are ``in_store``, and what of them came into the catalog.

    ``completed`` had lost a part in the catalog, ``damaged`` cannot be read, ``missing`` are images of the
    catalog that the store does not have.
    """

    in_store: int
    added: int
    tags: int
    completed: int
    damaged: int
    missing: int


class RemovedOut(Schema):
    """What a removal freed: how many images it ``removed``, and what was ``foreseen``; null if not known.

    ``stay`` parts, ``stay_bytes`` together, are still there: somebody began to need them meanwhile.
    """

    removed: int
    foreseen: int | None
    count: int
    bytes: int
    stay: int
    stay_bytes: Bytes


class GarbageOut(Schema):
    """One thing that nothing needs. ``name`` is a digest, a diff ID, or a path in the store."""

    kind: str
    name: str
    size: Bytes


class FindingOut(Schema):
    """One thing that is not as it should be. ``subject`` is a digest, a diff ID, a name or a path."""

    kind: str
    subject: str
    code: str
    message: str
    repaired: bool


class KeptDetailsOut(Schema):
    """The largest items of a collection, or the findings of a scrub; of each at most 200."""

    items: list[GarbageOut]
    findings: list[FindingOut]

    @classmethod
    def of(cls, job: Job) -> KeptDetailsOut:
        return cls(
            items=[GarbageOut(**item) for item in job.result.get("items", [])],
            findings=[FindingOut(**finding) for finding in job.result.get("findings", [])],
        )


Kept = CollectedOut | ScrubbedOut | RebuiltOut | RemovedOut

_KINDS: dict[JobKind, type[Kept]] = {
    JobKind.COLLECT: CollectedOut,
    JobKind.SCRUB: ScrubbedOut,
    JobKind.REBUILD: RebuiltOut,
    JobKind.REMOVE: RemovedOut,
}


def kept(job: Job) -> Kept | None:
    """Return the counts of such a job; None for other kinds, and unless it has succeeded."""
    schema = _KINDS.get(JobKind(job.kind))
    if schema is None or job.state != JobState.SUCCEEDED:
        return None
    return schema(**{name: job.result[name] for name in schema.model_fields})
