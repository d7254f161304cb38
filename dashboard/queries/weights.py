"""What a project's repositories weigh: by layer, each counted once, however many images stand on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.core.cache import cache
from django.db.models import Count, Max

from worker.engine.errors import NotFound
from worker.models import Blob, Image, ImageLayer, Layer, Project

_KEPT_SECONDS = 600
Key = tuple[str, str]
"""A registry's host and a repository in it."""


@dataclass(frozen=True, slots=True)
class Amount:
    """Bytes of some layers, each once.

    Attributes:
        compressed: of their blobs, each once.
        unpacked: of their uncompressed tars, as far as they are known.
        content: of the files in them, likewise.
        unknown: layers that were never unpacked.
    """

    layers: int
    compressed: int
    unpacked: int
    content: int
    unknown: int


@dataclass(frozen=True, slots=True)
class RepositoryWeight:
    """One repository; images belong to the one that they were pulled from first.

    Attributes:
        whole: all its layers.
        own: those that no other repository of the project has.
        apart: unpacked bytes that its images would take if each kept its own layers.
        main_layer: diff ID of the heaviest of its own layers, or of all if it has none; for its colour.
    """

    host: str
    repository: str
    images: int
    whole: Amount
    own: Amount
    apart: int
    main_layer: str

    @property
    def shared(self) -> int:
        """Unpacked bytes of the layers that other repositories have, too."""
        return self.whole.unpacked - self.own.unpacked

    @property
    def path(self) -> str:
        return self.repository.removeprefix("library/") if self.host == "docker.io" else self.repository


@dataclass(frozen=True, slots=True)
class ProjectWeight:
    """A whole project.

    Attributes:
        single: layers that only one image has.
        apart: unpacked bytes that the images would take if each kept its own layers.
        repositories: the one with the most bytes of its own first.
    """

    images: int
    whole: Amount
    single: Amount
    apart: int
    repositories: tuple[RepositoryWeight, ...]

    @property
    def between(self) -> int:
        """Unpacked bytes that several repositories share."""
        return self.whole.unpacked - sum(one.own.unpacked for one in self.repositories)

    def repository(self, host: str, name: str) -> RepositoryWeight:
        """Return one of them; without a host, the only one of that name. Raises NotFound."""
        found = [one for one in self.repositories if one.repository == name and host in ("", one.host)]
        if len(found) != 1:
            several = "are several repositories" if found else "is no repository"
            raise NotFound(f"There {several} {name[:200]!r} here.", hint="Choose one from the list.")
        return found[0]


def project_weight(project: Project) -> ProjectWeight:
    """Return what a project weighs.

    That goes over all its stacks, so it is kept for ten minutes; a pulled or removed image shows at once.
    """
    images = Image.objects.filter(project=project).order_by()
    stamp = images.aggregate(
        count=Count("pk"), last=Max("pk"), pulled=Max("pulled_at"), unpacked=Count("unpacked_size")
    )
    pulled = stamp["pulled"].timestamp() if stamp["pulled"] else 0
    key = f"weights:{project.pk}:{stamp['count']}:{stamp['last']}:{stamp['unpacked']}:{pulled}"
    kept: ProjectWeight | None = cache.get(key)
    if kept is None:
        kept = _weigh(project)
        cache.set(key, kept, _KEPT_SECONDS)
    return kept


class _Sizes:
    """What single layers and blobs weigh."""

    def __init__(self, project: Project) -> None:
        stacks = ImageLayer.objects.filter(image__project=project).order_by()
        layers = Layer.objects.filter(pk__in=stacks.values("layer"))
        self.layers = {pk: sizes for pk, *sizes in layers.values_list("pk", "unpacked_size", "content_size")}
        self.diff_ids = dict(layers.values_list("pk", "diff_id"))
        self.blobs = dict(Blob.objects.filter(pk__in=stacks.values("blob")).values_list("pk", "size"))

    def amount(self, layers: Mapping[int, set[int]]) -> Amount:
        """Add up layers, each with its blobs."""
        sizes = [self.layers[layer] for layer in layers if layer in self.layers]
        blobs = {blob for used in layers.values() for blob in used}
        return Amount(
            len(layers),
            sum(self.blobs.get(blob, 0) for blob in blobs),
            sum(unpacked or 0 for unpacked, _ in sizes),
            sum(content or 0 for _, content in sizes),
            sum(unpacked is None for unpacked, _ in sizes),
        )

    def heaviest(self, layers: Iterable[int]) -> str:
        best = max(layers, key=lambda layer: (self.layers.get(layer, [0])[0] or 0, -layer), default=0)
        return self.diff_ids.get(best, "")


def _weigh(project: Project) -> ProjectWeight:
    keys: dict[int, Key] = {}
    apart: dict[Key, int] = defaultdict(int)
    counts: dict[Key, int] = defaultdict(int)
    rows = Image.objects.filter(project=project).order_by()
    for pk, host, repository, unpacked in rows.values_list(
        "pk", "registry_host", "repository", "unpacked_size"
    ):
        key = keys[pk] = host, repository
        apart[key] += unpacked or 0
        counts[key] += 1
    sizes = _Sizes(project)
    stacks: dict[Key, dict[int, set[int]]] = {key: defaultdict(set) for key in counts}
    holders: dict[int, Key | None] = {}  # of each layer the repository that alone has it
    images: dict[int, int] = {}  # and the image, or 0
    places = ImageLayer.objects.filter(image__project=project).order_by()
    for image, layer, blob in places.values_list("image_id", "layer_id", "blob_id").iterator(10_000):
        found = keys.get(image)
        if found is None:
            continue  # it came meanwhile
        stacks[found][layer].add(blob)
        if holders.setdefault(layer, found) != found:
            holders[layer] = None
        if images.setdefault(layer, image) != image:
            images[layer] = 0
    whole: dict[int, set[int]] = defaultdict(set)
    repositories = []
    for key, layers in stacks.items():
        own = {layer: blobs for layer, blobs in layers.items() if holders[layer] == key}
        for layer, blobs in layers.items():
            whole[layer] |= blobs
        repositories.append(
            RepositoryWeight(
                *key,
                counts[key],
                sizes.amount(layers),
                sizes.amount(own),
                apart[key],
                sizes.heaviest(own or layers),
            )
        )
    repositories.sort(key=lambda one: (-one.own.unpacked, -one.whole.unpacked, one.host, one.repository))
    single = {layer: blobs for layer, blobs in whole.items() if images[layer]}
    return ProjectWeight(
        len(keys), sizes.amount(whole), sizes.amount(single), sum(apart.values()), tuple(repositories)
    )
