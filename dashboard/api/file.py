"""One file of an image."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from ninja import Query, Router

from dashboard.api.auth import caller
from dashboard.api.schemas.file import FileWithPastOut
from dashboard.api.scope import find, require_extracted
from dashboard.downloads import OCTETS, serve_file
from dashboard.queries.copies import copies
from dashboard.queries.file import Asked, content_of, look
from dashboard.queries.file_trees import diff_id_of, files_of, store_layers
from dashboard.queries.files_wish import read_path
from dashboard.queries.images import stack_of
from worker.models import Image

router = Router(tags=["images"])

PathOfFile = Annotated[str, Query(description="In the form that `images/{id}/files` writes paths in.")]
AsOf = Annotated[
    int | None, Query(ge=0, description="Position of the topmost layer that counts; absent: all of them.")
]
_BINARY = {"content": {OCTETS: {"schema": {"type": "string", "format": "binary"}}}}


@router.get(
    "images/{int:id}/file",
    response=FileWithPastOut,
    summary="What stands at a path, what the layers made of it, and who has the same content",
)
def image_file(request: HttpRequest, id: int, path: PathOfFile, layer: AsOf = None) -> FileWithPastOut:
    """Members. A path that some layer removed still has its versions."""
    image = _image(request, id)
    stack = stack_of(image)
    files = files_of(image)
    sight = look(files, stack, Asked(read_path(path), layer))
    target = sight.target
    alike = None
    if target is not None and target.size and target.sha256:
        alike = copies(image.project, target.sha256, diff_id_of(stack, target), target.path)
    return FileWithPastOut.of(sight, files.view(sight.top), alike)


@router.get(
    "images/{int:id}/file/content",
    summary="What a file holds",
    openapi_extra={
        "responses": {
            200: {"description": "All of it", **_BINARY},
            206: {"description": "The part that a `Range` header asks for", **_BINARY},
            416: {"description": "No byte of that range exists"},
        }
    },
)
def image_file_content(
    request: HttpRequest, id: int, path: PathOfFile, layer: AsOf = None
) -> HttpResponseBase:
    """Members. Links are followed inside the image alone; only regular files have content.

    A file whose bytes turn out not to be what the layer's index says ends before its end.
    """
    image = _image(request, id)
    stack = stack_of(image)
    target = content_of(look(files_of(image), stack, Asked(read_path(path), layer)))
    return serve_file(request, store_layers(), target, diff_id_of(stack, target))


def _image(request: HttpRequest, id: int) -> Image:
    image = find(Image.objects.select_related("project"), caller(request), id, "image")
    require_extracted(image)
    return image
