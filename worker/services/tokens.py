"""API tokens."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from worker.engine.errors import InvalidInput, NotAllowed
from worker.models import ApiToken, hash_token

# When a token was last used is shown to the minute; writing it with every request would cost a write each.
_USE_PRECISION = timedelta(minutes=1)


def issue_token(user: User, name: str = "") -> tuple[ApiToken, str]:
    """Make a token that acts as ``user``; return its row and the token itself, which is never shown again."""
    name = name.strip()
    if len(name) > 100:
        raise InvalidInput("A token's name has at most 100 characters.")
    return ApiToken.objects.issue(user, name)


def user_of_token(token: str) -> User | None:
    """Return whom ``token`` acts as; None if it is unknown, revoked, or its user was switched off."""
    row = ApiToken.objects.select_related("user").filter(token_hash=hash_token(token)).first()
    if row is None or not row.user.is_active:
        return None
    now = timezone.now()
    if row.last_used_at is None or now - row.last_used_at > _USE_PRECISION:
        ApiToken.objects.filter(pk=row.pk).update(last_used_at=now)
    return row.user


def revoke_token(token: ApiToken, *, by: User | None) -> None:
    """Make a token worthless at once. Raises NotAllowed if it belongs to somebody else."""
    if by is not None and not by.is_superuser and token.user_id != by.pk:
        raise NotAllowed("This token belongs to somebody else.")
    token.delete()
