"""Which registries this install may talk to."""

from __future__ import annotations

from fnmatch import fnmatchcase

from django.conf import settings

from worker.engine.errors import NotAllowed


def require_allowed(host: str) -> None:
    """Raise NotAllowed unless ``host`` matches a pattern of STRATA_ALLOWED_REGISTRIES (none: all may)."""
    patterns: list[str] = settings.ALLOWED_REGISTRIES
    if patterns and not any(fnmatchcase(host, pattern.lower()) for pattern in patterns):
        raise NotAllowed(
            f"This install may not pull from {host}.",
            hint=f"STRATA_ALLOWED_REGISTRIES allows only {', '.join(patterns)}.",
        )
