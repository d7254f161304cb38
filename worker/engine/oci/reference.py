"""References to images, by Docker's rules.

The grammar is that of the ``distribution/reference`` library, which Docker, containerd and Podman share; the
shortcuts (``alpine`` means ``docker.io/library/alpine:latest``) are its ``ParseNormalizedNamed``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from worker.engine.errors import InvalidDigest, InvalidReference
from worker.engine.oci.digest import Digest

DEFAULT_REGISTRY = "docker.io"
DEFAULT_TAG = "latest"
_OFFICIAL = "library/"
_LEGACY_DEFAULT = "index.docker.io"

REPOSITORY_MAX = 255
TAG_MAX = 128
_TEXT_MAX = 2048  # far above any valid reference; bounds the work done on nonsense

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = re.compile(rf"({_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::([0-9]{{1,5}}))?")
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_BARE_ID = re.compile(r"[a-f0-9]{64}")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://")


@dataclass(frozen=True, slots=True)
class Reference:
    """One image in one registry, in full.

    Attributes:
        registry: Host in lower case, with its port if one was given: ``docker.io``, ``localhost:5000``.
        repository: Path within the registry: ``library/alpine``.
        tag: None only when a digest was given and no tag.
        digest: Of the manifest or index; it decides when a tag is there too.
    """

    registry: str
    repository: str
    tag: str | None = DEFAULT_TAG
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a reference as a person types it.

        Raises:
            InvalidReference: the message names the part that is wrong.
        """
        text = text.strip()
        _refuse_what_is_no_reference(text)
        rest, at, digest_text = text.partition("@")
        digest = _digest(digest_text) if at else None
        registry, rest = _split_registry(rest)
        repository, colon, tag_text = rest.partition(":")
        _check_repository(repository)
        tag = _tag(tag_text) if colon else None
        if tag is None and digest is None:
            tag = DEFAULT_TAG
        return cls(registry, repository, tag, digest)

    @property
    def manifest_key(self) -> str:
        """What stands for this image in a manifest's URL: the digest, else the tag."""
        return str(self.digest) if self.digest is not None else (self.tag or DEFAULT_TAG)

    @property
    def familiar(self) -> str:
        """As Docker prints it: without ``docker.io/library/`` or ``docker.io/``; the tag stays."""
        if self.registry != DEFAULT_REGISTRY:
            return str(self)
        short = self.repository.removeprefix(_OFFICIAL)
        # "library/a/b" must keep its prefix: "a/b" would be read as another repository. And "localhost/x"
        # or "a.b/x" without docker.io would be read as a registry.
        return (short if "/" not in short else self._unambiguous()) + self._suffix()

    def __str__(self) -> str:
        return f"{self.registry}/{self.repository}{self._suffix()}"

    def _unambiguous(self) -> str:
        first = self.repository.partition("/")[0]
        return f"{self.registry}/{self.repository}" if _is_registry(first) else self.repository

    def _suffix(self) -> str:
        tag = f":{self.tag}" if self.tag is not None else ""
        digest = f"@{self.digest}" if self.digest is not None else ""
        return tag + digest


def _refuse_what_is_no_reference(text: str) -> None:
    if not text:
        raise InvalidReference("The reference is empty.")
    if len(text) > _TEXT_MAX:
        raise InvalidReference("The reference is too long.")
    if _SCHEME.match(text):
        raise InvalidReference(
            f"{text!r} is an address, not a reference.", hint="Leave out the part up to and with ://"
        )
    if _BARE_ID.fullmatch(text):
        # Docker refuses this too: it could be meant as the ID of a local image.
        raise InvalidReference(f"{text!r} is an image's ID, not a reference.")


def _is_registry(first: str) -> bool:
    """Whether the part before the first slash names a registry (else it belongs to the repository)."""
    return first == "localhost" or "." in first or ":" in first or first != first.lower()


def _split_registry(name: str) -> tuple[str, str]:
    """Split ``[registry/]repository[:tag]`` into the registry and the rest, both normalised."""
    first, slash, rest = name.partition("/")
    if not slash or not _is_registry(first):
        registry, rest = DEFAULT_REGISTRY, name
    elif first != "localhost" and "." not in first and ":" not in first:
        # Docker takes a capital letter for the sign of a host. But hosts have no case, and in lower case
        # this one would be read as a part of the repository.
        raise InvalidReference(
            f"{first!r} is neither a repository's name nor a registry's host.",
            hint="Repositories are written in lower case; a host has a dot or a port, or is localhost.",
        )
    else:
        registry = _host(first)
    if registry == DEFAULT_REGISTRY and "/" not in rest:
        rest = _OFFICIAL + rest
    return registry, rest


def _host(text: str) -> str:
    match = _HOST.fullmatch(text)
    if match is None:
        raise InvalidReference(f"{text!r} is not a registry's host name.")
    port = match[2]
    if port is not None and not 1 <= int(port) <= 65535:
        raise InvalidReference(f"{port} is not a port: ports go from 1 to 65535.")
    host = text.lower()
    return DEFAULT_REGISTRY if host == _LEGACY_DEFAULT else host


def _check_repository(repository: str) -> None:
    if repository != repository.lower():
        raise InvalidReference(
            f"The repository {repository.removeprefix(_OFFICIAL)!r} must be in lower case."
        )
    if _REPOSITORY.fullmatch(repository) is None:
        raise InvalidReference(f"{repository.removeprefix(_OFFICIAL)!r} is not a repository's name.")
    if len(repository) > REPOSITORY_MAX:
        raise InvalidReference(f"The repository's name is longer than {REPOSITORY_MAX} characters.")


def _tag(text: str) -> str:
    if _TAG.fullmatch(text) is None:
        raise InvalidReference(f"{text!r} is not a tag.")
    if len(text) > TAG_MAX:
        raise InvalidReference(f"The tag is longer than {TAG_MAX} characters.")
    return text


def _digest(text: str) -> Digest:
    try:
        return Digest.parse(text)
    except InvalidDigest as error:
        raise InvalidReference(error.message, hint=error.hint) from error
