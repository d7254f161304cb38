"""A pulled image enters the catalog: everything in one transaction, and as often as one likes.

Several workers may record the same layers, image or tag at once. They take turns: it is a matter of
milliseconds, and of two that complete an image together the later one must see what the earlier one brought.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils.timezone import now

from worker.engine.oci import Reference
from worker.engine.oci.json_values import legible
from worker.engine.pull import PulledImage, PulledLayer
from worker.models.evidence import declared_base
from worker.models.growing import grow
from worker.models.image import Image, ImageLayer
from worker.models.indexing import record_index
from worker.models.layer import Blob, Layer
from worker.models.project import Project
from worker.models.tagging import move_tag

# Any number will do, as long as nothing else on this database server uses it.
_TURN = 0x57247B

LACKING = Exists(ImageLayer.objects.filter(image=OuterRef("pk"), layer__tree_present=False))
"""Of an image: that the tree of a layer is missing."""

_Form = tuple[str, str, str, int]
"""What a manifest says of a blob: digest, diff ID, media type, size."""


def record(project: Project, reference: Reference, pulled: PulledImage) -> Image:
    """Write what a pull brought; if ``reference`` has a tag, let it point there. Return the image."""
    return record_all(project, reference, [pulled])[0]


def record_all(project: Project, reference: Reference, pulled: Sequence[PulledImage]) -> list[Image]:
    """Write what a pull of several platforms brought, as one image. Return its images, in the same order.

    Of those that are new the first gets the lowest id, and so stands for all of them
    (:meth:`ImageQuerySet.leads`).
    """
    with transaction.atomic():
        take_turn()
        moment = now()
        parts = [layer for image in pulled for layer in image.layers]
        layers = _record_layers(parts)
        blobs = _record_blobs(parts, layers)
        images = _record_images(project, reference, pulled, moment)
        _record_stacks(zip(images, pulled, strict=True), layers, blobs)
        grow(project, [[str(layer.chain_id) for layer in image.layers] for image in pulled])
        _record_extraction(layers)
        record_index(project, pulled, images, moment)
        if reference.tag is not None:
            move_tag(reference, reference.tag, images, moment)
        fresh = Image.objects.select_related("project", "index").in_bulk([image.pk for image in images])
    return [fresh[image.pk] for image in images]


def record_extraction(image: Image, pulled: PulledImage) -> Image:
    """Write that an image's layers were unpacked. Return the image."""
    with transaction.atomic():
        take_turn()
        _record_extraction(_record_layers(pulled.layers))
        image.refresh_from_db()
    return image


def mark_extracted(images: QuerySet[Image]) -> None:
    """Write that every layer of ``images`` was unpacked, and how much that is."""
    sizes = (
        ImageLayer.objects.filter(image=OuterRef("pk"))
        .order_by()
        .values("image")
        .annotate(sum=Sum("layer__unpacked_size"))
        .values("sum")
    )
    images.update(extracted=True, unpacked_size=Coalesce(Subquery(sizes), 0))


