"""Containers for tests of their pages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.dashboard.catalog import make_image
from worker.models import Container, ContainerState, Image, Project

LIST = "/p/team/containers/"


@pytest.fixture
def image(project: Project) -> Image:
    return make_image(project, "debian", "d", tags=["bookworm"])


@pytest.fixture
def container(project: Project, image: Image) -> Container:
    return Container.objects.create(
        project=project,
        image=image,
        name="quiet-basalt",
        node="local",
        command=["sh", "-c", "echo <b>hi</b>"],
        env={"A": "1"},
        state=ContainerState.STOPPED,
        exit_code=137,
        started_at=datetime(2026, 11, 1, tzinfo=UTC),
    )
