"""Two images of a project, or a container with its image, compared."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from dashboard.access import Request, get_project
from dashboard.fragments import aims_at, page_or_part
from dashboard.queries.compare import Pair, compared_configs, compared_files, compared_layers, read_sides
from dashboard.queries.compare_choices import LISTED, offers, suggestions
from dashboard.queries.compare_layers import draw, layer_rows
from dashboard.queries.compare_markdown import markdown_of
from dashboard.queries.compare_packages import PER_PAGE, compared_packages, package_count, package_rows
from dashboard.queries.compare_rows import (
    ASPECT_NAMES,
    KIND_NAMES,
    MAX_PATTERN,
    SORT_NAMES,
    Wish,
    directory_bars,
    page_of,
    rows_of,
    signed,
)
from dashboard.queries.compare_settings import grouped_settings
from dashboard.queries.compare_text import FilePair, facts, file_pair
from dashboard.queries.file_trees import FilesNotHere
from dashboard.queries.files_wish import read_path
from worker.engine.compare import Aspect, Comparison, Kind
from worker.engine.errors import NotFound, StoreError
from worker.models import Project, Role


@require_safe
def compare(request: Request, project_slug: str) -> HttpResponse:
    """Members: what differs, part by part; without two sides, which images to choose."""
    project = get_project(request, project_slug)
    a, b = read_sides(project, request.GET)
    if a is None or b is None or request.GET.get("pick") in ("a", "b"):
        return _choose(request, project)
    pair = Pair(a, b)
    tab = request.GET.get("tab", "")
    context: dict[str, Any] = {"pair": pair, "tab": tab if tab in _PARTS else "files"}
    context["comparison"], context["not_here"] = _files(pair)
    context["config"] = compared_configs(pair, with_values=request.role.covers(Role.OPERATOR))
    context["layers"] = compared_layers(pair)
    context["packages"] = compared_packages(pair)
    context["package_count"] = package_count(context["packages"])
    context["growth"] = _growth(context["comparison"])
    context |= _PARTS[context["tab"]](request, pair, context)
    part = "whole" if aims_at(request, "compared") else "part"
    return page_or_part(request, "compare/compare.html", part, context)


@require_safe
def compare_text(request: Request, project_slug: str) -> HttpResponse:
    """Members: one file of both sides, line by line."""
    project = get_project(request, project_slug)
    pair = _pair(project, request.GET)
    path = read_path(request.GET.get("path", ""))
    file = file_pair(pair, path)
    context = {
        "pair": pair,
        "path": path,
        "file": file,
        "facts": facts(pair, file.row),
        "problems": [one.problem for one in (file.before, file.after) if one.problem],
        "opens": _opens(project, pair, file),
    }
    return render(request, "compare/text.html", context)


@require_safe
def compare_markdown(request: Request, project_slug: str) -> HttpResponse:
    """Members: all of it as Markdown, to be downloaded."""
    project = get_project(request, project_slug)
    pair = _pair(project, request.GET)
    text = markdown_of(pair, with_values=request.role.covers(Role.OPERATOR))
    response = HttpResponse(text, content_type="text/markdown; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="comparison.md"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _pair(project: Project, query: QueryDict) -> Pair:
    a, b = read_sides(project, query)
    if a is None or b is None:
        raise NotFound("The address names no two images.", hint="Choose two on the Compare page.")
    return Pair(a, b)


def _choose(request: Request, project: Project) -> HttpResponse:
    a, b = read_sides(project, request.GET)
    pick = request.GET.get("pick", "")
    pick = pick if pick in ("a", "b") else "a" if a is None else "b"
    chosen = b if pick == "a" else a
    text = request.GET.get("q", "").strip()[:MAX_PATTERN]
    found, total = offers(project, text)
    context = {
        "a": a,
        "b": b,
        "pick": pick,
        "chosen": chosen,
        "offers": found,
        "total": total,
        "listed": LISTED,
        "text": text,
        "suggestions": suggestions(project, chosen) if chosen and not text else [],
    }
    return page_or_part(request, "compare/choose.html", "list", context)


def _files(pair: Pair) -> tuple[Comparison | None, FilesNotHere | None]:
    """The comparison, or why there is none: that is part of the page, and no page of its own."""
    try:
        return compared_files(pair), None
    except StoreError as error:
        return None, FilesNotHere.of(error)


def _growth(comparison: Comparison | None) -> str:
    return signed(comparison.after - comparison.before) if comparison else ""


def _file_list(request: Request, pair: Pair, context: dict[str, Any]) -> dict[str, Any]:
    comparison: Comparison | None = context["comparison"]
    if comparison is None:
        return {}
    wish = Wish.read(request.GET)
    page = page_of(comparison, wish, request.GET.get("page"))
    drawn, more = directory_bars(comparison, wish.selection.under, every=request.GET.get("dirs") == "all")
    return {
        "wanted": wish,
        "sorts": SORT_NAMES,
        "page": page,
        "rows": rows_of(comparison, page),
        "kinds": [(kind.value, name, comparison.counts[kind]) for kind, name in KIND_NAMES.items()],
        "aspects": [
            (aspect.names[0], name, comparison.aspects[aspect])
            for aspect, name in ASPECT_NAMES.items()
            if comparison.aspects[aspect] and aspect is not Aspect.TIME
        ],
        "touched": comparison.counts[Kind.TIME].entries,
        "drawn": drawn,
        "more_directories": more,
        "here_growth": signed(comparison.directories.of(wish.selection.under).growth),
        "crumbs": _crumbs(wish),
    }


def _crumbs(wish: Wish) -> list[tuple[bytes, str]]:
    """The way down to the chosen directory: each name, and what the address calls the path."""
    parts = wish.selection.under.split(b"/") if wish.selection.under else []
    texts = wish.under.split("/") if parts else []
    return [(part, "/".join(texts[: at + 1])) for at, part in enumerate(parts)]


def _settings(request: Request, pair: Pair, context: dict[str, Any]) -> dict[str, Any]:
    return {"settings": grouped_settings(context["config"]) if context["config"] else []}


def _layers(request: Request, pair: Pair, context: dict[str, Any]) -> dict[str, Any]:
    return {"stack": layer_rows(pair, context["layers"]), "drawing": draw(pair, context["layers"])}


def _packages(request: Request, pair: Pair, context: dict[str, Any]) -> dict[str, Any]:
    found = context["packages"]
    rows = package_rows(found) if found and found.is_known else []
    return {"package_rows": Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))}


_PARTS = {"files": _file_list, "config": _settings, "layers": _layers, "packages": _packages}


def _opens(project: Project, pair: Pair, file: FilePair) -> list[tuple[str, str]]:
    """Where each side's file can be looked at alone; what a container wrote, nowhere."""
    query = urlencode({"path": file.row.path})
    return [
        (f"Open {word}", f"{reverse('image_file', args=[project.slug, side.image.pk])}?{query}")
        for word, side, one in (("before", pair.a, file.before), ("after", pair.b, file.after))
        if one.entry is not None and one.entry.layer >= 0
    ]
