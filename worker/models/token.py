"""API tokens: stored as a hash, shown once."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from django.conf import settings
from django.db import models

_PREFIX = "strata_"


def hash_token(token: str) -> str:
    """Return what is stored for ``token``. SHA-256 is enough: a token has 256 random bits, so no guessing."""
    return hashlib.sha256(token.encode()).hexdigest()


class ApiTokenManager(models.Manager["ApiToken"]):
    def issue(self, user: Any, name: str = "") -> tuple[ApiToken, str]:
        """Make a token for ``user``; return its row and the token itself, which is never stored."""
        token = _PREFIX + secrets.token_urlsafe(32)
        row = self.create(user=user, name=name, token_hash=hash_token(token), shown_prefix=token[:12])
        return row, token


class ApiToken(models.Model):
    """A bearer token that acts as its user.

    Attributes:
        shown_prefix: the first characters, so that a person can tell tokens apart.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100, blank=True, default="")
    token_hash = models.CharField(max_length=64, unique=True)
    shown_prefix = models.CharField(max_length=16)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    objects = ApiTokenManager()

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.shown_prefix}… of {self.user}"