def take_turn() -> None:
    """Wait until nobody else changes what images and layers there are, to the end of this transaction."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_TURN])
    # SQLite has one writer at a time anyway: transactions begin IMMEDIATE (dashboard.settings).


def _record_layers(pulled: Sequence[PulledLayer]) -> dict[str, Layer]:
    by_id = {str(layer.diff_id): layer for layer in pulled}
    Layer.objects.bulk_create([Layer(diff_id=diff_id) for diff_id in sorted(by_id)], ignore_conflicts=True)
    rows = Layer.objects.in_bulk(list(by_id), field_name="diff_id")
    unpacked = [row for row in rows.values() if by_id[row.diff_id].extracted and not row.tree_present]
    for row in unpacked:
        layer = by_id[row.diff_id]
        row.tree_present = True
        row.tree_bytes = None
        row.unpacked_size, row.content_size = layer.unpacked_size, layer.content_size
        row.entries = layer.entries
    facts = ["tree_present", "tree_bytes", "unpacked_size", "content_size", "entries"]
    Layer.objects.bulk_update(unpacked, facts)
    return rows


def _record_blobs(pulled: Sequence[PulledLayer], layers: dict[str, Layer]) -> dict[_Form, Blob]:
    forms = sorted({_form(layer) for layer in pulled})
    rows = [
        Blob(digest=digest, layer=layers[diff_id], media_type=media_type, size=size)
        for digest, diff_id, media_type, size in forms
    ]
    Blob.objects.bulk_create(rows, ignore_conflicts=True)
    digests = {digest for digest, *_ in forms}
    known = Blob.objects.filter(digest__in=digests, layer__in=layers.values()).select_related("layer")
    found = {(blob.digest, blob.layer.diff_id, blob.media_type, blob.size): blob for blob in known}
    moved = []
    for layer in pulled:
        blob = found[_form(layer)]
        if blob.present != layer.blob_present:
            blob.present = layer.blob_present
            moved.append(blob)
    Blob.objects.bulk_update(moved, ["present"])
    return found


def _form(layer: PulledLayer) -> _Form:
    return str(layer.digest), str(layer.diff_id), layer.media_type, layer.size


def _record_images(
    project: Project, reference: Reference, pulled: Sequence[PulledImage], moment: datetime
) -> list[Image]:
    digests = [str(image.digest) for image in pulled]
    rows = Image.objects.filter(project=project, digest__in=digests).defer("config")
    known = {row.digest: row for row in rows}
    made = [_image(project, reference, one, moment) for one in pulled if str(one.digest) not in known]
    Image.objects.bulk_create(made)
    known |= {row.digest: row for row in made}
    changed = [str(one.digest) for one in pulled if not one.unchanged]
    rows.filter(digest__in=changed).update(pulled_at=moment)
    return [known[digest] for digest in digests]


def _image(project: Project, reference: Reference, pulled: PulledImage, moment: datetime) -> Image:
    base_digest, base_name = declared_base(pulled.annotations, pulled.config.labels)
    return Image(
        project=project,
        digest=str(pulled.digest),
        media_type=pulled.media_type,
        registry_host=reference.registry,
        repository=reference.repository,
        os=pulled.platform.os,
        architecture=pulled.platform.architecture,
        variant=pulled.platform.variant,
        config_digest=str(pulled.config_digest),
        config=_storable(pulled.config.raw_json),
        created_by_builder_at=pulled.config.created,
        layer_count=len(pulled.layers),
        compressed_size=sum(layer.size for layer in pulled.layers),
        chain_id=str(pulled.layers[-1].chain_id) if pulled.layers else "",
        extracted=not pulled.layers,
        unpacked_size=None if pulled.layers else 0,
        pulled_at=moment,
        base_digest=_storable(base_digest),
        base_name=_storable(base_name),
    )


def _record_stacks(
    pairs: Iterable[tuple[Image, PulledImage]], layers: dict[str, Layer], blobs: dict[_Form, Blob]
) -> None:
    ImageLayer.objects.bulk_create(
        [
            ImageLayer(
                image=image,
                layer=layers[str(layer.diff_id)],
                blob=blobs[_form(layer)],
                position=layer.position,
                chain_id=str(layer.chain_id),
                created_by=_storable(layer.created_by),
            )
            for image, pulled in pairs
            for layer in pulled.layers
        ],
        ignore_conflicts=True,
    )


def _record_extraction(layers: dict[str, Layer]) -> None:
    """Mark the images, of any project, that these layers complete: a tree serves every image it is in."""
    touched = ImageLayer.objects.filter(layer__in=layers.values()).order_by().values("image")
    mark_extracted(Image.objects.filter(~LACKING, extracted=False, pk__in=touched))


def _storable(value: Any) -> Any:
    """Return ``value``, as JSON has it, with what no database holds as text replaced by U+FFFD."""
    if isinstance(value, str):
        return legible(value)
    if isinstance(value, Mapping):
        return {_storable(key): _storable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_storable(inner) for inner in value]
    return value
