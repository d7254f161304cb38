"""The Redis that the supervisor starts is private to this machine and this user."""

from __future__ import annotations

import socket
import stat
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError

from supervisor import redis
from tests.support.processes import wait_until


@pytest.mark.services
def test_it_listens_on_loopback_behind_its_password(tmp_path: Path) -> None:
    url, program = redis.prepare(tmp_path / "redis")
    with subprocess.Popen(program.command, stdout=subprocess.PIPE) as server:
        try:
            client = Redis.from_url(url)
            assert server.stdout is not None
            lines = iter(server.stdout.readline, b"")
            assert program.ready is not None
            assert any(program.ready.search(line.decode()) for line in lines)
            wait_until(client.ping, 10, "an answer to PING")
            assert client.config_get("bind")["bind"] == "127.0.0.1"
            with pytest.raises(AuthenticationError):
                Redis(port=urlsplit(url).port or 0).ping()
            with pytest.raises(OSError, match="refused"), socket.socket() as elsewhere:
                elsewhere.connect(("127.0.0.2", urlsplit(url).port or 0))
        finally:
            server.terminate()


def test_only_this_user_can_read_its_password(tmp_path: Path) -> None:
    url, _ = redis.prepare(tmp_path / "redis")
    assert (tmp_path / "redis" / "url").read_text().strip() == url
    for path in (tmp_path / "redis").iterdir():
        if path.name != "port":
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "redis").stat().st_mode) == 0o700


def test_a_second_start_keeps_password_and_port(tmp_path: Path) -> None:
    assert redis.prepare(tmp_path / "redis")[0] == redis.prepare(tmp_path / "redis")[0]


def test_only_real_warnings_of_redis_are_shown() -> None:
    head = "4242:M 24 Nov 2026 10:00:00.000"
    assert redis.show(f"{head} * Ready to accept connections") is None
    assert redis.show(f"{head} # WARNING Memory overcommit must be enabled!") is None
    assert redis.show(f"{head} # Failed opening the RDB file") == "Failed opening the RDB file"
    assert redis.show("   ascii art") is None
