"""Credentials as Docker keeps them: in its file, and behind its helpers, which are real programs here."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from samples.registry import Auth, SampleRegistry
from tests.engine.registry.conftest import QUICK
from worker.engine.cancel import CancelToken
from worker.engine.errors import Cancelled, CredentialsUnavailable, Unauthorized
from worker.engine.oci import Reference
from worker.engine.registry import Credentials, Endpoint, RegistryClient, docker_config
from worker.engine.registry.docker_config import find_credentials

ALICE = Credentials("alice", "wonder:land")
Write = Callable[..., Path]


def encoded(pair: str) -> dict[str, str]:
    return {"auth": base64.b64encode(pair.encode()).decode()}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a ``config.json`` with these sections."""

    def write(**sections: Any) -> Path:
        path = tmp_path / "config.json"
        path.write_text(json.dumps(sections))
        return path

    return write


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Install ``docker-credential-test``, a shell script."""

    def install(script: str) -> Path:
        path = tmp_path / "docker-credential-test"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
        return path

    return install


def found(path: Path, host: str = "r.example:5000") -> Credentials | None:
    return find_credentials(path, host, CancelToken())


@pytest.mark.parametrize(
    ("key", "host"),
    [
        ("r.example:5000", "r.example:5000"),
        ("R.example:5000", "r.example:5000"),
        ("https://r.example:5000", "r.example:5000"),
        ("https://r.example:5000/v1/", "r.example:5000"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("docker.io", "docker.io"),
        ("registry-1.docker.io", "docker.io"),
    ],
)
def test_an_entry_is_found_under_what_docker_ever_wrote(write: Write, key: str, host: str) -> None:
    assert found(write(auths={key: encoded("alice:wonder:land")}), host) == ALICE


def test_other_ways_to_write_it(write: Write) -> None:
    plain = {"username": "alice", "password": "wonder:land"}
    assert found(write(auths={"r.example:5000": plain})) == ALICE
    token = found(write(auths={"r.example:5000": {**encoded("<token>:"), "identitytoken": "tok"}}))
    assert token is not None
    assert token.identity_token == "tok"


@pytest.mark.parametrize(
    "sections",
    [
        {},
        {"auths": {}},
        {"auths": {"other.example": encoded("a:b")}},
        {"auths": {"r.example:5000": {}}},
        {"auths": {"r.example:5000": {"auth": "no base64!"}}},
        {"auths": {"r.example:5000": encoded("nameonly")}},
        {"auths": {"r.example:5000": {"username": 1, "password": []}}},
        {"auths": {"r.example:5000": "text"}},
        {"auths": []},
    ],
)
def test_where_there_are_none_it_is_anybody(write: Write, sections: dict[str, Any]) -> None:
    assert found(write(**sections)) is None


@pytest.mark.parametrize("content", [None, "", "nonsense", "[]", "[" * 100_000, "x" * (2 << 20)])
def test_what_is_no_configuration_is_said(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "config.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(CredentialsUnavailable, match="configuration"):
        found(path)


def test_a_helper_is_asked_for_its_host(write: Write, helper: Callable[[str], Path], tmp_path: Path) -> None:
    helper(
        f"""cat > {tmp_path}/asked; echo "$1" > {tmp_path}/verb
