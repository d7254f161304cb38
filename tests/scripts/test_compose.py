"""compose.yaml and Dockerfile keep what docs/security.md promises; no Docker is needed to see that."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts import secrets
from supervisor.settings import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
OURS = ("prepare", "web", "pulls", "storage", "index", "control", "beat")


def test_it_is_the_programs_that_the_supervisor_runs() -> None:
    """Save that two kinds of work have workers of their own: what keeps the store in order needs registries,
    which control must not reach; what makes layers searchable needs to change nothing in the store."""
    assert set(SERVICES) == {*OURS, "redis", "postgres"}


def test_the_store_is_kept_in_order_by_one_that_may_fetch_and_extract() -> None:
    """A repair does what a pull does, so it has the same rights and ways out."""
    command = SERVICES["storage"]["command"]
    assert command[command.index("--queues") + 1] == "storage"
    for key in ("cap_add", "networks", "volumes", "security_opt"):
        assert SERVICES["storage"][key] == SERVICES["pulls"][key]


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_starts_with_nothing(name: str) -> None:
    """A read-only root file system, no capability but those that are listed, no device."""
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    # The control worker's containers would inherit it, and sudo would not work in them.
    assert ("no-new-privileges:true" in service["security_opt"]) == (name != "control")
    assert not service.get("privileged")
    assert not service.get("devices")
    assert not service.get("pid")


@pytest.mark.parametrize("name", ["prepare", "web", "beat"])
def test_what_needs_no_power_is_an_ordinary_user_without_capabilities(name: str) -> None:
    assert SERVICES[name]["user"] == "10001:10001"
    assert "cap_add" not in SERVICES[name]


def test_the_web_process_cannot_change_the_store() -> None:
    store, search, *others = SERVICES["web"]["volumes"]
    assert store == "store:/var/lib/strata/store:ro"
    assert search == "search:/var/lib/strata/search"  # a reader has to lock there; it can be made again
    assert all(volume["read_only"] for volume in others)


def test_what_makes_layers_searchable_only_reads_the_store() -> None:
    index = SERVICES["index"]
    assert index["volumes"] == ["store:/var/lib/strata/store:ro", "search:/var/lib/strata/search"]
    assert index["cap_add"] == ["DAC_READ_SEARCH"]
    assert index["networks"] == ["inside"]


def test_what_talks_to_registries_gets_dockers_config_and_nothing_else_does() -> None:
    """The processes that have a way out, and no others: they alone ask registries."""
    for name in OURS:
        service = SERVICES[name]
        asks = "outside" in service["networks"]
        assert ("STRATA_DOCKER_CONFIG" in service["environment"]) == asks
        mounts = [volume for volume in service.get("volumes", ()) if isinstance(volume, dict)]
        assert bool(mounts) == asks
        if asks:
            (mount,) = mounts
            # Named by the same variable: without it nothing is there, and no path is told.
            assert mount["source"] == "${STRATA_DOCKER_CONFIG:-/dev/null}"
            told = service["environment"]["STRATA_DOCKER_CONFIG"]
            assert told == f"${{STRATA_DOCKER_CONFIG:+{mount['target']}}}"
            assert mount["read_only"] is True


def test_the_bounds_of_layers_reach_whoever_extracts() -> None:
    names = {
        f"STRATA_{name}"
        for name in re.findall(r'env\.number\("(LAYER\w+)"', (ROOT / "dashboard" / "settings.py").read_text())
    }
    assert len(names) >= 4
    for service in ("pulls", "storage"):
        assert {f"${{{name}:-}}" for name in names} <= set(SERVICES[service]["environment"].values())


def test_each_capability_of_a_worker_is_explained() -> None:
    """Every capability line of the workers has a comment, or follows the one that explains the usual set."""
    text = (ROOT / "compose.yaml").read_text()
    for name in ("pulls", "control"):
        block = re.search(rf"\n  {name}:(?: &\w+)?\n(.*?)(?=\n  [a-z]+:\n|\n\n\S)", text, re.DOTALL)
        assert block is not None
        lines = re.search(r"cap_add:\n((?:      [-#] .*\n)+)", block[1])
        assert lines is not None
        bare = [line for line in lines[1].splitlines() if "#" not in line]
        assert not bare or "usual set" in lines[1]
    assert "SYS_ADMIN" in SERVICES["pulls"]["cap_add"]
    assert not {"NET_ADMIN", "SYS_PTRACE", "SYS_MODULE"} & set(SERVICES["pulls"]["cap_add"])


def test_only_the_web_port_is_published_and_only_on_loopback() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"web": ["127.0.0.1:${STRATA_PORT:-8000}:8000"]}
    assert COMPOSE["networks"]["inside"]["internal"] is True
    for name in ("redis", "postgres", "beat", "control", "prepare"):
        assert SERVICES[name]["networks"] == ["inside"]


def test_every_lasting_service_has_a_health_check() -> None:
    for name, service in SERVICES.items():
        assert ("healthcheck" in service) == (name != "prepare")


def test_no_secret_stands_in_an_environment() -> None:
    for service in SERVICES.values():
        for variable in service.get("environment", {}):
            assert not re.search("PASSWORD$|SECRET_KEY$|_URL$", variable)


def test_every_secret_that_is_read_is_made(tmp_path: Path) -> None:
    made = secrets.make(tmp_path / "secrets")
    declared = COMPOSE["secrets"]
    assert sorted(declared) == made
    for service in SERVICES.values():
        for name in service.get("secrets", ()):
            assert declared[name] == {"file": f"./secrets/{name}"}
        for variable, value in service.get("environment", {}).items():
            if variable.endswith("_FILE"):
                assert value.removeprefix("/run/secrets/") in service["secrets"]
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_secrets_are_made_once_and_fit_together(tmp_path: Path) -> None:
    secrets.make(tmp_path)
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert secrets.make(tmp_path) == []
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before
    assert f":{before['redis_password'].strip()}@redis:" in before["redis_url"]
    assert f":{before['postgres_password'].strip()}@postgres:" in before["database_url"]


def test_the_node_of_the_control_worker_is_the_node_of_everyone() -> None:
    """Container jobs go to the queue of STRATA_NODE; the worker must listen to the same."""
    queues = SERVICES["control"]["command"][SERVICES["control"]["command"].index("--queues") + 1]
    assert queues == "container.${STRATA_NODE:-compose},housekeeping"
    for name in OURS:
        assert SERVICES[name]["environment"]["STRATA_NODE"] == "${STRATA_NODE:-compose}"


def test_the_images_install_from_the_lock_with_hashes_and_end_unprivileged() -> None:
    assert "--require-hashes --requirement requirements.txt" in DOCKERFILE
    stages = re.findall(r"^FROM \S+ AS (\w+)$", DOCKERFILE, re.MULTILINE)
    assert stages == ["build", "base", "web", "worker"]
    web = DOCKERFILE.split("FROM base AS web")[1].split("FROM base AS worker")[0]
    assert "USER 10001:10001" in web
    for service in SERVICES.values():
        if build := service.get("build"):
            assert build["target"] in stages


def test_the_builder_gets_only_what_the_dockerfile_copies() -> None:
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in ignore if line.startswith("!")}
    copied = set(re.findall(r"^COPY (?!--from)(\S+) ", DOCKERFILE, re.MULTILINE))
    assert "*" in ignore
    assert copied == allowed
