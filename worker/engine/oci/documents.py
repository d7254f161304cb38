"""What kind of document a registry sent: manifest or index.

The type may stand in the HTTP header, in the document, in both, or in neither; and one document may try to
be both kinds at once, to be read differently by different tools (CVE-2021-41190). So all hints must agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from worker.engine.errors import InvalidManifest, UnsupportedMediaType
from worker.engine.oci import json_values as read
from worker.engine.oci.media_types import INDEX_TYPES, MANIFEST_TYPES, SCHEMA1_TYPES, MediaType


class Kind(Enum):
    MANIFEST = "manifest"
    INDEX = "index"


@dataclass(frozen=True, slots=True)
class Document:
    kind: Kind
    media_type: str
    body: read.JsonObject
    raw: bytes


def classify(raw: bytes, content_type: str) -> Document:
    """Parse ``raw`` and tell its kind; ``content_type`` is the HTTP header's value, or empty.

    Raises:
        InvalidManifest: not JSON, or the hints contradict each other.
        UnsupportedMediaType: Docker's schema 1, or neither manifest nor index.
    """
    header = content_type.partition(";")[0].strip().lower()
    if header in SCHEMA1_TYPES:
        raise _schema1()
    body = read.load_object(raw, "manifest")
    if body.get("schemaVersion") == 1:
        raise _schema1()
    if body.get("schemaVersion") != 2:
        raise InvalidManifest("The manifest has no valid 'schemaVersion': it must be 2.")
    declared = read.text(body, "mediaType", "manifest", default="")
    shape = _shape(body)
    media_type = declared or (header if _kind(header) else "")
    if not media_type:
        media_type = MediaType.OCI_INDEX if shape is Kind.INDEX else MediaType.OCI_MANIFEST
    kind = _kind(media_type)
    if kind is None:
        raise UnsupportedMediaType(
            f"The manifest has the media type {media_type[:200]!r}, which is not supported."
        )
    if kind is not shape or _kind(header) not in (None, kind):
        raise InvalidManifest("The manifest's content contradicts its media type.")
    return Document(kind, media_type, body, raw)


def _shape(body: read.JsonObject) -> Kind:
    is_index = "manifests" in body
    if is_index and ("layers" in body or "config" in body):
        raise InvalidManifest("The document claims to be both an index and an image's manifest.")
    return Kind.INDEX if is_index else Kind.MANIFEST


def _kind(media_type: str) -> Kind | None:
    if media_type in INDEX_TYPES:
        return Kind.INDEX
    return Kind.MANIFEST if media_type in MANIFEST_TYPES else None


def _schema1() -> UnsupportedMediaType:
    return UnsupportedMediaType("The image is in Docker's old format, schema 1, which is not supported.")
