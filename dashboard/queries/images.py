"""The list of images: searched, filtered, sorted and paged in the database."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.http import QueryDict

from dashboard.queries.kinship import Holders, holders, only_here, stood_upon
from dashboard.queries.names import Name, Named, named, names_of
from dashboard.queries.platforms import Together, together
from worker.models import Image, ImageLayer, Project, Tag

PER_PAGE = 25
#: Up to so many repositories are offered as a menu; more are typed.
MENU = 60

_SORTS: dict[str, tuple[F | Coalesce, ...]] = {
    "name": (F("repository"), F("registry_host"), F("id")),
    "layers": (F("layer_count"), F("id")),
    "compressed": (F("compressed_size"), F("id")),
    "unpacked": (F("unpacked_size"), F("id")),
    "pulled": (Coalesce("index__pulled_at", "pulled_at"), F("id")),
}
DEFAULT_SORT = "-pulled"
SORTS = (
    ("-pulled", "Latest first"),
    ("pulled", "Oldest first"),
    ("name", "By name"),
    ("-name", "By name, backwards"),
    ("-unpacked", "Largest unpacked first"),
    ("unpacked", "Smallest unpacked first"),
    ("-compressed", "Largest compressed first"),
    ("compressed", "Smallest compressed first"),
    ("-layers", "Most layers first"),
    ("layers", "Fewest layers first"),
)
_HEXADECIMAL = re.compile(r"(?:sha256:)?(?P<digits>[0-9a-f]{6,64})")


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """What the query string asks for. Unknown values match nothing or are the default; none is an error."""

    text: str = ""
    registry: str = ""
    repository: str = ""
    platform: str = ""
    sort: str = DEFAULT_SORT

    @classmethod
    def read(cls, query: QueryDict) -> ImageFilter:
        sort = query.get("sort", "")
        return cls(
            text=query.get("q", "").strip()[:300],
            registry=query.get("registry", ""),
            repository=query.get("repository", ""),
            platform=query.get("platform", ""),
            sort=sort if sort.removeprefix("-") in _SORTS else DEFAULT_SORT,
        )

    @property
    def narrows(self) -> bool:
        return bool(self.text or self.registry or self.repository or self.platform)

    def apply(self, project: Project) -> QuerySet[Image]:
        """Return what is listed: of images for several platforms one each, that of the platform asked for."""
        images = Image.objects.filter(project=project)
        wanted = Q()
        if self.registry:
            wanted &= Q(registry_host=self.registry)
        if self.repository:
            wanted &= Q(repository=self.repository)
        if self.text:
            wanted &= _matches(project, self.text)
        if self.platform:
            parts = [*self.platform.split("/"), "", ""][:3]
            images = images.filter(wanted, os=parts[0], architecture=parts[1], variant=parts[2])
        elif wanted:
            # Any of its platforms may be what is looked for.
            led = images.filter(wanted, index__isnull=False).order_by().values("index")
            images = images.leads().filter(wanted | Q(index__in=led))
        else:
            images = images.leads()
        descending = self.sort.startswith("-")
        return images.order_by(
            *(
                field.desc(nulls_last=True) if descending else field.asc(nulls_last=True)
                for field in _SORTS[self.sort.removeprefix("-")]
            )
        )


def _matches(project: Project, text: str) -> Q:
    """A digest's beginning; or a part of registry/repository, and after a colon the beginning of a tag."""
    digest = _HEXADECIMAL.fullmatch(text.lower())
    condition = Q(digest__startswith=f"sha256:{digest['digits']}") if digest else Q()
    if digest:
        condition |= Q(config_digest__startswith=f"sha256:{digest['digits']}")
        condition |= Q(index__digest__startswith=f"sha256:{digest['digits']}")
    path, colon, tag = text.rpartition(":")
    tags = Tag.objects.filter(project=project)
    if colon and path and "/" not in tag:
        with_tag = tags.filter(name__istartswith=tag).filter(_path(path))
        condition |= Q(pk__in=with_tag.values("image"))
    named_so = tags.filter(Q(name__icontains=text) | _path(text))
    return condition | _path(text) | Q(pk__in=named_so.values("image"))


def _path(text: str) -> Q:
    """Match "php", "library/php" and "docker.io/php" alike."""
    host, slash, rest = text.partition("/")
    condition = Q(repository__icontains=text) | Q(registry_host__icontains=text)
    if slash:
        condition |= Q(registry_host__iendswith=host, repository__icontains=rest)
    return condition


