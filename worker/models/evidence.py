"""What speaks for one image having been built FROM another, beyond that it has the other's layers.

That a stack begins with another's is certain; why it does is not. A shared build cache gives two builds the
same first layers, and the same first steps of history, as FROM does. So the evidence is told, not a verdict.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db.models import Q

from worker.engine.errors import InvalidReference
from worker.engine.oci import Reference
from worker.models.image import Image, Tag, TagMovement

# OCI image spec, annotations.md, "Pre-Defined Annotation Keys".
BASE_DIGEST = "org.opencontainers.image.base.digest"
BASE_NAME = "org.opencontainers.image.base.name"


class Evidence(StrEnum):
    """One thing that speaks for it, the strongest first."""

    DIGEST = "digest"
    """The image says that it was built from this very digest."""
    NAME = "name"
    """The image says that it was built from a name that this one has or had."""
    HISTORY = "history"
    """The image's history begins with this one's whole history."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An image that may be the one that another was built from.

    Attributes:
        evidence: The strongest first; empty if nothing but the layers speaks for it.
    """

    image: Image
    evidence: tuple[Evidence, ...]


def weigh(child: Image, candidates: Sequence[Image]) -> list[Candidate]:
    """Tell what speaks for each of the candidates, who all have the same layers, the most likely one first.

    What is declared counts more than the history; then one that was built before the child, one that has a
    tag, and the one that was here first.
    """
    tagged, names = _names(candidates)
    wanted = _normal(child.base_name)
    found = []
    for image in candidates:
        index = image.index.digest if image.index else None
        speaks = {
            Evidence.DIGEST: bool(child.base_digest) and child.base_digest in (image.digest, index),
            Evidence.NAME: bool(wanted) and wanted in names[image.digest],
            Evidence.HISTORY: _continues(_history(child), _history(image)),
        }
        found.append(Candidate(image, tuple(evidence for evidence, does in speaks.items() if does)))

    def likely(candidate: Candidate) -> tuple[Any, ...]:
        image = candidate.image
        lacking = [evidence not in candidate.evidence for evidence in Evidence]
        return *lacking, _is_younger(image, child), image.pk not in tagged, image.pulled_at, image.pk

    return sorted(found, key=likely)


def _names(candidates: Collection[Image]) -> tuple[set[int], dict[str, set[str]]]:
    """Return which images have a tag, and by digest the names that each has or had."""
    tagged: set[int] = set()
    names: dict[str, set[str]] = defaultdict(set)
    by_digest = {image.digest: image for image in candidates}
    projects = {image.project_id for image in candidates}
    for tag in Tag.objects.filter(image__in=candidates).select_related("image"):
        if tag.image is not None:
            tagged.add(tag.image.pk)
            names[tag.image.digest].add(str(tag))
    moves = TagMovement.objects.filter(Q(to_digest__in=by_digest), tag__project__in=projects)
    for move in moves.select_related("tag"):
        names[move.to_digest].add(str(move.tag))
    return tagged, names


def _normal(name: str) -> str:
    """The name as tags are written: with its registry and its tag; empty if it is none."""
    if not name:
        return ""
    try:
        reference = Reference.parse(name)
    except InvalidReference:
        return ""
    return f"{reference.registry}/{reference.repository}:{reference.tag}" if reference.tag else ""


def _history(image: Image) -> list[Any]:
    history = image.config.get("history") if isinstance(image.config, dict) else None
    return history if isinstance(history, list) else []


def _continues(whole: list[Any], beginning: list[Any]) -> bool:
    return bool(beginning) and len(beginning) < len(whole) and whole[: len(beginning)] == beginning


def _is_younger(image: Image, child: Image) -> bool:
    built, of_child = image.created_by_builder_at, child.created_by_builder_at
    return built is not None and of_child is not None and built > of_child


def declared_base(annotations: Mapping[str, str], labels: Mapping[str, str]) -> tuple[str, str]:
    """Return digest and name of the base that an image declares: in its manifest, or else in its config."""
    said = {**labels, **annotations}
    digest = said.get(BASE_DIGEST, "")
    return digest if len(digest) <= 71 else "", said.get(BASE_NAME, "")[:512]
