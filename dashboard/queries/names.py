"""What an image is called on pages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q

from worker.engine.oci import DEFAULT_REGISTRY
from worker.models import Image, Project, Tag


@dataclass(frozen=True, slots=True)
class Name:
    """One name of an image.

    Attributes:
        path: the repository as people say it, without the registry: ``php``.
        tag: empty for an image that no tag points at.
        host: the registry.
        repository: the repository as the registry has it: ``library/php``.
    """

    path: str
    tag: str
    host: str
    repository: str

    @classmethod
    def of(cls, host: str, repository: str, tag: str = "") -> Name:
        path = repository.removeprefix("library/") if host == DEFAULT_REGISTRY else repository
        return cls(path, tag, host, repository)

    def __str__(self) -> str:
        return f"{self.path}:{self.tag}" if self.tag else self.path

    @property
    def shown_path(self) -> str:
        """The path where there is little room; both ends stay, since the end tells most."""
        return _middle(self.path, 48)

    @property
    def shown_tag(self) -> str:
        return _middle(self.tag, 32)

    @property
    def is_long(self) -> bool:
        return (self.shown_path, self.shown_tag) != (self.path, self.tag)

    @property
    def reference(self) -> str:
        """What to pull to get it again; without a tag it needs the image's digest."""
        return f"{self.host}/{self.repository}" + (f":{self.tag}" if self.tag else "")


@dataclass(frozen=True, slots=True)
class Named:
    """An image where only its names matter: as a parent, a twin, a holder of a layer."""

    id: int
    digest: str
    names: tuple[Name, ...]

    @property
    def name(self) -> Name:
        return self.names[0]

    def __str__(self) -> str:
        name = self.name
        return f"{name.shown_path}:{name.shown_tag}" if name.tag else f"{name.shown_path}@{self.digest[7:19]}"


def names_of(images: Iterable[Image]) -> dict[int, Named]:
    """Return the names of ``images`` by id: their tags, ``latest`` last; without any, the repository.

    If no tag points at an image itself, it goes by those of the same image for other platforms.
    """
    images = list(images)
    own: dict[int, set[Name]] = defaultdict(set)
    shared: dict[int | None, set[Name]] = defaultdict(set)
    pointing = Q(image__in=[image.pk for image in images])
    if indexes := {image.index_id for image in images} - {None}:
        pointing |= Q(image__index__in=indexes)
    tags = Tag.objects.filter(pointing).order_by()
    for image_id, index_id, host, repository, tag in tags.values_list(
        "image_id", "image__index_id", "registry_host", "repository", "name"
    ):
        name = Name.of(host, repository, tag)
        own[image_id or 0].add(name)
        if index_id is not None:
            shared[index_id].add(name)
    return {
        image.pk: Named(
            image.pk,
            image.digest,
            tuple(sorted(own[image.pk] or shared[image.index_id], key=_order))
            or (Name.of(image.registry_host, image.repository),),
        )
        for image in images
    }


def all_names(images: Iterable[Named]) -> tuple[Name, ...]:
    """Return the names of images that are one: each name once; the tags of some suffice."""
    names = {name for image in images for name in image.names}
    tagged = {name for name in names if name.tag}
    return tuple(sorted(tagged or names, key=_order))


def named(project: Project, ids: Iterable[int]) -> dict[int, Named]:
    """Return the names of the project's images with these ids."""
    wanted = set(ids)
    if not wanted:
        return {}
    rows = Image.objects.filter(project=project, pk__in=wanted)
    return names_of(rows.only("pk", "digest", "registry_host", "repository", "index"))


def _order(name: Name) -> tuple[bool, str, str, str]:
    return name.tag == "latest", name.host, name.path, name.tag


def _middle(text: str, room: int) -> str:
    if len(text) <= room:
        return text
    return f"{text[: room // 2]}…{text[-(room - room // 2 - 1) :]}"
