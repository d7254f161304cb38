"""Cancel jobs, and start them again."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from worker.engine.errors import Conflict
from worker.models import INSTALL_KINDS, Container, ContainerState, Job, JobKind, JobState, Role
from worker.progress import announce, of_job, publish
from worker.services.access import creator, require, require_install_admin
from worker.services.pulls import check_pull
from worker.services.storage import repeat
from worker.tasks.dispatch import submit
from worker.tasks.slots import require_apart


def cancel(job: Job, *, by: User | None) -> Job:
    """Ask for an end of ``job``: a queued one ends here, a running one within a second.

    Raises:
        NotAllowed: ``by`` is not an operator of the project; or, of work on the store, no administrator.
        Conflict: it has ended already, or is a container's, which ends by itself shortly.
    """
    _require_say(by, job)
    if job.kind == JobKind.CONTAINER and job.state == JobState.RUNNING:
        raise Conflict(
            "A container's job cannot be cancelled once it runs.", hint="It ends by itself shortly."
        )
    now = timezone.now()
    mine = Job.objects.filter(pk=job.pk)
    ended = mine.filter(state=JobState.QUEUED).update(
        state=JobState.CANCELLED,
        cancel_requested_at=now,
        finished_at=now,
    )
    asked = ended or mine.filter(state=JobState.RUNNING).update(cancel_requested_at=now)
    job.refresh_from_db()
    if not asked:
        raise Conflict(f"This job has ended already: {job.get_state_display().lower()}.")
    if ended:
        publish(of_job(job))
        _let_go_of_container(job)
    announce(job.project_id, "jobs")
    return job


def _require_say(by: User | None, job: Job) -> None:
    """Raise NotAllowed unless ``by`` may end or repeat ``job``."""
    require(by, job.project, Role.OPERATOR)
    if job.kind in INSTALL_KINDS:
        require_install_admin(by)


def _let_go_of_container(job: Job) -> None:
    """A container whose creation was cancelled will never be: say so."""
    creating = Container.objects.filter(jobs=job, state=ContainerState.CREATING)
    if creating.update(state=ContainerState.FAILED, error_message="Its creation was cancelled."):
        announce(job.project_id, "containers")


def retry(job: Job, *, by: User | None) -> Job:
    """Start the same work again, as a new job.

    Raises:
        NotAllowed: ``by`` is not an operator of the project; or, of work on the store, no administrator.
        Conflict: it has not ended yet, its image or container is gone, or the quota is used up.
    """
    _require_say(by, job)
    if job.is_active:
        raise Conflict("This job has not ended yet.", hint="Wait for it, or cancel it.")
    if job.kind in INSTALL_KINDS:
        return repeat(job, by=by)
    if job.kind == JobKind.REMOVE and job.state == JobState.SUCCEEDED:
        raise Conflict("This job has removed its images.", hint="Choose again what is to go.")
    if job.kind == JobKind.PULL:
        check_pull(job.project, job.reference)
    elif job.kind == JobKind.EXTRACT and job.image is None:
        raise Conflict("The image of this job is gone.", hint="Pull it again.")
    elif job.kind == JobKind.CONTAINER:
        raise Conflict("A container's job cannot be repeated.", hint="Use the container's own buttons.")
    with transaction.atomic():
        require_apart(JobKind(job.kind))
        return submit(
            job.project,
            JobKind(job.kind),
            reference=job.reference,
            platform=job.platform,
            # Whoever repeats a scheduled pull waits for it.
            arguments={name: value for name, value in job.arguments.items() if name != "scheduled"},
            image=job.image if job.kind == JobKind.EXTRACT else None,
            created_by=creator(by),
        )
