"""The registries that a project knows, and whether they can be reached."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.access import Request, get_project, signed_in
from dashboard.forms.registries import RegistryForm
from dashboard.fragments import page_or_part
from dashboard.messages import done
from dashboard.queries.registries import registries_of
from worker import services
from worker.engine.errors import NotFound, StrataError
from worker.models import Project, Registry, Role

_SECRETS = ("password", "proxy_password", "client_key")


@require_safe
def registries(request: Request, project_slug: str) -> HttpResponse:
    """Members; secrets are shown to nobody."""
    project = get_project(request, project_slug)
    listed, others = registries_of(project)
    context = {"registries": listed, "others": others}
    return page_or_part(request, "registries/registries.html", "list", context)


@sensitive_post_parameters(*_SECRETS)
@require_http_methods(["GET", "POST"])
def new(request: Request, project_slug: str) -> HttpResponse:
    """Admins. The host may come by the query string."""
    project = get_project(request, project_slug, Role.ADMIN)
    if request.method == "GET":
        return _form(request, RegistryForm(initial={"host": request.GET.get("host", "")}))
    return _save(request, project, RegistryForm(request.POST), None)


@sensitive_post_parameters(*_SECRETS)
@require_http_methods(["GET", "POST"])
def edit(request: Request, project_slug: str, registry_id: int) -> HttpResponse:
    """Admins."""
    project = get_project(request, project_slug, Role.ADMIN)
    registry = _registry(project, registry_id)
    if request.method == "GET":
        return _form(request, RegistryForm(registry=registry), registry)
    return _save(request, project, RegistryForm(request.POST, registry=registry), registry)


@require_POST
def test(request: Request, project_slug: str, registry_id: int) -> HttpResponse:
    """Operators: it is they who pull. The answer says how far it came."""
    project = get_project(request, project_slug, Role.OPERATOR)
    registry = _registry(project, registry_id)
    report = services.test_registry(registry, by=signed_in(request))
    context = {"registry": registry, "reports": (report, *report.mirrors), "report": report}
    return page_or_part(request, "registries/report.html", "report", context)


@require_http_methods(["GET", "POST"])
def remove(request: Request, project_slug: str, registry_id: int) -> HttpResponse:
    """Admins; first it is asked back."""
    project = get_project(request, project_slug, Role.ADMIN)
    registry = _registry(project, registry_id)
    if request.method == "POST":
        host = registry.host
        services.delete_registry(registry, by=signed_in(request))
        done(request, f"{host} is no longer among the registries.")
        return redirect("registries", project.slug)
    context = {
        "title": f"Remove {registry.host}",
        "consequences": [
            "Its credentials, certificates, proxy, mirrors and limits are forgotten.",
            "Images that were pulled from it stay. It can still be pulled from, as anybody and over TLS.",
        ],
        "verb": "Remove the registry",
        "back": reverse("registries", args=[project.slug]),
    }
    return render(request, "parts/confirm.html", context)


def _save(request: Request, project: Project, form: RegistryForm, registry: Registry | None) -> HttpResponse:
    if form.is_valid():
        try:
            saved = services.save_registry(
                project, **form.arguments(), by=signed_in(request), registry=registry
            )
        except StrataError as error:
            form.refuse(error)
        else:
            done(request, f"{saved.host} is saved. Test its connection to see whether it works.")
            return redirect("registries", project.slug)
    return _form(request, form, registry, status=422)


def _form(
    request: Request, form: RegistryForm, registry: Registry | None = None, status: int = 200
) -> HttpResponse:
    return render(request, "registries/form.html", {"form": form, "registry": registry}, status=status)


def _registry(project: Project, registry_id: int) -> Registry:
    registry = Registry.objects.filter(project=project, pk=registry_id).first()
    if registry is None:
        raise NotFound(f"There is no such registry in {project.name}.")
    return registry
