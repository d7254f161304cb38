"""Images of the catalog, as people name them on a command line."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.db.models import Q, QuerySet

from worker.engine.errors import Conflict, InvalidReference, NotFound
from worker.engine.oci import Digest, Platform, Reference
from worker.management.preparing import is_prepared
from worker.models import Image, Project, Tag

_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{12,64})")
_NEAR = 3


def add_image_arguments(parser: CommandParser) -> None:
    """Let a command be given one image; :func:`chosen_image` finds it."""
    parser.add_argument(
        "reference", help="name:tag, name@sha256:…, sha256:…, or the first 12 or more digits of a digest"
    )
    parser.add_argument("--project", default="", metavar="SLUG", help="default: look in all of them")
    parser.add_argument(
        "--platform",
        default="",
        metavar="OS/ARCH[/VARIANT]",
        help="default: this machine's, if several are here",
    )


def chosen_image(options: dict[str, Any]) -> Image:
    """Return the image that a command was given.

    Raises:
        StrataError: there is no catalog, or as :func:`find_image`.
    """
    if not is_prepared():
        raise NotFound(
            f"There is no catalog in {settings.DATA_DIR}, or it cannot be read.",
            hint="Let STRATA_DATA say where Strata's data is.",
        )
    return find_image(options["reference"], project=options["project"], platform=options["platform"])


def find_image(text: str, *, project: str = "", platform: str = "") -> Image:
    """Return the image that ``text`` names: ``name:tag``, ``name@digest``, a digest, or the first 12 or more
    digits of one. A digest may be that of an index.

    Args:
        project: The slug of the project to look in; empty: in all of them.
        platform: Which one, if it is here for several; empty: this machine's.

    Raises:
        InvalidInput: the reference or platform cannot be meant.
        NotFound: it is not here, or there is no such project.
        Conflict: it could be any of several.
    """
    wanted = Platform.parse(platform) if platform else None
    rows = Image.objects.select_related("project").defer("config")
    if project:
        if not Project.objects.filter(slug=project).exists():
            raise NotFound(f"There is no project {project}.", hint="Leave out --project to look in all.")
        rows = rows.filter(project__slug=project)
    found = _named(rows, text)
    if not found:
        raise _nowhere(rows, text, project)
    return _one(found, text, wanted)


def find_all(text: str, project: Project) -> list[Image]:
    """Return what ``text`` names in ``project``, as for :func:`find_image`, for every platform.

    Raises:
        InvalidInput: the reference cannot be meant.
        NotFound: it is not here.
    """
    rows = Image.objects.filter(project=project).select_related("project").defer("config")
    found = _named(rows, text)
    if not found:
        raise _nowhere(rows, text, project.slug)
    return found


def _named(rows: QuerySet[Image], text: str) -> list[Image]:
    match = _DIGEST.fullmatch(text.strip())
    try:
        reference = Reference.parse(text)
    except InvalidReference:
        if match is None:
            raise
        return _by_digest(rows, match[1])
    if reference.digest is not None:
        here = rows.filter(_at(reference.digest))
        same_name = here.filter(
            Q(registry_host=reference.registry, repository=reference.repository)
            | Q(tags__registry_host=reference.registry, tags__repository=reference.repository)
        )
        return list(same_name.distinct())
    tags = Tag.objects.filter(
        registry_host=reference.registry, repository=reference.repository, name=reference.tag
    )
    found = list(rows.filter(pk__in=tags.values("image")))
    return found or (_by_digest(rows, match[1]) if match else [])


def _at(digest: Digest) -> Q:
    return Q(digest=str(digest)) | Q(index__digest=str(digest))


def _by_digest(rows: QuerySet[Image], digits: str) -> list[Image]:
    beginning = f"sha256:{digits}"
    return list(rows.filter(Q(digest__startswith=beginning) | Q(index__digest__startswith=beginning))[:100])


def _one(found: list[Image], text: str, wanted: Platform | None) -> Image:
    """The one that is meant; the same image in several projects is one."""
    platforms = {image.platform: Platform.parse(image.platform) for image in found}
    if wanted is not None or len(platforms) > 1:
        target = wanted or Platform.host()
        fitting = {name for name, platform in platforms.items() if platform.matches(target)}
        found = [image for image in found if image.platform in fitting]
        if not found:
            here = ", ".join(sorted(platforms))
            raise NotFound(
                f"{text} is not here for {target}: only for {here}.", hint="Choose one with --platform."
            )
    if len({image.digest for image in found}) > 1:
        projects = sorted({image.project.slug for image in found})
        if len(projects) > 1:
            hint = f"Choose a project with --project: {', '.join(projects)}."
        else:
            hint = "Give the whole digest, or the platform with --platform."
        raise Conflict(f"{text} could be any of {len(found)} images.", hint=hint)
    return max(found, key=lambda image: (image.extracted, -image.pk))


def _nowhere(rows: QuerySet[Image], text: str, project: str) -> NotFound:
    """Say that it is not here; and what it may be instead."""
    where = f"in the project {project}" if project else "in this catalog"
    try:
        reference = Reference.parse(text)
    except InvalidReference:
        return NotFound(f"There is no image {text} {where}.", hint="Pull it first: manage.py pull.")
    last = reference.repository.rpartition("/")[2]
    near = Tag.objects.filter(Q(repository=last) | Q(repository__endswith=f"/{last}"), image__in=rows)
    names = sorted({str(tag) for tag in near.order_by("-moved_at")[: _NEAR * 3]})[:_NEAR]
    hint = f"There is {', '.join(names)}." if names else f"Pull it first: manage.py pull {text}"
    return NotFound(f"There is no image {reference} {where}.", hint=hint)
