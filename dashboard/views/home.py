"""The way in: from / and from short addresses to where one works."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from dashboard.access import Request, last_project, signed_in
from worker.engine.errors import NotFound
from worker.services import setup_needed


@require_safe
def home(request: Request) -> HttpResponse:
    """Anyone: the overview of the project used last, or sign-in, or the first set-up."""
    if not request.user.is_authenticated:
        return redirect("setup" if setup_needed() else "sign_in")
    project, _ = last_project(request)
    if project is None:
        return render(request, "overview/no_project.html")
    return redirect("overview", project.slug)


@require_safe
def shortcut(request: Request, rest: str) -> HttpResponse:
    """Members: ``/images/`` and the like lead to the same page of the project used last."""
    signed_in(request)
    project, _ = last_project(request)
    if project is None:
        raise NotFound("You belong to no project yet.", hint="Ask an administrator to add you to one.")
    query = request.META.get("QUERY_STRING", "")
    return redirect(reverse("overview", args=[project.slug]) + rest + (f"?{query}" if query else ""))
