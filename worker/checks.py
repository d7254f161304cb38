"""What ``manage.py check`` looks at before anything runs; with ``--deploy``, also at what it will meet."""

from __future__ import annotations

import os
import re
import stat
from importlib import import_module
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

_NODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


@register(Tags.files)
def data_directory(**kwargs: Any) -> list[CheckMessage]:
    """The data directory can be written, and the secret in it is one."""
    directory = Path(settings.DATA_DIR)
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return [
            Error(
                f"The data directory {directory} cannot be written.",
                hint="Give this program's user the right to, or set STRATA_DATA to another directory.",
                id="strata.E001",
            )
        ]
    secret = directory / "secret_key"
    if secret.exists() and stat.S_IMODE(secret.stat().st_mode) & 0o077:
        return [
            Warning(
                f"Others on this machine can read {secret}.",
                hint=f"chmod 600 {secret}",
                id="strata.W001",
            )
        ]
    return []


@register()
def node_name(**kwargs: Any) -> list[CheckMessage]:
    """The node's name can be part of a queue's name."""
    if _NODE.fullmatch(settings.NODE):
        return []
    return [
        Error(
            f"STRATA_NODE: {settings.NODE!r} cannot be a node's name.",
            hint="Use letters, digits, dashes and underscores.",
            id="strata.E002",
        )
    ]


@register()
def recovery_times(**kwargs: Any) -> list[CheckMessage]:
    """A job must be able to miss a heartbeat without being taken for dead."""
    if settings.STALE_SECONDS >= 2 * settings.HEARTBEAT_SECONDS:
        return []
    return [
        Error(
            "STRATA_STALE_SECONDS must be at least twice STRATA_HEARTBEAT_SECONDS.",
            hint="Or one heartbeat that comes late ends a job that is fine.",
            id="strata.E003",
        )
    ]


@register(deploy=True)
def redis_answers(**kwargs: Any) -> list[CheckMessage]:
    """Redis can be reached."""
    try:
        redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=2).ping()
    except (redis.RedisError, ValueError) as error:
        return [
            Warning(
                f"Redis cannot be reached: {error}",
                hint="Start it, or correct STRATA_REDIS_URL. Until then jobs stay queued.",
                id="strata.W002",
            )
        ]
    return []


@register(deploy=True)
def containers_run_here(**kwargs: Any) -> list[CheckMessage]:
    """This machine has what containers need (of interest on workers only)."""
    # Loaded when asked for: this module is part of every command's start, and most have no use for it.
    containers = import_module("worker.engine.containers")
    return [
        Warning(problem, hint="See docs/operations.md for what a worker needs.", id="strata.W003")
        for problem in containers.inspect_host().problems
    ]
