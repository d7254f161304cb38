"""Artifacts that refer to an image, and how the sample registry lists them (OCI distribution spec 1.1)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode

from samples.builders import Content
from worker.engine.oci import Digest, MediaType

_EMPTY = "application/vnd.oci.empty.v1+json"
Json = dict[str, Any]


@dataclass
class ReferrerHabits:
    """By default it has no Referrers API, as most registries had none; change it at any time.

    Attributes:
        api: Whether it has.
        most: In one answer; 0 means no bound.
        filters: Whether it heeds ``artifactType``.
    """

    api: bool = False
    most: int = 0
    filters: bool = True


def referring(
    subject: Content | None,
    artifact_type: str,
    *,
    layer_type: str = "application/octet-stream",
    predicates: Sequence[str] = (),
    annotations: Mapping[str, str] | None = None,
) -> Content:
    """Build an artifact that says that it belongs to ``subject``: a signature, an SBOM, ...

    Those that a tag alone ties to an image, as cosign's do, say nothing (None).

    Args:
        artifact_type: Empty for what only its layers tell of, as cosign's signatures.
        predicates: One layer for each, which names it as in-toto's types are named.
    """
    config, payload = b"{}", b"not a layer"
    layers: list[Json] = [
        {**_descriptor(layer_type, payload), "annotations": {"in-toto.io/predicate-type": name}}
        for name in predicates
    ]
    body: Json = {
        "schemaVersion": 2,
        "mediaType": MediaType.OCI_MANIFEST,
        **({"artifactType": artifact_type} if artifact_type else {}),
        "config": _descriptor(_EMPTY if artifact_type else MediaType.OCI_CONFIG, config),
        "layers": layers or [_descriptor(layer_type, payload)],
        **({"subject": _descriptor(subject.media_type, subject.raw)} if subject is not None else {}),
        "annotations": dict(annotations or {}),
    }
    return Content(json.dumps(body).encode(), MediaType.OCI_MANIFEST, blobs=(config, payload))


def referrers_index(found: Iterable[Content]) -> Content:
    """Build the index that stands under a tag where there is no API ("Referrers Tag Schema")."""
    body = {
        "schemaVersion": 2,
        "mediaType": MediaType.OCI_INDEX,
        "manifests": [_listed(one) for one in found],
    }
    return Content(json.dumps(body).encode(), MediaType.OCI_INDEX)


def referrers_page(
    repository: str, digest: str, stored: Mapping[str, Content], query: str, habits: ReferrerHabits
) -> tuple[Json, dict[str, str]]:
    """Answer a question for referrers: the body and the headers."""
    asked = parse_qs(query)
    wanted, start = asked.get("artifactType", [""])[0], int(asked.get("from", ["0"])[0])
    found = [_listed(one) for key, one in sorted(stored.items()) if ":" in key and _subject(one) == digest]
    headers = {"Content-Type": str(MediaType.OCI_INDEX)}
    if wanted and habits.filters:
        found = [entry for entry in found if entry["artifactType"] == wanted]
        headers["OCI-Filters-Applied"] = "artifactType"
    end = start + habits.most if habits.most else len(found)
    if end < len(found):
        more = urlencode({"from": end, **({"artifactType": wanted} if wanted else {})})
        headers["Link"] = f'</v2/{repository}/referrers/{digest}?{more}>; rel="next"'
    body = {"schemaVersion": 2, "mediaType": MediaType.OCI_INDEX, "manifests": found[start:end]}
    return body, headers


def _subject(content: Content) -> str:
    body = json.loads(content.raw)
    return str(body.get("subject", {}).get("digest", ""))


def _listed(content: Content) -> Json:
    body = json.loads(content.raw)
    return {
        **_descriptor(content.media_type, content.raw),
        "artifactType": body.get("artifactType") or body["config"]["mediaType"],
        **({"annotations": body["annotations"]} if body.get("annotations") else {}),
    }


def _descriptor(media_type: str, content: bytes) -> Json:
    return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content)}
