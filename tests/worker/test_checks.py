"""What ``manage.py check`` says before anything runs."""

from __future__ import annotations

from pathlib import Path

from django.core.checks import run_checks
from pytest_django import Settings

from tests.support.redis import RedisServer


def problems(*, deploy: bool = False) -> set[str]:
    messages = run_checks(include_deployment_checks=deploy)
    return {message.id for message in messages if message.id and message.id.startswith("strata")}


def test_a_sound_install_has_no_problems(data_dir: Path) -> None:
    assert problems() == set()


def test_a_data_directory_that_is_none_is_an_error(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "file").write_text("")
    settings.DATA_DIR = tmp_path / "file" / "data"
    assert problems() == {"strata.E001"}


def test_a_secret_that_others_can_read_is_pointed_out(data_dir: Path) -> None:
    secret = data_dir / "secret_key"
    secret.write_text("s")
    secret.chmod(0o644)
    assert problems() == {"strata.W001"}
    secret.chmod(0o600)
    assert problems() == set()


def test_a_node_must_fit_into_a_queues_name(data_dir: Path, settings: Settings) -> None:
    settings.NODE = "a b"
    assert problems() == {"strata.E002"}


def test_one_late_heartbeat_must_not_end_a_job(data_dir: Path, settings: Settings) -> None:
    settings.STALE_SECONDS, settings.HEARTBEAT_SECONDS = 12, 10
    assert problems() == {"strata.E003"}


def test_redis_is_looked_for_before_a_deployment_only(data_dir: Path) -> None:
    assert "strata.W002" not in problems()
    assert "strata.W002" in problems(deploy=True)


def test_a_redis_that_answers_is_fine(data_dir: Path, redis_server: RedisServer) -> None:
    assert "strata.W002" not in problems(deploy=True)
