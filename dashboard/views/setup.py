"""The first visit: make the administrator and the first project."""

from __future__ import annotations

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from dashboard.forms.people import SetupForm
from dashboard.messages import done, refused
from worker.engine.errors import Conflict
from worker.services import create_first_admin, setup_needed


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def setup(request: HttpRequest) -> HttpResponse:
    """Anyone, but only while there is no administrator."""
    if not setup_needed():
        return redirect("home")
    form = SetupForm(request.POST or None)
    if request.method != "POST":
        return render(request, "setup/setup.html", {"form": form})
    if form.is_valid():
        try:
            user = create_first_admin(**form.cleaned_data)
        except Conflict as error:
            refused(request, error)
            return redirect("sign_in")
        else:
            login(request, user, backend="django.contrib.auth.backends.ModelBackend")
            done(request, "You are the administrator. Pull a first image to begin.")
            return redirect("home")
    return render(request, "setup/setup.html", {"form": form}, status=422)
