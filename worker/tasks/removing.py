"""The work of a job that removes images: out of the catalog, off the store's lists, and what only they need.

It may run again after its worker died, wherever that was. How far it has come stands in its arguments:

- nothing: no image was removed yet. All are in one transaction, or none.
- ``parts``: the images are out of the catalog; these digests, as far as nothing needs them, are to go. For
  names that mean several platforms, of which some stay, ``made`` are the indexes that are made anew.
- ``sizes``: what they take on the disk, measured before the first of them went.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from django.db import transaction

from worker.engine.errors import Conflict, StoreDamaged
from worker.engine.events import Keeping
from worker.engine.housekeeping import blob_bytes, clear, lists_of, made_anew, own_parts, parts_of
from worker.engine.oci import Digest
from worker.engine.pipeline.needed import Needed
from worker.engine.store import Content, Store
from worker.models import Blob, Image, ImageLayer, Job, RemovedManifest
from worker.models.recording import take_turn
from worker.models.removing import remove_rows, require_unused
from worker.progress import announce
from worker.tasks.findings import of_removed
from worker.tasks.forgetting import forget_removed
from worker.tasks.running import Run
from worker.tasks.stores import bring_in_line

logger = logging.getLogger(__name__)


def remove(store: Store, run: Run) -> dict[str, Any]:
    """Remove the images that the job names; return what came of it.

    Raises:
        Conflict: one of them is gone already, or is in use: then all stay.
        StoreDamaged: a list or some other image is damaged, so that what it needs cannot be told; before
            anything was removed, or else a collection removes the rest, once that is mended.
        StoreError: the disk refuses.
        Cancelled: before anything was removed, or else a collection removes the rest.
    """
    job = run.job
    run.cancel.check()
    run.listener(Keeping("looking", 0, 0, 0, ""))
    if "parts" not in job.arguments:
        _leave_catalog(store, run)
    forget_removed(store)
    try:
        cleared = clear(
            store,
            _content(job.arguments["parts"]),
            job.arguments.get("sizes", {}),
            measured=lambda sizes: _note(job, sizes=dict(sizes)),
            listener=run.listener,
            cancel=run.cancel,
        )
    except StoreDamaged as error:
        after = "The images are removed; what they took stays until the next collection."
        raise _untold(job, error, after) from error
    bring_in_line(store)
    made = sum(blob_bytes(store, Digest.parse(digest)) or 0 for digest in job.arguments["made"])
    return of_removed(cleared, made, len(job.arguments["images"]), job.arguments.get("foreseen"))


def _leave_catalog(store: Store, run: Run) -> None:
    """Remove the rows, and note in the same transaction what only those images need of the store."""
    job = run.job
    wanted = {one["id"]: one["digest"] for one in job.arguments["images"]}
    digests = [Digest.parse(digest) for digest in set(wanted.values())]
    needed = Needed(store, run.cancel)
    parts = parts_of(store, lists_of(store), digests)
    try:
        needed.look(digests)  # at leisure: within the transaction it is quick, then
        with transaction.atomic():
            take_turn()
            images = _all_of(job, wanted)
            require_unused(images)
            parts |= _parts_in_catalog(images)
            gone = remove_rows(images)
            leaving = set(RemovedManifest.objects.values_list("digest", flat=True))
            leaving_here = [Digest.parse(digest) for digest in leaving]
            own = _unneeded(own_parts(needed, parts, leaving_here)) if gone else Content()
            _note(
                job,
                parts={"blobs": _texts(own.blobs), "layers": _texts(own.layers)},
                made=_texts(made_anew(store, lists_of(store), leaving_here)),
            )
    except StoreDamaged as error:
        raise _untold(job, error, "Nothing was removed.") from error
    announce(job.project_id, "images")


def _all_of(job: Job, wanted: dict[int, str]) -> list[Image]:
    rows = Image.objects.select_for_update().filter(project=job.project_id, pk__in=wanted).defer("config")
    images = [image for image in rows.order_by("pk") if image.digest == wanted[image.pk]]
    if missing := len(wanted) - len(images):
        what = "The image is" if len(wanted) == 1 else f"{missing:,} of the {len(wanted):,} images are"
        raise Conflict(f"{what} gone already; nothing was removed.", hint="Choose again what is to go.")
    return images


def _parts_in_catalog(images: list[Image]) -> Content:
    """What the catalog says that they are made of: it stands also where their documents cannot be read."""
    stacks = ImageLayer.objects.filter(image__in=[image.pk for image in images]).order_by()
    layers = set(stacks.values_list("layer__diff_id", flat=True))
    blobs = set(Blob.objects.filter(pk__in=stacks.values("blob")).values_list("digest", flat=True))
    blobs |= {digest for image in images for digest in (image.digest, image.config_digest)}
    return Content(frozenset(map(Digest.parse, blobs)), frozenset(map(Digest.parse, layers)))


def _unneeded(parts: Content) -> Content:
    """Leave out what the catalog's images need: also those that the store's lists have lost."""
    layers, blobs = _texts(parts.layers), _texts(parts.blobs)
    stacks = ImageLayer.objects.order_by()
    needed = set(stacks.filter(layer__diff_id__in=layers).values_list("layer__diff_id", flat=True))
    needed |= set(stacks.filter(blob__digest__in=blobs).values_list("blob__digest", flat=True))
    for field in ("digest", "config_digest"):
        rows = Image.objects.filter(**{f"{field}__in": blobs}).order_by()
        needed |= set(rows.values_list(field, flat=True))
    digests = frozenset(map(Digest.parse, needed))
    return Content(parts.blobs - digests, parts.layers - digests)


def _note(job: Job, **progress: Any) -> None:
    """Write how far it has come."""
    job.arguments = {**job.arguments, **progress}
    Job.objects.filter(pk=job.pk).update(arguments=job.arguments)


def _content(parts: dict[str, list[str]]) -> Content:
    return Content(
        frozenset(map(Digest.parse, parts["blobs"])), frozenset(map(Digest.parse, parts["layers"]))
    )


def _texts(digests: Iterable[Digest]) -> list[str]:
    return sorted(map(str, digests))


def _untold(job: Job, error: StoreDamaged, what: str) -> StoreDamaged:
    """Say whose needs cannot be told: an image by name only to its own project, anything else to the log."""
    logger.warning("job %s: %s", job.pk, error.message)
    image = Image.objects.filter(project=job.project_id, digest=error.manifest).defer("config").first()
    if image is not None:
        return StoreDamaged(
            f"The image {image.called} is damaged, so that what it needs cannot be told. {what}",
            hint="Pull or remove that image, or ask an administrator of this install to scrub the store.",
        )
    return StoreDamaged(
        f"Something else in the store is damaged, so that what has to stay cannot be told. {what}",
        hint="Ask an administrator of this install to scrub the store with repair; the log names what it is.",
    )
