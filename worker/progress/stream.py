"""The two kinds of Redis Stream that pages follow, and how to write and read them.

``strata:job:<id>`` holds entries ``{data: snapshot}``; the last one of a job has a final state.
``strata:project:<id>`` holds entries ``{topic: ...}``: something of that topic changed, look again.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import Final

import redis
from django.conf import settings

from worker.models import FINAL_STATES, Job
from worker.progress.snapshot import Snapshot, of_job

logger = logging.getLogger(__name__)

TOPICS: Final = ("jobs", "images", "containers", "schedules", "registries", "storage")

_KEPT = 500
_EXPIRY = 24 * 60 * 60
# Nobody waits for progress: what cannot be said within this many seconds is not said.
_TIMEOUT = 1.0


def job_key(job_id: int) -> str:
    return f"strata:job:{job_id}"


def project_key(project_id: int) -> str:
    return f"strata:project:{project_id}"


@cache
def client() -> redis.Redis:
    """Return this process's client. Its pool notices a fork by itself."""
    connection: redis.Redis = redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT
    )
    return connection


def answers() -> bool:
    """Whether Redis answers, and does so within a second."""
    try:
        return bool(client().ping())
    except redis.RedisError:
        return False


def publish(snapshot: Snapshot) -> bool:
    """Append ``snapshot`` to its job's stream; False if Redis did not take it.

    The stream expires a day after its last entry.
    """
    return _append(job_key(snapshot.job), {"data": snapshot.to_json()})


def announce(project_id: int, topic: str) -> None:
    """Tell whoever watches the project that something of ``topic`` changed."""
    if topic not in TOPICS:
        raise ValueError(f"{topic!r} is none of {TOPICS}")
    _append(project_key(project_id), {"topic": topic})


def latest(job: Job) -> Snapshot:
    """Return where ``job`` stands: from Redis while it is active, else (and with Redis gone) from its row."""
    if job.state in FINAL_STATES:
        return of_job(job)
    try:
        entries = client().xrevrange(job_key(job.pk), count=1)
    except redis.RedisError:
        return of_job(job)
    fields = entries[0][1] if entries else None
    return Snapshot.from_json(fields[b"data"]) if fields else of_job(job)


def _append(key: str, fields: dict[str, str]) -> bool:
    try:
        with client().pipeline(transaction=False) as pipe:
            pipe.xadd(key, fields, maxlen=_KEPT, approximate=True)  # type: ignore[arg-type]
            pipe.expire(key, _EXPIRY)
            pipe.execute()
    except redis.RedisError as error:
        logger.debug("Redis did not take an entry of %s: %s", key, error)
        return False
    return True
