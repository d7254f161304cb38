"""Keeping what registries say of their rate limits while a pull runs, or somebody looks."""

from __future__ import annotations

from worker.engine.events import Event, Planned, RateLimitSeen
from worker.models import Project, RateLimit
from worker.progress import announce


class LimitKeeper:
    """Listens to a pull, and writes down what registries said of their rate limits.

    It is said with manifests, all of which are here when the plan is made; and events of layers come from
    threads that should not need the database.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._seen: dict[str, RateLimitSeen] = {}

    def __call__(self, event: Event) -> None:
        match event:
            case RateLimitSeen():
                self._seen[event.host] = event
            case Planned():
                self.flush()

    def flush(self) -> None:
        """Write what has not been written."""
        seen, self._seen = self._seen, {}
        for host, event in seen.items():
            RateLimit.objects.note(
                self._project,
                host,
                limit=event.limit,
                remaining=event.remaining,
                window=event.window,
                source=event.source,
                wait=event.wait,
            )
        if seen:
            announce(self._project.pk, "registries")
