"""One's own account: password, colours, API tokens."""

from __future__ import annotations

from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from dashboard.access import signed_in
from dashboard.context import THEME_COOKIE, THEMES
from dashboard.forms.people import PasswordForm, TokenForm
from dashboard.messages import done
from dashboard.views.signing import safe_next
from worker.engine.errors import InvalidInput, NotFound
from worker.models import ApiToken
from worker.services import issue_token as issue
from worker.services import revoke_token as revoke

_A_YEAR = 365 * 24 * 3600


@never_cache
@require_safe
def account(request: HttpRequest) -> HttpResponse:
    """Anyone who is signed in, about themselves."""
    return _page(request, signed_in(request))


@sensitive_post_parameters("current", "new")
@require_POST
def password(request: HttpRequest) -> HttpResponse:
    """Anyone who is signed in and knows the current password. Other sessions end."""
    user = signed_in(request)
    form = PasswordForm(user, request.POST)
    if not form.is_valid():
        return _page(request, user, password_form=form, status=422)
    user.set_password(form.cleaned_data["new"])
    user.save(update_fields=["password"])
    update_session_auth_hash(request, user)
    done(request, "Your password is changed; other sessions of yours are signed out.")
    return redirect("account")


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Anyone: light, dark, or as the system says. Kept in a cookie, so that sign-in pages follow it too."""
    chosen = request.POST.get("theme", "")
    if chosen not in THEMES:
        raise InvalidInput("Colours are light, dark or system.")
    response = redirect(safe_next(request) or "home")
    response.set_cookie(
        THEME_COOKIE, chosen, max_age=_A_YEAR, httponly=True, samesite="Lax", secure=request.is_secure()
    )
    return response


@never_cache
@require_POST
def issue_token(request: HttpRequest) -> HttpResponse:
    """Anyone who is signed in, for themselves. The token stands on this one page and nowhere else."""
    user = signed_in(request)
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _page(request, user, token_form=form, status=422)
    row, token = issue(user, form.cleaned_data["name"])
    return _page(request, user, new_token=token, new_row=row)


@require_POST
def revoke_token(request: HttpRequest, token_id: int) -> HttpResponse:
    """Whose token it is; for others it does not exist."""
    user = signed_in(request)
    token = ApiToken.objects.filter(pk=token_id, user=user).first()
    if token is None:
        raise NotFound("You have no such token.")
    revoke(token, by=user)
    done(request, f"The token {token.name or token.shown_prefix} is revoked.")
    return redirect("account")


def _page(
    request: HttpRequest,
    user: User,
    *,
    password_form: PasswordForm | None = None,
    token_form: TokenForm | None = None,
    new_token: str = "",
    new_row: ApiToken | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "password_form": password_form or PasswordForm(user),
        "token_form": token_form or TokenForm(),
        "tokens": user.api_tokens.all(),
        "new_token": new_token,
        "new_row": new_row,
    }
    return render(request, "account/account.html", context, status=status)
