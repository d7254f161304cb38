"""The family tree of a project's images, as a drawing and as a nested list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpResponse, QueryDict
from django.urls import reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET

from dashboard.access import Request, get_project
from dashboard.fragments import page_or_part
from dashboard.lineage import (
    Families,
    Member,
    Words,
    added_layers,
    draw,
    draw_tiny,
    families,
    folded,
    matching,
    only_family,
    outline,
    svg,
    svg_tiny,
    top_layers,
)
from worker.engine.errors import NotFound
from worker.models import Project
from worker.models.lineage import project_graph

#: Up to here every image is drawn in full; beyond, large families are folded.
DRAWN_IN_FULL = 1500
#: How many images a folded drawing shows: as many as one can still find one's way among.
DRAWN_FOLDED = 320
VIEWS = ("drawing", "list")


@dataclass(frozen=True, slots=True)
class Wish:
    """What the query string asks for; unknown or empty values ask for nothing.

    Attributes:
        family: an image id: only its ancestors and what stands on it.
        start: skip that many of the children of ``family`` (or of the bases).
        whole: draw everything, however small.
        view: "drawing", "list", or "" for what fits the screen.
    """

    text: str = ""
    registry: str = ""
    platform: str = ""
    family: int | None = None
    start: int = 0
    whole: bool = False
    view: str = ""

    @classmethod
    def of(cls, query: QueryDict) -> Wish:
        view = query.get("view", "")
        return cls(
            text=query.get("q", "").strip(),
            registry=query.get("registry", ""),
            platform=query.get("platform", ""),
            family=_number(query.get("family", "")),
            start=max(0, _number(query.get("start", "")) or 0),
            whole=query.get("whole") == "1",
            view=view if view in VIEWS else "",
        )

    @property
    def filters(self) -> bool:
        return bool(self.text or self.registry or self.platform)

    def wants(self, member: Member) -> bool:
        """Whether a filter matches ``member``: all of its parts must."""
        if self.registry and self.registry not in member.hosts:
            return False
        if self.platform and self.platform != member.platform:
            return False
        needle = self.text.lower()
        return (
            not needle or needle in member.digest or any(needle in name.lower() for name in member.full_names)
        )


@require_GET
def lineage(request: Request, project_slug: str) -> HttpResponse:
    """Any member may see it."""
    project = get_project(request, project_slug)
    wish = Wish.of(request.GET)
    graph = project_graph(project)
    every = families(graph)
    focus = _focus(every, wish)
    shown = every if focus is None else only_family(every, focus)
    if wish.filters:
        shown = matching(shown, wish.wants)
    total = _images_in(shown)
    tiny = wish.whole and total > DRAWN_IN_FULL
    if total > DRAWN_IN_FULL and not tiny:
        shown = folded(shown, DRAWN_FOLDED, focus=focus, start=wish.start)
    platforms = sorted({member.platform for member in every.members.values()} - {""})
    words = Words(
        image=_image_address(project),
        layer=lambda diff_id: reverse("layer", args=[project.slug, diff_id]),
        more=_more_address(request, focus, wish.start, shown),
        platforms=len(platforms) > 1,
        here=focus,
    )
    drawing, listing = _pictures(project, shown, words, tiny=tiny, view=wish.view)
    context = {
        "wish": wish,
        "images": graph.total,
        "bases": len(every.roots),
        "total": total,
        "drawn": _images_in(shown),
        "matches": sum(member.counts for member in shown.members.values() if member.matched),
        "is_folded": bool(shown.hidden),
        "is_tiny": tiny,
        "focus": every.members[focus] if focus is not None else None,
        "line": [every.members[at] for at in every.line(focus)] if focus is not None else [],
        "drawing": drawing,
        "listing": listing,
        "platforms": platforms,
        "registries": sorted({host for member in every.members.values() for host in member.hosts}),
    }
    return page_or_part(request, "lineage/lineage.html", "tree", context)


def _images_in(shown: Families) -> int:
    """Return how many images are shown; twins share a place and count once."""
    return sum(member.counts for member in shown.members.values())


def _pictures(
    project: Project, shown: Families, words: Words, *, tiny: bool, view: str
) -> tuple[SafeString | str, SafeString | str]:
    """Return the drawing and the list, each only if it is to be on the page."""
    if not shown.members:
        return "", ""
    if tiny:
        # A list of thousands helps nobody: the Images page is searched, sorted and paged.
        return svg_tiny(draw_tiny(shown), shown, top_layers(project), words), ""
    layers = added_layers(shown.members.values())
    drawing = "" if view == "list" else svg(draw(shown), shown, layers, words)
    listing = "" if view == "drawing" else outline(shown, layers, words)
    return drawing, listing


def _focus(every: Families, wish: Wish) -> int | None:
    if wish.family is None:
        return None
    if (member := every.find(wish.family)) is None:
        raise NotFound("There is no such image in this project.", hint="It may have been removed.")
    return member


def _image_address(project: Project) -> Callable[[int], str]:
    # One look-up and not one per node.
    before, _, after = reverse("image", args=[project.slug, 0]).rpartition("/0/")
    return lambda image: f"{before}/{image}/{after}"


def _more_address(
    request: Request, focus: int | None, start: int, shown: Families
) -> Callable[[int | None], str]:
    """Return where a "more" leads: into that family, or to the next part of the one that is open already."""

    def address(parent: int | None) -> str:
        query = {
            key: value for key, value in request.GET.items() if key in ("q", "registry", "platform", "view")
        }
        if parent is not None:
            query["family"] = str(parent)
        if parent == focus:
            siblings = shown.roots if focus is None else shown.children[focus]
            following = start + len(siblings)
            # After the last part comes the first again: what is left out then stands before.
            if following < len(siblings) + shown.hidden[parent].children:
                query["start"] = str(following)
        return f"?{urlencode({key: value for key, value in query.items() if value})}"

    return address


def _number(text: str) -> int | None:
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None
