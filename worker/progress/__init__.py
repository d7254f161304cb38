"""Engine events -> snapshots in a Redis Stream, throttled; and back.

Everything here is best effort: with Redis gone, jobs go on, and the job's row tells how they ended.
"""

from worker.progress.reporter import Reporter
from worker.progress.snapshot import (
    ErrorInfo,
    KeepingInfo,
    LayerSnapshot,
    RetryInfo,
    Snapshot,
    error_of,
    of_job,
)
from worker.progress.stream import (
    TOPICS,
    announce,
    answers,
    client,
    job_key,
    latest,
    project_key,
    publish,
)

__all__ = [
    "TOPICS",
    "ErrorInfo",
    "KeepingInfo",
    "LayerSnapshot",
    "Reporter",
    "RetryInfo",
    "Snapshot",
    "announce",
    "answers",
    "client",
    "error_of",
    "job_key",
    "latest",
    "of_job",
    "project_key",
    "publish",
]
