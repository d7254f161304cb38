"""Ask for a pull; before, look at what there is and what it would bring."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods

from dashboard.access import Request, get_project, signed_in
from dashboard.forms.pulls import EVERY_PLATFORM, PullForm
from dashboard.fragments import filled
from dashboard.queries.choosing import CORE_WIDTH, image_blocks, page_of_tags, platform_choices, tag_lines
from worker import services
from worker.engine.errors import (
    InvalidInput,
    NotAllowed,
    NotInRegistry,
    PlatformNotFound,
    RegistryError,
    StrataError,
    TagNotFound,
)
from worker.models import Project, RateLimit, Registry, Role, Tag

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
#: What can be looked at before pulling.
LOOKS = ("tags", "preview")
#: The parts that htmx asks for, by the id of what they replace; else it is all of ``#pulling``.
_PARTS = ("tags", "look")


@require_http_methods(["GET", "POST"])
def pull(request: Request, project_slug: str) -> HttpResponse:
    """Operators. What one looks at, and the fields, are in the query string."""
    project = get_project(request, project_slug, Role.OPERATOR)
    if request.method == "GET":
        return _look(request, project)
    form = PullForm(request.POST)
    look = request.POST.get("look", "")
    if form.is_valid():
        if look in (*LOOKS, EVERY_PLATFORM):
            # One address for each state, so that it can be bookmarked; it works without a script, too.
            return redirect(f"{request.path}?{urlencode(form.question(look), doseq=True)}")
        try:
            job = services.start_pull(project, **form.arguments(), by=signed_in(request))
        except StrataError as error:
            form.refuse(error)
        else:
            return redirect("job", project.slug, job.pk)
    return _page(request, project, form, {}, status=422)


def _look(request: Request, project: Project) -> HttpResponse:
    look = request.GET.get("look", "")
    if look not in LOOKS:
        given = {name: request.GET[name] for name in PullForm.base_fields if name in request.GET}
        return _page(request, project, PullForm(initial=given), {})
    form = PullForm(request.GET)
    form.keep_still()
    if not form.is_valid():
        return _page(request, project, form, {}, status=422)
    context: dict[str, Any] = {"look": look, "asked": form.cleaned_data["reference"]}
    try:
        context |= (_tags if look == "tags" else _preview)(request, project, form)
    except (InvalidInput, NotAllowed) as error:
        form.refuse(error)
        return _page(request, project, form, {}, status=422)
    except StrataError as error:
        # It is the registry's answer, or that of the disk; the page itself is all right.
        context |= {"error": error, "mend": _mended_at(error)}
        if isinstance(error, PlatformNotFound):
            context |= _offer(request, project, form)
    return _page(request, project, form, context)


def _tags(request: Request, project: Project, form: PullForm) -> dict[str, Any]:
    wanted = form.arguments()
    search = request.GET.get("search", "").strip()[:200]
    tags = services.list_tags(
        project, wanted["reference"], search=search, insecure=wanted["insecure"], by=signed_in(request)
    )
    page = page_of_tags(tags, request.GET.get("page"))
    return {
        "tags": tags,
        "search": search,
        "page": page,
        "lines": tag_lines(project, tags, list(page)),
        # What a search keeps of the address.
        "kept": [(name, value) for name, value in form.question("tags").items() if isinstance(value, str)],
    }


def _preview(request: Request, project: Project, form: PullForm) -> dict[str, Any]:
    preview = services.preview_pull(project, **form.arguments(), by=signed_in(request))
    return {
        "preview": preview,
        "blocks": image_blocks(project, preview),
        "core_width": CORE_WIDTH,
        "grant": RateLimit.objects.filter(project=project, host=preview.offer.reference.registry).first(),
        "to_fetch_count": sum(not layer.present for layer in preview.layers),
        "unpacked": preview.unpacked_known + preview.unpacked_guessed,
        "left": preview.free - preview.added,
        "choices": platform_choices(preview.offer, preview.images),
    }


def _offer(request: Request, project: Project, form: PullForm) -> dict[str, Any]:
    """What there is instead, where what was asked for is not."""
    wanted = form.arguments()
    try:
        offer = services.offered_platforms(
            project, wanted["reference"], insecure=wanted["insecure"], by=signed_in(request)
        )
    except StrataError:
        return {}
    return {"choices": platform_choices(offer, ())}


def _mended_at(error: StrataError) -> str:
    """Where the cause can be mended: what to offer a link to."""
    if isinstance(error, TagNotFound):
        return "tags"
    is_about_access = isinstance(error, RegistryError) and not isinstance(error, NotInRegistry)
    return "registries" if is_about_access else ""


def _page(
    request: Request, project: Project, form: PullForm, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    tags = Tag.objects.filter(project=project).order_by("-checked_at")[:_SUGGESTED]
    context |= {
        "form": form,
        "registries": Registry.objects.filter(project=project).order_by("host"),
        "references": sorted({str(tag) for tag in tags}),
        "platforms": _PLATFORMS,
        # The link that was followed is gone: who uses the keyboard goes on from the new part's heading.
        "led_here": request.htmx and (request.htmx.source or "").startswith("a"),
    }
    part = ""
    if request.htmx:
        target = (request.htmx.target or "").rpartition("#")[2]
        # A list of tags that cannot be had any more is replaced by what went wrong, with all around it.
        part = f"#{target}" if target in _PARTS and (target != "tags" or "tags" in context) else "#pulling"
    response = render(request, f"pulls/pull.html{part}", context, status=status)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    if request.htmx and request.method == "GET":
        query = filled(request.GET)
        response["HX-Push-Url"] = f"{request.path}?{query.urlencode()}" if query else request.path
    return response
