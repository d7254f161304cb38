"""Sign in and out."""

from __future__ import annotations

from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.forms.people import SignInForm
from dashboard.throttle import WINDOW, Attempt
from worker.services import setup_needed


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Anyone. What failed is never said, so that names cannot be probed."""
    following = safe_next(request)
    if request.user.is_authenticated:
        return redirect(following or "home")
    if request.method != "POST":
        if setup_needed():
            return redirect("setup")
        return _page(request, SignInForm(), following)
    form = SignInForm(request.POST)
    if not form.is_valid():
        return _page(request, form, following, status=422)
    attempt = Attempt.of(request, form.cleaned_data["username"])
    if attempt.is_blocked():
        form.add_error(None, f"Too many tries. Wait {WINDOW // 60} minutes and try again.")
        return _page(request, form, following, status=429)
    user = authenticate(request, **form.cleaned_data)
    if user is None:
        attempt.failed()
        form.add_error(None, "This user name and password do not belong together.")
        return _page(request, form, following, status=422)
    attempt.succeeded()
    login(request, user)
    return redirect(following or "home")


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Anyone; for nobody in particular it does nothing."""
    logout(request)
    return redirect("sign_in")


def safe_next(request: HttpRequest) -> str:
    """Return where to go afterwards, if it is a place of ours; empty otherwise."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if safe else ""


def _page(request: HttpRequest, form: SignInForm, following: str, status: int = 200) -> HttpResponse:
    return render(request, "signing/sign_in.html", {"form": form, "next": following}, status=status)
