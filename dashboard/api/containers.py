"""Containers."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from ninja import Router
from ninja.responses import Status

from dashboard.api.auth import caller
from dashboard.api.paging import Cursor, Limit, newest_first
from dashboard.api.schemas.common import Page
from dashboard.api.schemas.containers import (
    ChangeOut,
    ChangesOut,
    ContainerIn,
    ContainerOut,
    LogLineOut,
    LogOut,
)
from dashboard.api.scope import find, project_for
from worker import services
from worker.engine.errors import NotFound
from worker.engine.oci import Reference
from worker.models import Container, ContainerState, Image, Project, Role

router = Router(tags=["containers"])


@router.post("containers", response={202: ContainerOut}, summary="Create a container on an image")
def create(request: HttpRequest, given: ContainerIn, response: HttpResponse) -> Status[ContainerOut]:
    """Operators. It is there at once, in the state `creating`; `job` is what makes and starts it."""
    user = caller(request)
    project = project_for(user, given.project)
    container, job = services.create_container(
        project,
        _image(project, given.image),
        name=given.name or "",
        command=list(given.command or ()),
        env=given.env,
        start=given.start,
        by=user,
    )
    response["Location"] = f"/api/v1/containers/{container.pk}"
    return Status(202, ContainerOut.of(container, job))


@router.get("containers", response=Page[ContainerOut], summary="List containers, the newest first")
def containers(
    request: HttpRequest,
    project: str | None = None,
    state: ContainerState | None = None,
    image: int | None = None,
    q: str = "",
    cursor: Cursor = "",
    limit: Limit = 50,
) -> Page[ContainerOut]:
    """Members. `q` is a part of the name."""
    user = caller(request)
    place = project_for(user, project)
    rows = Container.objects.filter(project=place).select_related("project")
    if state is not None:
        rows = rows.filter(state=state)
    if image is not None:
        rows = rows.filter(image_id=image) if 0 < image < 2**63 else rows.none()
    if q:
        rows = rows.filter(name__icontains=q)
    shown = partial(ContainerOut.of, with_values=_sees_values(user, place))
    return newest_first(rows, "created_at", cursor, limit, shown)


@router.get("containers/{int:id}", response=ContainerOut, summary="A container")
def container(request: HttpRequest, id: int) -> ContainerOut:
    """Members."""
    row = _container(request, id)
    return ContainerOut.of(row, with_values=_sees_values(caller(request), row.project))


@router.post("containers/{int:id}/start", response={202: ContainerOut}, summary="Start a container")
def start(request: HttpRequest, id: int) -> Status[ContainerOut]:
    """Operators."""
    row = _container(request, id)
    job = services.start_container(row, by=caller(request))
    return Status(202, ContainerOut.of(_fresh(row), job))


@router.post("containers/{int:id}/stop", response={202: ContainerOut}, summary="Stop a container")
def stop(request: HttpRequest, id: int) -> Status[ContainerOut]:
    """Operators."""
    row = _container(request, id)
    job = services.stop_container(row, by=caller(request))
    return Status(202, ContainerOut.of(_fresh(row), job))


@router.delete("containers/{int:id}", response={202: ContainerOut}, summary="Remove a container")
def remove(request: HttpRequest, id: int) -> Status[ContainerOut]:
    """Operators. With all that it wrote; one that runs is stopped first."""
    row = _container(request, id)
    job = services.remove_container(row, by=caller(request))
    return Status(202, ContainerOut.of(_fresh(row), job))


@router.get("containers/{int:id}/log", response=LogOut, summary="The end of a container's output")
def log(request: HttpRequest, id: int) -> LogOut:
    """Members."""
    lines = services.container_log(_container(request, id))
    return LogOut(lines=[LogLineOut(at=line.at, stream=line.stream, text=line.text) for line in lines])


@router.get(
    "containers/{int:id}/changes", response=ChangesOut, summary="What a container changed on top of its image"
)
def changes(request: HttpRequest, id: int) -> ChangesOut:
    """Members."""
    found = services.container_changes(_container(request, id))
    return ChangesOut(items=[ChangeOut(**asdict(change)) for change in found])


def _container(request: HttpRequest, id: int) -> Container:
    return find(Container.objects.select_related("project"), caller(request), id, "container")


def _sees_values(user: User, project: Project) -> bool:
    """Whether ``user`` may read what the variables of a container hold: whoever may set them."""
    role = services.role_of(user, project)
    return role is not None and role.covers(Role.OPERATOR)


def _fresh(row: Container) -> Container:
    """Return the row as the service left it: it may work on a locked copy of its own."""
    return Container.objects.select_related("project").get(pk=row.pk)


def _image(project: Project, wanted: int | str) -> Image:
    """Return the image of ``project`` that an id, a digest or a reference means; of several, the newest."""
    rows = Image.objects.filter(project=project).order_by("-pulled_at", "-id")
    text = str(wanted).strip()
    if text.isdecimal():
        rows = rows.filter(pk=int(text)) if len(text) <= 18 else rows.none()
    elif text.startswith("sha256:"):
        rows = rows.filter(digest=text)
    else:
        reference = Reference.parse(text)
        if reference.digest is not None:
            rows = rows.filter(digest=str(reference.digest))
        else:
            rows = rows.filter(
                tags__registry_host=reference.registry,
                tags__repository=reference.repository,
                tags__name=reference.tag,
            )
    image = rows.first()
    if image is None:
        raise NotFound(f"There is no image {text} in the project {project}.", hint="Pull it first.")
    return image
