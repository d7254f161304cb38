"""Signatures, SBOMs and attestations of an image: found in its registry, sorted by kind, and no more.

Nothing here is verified. A registry, or whoever may push to it, can claim anything of any image; that
something is listed says only that it is there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from worker.engine.errors import RegistryError
from worker.engine.oci import Descriptor, Digest
from worker.engine.oci.json_values import moment
from worker.engine.registry import FetchedManifest, RegistryClient
from worker.engine.registry.referrers import referrers_tag

_COSIGN = ("sig", "att", "sbom")
_CREATED = "org.opencontainers.image.created"
# Where makers say what they state: BuildKit and in-toto, cosign, Sigstore's bundles.
_PREDICATES = ("in-toto.io/predicate-type", "predicateType", "dev.sigstore.bundle.predicateType")
_LOOKED_INTO_MAX = 12  # manifests of one subject that are fetched to learn what they hold
_WORDS_MAX = 255


class Kind(StrEnum):
    """What an artifact is about, as its types say."""

    SIGNATURE = "signature"
    SBOM = "sbom"
    ATTESTATION = "attestation"
    OTHER = "other"


class FoundBy(StrEnum):
    """How it was found."""

    REFERRERS = "referrers"
    """By the Referrers API."""
    TAG = "tag"
    """By the referrers tag schema."""
    COSIGN = "cosign"
    """By a tag as cosign makes them."""
    INDEX = "index"
    """In the index that led to the image, where BuildKit puts it."""


@dataclass(frozen=True, slots=True)
class Referrer:
    """An artifact that refers to a manifest or index.

    Attributes:
        kind: By its types, and by what it states.
        digest: Of its manifest.
        media_type: Of its manifest.
        artifact_type: What it holds; empty if it does not say.
        size: Of its manifest, in bytes.
        predicates: The types of its statements, as in-toto names them; empty if not known.
        found_by: How.
        created: When it was made, as it says itself.
    """

    kind: Kind
    digest: Digest
    media_type: str
    artifact_type: str
    size: int
    predicates: tuple[str, ...]
    found_by: FoundBy
    created: datetime | None


def find_referrers(
    client: RegistryClient,
    repository: str,
    subject: Digest,
    attestations: Sequence[Descriptor] = (),
    *,
    cosign: bool = True,
    thorough: bool = True,
) -> tuple[Referrer, ...]:
    """Find what refers to a manifest or index.

    Args:
        attestations: Those that the index has of it.
        cosign: Look for cosign's tags too: three requests.
        thorough: Look into artifacts whose descriptor does not tell what they are: one request each.

    Raises:
        RegistryError: the registry cannot be asked.
    """
    found = {one.digest: one for one in of_attestations(attestations)}
    by_api = client.referrers_by_api(repository, subject)
    source = FoundBy.REFERRERS if by_api is not None else FoundBy.TAG
    listed = client.referrers(repository, subject) if by_api is None else by_api
    for descriptor in listed:
        found.setdefault(descriptor.digest, _of_descriptor(descriptor, source))
    if thorough:
        _look_into(client, repository, found)
    if cosign:
        for one in _cosigned(client, repository, subject):
            found.setdefault(one.digest, one)
    return tuple(found.values())


def look_at(
    client: RegistryClient, repository: str, subjects: Sequence[Digest]
) -> Mapping[Digest, tuple[Referrer, ...]]:
    """Find, with few requests, what refers to several manifests or indexes; cosign's tags of the first alone.

    One that cannot be looked at is left out.
    """
    found: dict[Digest, tuple[Referrer, ...]] = {}
    for at, subject in enumerate(subjects):
        try:
            found[subject] = find_referrers(client, repository, subject, cosign=at == 0, thorough=False)
        except RegistryError:
            break  # the next would fail likewise
    return found


def of_attestations(beside: Iterable[Descriptor]) -> tuple[Referrer, ...]:
    """Read what BuildKit put beside an image in its index; that needs no request."""
    return tuple(_of_descriptor(one, FoundBy.INDEX) for one in beside)


def _look_into(client: RegistryClient, repository: str, found: dict[Digest, Referrer]) -> None:
    unclear = [
        one for one in found.values() if not one.predicates and one.kind in (Kind.ATTESTATION, Kind.OTHER)
    ]
    for one in unclear[:_LOOKED_INTO_MAX]:
        fetched = client.manifest_if_there(repository, str(one.digest))
        if fetched is not None:
            found[one.digest] = _of_manifest(fetched, one.found_by, one)


def _cosigned(client: RegistryClient, repository: str, subject: Digest) -> Iterator[Referrer]:
    for suffix in _COSIGN:
        fetched = client.manifest_if_there(repository, f"{referrers_tag(subject)}.{suffix}")
        if fetched is None:
            continue
        one = _of_manifest(fetched, FoundBy.COSIGN)
        if one.kind is Kind.OTHER:
            # The name says what the types of old versions do not.
            kind = {"sig": Kind.SIGNATURE, "att": Kind.ATTESTATION, "sbom": Kind.SBOM}[suffix]
            one = replace(one, kind=kind)
        yield one


def _of_descriptor(descriptor: Descriptor, found_by: FoundBy) -> Referrer:
    annotations = descriptor.annotations
    predicates = _predicates([annotations])
    artifact_type = descriptor.artifact_type
    told = [artifact_type, *annotations.values()] if found_by is FoundBy.INDEX else [artifact_type]
    return Referrer(
        kind=_kind(told, predicates),
        digest=descriptor.digest,
        media_type=descriptor.media_type[:_WORDS_MAX],
        artifact_type=artifact_type[:_WORDS_MAX],
        size=descriptor.size,
        predicates=predicates,
        found_by=found_by,
        created=moment(annotations.get(_CREATED)),
    )


def _of_manifest(fetched: FetchedManifest, found_by: FoundBy, known: Referrer | None = None) -> Referrer:
    """What a manifest tells of itself; of one that makes no sense, what is ``known``."""
    try:
        body = json.loads(fetched.raw)
    except (ValueError, RecursionError):
        body = {}
    manifest: Mapping[str, Any] = body if isinstance(body, dict) else {}
    layers = [layer for layer in _list(manifest.get("layers")) if isinstance(layer, dict)]
    config = _map(manifest.get("config"))
    annotations = _map(manifest.get("annotations"))
    stated = _text(manifest.get("artifactType"))
    types = [_text(layer.get("mediaType")) for layer in layers]
    predicates = _predicates([annotations, *(_map(layer.get("annotations")) for layer in layers)])
    kind = _kind([stated, *types, _text(config.get("mediaType"))], predicates)
    artifact_type = stated or next((name for name in types if name), "")
    return Referrer(
        kind=kind if kind is not Kind.OTHER or known is None else known.kind,
        digest=fetched.digest,
        media_type=(_text(manifest.get("mediaType")) or fetched.content_type)[:_WORDS_MAX],
        artifact_type=(artifact_type or (known.artifact_type if known else ""))[:_WORDS_MAX],
        size=len(fetched.raw),
        predicates=predicates,
        found_by=found_by,
        created=moment(annotations.get(_CREATED)) or (known.created if known else None),
    )


def _predicates(annotations: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    said = (_text(one.get(name)) for one in annotations for name in _PREDICATES)
    return tuple(dict.fromkeys(name[:_WORDS_MAX] for name in said if name))[:20]


def _kind(types: Iterable[str], predicates: Sequence[str]) -> Kind:
    kinds = {_kind_of_predicate(name) for name in predicates}
    if kinds:
        return kinds.pop() if len(kinds) == 1 else Kind.ATTESTATION
    text = " ".join(types).lower()
    for kind, words in _TOLD_BY:
        if any(word in text for word in words):
            return kind
    return Kind.OTHER


def _kind_of_predicate(name: str) -> Kind:
    lower = name.lower()
    if "spdx" in lower or "cyclonedx" in lower or "syft" in lower:
        return Kind.SBOM
    return Kind.SIGNATURE if "/cosign/sign" in lower else Kind.ATTESTATION


_TOLD_BY = (
    (Kind.SBOM, ("spdx", "cyclonedx", "syft", "sbom")),
    (Kind.ATTESTATION, ("in-toto", "dsse", "slsa", "provenance", "attestation")),
    (Kind.SIGNATURE, ("simplesigning", "cosign", "sigstore", "notary", "signature")),
)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