echo '{{"ServerURL": "x", "Username": "alice", "Secret": "wonder:land"}}'"""
    )
    path = write(credHelpers={"r.example:5000": "test"}, auths={"r.example:5000": encoded("bob:other")})
    assert found(path) == ALICE
    assert (tmp_path / "asked").read_text() == "r.example:5000"
    assert (tmp_path / "verb").read_text() == "get\n"
    (tmp_path / "asked").unlink()
    assert found(path, "elsewhere.example") is None
    assert not (tmp_path / "asked").exists()


def test_the_general_helper_knows_docker_hub_by_its_old_name(
    write: Write, helper: Callable[[str], Path], tmp_path: Path
) -> None:
    helper(f"""cat > {tmp_path}/asked; echo '{{"Username": "<token>", "Secret": "tok"}}'""")
    credentials = found(write(credsStore="test"), "docker.io")
    assert credentials is not None
    assert credentials.identity_token == "tok"
    assert (tmp_path / "asked").read_text() == "https://index.docker.io/v1/"


def test_a_helper_that_has_none_leaves_it_to_the_file(write: Write, helper: Callable[[str], Path]) -> None:
    helper("echo credentials not found in native keychain; exit 1")
    assert found(write(credsStore="test", auths={"r.example:5000": encoded("alice:wonder:land")})) == ALICE
    assert found(write(credsStore="test")) is None


def test_our_own_secrets_are_kept_from_helpers(
    write: Write, helper: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRATA_SECRET_KEY", "hunter2")
    helper("""echo "{\\"Username\\": \\"u\\", \\"Secret\\": \\"-$STRATA_SECRET_KEY-\\"}" """)
    credentials = found(write(credsStore="test"))
    assert credentials is not None
    assert credentials.password == "--"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo my secret is hunter2; exit 1", "it failed"),
        ("echo nonsense", "something else"),
        ("echo '[]'", "something else"),
        ("""echo '{"Username": "u"}'""", "something else"),
        ("head -c 3000000 /dev/zero", "more than"),
        ("exec cat /dev/zero", "more than"),
    ],
)
def test_a_helper_that_misbehaves_is_named_but_not_quoted(
    write: Write, helper: Callable[[str], Path], script: str, said: str
) -> None:
    helper(script)
    with pytest.raises(CredentialsUnavailable, match=said) as caught:
        found(write(credsStore="test"))
    assert "docker-credential-test" in caught.value.message
    assert "hunter2" not in caught.value.message


def test_a_helper_that_hangs_is_ended(
    write: Write, helper: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker_config, "_HELPER_SECONDS", 0.3)
    helper("exec sleep 600")
    with pytest.raises(CredentialsUnavailable, match="did not answer"):
        found(write(credsStore="test"))


def test_waiting_for_a_helper_can_be_cancelled(write: Write, helper: Callable[[str], Path]) -> None:
    helper("exec sleep 600")
    cancel = CancelToken()
    threading.Timer(0.2, cancel.cancel).start()
    with pytest.raises(Cancelled):
        find_credentials(write(credsStore="test"), "r.example", cancel)


@pytest.mark.parametrize("name", ["missing", "../../bin/sh", "", "-x", "a b", 7])
def test_a_helper_that_is_not_there(write: Write, name: object) -> None:
    config = write(credHelpers={"r.example:5000": name})
    if not isinstance(name, str) or not name:
        assert found(config) is None
        return
    with pytest.raises(CredentialsUnavailable, match="not installed"):
        found(config)


@pytest.mark.parametrize("kind", ["basic", "bearer"])
def test_a_registry_is_opened_with_them_and_only_if_it_asks(
    registry: SampleRegistry, reference: Reference, write: Write, tmp_path: Path, kind: str
) -> None:
    endpoint = Endpoint(registry.host, insecure=True, docker_config=tmp_path / "config.json")
    with RegistryClient(endpoint, retries=QUICK) as client:
        client.resolve(reference)  # there is not even a file
    registry.auth = Auth(kind, "alice", "wonder:land")
    with RegistryClient(endpoint, retries=QUICK) as client, pytest.raises(CredentialsUnavailable):
        client.resolve(reference)
    write(auths={registry.host: encoded("alice:wonder:land")})
    with RegistryClient(endpoint, retries=QUICK) as client:
        client.resolve(reference)
    write(auths={registry.host: encoded("alice:wrong")})
    with RegistryClient(endpoint, retries=QUICK) as client, pytest.raises(Unauthorized, match="not accept"):
        client.resolve(reference)
