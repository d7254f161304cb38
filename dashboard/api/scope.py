"""Which rows a caller may touch. What belongs to a project of others does not exist for the caller (404)."""

from __future__ import annotations

from typing import TypeVar

from django.contrib.auth.models import User
from django.db.models import Model, QuerySet

from dashboard.access import projects_of
from worker.engine.errors import LayerMissing, NotFound
from worker.models import Image, Project

Row = TypeVar("Row", bound=Model)


def oldest_first(user: User) -> QuerySet[Project]:
    """Return the projects that ``user`` may see, the first one made first."""
    return projects_of(user).order_by("id")


def project_for(user: User, slug: str | None) -> Project:
    """Return the project that ``slug`` names; without one, the user's first.

    Raises:
        NotFound: there is none, or the user does not belong to it.
    """
    if slug is None:
        first = oldest_first(user).first()
        if first is None:
            raise NotFound("You belong to no project.", hint="Ask an admin of a project to add you.")
        return first
    project = projects_of(user).filter(slug=slug).first()
    if project is None:
        raise NotFound(
            f"There is no project {slug!r} that you belong to.", hint="GET /api/v1/projects lists yours."
        )
    return project


def find(rows: QuerySet[Row], user: User, id: int, what: str) -> Row:
    """Return the row ``id`` out of the user's projects; ``rows`` must have a field ``project``.

    Raises:
        NotFound: there is none, or the user does not belong to its project.
    """
    row = rows.filter(pk=id, project__in=projects_of(user)).first()
    if row is None:
        raise NotFound(f"There is no {what} {id}.")
    return row


def require_extracted(image: Image) -> None:
    """Refuse to tell of the files of an image whose layers nobody extracted.

    Raises:
        LayerMissing: so it is.
    """
    if not image.extracted and image.layer_count:
        raise LayerMissing("The image is not extracted: its files are not known.")
