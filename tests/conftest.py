"""What tests of every part share. Redis, workers and registries are real ones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from kombu import pools
from pytest_django import Settings

from samples.bases import base_image
from samples.images import SampleImage
from samples.registry import SampleRegistry
from tests.support.redis import RedisServer, running_redis
from tests.support.workers import Workers
from worker.celery import app
from worker.models import Membership, Project, Role
from worker.progress import client


@dataclass(frozen=True)
class Users:
    """One user of each role in ``project``, a stranger, and the install's administrator."""

    viewer: User
    operator: User
    admin: User
    stranger: User
    superuser: User


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("root") and os.geteuid() != 0:
        pytest.skip("needs root")


@pytest.fixture
def project(db: None) -> Project:
    return Project.objects.create(slug="team", name="Team")


@pytest.fixture
def users(project: Project) -> Users:
    """Users of the project; the password of each is ``password of <name>``."""
    made = {
        name: User.objects.create_user(name, password=f"password of {name}")
        for name in ("viewer", "operator", "admin", "stranger")
    }
    for role in Role:
        Membership.objects.create(project=project, user=made[role.value], role=role)
    superuser = User.objects.create_superuser("root", password="password of root")
    return Users(**made, superuser=superuser)


@pytest.fixture(scope="session")
def _redis_process() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture
def redis_server(_redis_process: RedisServer, settings: Settings) -> Iterator[RedisServer]:
    """A real Redis, empty, which progress and Celery use; without this fixture Redis cannot be reached."""
    if _redis_process.process is None:
        _redis_process.start()
    _redis_process.client.flushall()
    before = app.conf.broker_url
    settings.REDIS_URL = _redis_process.url
    _use_broker(_redis_process.url)
    yield _redis_process
    _use_broker(before)


@pytest.fixture
def data_dir(tmp_path: Path, settings: Settings) -> Path:
    """A data directory of the test's own."""
    settings.DATA_DIR = tmp_path
    settings.STORE_DIR = tmp_path / "store"
    settings.SEARCH_DIR = tmp_path / "search"
    return tmp_path


@pytest.fixture
def workers(transactional_db: None, redis_server: RedisServer, data_dir: Path) -> Iterator[Workers]:
    """Starts real workers and beats on this test's database, Redis and data directory."""
    starter = Workers(data_dir, redis_server.url)
    yield starter
    starter.end()


@pytest.fixture
def sample_registry() -> Iterator[SampleRegistry]:
    """A registry on a socket, empty; it misbehaves on request."""
    with SampleRegistry() as registry:
        yield registry


@pytest.fixture(scope="session")
def sample_base() -> SampleImage:
    """The sample family's base: it has a shell."""
    return base_image()


def _use_broker(url: str) -> None:
    client.cache_clear()
    app.conf.broker_url = url
    # Celery keeps connections to the broker that it knew first.
    pools.reset()
    app._pool = None
    app.amqp._producer_pool = None
