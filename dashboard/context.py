"""What every page's frame shows: the project, one's role, the projects to switch to, counts, the theme."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest

from dashboard.access import last_project, projects_of
from worker.models import ACTIVE_STATES, Container, Image, Job, Project, Role, Schedule

THEMES = ("light", "system", "dark")
THEME_COOKIE = "theme"


class Frame:
    """The frame's facts, each asked for only when a template shows it: a fragment costs no query."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @cached_property
    def _place(self) -> tuple[Project | None, Role | None]:
        """The project that the page is of; on pages of none (account, errors), the one used last."""
        if project := getattr(self._request, "project", None):
            return project, getattr(self._request, "role", None)
        return last_project(self._request)

    @property
    def project(self) -> Project | None:
        return self._place[0]

    @property
    def role(self) -> Role | None:
        return self._place[1]

    @property
    def theme(self) -> str:
        chosen = self._request.COOKIES.get(THEME_COOKIE, "")
        return chosen if chosen in THEMES else "system"

    @property
    def is_operator(self) -> bool:
        return self.role is not None and self.role.covers(Role.OPERATOR)

    @property
    def is_admin(self) -> bool:
        return self.role is not None and self.role.covers(Role.ADMIN)

    @cached_property
    def projects(self) -> list[Project]:
        user = getattr(self._request, "user", None)
        return list(projects_of(user)) if isinstance(user, User) else []

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many of each there are in the project; of jobs, the active ones."""
        if self.project is None:
            return {}
        return {
            "images": Image.objects.filter(project=self.project).count_leads(),
            "containers": Container.objects.filter(project=self.project).count(),
            "schedules": Schedule.objects.filter(project=self.project).count(),
            "jobs": Job.objects.filter(project=self.project, state__in=ACTIVE_STATES).count(),
        }

    @property
    def page(self) -> str:
        """The name of the address, to mark where one is."""
        match = getattr(self._request, "resolver_match", None)
        return match.url_name or "" if match else ""


def frame(request: HttpRequest) -> dict[str, Any]:
    return {"frame": Frame(request)}
