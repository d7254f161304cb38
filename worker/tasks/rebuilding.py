"""The catalog from the store alone: what its lists name comes back; what is there already stays as it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Case, Value, When
from django.utils.timezone import now

from worker.engine.cancel import CancelToken
from worker.engine.disk import disk_errors
from worker.engine.events import Keeping, Listener
from worker.engine.housekeeping import StoredPull, stored_images
from worker.engine.oci import Digest, Reference
from worker.engine.pull import PulledImage
from worker.engine.store import Store
from worker.models import Image, ImageIndex, Project, Tag
from worker.models.growing import regrow
from worker.models.recording import record, take_turn
from worker.progress import announce
from worker.tasks.findings import MOST_LISTED
from worker.tasks.forgetting import forget_removed
from worker.tasks.stores import bring_in_line

_STEP = "reading images back"
# For an image of which it is not known where it came from. By RFC 2606 nothing can be at this address.
_NOWHERE = "unknown.invalid/unnamed"


@dataclass(slots=True)
class _Found:
    """What a rebuild comes upon, as it stands in the job's row afterwards; and in which projects."""

    added: int = 0
    tags: int = 0
    completed: int = 0
    damaged: list[dict[str, str]] = field(default_factory=list)
    projects: set[int] = field(default_factory=set)


def rebuild(store: Store, project: Project, listener: Listener, cancel: CancelToken) -> dict[str, Any]:
    """Record what the store's lists name and no project has, into ``project``; return what came of it.

    Which project an image belonged to is not written in the store: what no project has goes into this one.

    Raises:
        StoreError: a list is damaged, or the disk refuses.
        Cancelled: what was recorded by then stays.
    """
    forget_removed(store)
    total = len(store.images.all()) + len(store.shallow_images.all())
    found, seen = _Found(), set[str]()
    for number, stored in enumerate(stored_images(store)):
        cancel.check()
        listener(Keeping(_STEP, number, total, 0, stored.name or str(stored.digest)))
        seen.add(str(stored.digest))
        if stored.image is None:
            why = stored.error.message if stored.error is not None else "It cannot be read."
            found.damaged.append({"name": stored.name or str(stored.digest), "message": why})
        else:
            _enter(store, project, stored, stored.image, found)
    listener(Keeping(_STEP, total, total, 0, ""))
    for every in Project.objects.all():
        with transaction.atomic():
            take_turn()
            if regrow(every):
                found.projects.add(every.pk)
    for project_id in found.projects:
        announce(project_id, "images")
    bring_in_line(store)
    return {
        "in_store": len(seen),
        "added": found.added,
        "tags": found.tags,
        "completed": found.completed,
        "damaged": len(found.damaged),
        "damages": found.damaged[:MOST_LISTED],
        **_without_manifest(seen),
    }


def _enter(store: Store, project: Project, stored: StoredPull, image: PulledImage, found: _Found) -> None:
    digest = str(image.digest)
    own_first = Case(When(project=project, then=Value(0)), default=Value(1))
    known = Image.objects.filter(digest=digest).order_by(own_first, "pk").first()
    name = Reference.parse(stored.name) if stored.name else None
    new_tag = name is not None and name.tag is not None and not _has_tag(name, str(image.platform))
    reference = name if name is not None and new_tag else _by_digest(stored.origin, image.digest)
    if known is None:
        begun = now()
        row, arrived = record(project, reference, image), _arrived(store, image.digest)
        Image.objects.filter(pk=row.pk).update(pulled_at=arrived)
        ImageIndex.objects.filter(images=row, pulled_at__gte=begun).update(pulled_at=arrived)
        found.added += 1
        found.projects.add(project.pk)
    elif new_tag or known.image_layers.count() != known.layer_count:
        record(known.project, reference, image)
        found.completed += not new_tag
        found.projects.add(known.project_id)
    found.tags += new_tag


def _has_tag(name: Reference, platform: str) -> bool:
    """Whether any project knows this name; also one that points at nothing, since its image was removed."""
    return Tag.objects.filter(
        registry_host=name.registry, repository=name.repository, name=name.tag, platform=platform
    ).exists()


def _by_digest(origin: str, digest: Digest) -> Reference:
    if not origin:
        return Reference.parse(f"{_NOWHERE}@{digest}")
    name = Reference.parse(origin)
    return Reference.parse(f"{name.registry}/{name.repository}@{digest}")


def _arrived(store: Store, digest: Digest) -> datetime:
    """When the manifest came into the store."""
    with disk_errors("read the store"):
        return datetime.fromtimestamp(store.blobs.path(digest).stat().st_mtime, UTC)


def _without_manifest(seen: Iterable[str]) -> dict[str, Any]:
    """Count and list the images of the catalog that the store's lists do not name."""
    known = set(seen)
    rows = (
        Image.objects.order_by("project__slug", "repository", "pk").defer("config").select_related("project")
    )
    missing = [row for row in rows.iterator(chunk_size=500) if row.digest not in known]
    return {
        "missing": len(missing),
        "missing_images": [
            {"id": row.pk, "project": row.project.slug, "name": f"{row.registry_host}/{row}"}
            for row in missing[:MOST_LISTED]
        ],
    }
