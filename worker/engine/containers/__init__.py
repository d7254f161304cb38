"""Containers: overlay mounts, the runtime's spec, the runtime itself, logs and changes."""

from __future__ import annotations

from worker.engine.containers.changes import MAX_CHANGES, Change
from worker.engine.containers.containers import Containers
from worker.engine.containers.driver import Runtime
from worker.engine.containers.host import HostReport, inspect_host, runtime_here
from worker.engine.containers.log import LogLine
from worker.engine.containers.overlay import MAX_LOWERS, Overlay
from worker.engine.containers.plan import ContainerPlan, ContainerStatus

__all__ = [
    "MAX_CHANGES",
    "MAX_LOWERS",
    "Change",
    "ContainerPlan",
    "ContainerStatus",
    "Containers",
    "HostReport",
    "LogLine",
    "Overlay",
    "Runtime",
    "inspect_host",
    "runtime_here",
]
