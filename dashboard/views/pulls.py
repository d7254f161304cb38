"""Ask for a pull."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from dashboard.access import Request, get_project, signed_in
from dashboard.forms.pulls import PullForm
from worker import services
from worker.engine.errors import StrataError
from worker.models import Project, Registry, Role, Tag

_SUGGESTED = 50
_PLATFORMS = (
    "linux/amd64",
    "linux/arm64",
    "linux/arm/v7",
    "linux/386",
    "linux/ppc64le",
    "linux/s390x",
    "linux/riscv64",
)


@require_http_methods(["GET", "POST"])
def pull(request: Request, project_slug: str) -> HttpResponse:
    """Operators. The fields can be filled by the query string."""
    project = get_project(request, project_slug, Role.OPERATOR)
    if request.method == "GET":
        given = {name: request.GET[name] for name in PullForm.base_fields if name in request.GET}
        return _page(request, project, PullForm(initial=given))
    form = PullForm(request.POST)
    if form.is_valid():
        try:
            job = services.start_pull(project, **form.arguments(), by=signed_in(request))
        except StrataError as error:
            form.refuse(error)
        else:
            return redirect("job", project.slug, job.pk)
    return _page(request, project, form, status=422)


def _page(request: Request, project: Project, form: PullForm, status: int = 200) -> HttpResponse:
    tags = Tag.objects.filter(project=project).order_by("-checked_at")[:_SUGGESTED]
    context = {
        "form": form,
        "registries": Registry.objects.filter(project=project).order_by("host"),
        "references": sorted({str(tag) for tag in tags}),
        "platforms": _PLATFORMS,
    }
    return render(request, "pulls/pull.html", context, status=status)
