from __future__ import annotations

from pathlib import Path

import pytest

from supervisor import settings
from supervisor.problem import Problem


def test_defaults_are_those_of_the_documentation() -> None:
    chosen = settings.read({})
    assert (chosen.host, chosen.port, chosen.node, chosen.redis_url) == ("127.0.0.1", 8000, "local", "")
    assert chosen.data == settings.ROOT / "var"
    assert settings.read({}, demo=True).data == settings.ROOT / "var-demo"


@pytest.mark.parametrize("port", ["x", "0", "65536", "-1", "80.5", "٣"])
def test_a_port_that_cannot_be_meant_is_named(port: str) -> None:
    with pytest.raises(Problem, match="STRATA_PORT"):
        settings.read({"STRATA_PORT": port})


def test_a_setting_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("redis://elsewhere/0\n")
    chosen = settings.read({"STRATA_REDIS_URL_FILE": str(tmp_path / "url")})
    assert chosen.redis_url == "redis://elsewhere/0"
    with pytest.raises(Problem, match="STRATA_REDIS_URL_FILE"):
        settings.read({"STRATA_REDIS_URL_FILE": str(tmp_path / "missing")})


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:81"),
        ("0.0.0.0", "http://127.0.0.1:81"),
        ("::1", "http://[::1]:81"),
        ("::", "http://[::1]:81"),
        ("strata.lan", "http://strata.lan:81"),
    ],
)
def test_the_announced_address_opens_in_a_browser_here(host: str, address: str) -> None:
    assert settings.read({"STRATA_HOST": host, "STRATA_PORT": "81"}).address == address
