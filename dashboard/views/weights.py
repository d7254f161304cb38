"""What a project and its repositories weigh."""

from __future__ import annotations

from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from dashboard import figures
from dashboard.access import Request, get_project
from dashboard.fragments import page_or_part
from dashboard.queries.images import page_of_images
from dashboard.queries.images import rows as image_rows
from dashboard.queries.weights import ProjectWeight, RepositoryWeight, project_weight
from dashboard.weight import Drawing, Piece, draw
from worker.models import ContentCount, ContentShare, Image, Project
from worker.services import contents_of, is_counted_now

_PER_PAGE = 50
_BOXES = 60
_SIZES = {"wide": (1080, 420), "middle": (620, 400), "narrow": (340, 400)}


@require_safe
def weight(request: Request, project_slug: str) -> HttpResponse:
    """Members: the project's repositories to scale; with ``repository``, the images of one."""
    project = get_project(request, project_slug)
    whole = project_weight(project)
    counted = contents_of(project)
    context = {"whole": whole, "counted": counted, "is_counted_now": is_counted_now(counted)}
    name = request.GET.get("repository", "")
    if name:
        one = whole.repository(request.GET.get("registry", ""), name)
        return _repository(request, project, one, context | _share(project, counted, one))
    page = Paginator(whole.repositories, _PER_PAGE).get_page(request.GET.get("page"))
    shares = ContentShare.objects.filter(
        project=project, image=None, repository__in={one.repository for one in page}
    )
    by_key = {(share.registry_host, share.repository): share for share in shares}
    rows = [
        (one, _address(project, one), by_key.get((one.host, one.repository)) if counted.counted_at else None)
        for one in page
    ]
    context |= {"page": page, "rows": rows, "drawings": _drawings(project, whole)}
    return page_or_part(request, "weight/project.html", "repositories", context)


def _repository(
    request: Request, project: Project, one: RepositoryWeight, context: dict[str, object]
) -> HttpResponse:
    images = Image.objects.filter(project=project, registry_host=one.host, repository=one.repository)
    page = page_of_images(images.order_by("-pulled_at", "-pk"), request.GET.get("page"))
    context |= {"one": one, "page": page, "rows": image_rows(project, list(page))}
    return page_or_part(request, "weight/repository.html", "images", context)


def _share(project: Project, counted: ContentCount, one: RepositoryWeight) -> dict[str, object]:
    if counted.counted_at is None:
        return {"share": None}
    rows = ContentShare.objects.filter(project=project, image=None)
    return {"share": rows.filter(registry_host=one.host, repository=one.repository).first()}


def _address(project: Project, one: RepositoryWeight) -> str:
    query = urlencode({"repository": one.repository, "registry": one.host})
    return f"{reverse('weight', args=[project.slug])}?{query}"


def _drawings(project: Project, whole: ProjectWeight) -> list[tuple[str, Drawing]]:
    """The repositories by what only they have, and what they share as one more box."""
    heavy = [one for one in whole.repositories[:_BOXES] if one.own.unpacked]
    pieces = [
        Piece(
            one.path,
            one.own.unpacked,
            figures.hue(one.main_layer),
            _address(project, one),
            f"{one.host}/{one.repository}: {figures.size(one.own.unpacked)} of its own, "
            f"{figures.size(one.shared)} shared with other repositories",
        )
        for one in heavy
    ]
    rest = sum(one.own.unpacked for one in whole.repositories) - sum(piece.size for piece in pieces)
    if rest:
        count = len(whole.repositories) - len(heavy)
        pieces.append(Piece(f"{count:,} more", rest, None, "", f"{count:,} more: {figures.size(rest)}"))
    if whole.between:
        title = f"Layers of several repositories: {figures.size(whole.between)}"
        pieces.append(Piece("shared", whole.between, None, "", title))
    return [(name, draw(pieces, *size)) for name, size in _SIZES.items()]
