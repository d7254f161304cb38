"""What is compared: two images of a project, or a container with its image."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from django.http import QueryDict

from dashboard.queries.file_trees import files_cache, files_of
from dashboard.queries.image import get_image
from dashboard.queries.images import stack_of
from dashboard.queries.names import Named, names_of
from dashboard.queries.numbers import ID_DIGITS, whole_number
from worker.engine.compare import (
    Comparison,
    ConfigComparison,
    LayersInCommon,
    Setting,
    compare,
    compare_configs,
    layers_in_common,
)
from worker.engine.errors import InvalidManifest, NotFound
from worker.engine.oci import Digest, ImageConfig
from worker.models import Container, Image, ImageLayer, Project
from worker.services import compare_container

_HIDDEN = "(operators see it)"


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two.

    Attributes:
        stack: base first, with layer and blob.
        container: what stands on the image, if that is this side.
    """

    image: Image
    named: Named
    stack: list[ImageLayer]
    container: Container | None = None

    def __str__(self) -> str:
        return self.container.name if self.container else str(self.named)

    @property
    def digest(self) -> str:
        return str(self.container.runtime_id) if self.container else self.image.digest

    @property
    def diff_ids(self) -> tuple[str, ...]:
        return tuple(row.layer.diff_id for row in self.stack)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sides. In words the second is the newer one: what it has, and the first has not, is added."""

    a: Side
    b: Side

    @property
    def container(self) -> Container | None:
        return self.b.container

    @property
    def query(self) -> str:
        """The part of an address that says what is compared."""
        return (
            f"container={self.container.pk}" if self.container else f"a={self.a.image.pk}&b={self.b.image.pk}"
        )

    @property
    def is_one(self) -> bool:
        """Whether it is one image twice."""
        return self.container is None and self.a.image.pk == self.b.image.pk

    @property
    def not_extracted(self) -> list[Side]:
        sides = [self.a] if self.is_one or self.container else [self.a, self.b]
        return [side for side in sides if not side.image.extracted]


def read_sides(project: Project, query: QueryDict) -> tuple[Side | None, Side | None]:
    """Return the sides that an address names; None for one that it leaves open.

    Raises:
        NotFound: the project has no such image or container.
    """
    if wanted := query.get("container", ""):
        pair = pair_of_container(_container(project, wanted))
        return pair.a, pair.b
    images = [_image(project, query.get(name, "")) for name in ("a", "b")]
    return _side(images[0]), _side(images[1])


def pair_of_images(a: Image, b: Image) -> Pair:
    one, other = _side(a), _side(b)
    assert one is not None and other is not None  # noqa: S101, PT018
    return Pair(one, other)


def pair_of_container(container: Container) -> Pair:
    """Return a container's image, and the container."""
    pair = pair_of_images(container.image, container.image)
    return Pair(pair.a, replace(pair.b, container=container))


def compared_files(pair: Pair) -> Comparison:
    """Compare the files.

    Raises:
        LayerMissing: a layer is not extracted. The error's ``diff_id`` names it.
        StoreDamaged: a layer's file index is damaged. Likewise.
        TooManyFiles: they take more memory than one image's may.
        StoreError: this process may not look into the container.
    """
    if pair.container is not None:
        return compare_container(pair.container, files_of(pair.a.image).view())
    a, b = (files_of(side.image).view() for side in (pair.a, pair.b))
    # Kept by their layers: these never change, so that what is kept stays right.
    return files_cache().keep((pair.a.diff_ids, pair.b.diff_ids), lambda: compare(a, b))


def compared_configs(pair: Pair, *, with_values: bool) -> ConfigComparison | None:
    """Compare the configs; None if one of them is none (an artifact's).

    Args:
        with_values: Whether to tell what a container's variables hold: it may be secret.
    """
    try:
        a, b = (
            ImageConfig.parse(json.dumps(image.config).encode()) for image in (pair.a.image, pair.b.image)
        )
    except InvalidManifest:
        return None
    if pair.container is not None:
        return ConfigComparison(
            tuple(_overrides(a, pair.container, with_values)), compare_configs(a, a).history
        )
    return compare_configs(a, b)


def compared_layers(pair: Pair) -> LayersInCommon:
    return layers_in_common(
        *([Digest.parse(diff_id) for diff_id in side.diff_ids] for side in (pair.a, pair.b))
    )


def _overrides(image: ImageConfig, container: Container, with_values: bool) -> list[Setting]:
    """What a container was told otherwise than its image says."""
    found = []
    if container.command and tuple(container.command) != image.cmd:
        before = json.dumps(image.cmd, ensure_ascii=False) if image.cmd else None
        after = json.dumps(container.command, ensure_ascii=False)
        found.append(Setting("How it runs", "Command", before, after))
    known = dict(variable.partition("=")[::2] for variable in image.env)
    for name, value in container.env.items():
        if known.get(name) != value:
            found.append(Setting("Environment", name, known.get(name), value if with_values else _HIDDEN))
    return found


def _side(image: Image | None) -> Side | None:
    if image is None:
        return None
    return Side(image, names_of([image])[image.pk], stack_of(image))


def _image(project: Project, text: str) -> Image | None:
    if not text:
        return None
    id = whole_number(text, ID_DIGITS)
    if id is None:
        raise NotFound("There is no such image in this project.", hint="Choose one from the list of images.")
    return get_image(project, id)


def _container(project: Project, text: str) -> Container:
    rows = Container.objects.filter(project=project).select_related("project", "image", "image__index")
    id = whole_number(text, ID_DIGITS)
    container = rows.filter(pk=id).first() if id is not None else None
    if container is None:
        raise NotFound("There is no such container in this project.", hint="It may have been removed.")
    return container
