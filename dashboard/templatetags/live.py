"""Parts of a page that change while one looks.

``{% load live %}`` gives:

- ``{% live_job job %}``: while the job is active, its progress is swapped into ``#job-progress``, and the
  event ``done`` fires on ``#live`` at the end.
- ``{% live_project project %}``: the events ``jobs``, ``images``, ``containers``, ``schedules``,
  ``registries`` and ``storage`` fire on ``#live``, each when something of it changed:
  ``hx-trigger="jobs from:#live"``.

Both bring ``#live`` and ``#live-status``, where it is said that updates are interrupted. A page has one of
them.
"""

from __future__ import annotations

from typing import Any

from django import template

from dashboard import tickets
from dashboard.live.messages import INTERRUPTED
from worker.models import Job, Project

register = template.Library()


@register.inclusion_tag("live/job.html", takes_context=True)
def live_job(context: template.Context, job: Job) -> dict[str, Any]:
    return {
        "job": job,
        "interrupted": INTERRUPTED,
        "ticket": tickets.issue("job", job.pk, context["request"].user.pk) if job.is_active else "",
    }


@register.inclusion_tag("live/project.html", takes_context=True)
def live_project(context: template.Context, project: Project) -> dict[str, Any]:
    return {
        "project": project,
        "interrupted": INTERRUPTED,
        "ticket": tickets.issue("project", project.pk, context["request"].user.pk),
    }
