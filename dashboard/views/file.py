"""One path of an image: what stands there, what it holds, where else that is."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from dashboard.access import Request, get_project
from dashboard.downloads import OCTETS, serve_file
from dashboard.fragments import page_or_part
from dashboard.queries.copies import copies
from dashboard.queries.file import Asked, attributes, content_of, look
from dashboard.queries.file_content import picture_type, show
from dashboard.queries.file_trees import (
    FilesNotHere,
    diff_id_of,
    files_of,
    files_or_why_not,
    store_layers,
)
from dashboard.queries.files_owners import owners_of
from dashboard.queries.image import get_image
from dashboard.queries.images import stack_of
from dashboard.queries.names import names_of
from worker.engine.files import to_text
from worker.models import Image


@require_safe
def file(request: Request, project_slug: str, image_id: int) -> HttpResponse:
    """Members: what stands at a path, as of any layer, and what the layers made of it."""
    project = get_project(request, project_slug)
    image = get_image(project, image_id)
    asked = Asked.read(request.GET)
    stack = stack_of(image)
    files = files_or_why_not(image)
    if isinstance(files, FilesNotHere):
        if files.mending:
            return render(request, "file/waiting.html", {"image": image, "asked": asked, "waiting": files})
        # The Files tab says what is the matter, and what can be done.
        return _to_files(image, asked.path.rpartition(b"/")[0], asked.top)
    sight = look(files, stack, asked)
    if sight.node is not None and sight.node.is_directory:
        return _to_files(image, sight.path, asked.top)
    layers = store_layers()
    target = sight.target
    shown = alike = None
    if target is not None and target.is_file:
        shown = show(
            layers, target, diff_id_of(stack, target), request.GET.get("as", ""), request.GET.get("page")
        )
        if target.size and target.sha256 and not request.htmx:
            alike = copies(project, target.sha256, diff_id_of(stack, target), target.path)
    context = {
        "image": image,
        "named": names_of([image])[image.pk],
        "sight": sight,
        "main": sight.main,
        "target": target,
        "origin": stack[sight.main.layer] if sight.main else None,
        "shown": shown,
        "copies": alike,
        "page": shown.page if shown else None,
        "owners": owners_of(files.view(sight.top), stack).of(sight.main) if sight.main else "",
        "xattrs": attributes(sight.main.xattrs) if sight.main else [],
        "crumbs": _crumbs(sight.path),
        "depth": files.depth,
        "layer": asked.top if asked.top is not None else "",
    }
    return page_or_part(request, "file/file.html", "content", context)


@require_safe
def file_content(request: Request, project_slug: str, image_id: int) -> HttpResponseBase:
    """Members: the content of a file, to be saved; a picture, also to be drawn into a page."""
    image = get_image(get_project(request, project_slug), image_id)
    stack = stack_of(image)
    sight = look(files_of(image), stack, Asked.read(request.GET))
    target = content_of(sight)
    layers, diff_id = store_layers(), diff_id_of(stack, target)
    media_type = OCTETS
    if request.GET.get("as") == "picture":
        media_type = picture_type(layers, target, diff_id) or OCTETS
    return serve_file(request, layers, target, diff_id, media_type)


def _to_files(image: Image, path: bytes, layer: int | None) -> HttpResponse:
    query = {"path": to_text(path)} | ({} if layer is None else {"layer": layer})
    address = reverse("image_files", args=[image.project.slug, image.pk])
    return redirect(f"{address}?{urlencode(query)}")


def _crumbs(path: bytes) -> list[tuple[bytes, bytes]]:
    """Return the directories that lead to ``path``: each its path and name."""
    names = path.split(b"/")[:-1]
    return [(b"/".join(names[: count + 1]), name) for count, name in enumerate(names)]
