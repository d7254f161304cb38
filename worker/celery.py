"""The Celery application: JSON, late acknowledgement, one queue per kind of work.

The job's row decides what happens, not the message (worker.models.job): a message that comes twice, or late,
or is lost does no harm. So results are not kept, and messages carry nothing but a primary key.
"""

from __future__ import annotations

import os
import warnings

from celery import Celery
from celery.platforms import SecurityWarning
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
# `manage.py prepare` has checked the install. Checking it again in each process would load every page and the
# API into it: a third of a worker's memory.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

# A worker has to be root: it mounts, and gives files their owners.
# Messages are JSON, never pickle.
warnings.filterwarnings("ignore", category=SecurityWarning, module="celery")

HOUSEKEEPING_QUEUE = "housekeeping"
INDEX_QUEUE = "index"

app = Celery("strata", set_as_current=True)
app.conf.update(
    broker_url=settings.REDIS_URL,
    include=[
        "worker.tasks.pull",
        "worker.tasks.extract",
        "worker.tasks.container",
        "worker.tasks.housekeeping",
        "worker.tasks.storage",
        "worker.tasks.mend_index",
        "worker.tasks.index",
        "worker.tasks.count_contents",
        "worker.tasks.schedules",
        "worker.tasks.containers_watch",
        "worker.tasks.process",
    ],
    accept_content=["json"],
    task_serializer="json",
    result_serializer="json",
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    task_default_queue=HOUSEKEEPING_QUEUE,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        # Longer than any pull. A message that comes again while its job runs finds nothing to claim.
        "visibility_timeout": 24 * 60 * 60,
        "socket_connect_timeout": 2,
        # For a Redis that hangs. Above the ten seconds for which a worker asks for its next message.
        "socket_timeout": 15,
        "socket_keepalive": True,
        "health_check_interval": 10,
    },
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    worker_enable_remote_control=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    timezone="UTC",
    beat_schedule_filename=str(settings.DATA_DIR / "beat"),
    # Each of these is harmless in excess. One that nobody took in time is dropped, so none pile up.
    beat_schedule={
        "housekeeping": {
            "task": "strata.housekeeping",
            "schedule": settings.HOUSEKEEPING_SECONDS,
            "options": {"expires": 30},
        },
        # What pulls ask for at once; this is for what got lost, and for what is gone.
        "index": {
            "task": "strata.index",
            "schedule": settings.INDEX_SECONDS,
            "options": {"queue": INDEX_QUEUE, "expires": settings.INDEX_SECONDS},
        },
        "schedules": {
            "task": "strata.schedules",
            "schedule": settings.SCHEDULES_SECONDS,
            "options": {"expires": 15},
        },
        "watch containers": {
            "task": "strata.watch_containers_everywhere",
            "schedule": settings.CONTAINER_WATCH_SECONDS,
            "options": {"expires": 6},
        },
        "watch all containers": {
            "task": "strata.watch_containers_everywhere",
            "schedule": 30,
            "kwargs": {"all_states": True},
            "options": {"expires": 30},
        },
    },
)
