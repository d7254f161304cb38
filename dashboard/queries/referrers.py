"""What refers to an image, as its page lists it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from worker.models import Image, Referrer, ReferrerKind

LISTED = 200
_KINDS = {
    ReferrerKind.SIGNATURE: ("Signature", "shield-check"),
    ReferrerKind.SBOM: ("SBOM", "list-tree"),
    ReferrerKind.ATTESTATION: ("Attestation", "file-text"),
    ReferrerKind.OTHER: ("Other", "box"),
}
_FOUND_BY = {
    "referrers": "Referrers API",
    "tag": "referrers tag",
    "cosign": "a tag of cosign",
    "index": "the index itself",
}
# What statements are called, by a part of their type; the first that fits.
_STATEMENTS = (
    ("spdx", "SPDX SBOM"),
    ("cyclonedx", "CycloneDX SBOM"),
    ("slsa.dev/provenance", "SLSA provenance"),
    ("slsa.dev/verification_summary", "SLSA verification summary"),
    ("cosign/sign", "signature"),
    ("/vuln", "vulnerability scan"),
    ("openvex", "VEX statement"),
    ("scai", "SCAI report"),
    ("test-result", "test result"),
    ("link", "in-toto link"),
)


@dataclass(frozen=True, slots=True)
class ReferrerRow:
    """One artifact.

    Attributes:
        states: what it says it states, in words; empty if that is not known.
        of_index: whether it refers to the whole index, not to the image of this platform.
    """

    row: Referrer
    label: str
    icon: str
    states: str
    found_by: str
    of_index: bool


@dataclass(frozen=True, slots=True)
class Referring:
    """What is known to refer to an image, or to the index that led to it.

    Attributes:
        looked_at: when the registry was last asked; None if it never was.
        count: how many there are; at most :data:`LISTED` are in ``rows``.
    """

    rows: list[ReferrerRow]
    count: int
    looked_at: datetime | None


def referring(image: Image) -> Referring:
    """Return what refers to ``image``, sorted by kind, the latest of each first."""
    found = list(_of(image))
    order = list(_KINDS)
    found.sort(key=lambda row: (order.index(ReferrerKind(row.kind)), -_seconds(row.made_at), row.pk))
    return Referring([_row(row) for row in found[:LISTED]], len(found), image.referrers_at)


def count_referring(image: Image) -> int:
    """Return how many there are."""
    return _of(image).count()


def _of(image: Image) -> QuerySet[Referrer]:
    refers = Q(image=image)
    if image.index_id is not None:
        refers |= Q(index=image.index_id)
    return Referrer.objects.filter(refers)


def _seconds(moment: datetime | None) -> float:
    return moment.timestamp() if moment is not None else 0.0


def _row(row: Referrer) -> ReferrerRow:
    label, icon = _KINDS[ReferrerKind(row.kind)]
    states = ", ".join(dict.fromkeys(_statement(name) for name in row.predicates))
    return ReferrerRow(
        row, label, icon, states, _FOUND_BY.get(row.found_by, row.found_by), row.index_id is not None
    )


def _statement(name: str) -> str:
    lower = name.lower()
    return next((words for part, words in _STATEMENTS if part in lower), name)
