"""Passwords and private keys of registries, encrypted at rest with a key derived from the secret key."""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from worker.engine.errors import Conflict


def encrypt(secret: str) -> str:
    """Return ``secret`` encrypted and authenticated (Fernet); an empty one stays empty."""
    if not secret:
        return ""
    return _fernet().encrypt(secret.encode()).decode()


def decrypt(stored: str, what: str = "password") -> str:
    """Return what :func:`encrypt` was given; ``what`` names it in messages.

    Raises:
        Conflict: it was encrypted with another secret key, or altered.
    """
    if not stored:
        return ""
    try:
        return _fernet().decrypt(stored.encode()).decode()
    except InvalidToken as error:
        raise Conflict(
            f"A stored registry {what} cannot be read: the secret key has changed since it was entered.",
            hint=f"Enter the {what} again on the Registries page, or bring back the old STRATA_SECRET_KEY.",
        ) from error


def _fernet() -> Fernet:
    # HKDF separates this use of the secret key from all others (sessions, signing).
    kdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"strata registry passwords")
    return Fernet(base64.urlsafe_b64encode(kdf.derive(settings.SECRET_KEY.encode())))