@dataclass(frozen=True, slots=True)
class ImageRow:
    """One line of the list.

    Attributes:
        image: of an image for several platforms, the one that came first, or that was asked for.
        names: at least one; the first is the one that is shown large.
        layers: base first, with layer and blob loaded.
        only_here: unpacked bytes that no other image of the project shares; None if not known yet.
        parent: the oldest image with the longest chain below this one; None for a base.
        twin: the oldest other image with the same layers, if it is older than this one.
        is_base: nothing is below it, and others stand on it.
        together: what is here of an image for several platforms; None if only this one is.
    """

    image: Image
    names: tuple[Name, ...]
    layers: list[ImageLayer]
    only_here: int | None
    parent: Named | None
    twin: Named | None
    is_base: bool
    together: Together | None = None

    @property
    def ids(self) -> str:
        """Of all images that the row stands for, with commas between them."""
        if self.together is None:
            return str(self.image.pk)
        return ",".join(str(one.id) for one in self.together.here)

    @property
    def pulled_at(self) -> datetime:
        """When it was pulled last, for whatever platform."""
        return self.image.index.pulled_at if self.image.index else self.image.pulled_at

    @property
    def not_extracted(self) -> str:
        """Whether layers are not unpacked, in words; empty if all are."""
        if self.together is None or self.together.not_extracted in (0, len(self.together.here)):
            return "" if self.image.extracted else "not extracted"
        return f"{self.together.not_extracted} of {len(self.together.here)} not extracted"

    @property
    def name(self) -> Name:
        return self.names[0]

    @property
    def more_names(self) -> tuple[Name, ...]:
        return self.names[1:]


def page_of_images(images: QuerySet[Image], number: str | None, per_page: int = PER_PAGE) -> Page[Any]:
    """Return one page of ids; a number out of range gives the nearest page."""
    return Paginator(images.values_list("pk", flat=True), per_page).get_page(number)


def rows(project: Project, ids: list[int]) -> list[ImageRow]:
    """Return the lines for ``ids``, in that order, in a fixed number of queries."""
    found = Image.objects.filter(project=project).defer("config").select_related("index").in_bulk(ids)
    images = [found[pk] for pk in ids if pk in found]
    layers = layers_of(ids)
    below = {chain for pk in ids for chain in _below(layers.get(pk, []))}
    tops = holders(project, below | {image.chain_id for image in images})
    parents = {image.pk: _parent(image, layers.get(image.pk, []), tops) for image in images}
    twins = {image.pk: _older_twin(image, tops) for image in images}
    related = named(project, [pk for pk in [*parents.values(), *twins.values()] if pk is not None])
    names = names_of(images)
    own = only_here(project, images)
    bases = stood_upon(project, [image for image in images if parents[image.pk] is None])
    groups = together(images)
    made = []
    for image in images:
        parent, twin = parents[image.pk], twins[image.pk]
        group = groups.get(image.index_id)
        made.append(
            ImageRow(
                image=image,
                names=group.names if group else names[image.pk].names,
                layers=layers.get(image.pk, []),
                only_here=own[image.pk],
                parent=related[parent] if parent is not None else None,
                twin=related[twin] if twin is not None else None,
                is_base=image.pk in bases,
                together=group,
            )
        )
    return made


def _parent(image: Image, stack: list[ImageLayer], tops: Holders) -> int | None:
    for chain in reversed(_below(stack)):
        if holder := tops.of(chain, apart_from=image.index_id):
            return holder.first
    return None


def _older_twin(image: Image, tops: Holders) -> int | None:
    holder = tops.of(image.chain_id, apart_from=image.index_id)
    return holder.first if holder and holder.first < image.pk else None


def layers_of(ids: list[int], *, start: int = 0) -> dict[int, list[ImageLayer]]:
    """Return the stacks of these images from position ``start`` up, base first, with layer and blob."""
    stacks: dict[int, list[ImageLayer]] = {}
    found = ImageLayer.objects.filter(image__in=ids, position__gte=start).select_related("layer", "blob")
    for row in found.order_by("image_id", "position"):
        stacks.setdefault(row.image_id, []).append(row)
    return stacks


def stack_of(image: Image) -> list[ImageLayer]:
    """Return the layers of one image likewise; an image may have none."""
    return layers_of([image.pk]).get(image.pk, [])


def _below(stack: list[ImageLayer]) -> list[str]:
    return [row.chain_id for row in stack[:-1]]


@dataclass(frozen=True, slots=True)
class Choices:
    """What the filters offer: the values that occur. No repositories means: too many for a menu."""

    registries: list[str]
    repositories: list[str]
    platforms: list[str]
    repository_count: int


def choices(project: Project) -> Choices:
    images = Image.objects.filter(project=project).order_by()
    repositories = images.values_list("repository", flat=True).distinct()
    count = repositories.count()
    platforms = images.values_list("os", "architecture", "variant").distinct()
    return Choices(
        registries=sorted(images.values_list("registry_host", flat=True).distinct()),
        repositories=sorted(repositories) if count <= MENU else [],
        platforms=sorted("/".join(part for part in parts if part) for parts in platforms),
        repository_count=count,
    )
