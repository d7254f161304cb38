from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.engine.containers.layers import add_layer, base_layer, image_config, middle_layer, top_layer
from tests.support.processes import wait_until
from worker.engine.containers import ContainerPlan, Containers, ContainerStatus
from worker.engine.containers.mounts import mounts_below
from worker.engine.containers.stop_all import stop_all
from worker.engine.oci import Digest
from worker.engine.store import Store

SLEEP = ("/bin/sleep", "1000")
"""A command that runs until it is ended."""
WAIT = 20.0
"""Seconds in which a container does anything."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store; whatever runs or is mounted in it at the end is ended and unmounted."""
    store = Store(tmp_path / "store")
    store.prepare()
    yield store
    stop_all(store.containers, timeout=0)
    containers = Containers(store)
    for container_id in containers.list():
        containers.remove(container_id)
    assert mounts_below(store.root) == ()


@pytest.fixture
def diff_ids(store: Store) -> tuple[Digest, ...]:
    """Three layers on which a shell runs."""
    return (
        add_layer(store, "base", base_layer),
        add_layer(store, "middle", middle_layer),
        add_layer(store, "top", top_layer),
    )


@dataclass
class Lab:
    """Containers, and what tests do with them again and again."""

    store: Store
    containers: Containers
    diff_ids: tuple[Digest, ...]

    def plan(
        self, *command: str, extra_env: dict[str, str] | None = None, hostname: str = "", **config: object
    ) -> ContainerPlan:
        """A plan for a new container; ``config`` changes the image's config."""
        return ContainerPlan(
            id=str(uuid.uuid4()),
            config=image_config(self.diff_ids, **config),
            diff_ids=self.diff_ids,
            command=command,
            env=extra_env or {},
            hostname=hostname,
        )

    def create(self, *command: str, **plan: object) -> str:
        made = self.plan(*command, **plan)  # type: ignore[arg-type]
        self.containers.create(made)
        return made.id

    def start(self, *command: str, **plan: object) -> str:
        container_id = self.create(*command, **plan)
        self.containers.start(container_id)
        return container_id

    def run(self, *command: str, **plan: object) -> tuple[str, ContainerStatus]:
        """Run a command to its end."""
        container_id = self.start(*command, **plan)
        return container_id, self.ended(container_id)

    def sh(self, script: str, **plan: object) -> tuple[str, ContainerStatus]:
        return self.run("/bin/sh", "-c", script, **plan)

    def ended(self, container_id: str) -> ContainerStatus:
        wait_until(lambda: self.containers.status(container_id).state == "stopped", WAIT, "the end")
        return self.containers.status(container_id)

    def output(self, container_id: str, stream: str = "stdout") -> list[str]:
        return [line.text for line in self.containers.log(container_id) if line.stream == stream]

    def home(self, container_id: str) -> Path:
        return self.store.containers / container_id


@pytest.fixture
def lab(store: Store, diff_ids: tuple[Digest, ...]) -> Lab:
    return Lab(store, Containers(store), diff_ids)
