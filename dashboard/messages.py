"""How failures and successes are said: error class -> HTTP status and title; the sentence and the next step
are the error's own."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest

from worker.engine.errors import (
    BeingMended,
    Cancelled,
    Conflict,
    ContentError,
    InvalidInput,
    NotAllowed,
    NotFound,
    RegistryError,
    RuntimeFailure,
    SandboxError,
    StoreError,
    StrataError,
    TooManyFiles,
)

#: The first class that an error is an instance of decides.
_SAID: tuple[tuple[type[StrataError], int, str], ...] = (
    (NotAllowed, 403, "Not allowed"),
    (NotFound, 404, "Not found"),
    (InvalidInput, 422, "That cannot be meant"),
    (Conflict, 409, "It clashes with what is there"),
    (Cancelled, 409, "Cancelled"),
    (ContentError, 502, "The registry sent something else"),
    (RegistryError, 502, "The registry did not do it"),
    (BeingMended, 503, "One moment"),
    (TooManyFiles, 422, "More files than can be shown"),
    (StoreError, 507, "The disk did not do it"),
    (SandboxError, 500, "This machine cannot extract layers safely"),
    (RuntimeFailure, 500, "The container runtime did not do it"),
    (StrataError, 500, "Something went wrong"),
)


def status_of(error: StrataError) -> int:
    """Return the HTTP status that answers ``error``."""
    return next(status for kind, status, _ in _SAID if isinstance(error, kind))


def title_of(error: StrataError) -> str:
    """Return a few words for the head of a page about ``error``."""
    return next(title for kind, _, title in _SAID if isinstance(error, kind))


def sentence(error: StrataError) -> str:
    """Return what happened and what to do next, in a line."""
    return f"{error.message} {error.hint}".strip()


def done(request: HttpRequest, sentence: str) -> None:
    """Say on the next page that something worked."""
    messages.success(request, sentence)


def refused(request: HttpRequest, error: StrataError) -> None:
    """Say on the next page what went wrong and what to do."""
    messages.error(request, sentence(error))
