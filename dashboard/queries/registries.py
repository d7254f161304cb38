"""The registries of a project as its list shows them, with what they say of their rate limits."""

from __future__ import annotations

from dataclasses import dataclass, field

from dashboard import figures
from worker.models import Project, ProxyChoice, RateLimit, Registry


@dataclass(frozen=True, slots=True)
class Allowance:
    """A rate limit as it is drawn.

    Attributes:
        limit: as it was told last.
        percent: of it that is left.
        mood: ``bad`` if none is left, ``warn`` if only what scheduled pulls leave to people, else empty.
        window: in words; empty if it is not known.
    """

    limit: RateLimit
    percent: int
    mood: str
    window: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A registry in the list."""

    registry: Registry
    options: list[str] = field(default_factory=list)
    allowance: Allowance | None = None


def registries_of(project: Project) -> tuple[list[Listed], list[Allowance]]:
    """Return the registries of ``project``, and rate limits of hosts that have no entry."""
    limits = {
        row.host: _allowance(row) for row in RateLimit.objects.filter(project=project) if not row.outdated
    }
    listed = [
        Listed(row, options_in_words(row), limits.pop(row.host, None))
        for row in Registry.objects.filter(project=project)
    ]
    return listed, list(limits.values())


def options_in_words(registry: Registry) -> list[str]:
    """What of a registry differs from the usual: a few words each."""
    words: list[str] = []
    if registry.ca:
        words.append("own authority")
    if registry.client_certificate:
        words.append("client certificate")
    if registry.proxy != ProxyChoice.ENVIRONMENT:
        words.append("own proxy" if registry.proxy == ProxyChoice.OWN else "no proxy")
    if registry.mirrors:
        words.append(figures.counted(len(registry.mirrors), "mirror"))
    if registry.max_downloads:
        words.append(f"{registry.max_downloads} at once")
    if registry.max_bandwidth:
        words.append(f"{figures.size(registry.max_bandwidth)}/s")
    return words


def _allowance(row: RateLimit) -> Allowance:
    mood = "bad" if row.remaining == 0 else "warn" if row.spare == 0 else ""
    window = figures.duration(row.window).removesuffix(" 0 min") if row.window else ""
    return Allowance(row, round(100 * row.remaining / row.limit) if row.limit else 0, mood, window)
