"""The figures of a whole project: what it holds, and what sharing saves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.core.cache import cache
from django.db.models import Count, Max, Min, Q, Sum
from django.utils import timezone

from worker.models import (
    Blob,
    Container,
    ContainerState,
    Image,
    ImageLayer,
    Job,
    JobKind,
    JobState,
    Project,
    Tag,
    TagMovement,
)

_KEPT_SECONDS = 20
_MOVEMENT = ("tag__registry_host", "tag__repository", "tag__name", "moved_at")


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the images of a project weigh. Bytes; each layer and each blob counts once.

    Attributes:
        trees: unpacked bytes of the layers whose tree stands in the store.
        blobs: compressed bytes that stand in the store.
        saved: unpacked bytes that would be there besides, were every image to keep its own layers.
        shared: layers in more than one image.
    """

    images: int
    repositories: int
    not_extracted: int
    layers: int
    shared: int
    trees: int
    blobs: int
    saved: int

    @property
    def on_disk(self) -> int:
        return self.trees + self.blobs


def holdings(project: Project) -> Holdings:
    """Return what the project holds.

    That walks over all its layers, so it is kept for some seconds; a pulled or removed image shows at once.
    """
    images = Image.objects.filter(project=project)
    stamp = images.order_by().aggregate(count=Count("pk"), last=Max("pk"), pulled=Max("pulled_at"))
    pulled = stamp["pulled"].timestamp() if stamp["pulled"] else 0
    key = f"holdings:{project.pk}:{stamp['count']}:{stamp['last']}:{pulled}"
    kept: Holdings | None = cache.get(key)
    if kept is None:
        kept = _count(project)
        cache.set(key, kept, _KEPT_SECONDS)
    return kept


def _count(project: Project) -> Holdings:
    images = Image.objects.filter(project=project).order_by()
    stacks = ImageLayer.objects.filter(image__project=project).order_by()
    whole = images.aggregate(
        repositories=Count("repository", distinct=True),
        raw=Count("pk", filter=Q(extracted=False)),
        unpacked=Sum("unpacked_size"),
    )
    layers = (
        stacks.values("layer")
        .annotate(
            images=Count("image", distinct=True),
            bytes=Min("layer__unpacked_size"),
            tree=Min("layer__unpacked_size", filter=Q(layer__tree_present=True)),
        )
        .aggregate(
            count=Count("layer"),
            shared=Count("layer", filter=Q(images__gt=1)),
            unpacked=Sum("bytes"),
            trees=Sum("tree"),
        )
    )
    present = Blob.objects.filter(pk__in=stacks.values("blob"), present=True)
    blobs = present.values("digest").annotate(bytes=Max("size")).aggregate(size=Sum("bytes"))["size"]
    return Holdings(
        images=images.count_leads(),
        repositories=whole["repositories"],
        not_extracted=whole["raw"],
        layers=layers["count"],
        shared=layers["shared"],
        trees=layers["trees"] or 0,
        blobs=blobs or 0,
        # Images whose size is not known yet are missing on the left side, so this never says too much.
        saved=max(0, (whole["unpacked"] or 0) - (layers["unpacked"] or 0)),
    )


@dataclass(frozen=True, slots=True)
class Lately:
    """What happened in the project: pulls of the last day, tags that moved in the last week."""

    pulls: int
    unchanged: int
    failed: int
    moved: int
    last_moved: Tag | None


def lately(project: Project) -> Lately:
    now = timezone.now()
    pulls = Job.objects.filter(
        project=project, kind=JobKind.PULL, created_at__gte=now - timedelta(days=1)
    ).aggregate(
        count=Count("pk"),
        failed=Count("pk", filter=Q(state=JobState.FAILED)),
        unchanged=Count("pk", filter=Q(state=JobState.SUCCEEDED, result__unchanged=True)),
    )
    moved = (
        TagMovement.objects.filter(tag__project=project, moved_at__gte=now - timedelta(days=7))
        .exclude(Q(from_digest="") | Q(to_digest=""))
        .select_related("tag")
        .order_by("-moved_at", "-id")
    )
    last = moved.first()
    return Lately(
        pulls=pulls["count"],
        unchanged=pulls["unchanged"],
        failed=pulls["failed"],
        # A tag of several platforms moves once.
        moved=moved.order_by().values(*_MOVEMENT).distinct().count() if last else 0,
        last_moved=last.tag if last else None,
    )


def containers_by_state(project: Project) -> tuple[int, int]:
    """Return how many containers run, and how many there are."""
    counts = Container.objects.filter(project=project).aggregate(
        running=Count("pk", filter=Q(state=ContainerState.RUNNING)), all=Count("pk")
    )
    return counts["running"], counts["all"]
