"""The layers of a project: each once, however many images stand on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, Exists, F, Min, OuterRef, Q, QuerySet
from django.http import QueryDict

from dashboard.queries.containers import ContainerPicture, pictures
from dashboard.queries.names import Named, named
from worker.engine.errors import NotFound
from worker.models import Blob, Container, Image, ImageLayer, Layer, Project

PER_PAGE = 50
SORTS = (
    ("-size", "Largest first"),
    ("size", "Smallest first"),
    ("-images", "In most images first"),
    ("images", "In fewest images first"),
)
DEFAULT_SORT = "-size"


@dataclass(frozen=True, slots=True)
class LayerFilter:
    """What the query string asks for: a part of a command, or the beginning of a diff ID or blob digest."""

    text: str = ""
    sort: str = DEFAULT_SORT

    @classmethod
    def read(cls, query: QueryDict) -> LayerFilter:
        sort = query.get("sort", "")
        return cls(
            text=query.get("q", "").strip()[:300],
            sort=sort if sort in {value for value, _ in SORTS} else DEFAULT_SORT,
        )

    @property
    def narrows(self) -> bool:
        return bool(self.text)

    def apply(self, project: Project) -> QuerySet[Any, int]:
        """Return the ids of the layers, in order."""
        descending = self.sort.startswith("-")
        if self.sort.endswith("images"):
            # Counted over the stacks alone: joined to the layers, it takes five times as long.
            stacks = ImageLayer.objects.filter(image__project=project).order_by()
            if self.text:
                stacks = stacks.filter(layer__in=Layer.objects.filter(self._matches(project)).values("pk"))
            count = Count("image", distinct=True)
            counted = stacks.values("layer").annotate(images=count)
            return counted.order_by("-images" if descending else "images", "layer").values_list(
                "layer", flat=True
            )
        stands_in = ImageLayer.objects.filter(layer=OuterRef("pk"), image__project=project)
        layers = Layer.objects.filter(Exists(stands_in))
        if self.text:
            layers = layers.filter(self._matches(project))
        size = F("unpacked_size")
        first = size.desc(nulls_last=True) if descending else size.asc(nulls_last=True)
        return layers.order_by(first, "pk").values_list("pk", flat=True)

    def _matches(self, project: Project) -> Q:
        digest = self.text if self.text.startswith("sha256:") else f"sha256:{self.text}"
        made_by = ImageLayer.objects.filter(image__project=project, created_by__icontains=self.text)
        return (
            Q(diff_id__startswith=digest)
            | Q(pk__in=Blob.objects.filter(digest__startswith=digest).values("layer"))
            | Q(pk__in=made_by.values("layer"))
        )


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One line of the list.

    Attributes:
        created_by: the command that made it, in the oldest image that has it.
        compressed: bytes of its smallest compressed form in this project.
        forms: how many compressed forms the project has.
        images: how many images of the project stand on it; ``first`` is the oldest.
    """

    layer: Layer
    created_by: str
    compressed: int
    forms: int
    images: int
    first: Named


def page_of_layers(layers: QuerySet[Any, int], number: str | None, count: int | None = None) -> Page[Any]:
    """Return one page of ids; a number out of range gives the nearest page. ``count`` saves a walk."""
    paginator = Paginator(layers, PER_PAGE)
    if count is not None:
        paginator.count = count
    return paginator.get_page(number)


def rows(project: Project, ids: list[int]) -> list[LayerRow]:
    """Return the lines for ``ids``, in that order, in a fixed number of queries."""
    layers = Layer.objects.in_bulk(ids)
    here = ImageLayer.objects.filter(layer__in=ids, image__project=project).order_by()
    facts = {
        fact["layer"]: fact
        for fact in here.values("layer").annotate(
            images=Count("image", distinct=True),
            forms=Count("blob__digest", distinct=True),
            compressed=Min("blob__size"),
            first=Min("image"),
        )
    }
    firsts = {fact["first"] for fact in facts.values()}
    names = named(project, firsts)
    made_by = here.filter(image__in=firsts).values_list("image_id", "layer_id", "created_by")
    commands = {(image_id, layer_id): command for image_id, layer_id, command in made_by}
    return [
        LayerRow(
            layer=layers[pk],
            created_by=commands.get((fact["first"], pk), ""),
            compressed=fact["compressed"],
            forms=fact["forms"],
            images=fact["images"],
            first=names[fact["first"]],
        )
        for pk in ids
        if (fact := facts.get(pk)) and pk in layers
    ]


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """One layer, as far as this project's images tell of it.

    Attributes:
        commands: the commands that images record for it; usually one.
        blobs: its compressed forms, smallest first.
    """

    layer: Layer
    images: int
    commands: list[str]
    blobs: list[Blob]


def layer_facts(project: Project, diff_id: str) -> LayerFacts:
    """Return what the project knows of a layer. Raises NotFound if none of its images stands on it."""
    layer = Layer.objects.filter(diff_id=diff_id).first()
    here = ImageLayer.objects.filter(layer__diff_id=diff_id, image__project=project).order_by()
    if layer is None or not here.exists():
        raise NotFound(
            "No image of this project has such a layer.", hint="Choose one from the list of layers."
        )
    return LayerFacts(
        layer=layer,
        images=here.values("image").distinct().count(),
        commands=sorted({text for text in here.values_list("created_by", flat=True).distinct() if text})[:20],
        blobs=list(Blob.objects.filter(pk__in=here.values("blob")).order_by("size", "pk")),
    )


def containers_on(project: Project, layer: Layer, limit: int = 50) -> tuple[list[ContainerPicture], int]:
    """Return the project's containers whose image stands on ``layer``, latest first; and their number."""
    standing = ImageLayer.objects.filter(layer=layer, image__project=project).values("image")
    rows = Container.objects.filter(project=project, image__in=standing)
    latest = rows.select_related("image").defer("image__config").order_by("-created_at", "-pk")
    shown = list(latest[: limit + 1])
    count = len(shown) if len(shown) <= limit else rows.count()
    return (pictures(shown[:limit]), count) if shown else ([], 0)


def images_on(project: Project, layer: Layer) -> QuerySet[Image]:
    """Return the project's images that stand on ``layer``, latest first."""
    holding = ImageLayer.objects.filter(layer=layer, image__project=project).values("image")
    return Image.objects.filter(project=project, pk__in=holding).order_by("-pulled_at", "-pk")
