"""The work of the jobs that keep the store in order. Each may run again after its worker died half-way."""

from __future__ import annotations

from django.db.models import Case, Value, When

from worker.engine.errors import InvalidInput
from worker.engine.housekeeping import collect, scrub
from worker.engine.registry import Endpoint
from worker.models import Job, JobKind, Project, Registry
from worker.models.limits import require_allowed
from worker.models.reach import endpoint_of
from worker.tasks.bounds import layer_limits
from worker.tasks.findings import of_collected, of_scrubbed
from worker.tasks.forgetting import forget_removed
from worker.tasks.rebuilding import rebuild
from worker.tasks.removing import remove
from worker.tasks.running import Outcome, Run
from worker.tasks.stores import bring_in_line, open_store
from worker.tasks.weighing import weigh_again


def keep(run: Run) -> Outcome:
    """Do what the job's kind and arguments say to the store."""
    match JobKind(run.job.kind):
        case JobKind.COLLECT:
            return _collect(run)
        case JobKind.SCRUB:
            return _scrub(run)
        case JobKind.REBUILD:
            return Outcome(rebuild(open_store(), run.job.project, run.listener, run.cancel))
        case JobKind.REMOVE:
            return Outcome(remove(open_store(), run))
    raise InvalidInput(f"A job of the kind {run.job.kind} is none of the store.")


def _collect(run: Run) -> Outcome:
    dry_run = bool(run.job.arguments.get("dry_run"))
    store = open_store()
    forget_removed(store)
    collected = collect(store, dry_run=dry_run, listener=run.listener, cancel=run.cancel)
    if not dry_run:
        bring_in_line(store)
    return Outcome(of_collected(collected, dry_run=dry_run))


def _scrub(run: Run) -> Outcome:
    repair = bool(run.job.arguments.get("repair"))
    store = open_store()
    scrubbed = scrub(
        store,
        repair=repair,
        endpoint_of=lambda host: _endpoint(run.job.project, host),
        listener=run.listener,
        cancel=run.cancel,
        limits=layer_limits(),
    )
    weigh_again(one.subject for one in scrubbed.findings if one.kind == "layer" and one.repaired)
    bring_in_line(store)
    return Outcome(of_scrubbed(scrubbed, repair=repair))


def _endpoint(project: Project, host: str) -> Endpoint:
    """Return how to reach ``host`` to repair what came from there, for whichever project.

    Its entry in the job's own project comes first, then anybody's: the job belongs to the whole install.
    Without an entry, it is reached as it was when it was last pulled from.
    """
    require_allowed(host)
    own_first = Case(When(project=project, then=Value(0)), default=Value(1))
    registry = Registry.objects.filter(host=host).order_by(own_first, "pk").first()
    if registry is not None:
        return endpoint_of(registry)
    pulls = Job.objects.filter(kind=JobKind.PULL, reference__startswith=f"{host}/", image__isnull=False)
    last = pulls.order_by("-pk").values_list("arguments", flat=True).first()
    return Endpoint(host, insecure=bool(last and last.get("insecure")))
