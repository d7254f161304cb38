"""Checking what the store says of itself: its layout, its lists, and the documents of the listed images."""

from __future__ import annotations

import contextlib
import json

from worker.engine.errors import ContentError, StoreDamaged
from worker.engine.housekeeping.images import read_image
from worker.engine.housekeeping.report import Code, Report
from worker.engine.oci import Digest, Manifest
from worker.engine.pipeline.documents import CONFIG_MAX, Selected
from worker.engine.pipeline.listing import listed_form
from worker.engine.registry import MANIFEST_MAX
from worker.engine.store import ImageList, Store, StoredImage


def check_images(report: Report) -> None:
    """Report what is wrong with the layout, the lists, and each listed image but for its layers' bytes.

    Raises:
        StoreError, Cancelled
    """
    _check_layout(report)
    listed = [(part, image) for part in _lists(report.store) for image in _read_list(report, part)]
    if report.repair is not None:
        for _, image in listed:
            report.repair.know(image)
    for done, (part, image) in enumerate(listed):
        report.step("reading images", done, len(listed), image.origin or str(image.digest))
        selected = _check_documents(report, image)
        if selected is not None:
            if report.repair is not None:
                report.repair.know_layers(image, selected)
            _check_presence(report, image, selected, complete=part is report.store.images)
    report.step("reading images", len(listed), len(listed), "")
    for part in _lists(report.store):
        _check_made(report, part)


def _lists(store: Store) -> tuple[ImageList, ImageList]:
    return store.images, store.shallow_images


def _read_list(report: Report, part: ImageList) -> tuple[StoredImage, ...]:
    try:
        images = part.all()
        for image in images:
            _ = image.digest, image.index
    except StoreDamaged as error:
        report.found("list", part.name, "damaged", error.message)
        return ()
    return images


def _check_layout(report: Report) -> None:
    path = report.store.root / "oci-layout"
    try:
        sound = json.loads(path.read_bytes())["imageLayoutVersion"] == "1.0.0"
    except FileNotFoundError:
        if not report.store.root.exists():
            return
        sound = False
    except (ValueError, KeyError, TypeError):
        sound = False
    if not sound:
        report.found(
            "list", path.name, "damaged", "The file oci-layout is damaged.",
            lambda _: report.store.write_layout(),
        )  # fmt: skip


def _check_documents(report: Report, image: StoredImage) -> Selected | None:
    """Read a listed image; None if that is not possible, even after a repair."""
    name = image.origin or str(image.digest)
    if not _readable(report, image.digest, MANIFEST_MAX, f"The manifest of the image {name}"):
        return None
    try:
        manifest = Manifest.parse(report.store.blobs.read(image.digest, MANIFEST_MAX))
        if report.repair is not None:
            report.repair.know_blobs(image, manifest)
        if not _readable(report, manifest.config.digest, CONFIG_MAX, f"The config of the image {name}"):
            return None
        selected = read_image(report.store, image)
    except (ContentError, StoreDamaged) as error:
        report.found("image", name, "damaged", f"The image {name} is no image: {error.message}")
        return None
    listed = image.descriptor.digest
    if listed != image.digest and not _intact(report.store, listed, MANIFEST_MAX):
        raw = listed_form(selected.manifest)
        report.found(
            "blob", str(listed), "damaged", f"The manifest of the image {name}, as it is listed, is damaged.",
            lambda _: _put(report.store, raw),
        )  # fmt: skip
    return selected


def _check_presence(report: Report, image: StoredImage, selected: Selected, complete: bool) -> None:
    """Each layer must be here: its blob if the list says so, else its blob or its tree."""
    store, name = report.store, image.origin or str(image.digest)
    for descriptor, diff_id in zip(selected.manifest.layers, selected.config.diff_ids, strict=True):
        digest = descriptor.digest
        if store.blobs.has(digest):
            continue
        if complete:
            message = f"The blob {digest} of the image {name} is missing."
            report.found_blob(digest, "missing", message)
        elif not store.layers.has(diff_id):
            message = f"The layer {diff_id} of the image {name} is missing."
            report.found_layer(diff_id, "missing", message)


def _check_made(report: Report, part: ImageList) -> None:
    """The indexes that were made for names with several platforms."""
    with contextlib.suppress(StoreDamaged):  # of which there is a finding already
        for digest in part.made():
            if not _intact(report.store, digest, MANIFEST_MAX):
                message = f"The index {digest}, made for a name with several platforms, is damaged."
                report.found("blob", str(digest), "damaged", message, lambda _: part.write_again())


def _readable(report: Report, digest: Digest, limit: int, what: str) -> bool:
    if _intact(report.store, digest, limit):
        return True
    gone = not report.store.blobs.has(digest)
    code: Code = "missing" if gone else "damaged"
    report.found_blob(digest, code, f"{what}, {digest}, is {code}.")
    return _intact(report.store, digest, limit)


def _intact(store: Store, digest: Digest, limit: int) -> bool:
    try:
        store.blobs.read(digest, limit)
    except StoreDamaged:
        return False
    return True


def _put(store: Store, raw: bytes) -> None:
    store.blobs.put(raw)
