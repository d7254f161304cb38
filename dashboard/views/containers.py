"""Containers: the list, a new one, one as it runs, and what it changed."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.access import Request, get_project, signed_in
from dashboard.forms.containers import ContainerForm
from dashboard.fragments import page_or_part
from dashboard.messages import done, refused
from dashboard.queries.containers import ContainerPicture, containers_of, pictures, printable
from dashboard.queries.images import ImageFilter
from dashboard.queries.names import names_of
from worker import services
from worker.engine.errors import Conflict, ContainerStateError, NotFound, StrataError
from worker.models import Container, ContainerState, Image, Job, Project, Role

PER_PAGE = 50
CHANGES_PER_PAGE = 200
#: So many images are offered at once; the others are found by searching.
OFFERED = 100
_KINDS = ("added", "changed", "removed")
_PARTS = ("status", "log")


@require_safe
def containers(request: Request, project_slug: str) -> HttpResponse:
    """Members."""
    project = get_project(request, project_slug)
    text, state = request.GET.get("q", "").strip(), request.GET.get("state", "")
    rows = containers_of(project, text, state).select_related("image").defer("image__config")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": pictures(page),
        "states": ContainerState.values,
        "chosen": {"q": text, "state": state},
        "is_filtered": bool(text or state),
    }
    return page_or_part(request, "containers/containers.html", "list", context)


@require_http_methods(["GET", "POST"])
def new(request: Request, project_slug: str) -> HttpResponse:
    """Operators. The image may come by the query string."""
    project = get_project(request, project_slug, Role.OPERATOR)
    if request.method == "GET":
        given = {name: request.GET[name] for name in ("image", "name", "command") if name in request.GET}
        return _new_page(request, project, ContainerForm(initial=given))
    form = ContainerForm(request.POST)
    if form.is_valid():
        try:
            container, _ = services.create_container(
                project,
                _image(project, form.cleaned_data["image"]),
                name=form.cleaned_data["name"],
                command=form.cleaned_data["command"],
                env=form.cleaned_data["env"],
                start=form.cleaned_data["start"],
                by=signed_in(request),
            )
        except StrataError as error:
            form.refuse(error)
        else:
            return redirect("container", project.slug, container.pk)
    return _new_page(request, project, form, status=422)


@require_safe
def container(request: Request, project_slug: str, container_id: int) -> HttpResponse:
    """Members: how it is, and the end of its log."""
    project = get_project(request, project_slug)
    picture = _picture(project, container_id)
    part = request.GET.get("part", "")
    context: dict[str, Any] = {"picture": picture, "container": picture.container, "tab": "log"}
    if part != "status" or not request.htmx:
        context |= _log(picture.container)
    return page_or_part(request, "containers/container.html", part if part in _PARTS else _PARTS[0], context)


@require_safe
def changes(request: Request, project_slug: str, container_id: int) -> HttpResponse:
    """Members: what differs from the image."""
    project = get_project(request, project_slug)
    picture = _picture(project, container_id)
    error: StrataError | None = None
    try:
        found = services.container_changes(picture.container)
    except StrataError as raised:
        found, error = [], raised
    counts: Counter[str] = Counter(change.kind for change in found)
    kind = request.GET.get("kind", "")
    shown = [change for change in found if change.kind == kind] if kind in _KINDS else found
    page = Paginator(shown, CHANGES_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "picture": picture,
        "container": picture.container,
        "tab": "changes",
        "error": error,
        "page": page,
        "kinds": [(name, counts[name]) for name in _KINDS],
        "kind": kind if kind in _KINDS else "",
        "total": len(found),
        "written": sum(change.size for change in found if change.kind != "removed"),
    }
    part = "status" if request.GET.get("part") == "status" else "changes"
    return page_or_part(request, "containers/changes.html", part, context)


@require_POST
def start(request: Request, project_slug: str, container_id: int) -> HttpResponse:
    """Operators."""
    row = _container(get_project(request, project_slug, Role.OPERATOR), container_id)
    try:
        services.start_container(row, by=signed_in(request))
    except (Conflict, ContainerStateError) as error:
        refused(request, error)
    return redirect("container", project_slug, row.pk)


@require_POST
def stop(request: Request, project_slug: str, container_id: int) -> HttpResponse:
    """Operators."""
    row = _container(get_project(request, project_slug, Role.OPERATOR), container_id)
    try:
        services.stop_container(row, by=signed_in(request))
    except (Conflict, ContainerStateError) as error:
        refused(request, error)
    return redirect("container", project_slug, row.pk)


@require_http_methods(["GET", "POST"])
def remove(request: Request, project_slug: str, container_id: int) -> HttpResponse:
    """Operators; first it is asked back."""
    project = get_project(request, project_slug, Role.OPERATOR)
    row = _container(project, container_id)
    if request.method == "POST":
        try:
            job = services.remove_container(row, by=signed_in(request))
        except (Conflict, ContainerStateError) as error:
            refused(request, error)
            return redirect("container", project.slug, row.pk)
        done(request, f"{row.name} is being removed by job {job.pk}.")
        return redirect("containers", project.slug)
    consequences = ["Everything that it wrote is lost, and so is its log. Its image stays."]
    if row.state == ContainerState.RUNNING:
        consequences.insert(0, "It runs: it is stopped first.")
    context = {
        "title": f"Remove {row.name}",
        "consequences": consequences,
        "verb": "Remove the container",
        "back": reverse("container", args=[project.slug, row.pk]),
    }
    return render(request, "parts/confirm.html", context)


def _new_page(request: Request, project: Project, form: ContainerForm, status: int = 200) -> HttpResponse:
    text = request.GET.get("q", "").strip()[:300]
    extracted = ImageFilter(text=text).apply(project).filter(extracted=True).defer("config")
    offered = list(extracted[:OFFERED])
    chosen = str(form["image"].value() or "")
    if chosen.isdecimal() and chosen not in {str(image.pk) for image in offered}:
        # The one that was asked for stays in reach, whatever the search finds.
        offered = [*Image.objects.filter(project=project, pk=int(chosen[:15]), extracted=True), *offered]
    if text and not chosen and len(offered) == 1:
        chosen = str(offered[0].pk)
    names = names_of(offered)
    context = {
        "form": form,
        "text": text,
        "chosen": chosen,
        "offered": [(image, names[image.pk]) for image in offered],
        "total": extracted.count() if len(offered) >= OFFERED else len(offered),
        "any_image": bool(offered) or Image.objects.filter(project=project, extracted=True).exists(),
    }
    # Not page_or_part: narrowing is part of filling in the form, and no place of its own in the history.
    template = "containers/new.html#choices" if request.htmx else "containers/new.html"
    return render(request, template, context, status=status)


def _log(row: Container) -> dict[str, Any]:
    """Read the end of the log; that it cannot be read is part of the page, not a page of its own."""
    try:
        lines = services.container_log(row)
    except StrataError as error:
        return {"lines": [], "log_error": error}
    return {"lines": [(line.at, line.stream, printable(line.text)) for line in lines]}


def _picture(project: Project, container_id: int) -> ContainerPicture:
    row = _container(project, container_id)
    latest = Job.objects.filter(container=row).defer("progress").order_by("-created_at", "-id").first()
    return ContainerPicture(row, names_of([row.image])[row.image_id], latest)


def _image(project: Project, image_id: int) -> Image:
    image = Image.objects.filter(project=project, pk=image_id).first()
    if image is None:
        raise NotFound("There is no such image in this project.", hint="Choose another one.")
    return image


def _container(project: Project, container_id: int) -> Container:
    rows = Container.objects.filter(project=project, pk=container_id)
    if (row := rows.select_related("project", "image", "created_by").first()) is None:
        raise NotFound(f"There is no such container in {project.name}.", hint="It may have been removed.")
    return row
