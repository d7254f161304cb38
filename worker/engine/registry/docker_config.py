"""Credentials as Docker keeps them: in a ``config.json``, or behind a credential helper that it names.

(docker/cli, "Credential stores"; docker/docker-credential-helpers, "Development".)
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import os
import re
import selectors
import shutil
import subprocess
import time
from pathlib import Path
from typing import IO, Any

from worker.engine.cancel import CancelToken
from worker.engine.errors import CredentialsUnavailable
from worker.engine.oci import DEFAULT_REGISTRY
from worker.engine.registry.endpoint import IDENTITY_TOKEN_USER, Credentials

_CONFIG_MAX = 1 << 20  # bytes
_ANSWER_MAX = 1 << 20  # bytes; cloud tokens have thousands
_HELPER_SECONDS = 20.0
_GRACE = 5.0  # seconds to end after the answer
_POLL = 0.1  # seconds after which a cancelled wait ends
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_HUB_KEY = "https://index.docker.io/v1/"
_HUB_NAMES = frozenset({DEFAULT_REGISTRY, "index.docker.io", "registry-1.docker.io"})
# What a helper says when it simply has none (docker-credential-helpers, "credentials/error.go").
_NONE_STORED = "credentials not found in native keychain"


def find_credentials(path: Path, host: str, cancel: CancelToken) -> Credentials | None:
    """Look up who to be at a registry: the helper for this host, the general helper, then the file itself.

    Args:
        path: Of the ``config.json``.
        host: As references name it.
        cancel: Ends the wait for a helper.

    Raises:
        CredentialsUnavailable: the file cannot be read or meant, or a helper fails, hangs, or is missing.
        Cancelled.
    """
    config = _read(path)
    helper, key = _helper_for(config, host)
    if helper and (found := _ask(helper, key, cancel)) is not None:
        return found
    return _stored(config, host)


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(_CONFIG_MAX + 1)
    except OSError as error:
        raise CredentialsUnavailable(
            f"Docker's configuration {path} cannot be read: {error.strerror}."
        ) from error
    try:
        config = json.loads(content) if len(content) <= _CONFIG_MAX else None
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict):
        raise CredentialsUnavailable(f"Docker's configuration {path} is not what Docker writes.")
    return config


def _helper_for(config: dict[str, Any], host: str) -> tuple[str, str]:
    """The helper to ask, and by which key; the first is empty if there is none."""
    for key, name in _entries(config, "credHelpers"):
        if _host_of(key) == _canonical(host) and isinstance(name, str):
            return name, key
    general = config.get("credsStore")
    return (general if isinstance(general, str) else ""), _HUB_KEY if host in _HUB_NAMES else host


def _ask(helper: str, key: str, cancel: CancelToken) -> Credentials | None:
    """Run ``docker-credential-<helper> get``; None if it has none for this key."""
    program = shutil.which(f"docker-credential-{helper}") if _HELPER.fullmatch(helper) else None
    shown = f"docker-credential-{helper}"[:80]
    if program is None:
        raise CredentialsUnavailable(
            f"Docker's configuration names {shown}, which is not installed here.",
            hint="Install it where the worker runs, on its PATH; or enter the password instead.",
        )
    try:
        with subprocess.Popen(
            [program, "get"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
        ) as process:
            assert process.stdin is not None  # noqa: S101 (it is a pipe)
            assert process.stdout is not None  # noqa: S101 (it is a pipe)
            try:
                with contextlib.suppress(BrokenPipeError):  # it need not listen to know that it has none
                    process.stdin.write(key.encode())
                    process.stdin.close()
                answer = _listen(process.stdout, shown, cancel)
                failed = process.wait(_GRACE) != 0
            except BaseException:
                process.kill()
                raise
    except subprocess.TimeoutExpired as error:
        raise CredentialsUnavailable(f"{shown} does not end.") from error
    except OSError as error:
        raise CredentialsUnavailable(f"{shown} does not work: {error.strerror}.") from error
    if failed:
        # Its own words stay out: nobody can tell what is in them.
        if _NONE_STORED in answer.decode("utf-8", "replace"):
            return None
        raise CredentialsUnavailable(f"{shown} gives no credentials for {key}: it failed.")
    return _answered(answer, shown)


def _environment() -> dict[str, str]:
    """Ours without our own secrets: a helper is somebody else's program."""
    return {name: value for name, value in os.environ.items() if not name.startswith("STRATA_")}


def _listen(output: IO[bytes], shown: str, cancel: CancelToken) -> bytes:
    """Read what a helper says to its end, within limits."""
    deadline = time.monotonic() + _HELPER_SECONDS
    answer = b""
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        while len(answer) <= _ANSWER_MAX:
            cancel.check()
            if time.monotonic() > deadline:
                raise CredentialsUnavailable(f"{shown} did not answer within {_HELPER_SECONDS:.0f} seconds.")
            if selector.select(_POLL):
                data = output.read1(1 << 16)  # type: ignore[attr-defined]
                if not data:
                    return answer
                answer += data
    raise CredentialsUnavailable(f"{shown} answered with more than {_ANSWER_MAX} bytes.")


def _answered(answer: bytes, shown: str) -> Credentials | None:
    try:
        found = json.loads(answer)
        name, secret = found.get("Username"), found.get("Secret")
    except (ValueError, AttributeError, RecursionError):
        name = secret = None
    if not isinstance(name, str) or not isinstance(secret, str):
        raise CredentialsUnavailable(f"{shown} answered with something else than credentials.")
    return Credentials(name, secret) if name and secret else None


def _stored(config: dict[str, Any], host: str) -> Credentials | None:
    """What the file itself has for a host; None also for what is no proper entry, as Docker takes it."""
    for key, entry in _entries(config, "auths"):
        if _host_of(key) != _canonical(host) or not isinstance(entry, dict):
            continue
        token = entry.get("identitytoken")
        if isinstance(token, str) and token:
            return Credentials(IDENTITY_TOKEN_USER, token)
        name, password = _pair(entry)
        if name and password:
            return Credentials(name, password)
    return None


def _pair(entry: dict[str, Any]) -> tuple[str, str]:
    auth = entry.get("auth")
    if isinstance(auth, str) and auth:
        try:
            name, _, password = base64.b64decode(auth, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return "", ""
        return name, password.rstrip("\0")
    name, password = str(entry.get("username") or ""), str(entry.get("password") or "")
    return name, password


def _entries(config: dict[str, Any], section: str) -> list[tuple[str, Any]]:
    found = config.get(section)
    return list(found.items()) if isinstance(found, dict) else []


def _host_of(key: str) -> str:
    """The registry that an entry is for: older versions wrote whole addresses."""
    return _canonical(key.removeprefix("https://").removeprefix("http://").partition("/")[0])


def _canonical(host: str) -> str:
    return DEFAULT_REGISTRY if host.lower() in _HUB_NAMES else host.lower()
