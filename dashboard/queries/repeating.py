"""How an image that is here was pulled: who pulls it again should not have to say it again."""

from __future__ import annotations

from django.db.models import Q

from worker.models import Image, Job, JobKind, JobState, Project, Registry


def pulled_insecurely(project: Project, image: Image) -> bool:
    """Whether the last pull that brought ``image``, or others of its index, was allowed to go without TLS.

    Only where the project says nothing of the registry: what an admin has entered since comes first.
    """
    brought = Q(image=image)
    if image.index_id is not None:
        brought |= Q(image__index=image.index_id)
    last = (
        Job.objects.filter(brought, project=project, kind=JobKind.PULL, state=JobState.SUCCEEDED)
        .order_by("-pk")
        .values_list("arguments__insecure", flat=True)
        .first()
    )
    known = Registry.objects.filter(project=project, host=image.registry_host)
    return last is True and not known.exists()
