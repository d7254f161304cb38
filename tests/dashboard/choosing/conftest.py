"""A registry to look into."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.cache import caches
from django.urls import reverse

from samples.registry import SampleRegistry
from tests.dashboard.choosing.looking import CONTENT
from worker.models import Project, Registry


@pytest.fixture(autouse=True)
def _empty_tags() -> Iterator[None]:
    caches["tags"].clear()
    yield
    caches["tags"].clear()


@pytest.fixture
def path(project: Project) -> str:
    return reverse("pull", args=[project.slug])


@pytest.fixture
def app(sample_registry: SampleRegistry, project: Project, data_dir: Path) -> str:
    """A repository with three tags, all of one index, in a registry that the project knows."""
    for tag in ("1.9", "1.10", "latest"):
        sample_registry.push("team/app", tag, CONTENT)
    Registry.objects.create(project=project, host=sample_registry.host, insecure=True)
    return f"{sample_registry.host}/team/app"
