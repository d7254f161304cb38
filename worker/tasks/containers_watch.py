"""The tasks that look after containers: one asks every node, the other looks on its own node."""

from __future__ import annotations

from django.conf import settings

from worker.celery import app
from worker.engine.containers import Containers
from worker.engine.store import Store
from worker.models import Container, ContainerState, JobKind
from worker.tasks.observing import watch


@app.task(name="strata.watch_containers_everywhere")
def watch_containers_everywhere(all_states: bool = False) -> None:
    """Send the other task to each node that has something to look at."""
    containers = Container.objects.all()
    if not all_states:
        containers = containers.filter(state=ContainerState.RUNNING)
    for node in containers.order_by().values_list("node", flat=True).distinct():
        app.send_task(
            watch_containers.name, args=[all_states], queue=f"{JobKind.CONTAINER}.{node}", expires=6
        )


@app.task(name="strata.watch_containers")
def watch_containers(all_states: bool = False) -> None:
    """Bring the rows of this node's containers in line with what they do."""
    watch(Containers(Store(settings.STORE_DIR)), settings.NODE, all_states=all_states)
