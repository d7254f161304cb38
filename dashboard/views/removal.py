"""Removing an image, after it was said what that means."""

from __future__ import annotations

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from dashboard.access import Request, get_project, signed_in
from dashboard.messages import done, refused
from dashboard.queries.image import get_image, summary
from dashboard.queries.storage import other_platforms, projects_with, removal
from worker import services
from worker.engine.errors import Conflict
from worker.models import Image, Role, Schedule


@require_http_methods(["GET", "POST"])
def remove_image(request: Request, project_slug: str, image_id: int) -> HttpResponse:
    """Operators; first it is asked back."""
    project = get_project(request, project_slug, Role.OPERATOR)
    image = get_image(project, image_id)
    facts = summary(project, image)
    if request.method == "POST":
        try:
            services.remove_image(
                image, every_platform=request.POST.get("platforms") == "all", by=signed_in(request)
            )
        except Conflict as error:
            refused(request, error)
            return redirect("image_remove", project.slug, image.pk)
        done(request, f"{facts.named} is removed. The next collection of garbage frees the disk.")
        return redirect("images", project.slug)
    context = {
        "facts": facts,
        "image": image,
        "removal": removal(image),
        "tags": list(image.tags.order_by("registry_host", "repository", "name")),
        "schedules": _schedules(image),
        "platforms": other_platforms(image),
        "elsewhere": projects_with(image) if signed_in(request).is_superuser else 0,
    }
    return render(request, "storage/remove_image.html", context)


def _schedules(image: Image) -> list[Schedule]:
    """Return the schedules that would pull it again."""
    names = Q(pk__in=())
    for tag in image.tags.all():
        names |= Q(reference=str(tag))
    return list(Schedule.objects.filter(names, project=image.project_id, enabled=True))
