"""How much of a project's files is the same content: the last count, and a new one when it is out of date."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q
from django.utils.timezone import now

from worker.models import ContentCount, Project
from worker.models.content_stamp import content_stamp, layers_to_count
from worker.tasks.dispatch import ask_to_count_contents

_REST = timedelta(seconds=30)
_PATIENCE = timedelta(minutes=3)


def contents_of(project: Project) -> ContentCount:
    """Return the last count; ask for a new one if the project has other layers since. Members may ask."""
    count, _ = ContentCount.objects.get_or_create(project=project)
    if _is_outdated(count, project) and _ask(count):
        count.refresh_from_db()
    return count


def is_counted_now(count: ContentCount) -> bool:
    """Whether a count was asked for and has not come yet, within reasonable time."""
    return count.asked_at is not None and count.asked_at > now() - _PATIENCE


def _is_outdated(count: ContentCount, project: Project) -> bool:
    if count.counted_at is None:
        return True
    if count.counted_at > now() - _REST:
        return False
    return count.stamp != content_stamp(project) or count.layers < layers_to_count(project)


def _ask(count: ContentCount) -> bool:
    """Send for a count unless one was sent for lately; of two that ask at once, one does."""
    idle = Q(asked_at=None) | Q(asked_at__lt=now() - _PATIENCE)
    if not ContentCount.objects.filter(idle, pk=count.pk).update(asked_at=now()):
        return False
    if not ask_to_count_contents():
        ContentCount.objects.filter(pk=count.pk).update(asked_at=None)
        return False
    return True
