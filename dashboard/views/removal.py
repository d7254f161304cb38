"""Removing an image, after it was said what that means."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from dashboard.access import Request, get_project, signed_in
from dashboard.messages import done, refused
from dashboard.queries.image import get_image, summary
from dashboard.queries.storage import projects_with, removal
from worker import services
from worker.engine.errors import Conflict
from worker.models import Role, Schedule


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
    tags = list(image.tags.order_by("registry_host", "repository", "name"))
    schedules = Schedule.objects.filter(
        project=project, enabled=True, reference__in=[str(tag) for tag in tags]
    )
    here = facts.together.here if facts.together is not None else ()
    context = {
        "facts": facts,
        "image": image,
        "removal": removal(image),
        "tags": tags,
        "schedules": list(schedules),
        "platforms": [one.platform for one in here if one.id != image.pk],
        "elsewhere": projects_with(image) if signed_in(request).is_superuser else 0,
    }
    return render(request, "storage/remove_image.html", context)
