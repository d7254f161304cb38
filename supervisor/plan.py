"""Which programs make up Strata, and how each is called."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from supervisor import ports, private, redis
from supervisor.process import Program
from supervisor.settings import ROOT, Settings

_MANAGE = (sys.executable, str(ROOT / "manage.py"))
_CELERY = (sys.executable, "-m", "celery", "--app", "worker.celery", "--quiet")
_SERVES = re.compile(r" serves \d+ sample images")
_SAMPLES_PORT = 5055
_SAMPLES_RATE = "6000000"
"""Bytes a second: slow enough to see progress, and all is there within half a minute."""


@dataclass(frozen=True)
class Plan:
    """All programs of one start.

    Attributes:
        store: what the others need before they can start, and ended last: Redis (unless the user's), samples.
        prepare: runs to its end before the long-running programs start.
        programs: run until Strata ends.
        welcome: runs to its end once everything is ready; None for nothing.
        last: runs after every program has ended.
    """

    store: tuple[Program, ...]
    prepare: Program
    programs: tuple[Program, ...]
    welcome: Program | None
    last: Program

    @property
    def names(self) -> tuple[str, ...]:
        every = (*self.store, self.prepare, *self.programs, self.last)
        return tuple(program.name for program in every)


def make(settings: Settings) -> Plan:
    """Return the plan for ``settings``; writes Redis's configuration and picks loopback ports."""
    store: tuple[Program, ...] = ()
    redis_url = settings.redis_url
    if not redis_url:
        redis_url, own_redis = redis.prepare(settings.data / "redis")
        store = (own_redis,)
    env = {
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        "PYTHONUNBUFFERED": "1",
        "STRATA_DATA": str(settings.data),
        "STRATA_NODE": settings.node,
        "STRATA_REDIS_URL": redis_url,
    }
    programs: tuple[Program, ...] = (
        _web(settings, env),
        _worker("pulls", "pull,extract", settings.pulls, env),
        # Four at once: what keeps the store in order may run for hours, twice at most (a scrub, and one that
        # changes the store), and containers must not wait for it.
        _worker("control", f"container.{settings.node},housekeeping,storage,index", 4, env),
        _beat(settings, env),
    )
    admin: Mapping[str, str] = {}
    welcome = None
    if settings.demo:
        admin = _demo_admin(settings)
        port = ports.remembered(settings.data / "samples-port", _SAMPLES_PORT)
        samples = (sys.executable, "-m", "samples.serve", "--port", str(port), "--rate", _SAMPLES_RATE)
        store = (*store, Program(name="samples", command=samples, env=env, ready=_SERVES))
        demo = (*_MANAGE, "demo", "--registry", f"127.0.0.1:{port}")
        welcome = Program(name="demo", command=demo, env={**env, **admin})
    return Plan(
        store=store,
        prepare=Program(name="prepare", command=(*_MANAGE, "prepare"), env={**env, **admin}),
        programs=programs,
        welcome=welcome,
        last=Program(name="control", command=stop_containers(settings), env=env),
    )


def _demo_admin(settings: Settings) -> Mapping[str, str]:
    """Return who administers the demonstration: as the environment says, else one with a made password."""
    if any(os.environ.get(f"STRATA_ADMIN_PASSWORD{suffix}") for suffix in ("", "_FILE")):
        return {}
    password = private.password(settings.data / "demo-password", 9)
    return {"STRATA_ADMIN_USERNAME": "admin", "STRATA_ADMIN_PASSWORD": password}


def stop_containers(settings: Settings) -> tuple[str, ...]:
    """Return the command that ends every running container and takes down its mounts."""
    return (sys.executable, "-m", "worker.engine.containers.stop_all", str(settings.data / "store"))


def _web(settings: Settings, env: Mapping[str, str]) -> Program:
    command = [sys.executable, "-m", "granian", "dashboard.asgi:application", "--interface", "asgi"]
    command += ["--host", settings.host, "--port", str(settings.port), "--workers", "1", "--no-ws"]
    # A server with open streams ignores SIGTERM unless it is given a limit.
    command += ["--workers-kill-timeout", "1s", "--respawn-failed-workers", "--respawn-interval", "1"]
    # A stream counts as a request in flight; the default would take no more than 1,024, pages included.
    command += ["--backpressure", "8192", "--backlog", "8192"]
    command += ["--static-path-route", "/static", "--static-path-mount", str(ROOT / "build" / "static")]
    command += ["--log-level", "warning"]
    return Program(name="web", command=tuple(command), env=env)


def _worker(name: str, queues: str, at_once: int, env: Mapping[str, str]) -> Program:
    command = [*_CELERY, "worker", "--queues", queues, "--concurrency", str(at_once)]
    # One node and no remote control of it: the chatter between workers would only cost start-up time.
    command += ["--hostname", f"{name}@%h", "--without-gossip", "--without-mingle", "--loglevel", "INFO"]
    ready = re.compile(rf"\b{name}@\S+ ready\.$")
    return Program(name=name, command=tuple(command), env=env, ready=ready)


def _beat(settings: Settings, env: Mapping[str, str]) -> Program:
    schedule = settings.data / "beat-schedule"
    pid_file = ("--pidfile", "")  # none: our lock already says that there is only one
    command = (*_CELERY, "beat", "--schedule", str(schedule), *pid_file, "--loglevel", "WARNING")
    return Program(name="beat", command=command, env=env)
