"""Which registry to talk to, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from worker.engine.oci import DEFAULT_REGISTRY

# Docker Hub's API does not live at the name that its references carry.
_API_HOSTS = {DEFAULT_REGISTRY: "registry-1.docker.io"}
# Where a user name would stand, Docker's config.json and credential helpers say that the password is a token.
IDENTITY_TOKEN_USER = "<token>"  # noqa: S105 (no secret)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user name and a password or access token; never shown by ``repr``.

    With :data:`IDENTITY_TOKEN_USER` as the user name, the password is an identity token, with which a token
    server gives out tokens (OAuth 2 refresh token).
    """

    username: str
    password: str = field(repr=False)

    @property
    def identity_token(self) -> str:
        """The identity token; empty if it is a password."""
        return self.password if self.username == IDENTITY_TOKEN_USER else ""


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """Who asks, proven by TLS; the key is never shown by ``repr``.

    Attributes:
        certificate: PEM: the certificate, followed by those of intermediate authorities, if any.
        key: PEM, without a passphrase.
    """

    certificate: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Proxy:
    """The HTTP proxy that everything of a registry goes through.

    Attributes:
        url: ``http://host:port`` or ``https://host:port``; empty means none, whatever the environment says.
        credentials: For the proxy alone.
    """

    url: str
    credentials: Credentials | None = None


DIRECT = Proxy("")


@dataclass(frozen=True, slots=True)
class Caps:
    """How much of a registry all processes of this machine may use together.

    Attributes:
        folder: Where they agree on it; the same for all processes, and for nothing else.
        downloads: Blobs at the same time; None for any number.
        bandwidth: Bytes a second over all downloads; None for as much as there is.
    """

    folder: Path
    downloads: int | None = None
    bandwidth: int | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One registry.

    Attributes:
        host: As references name it, with its port if it has one: ``docker.io``, ``localhost:5000``.
        insecure: Allow TLS without a trusted certificate, and plain HTTP where there is no TLS at all.
        credentials: None means anonymous.
        docker_config: Docker's ``config.json``, which is asked (and the credential helpers that it names)
            when the registry wants to know who asks and ``credentials`` is None.
        ca_file: A file of certificates (PEM) to trust besides the system's.
        ca: The same as text.
        client_certificate: Shown to the registry's own host alone, if it asks.
        proxy: None means what the environment prescribes.
        prefix: What stands before the name of every repository there, without slashes around it: a project of
            a caching registry (``dockerhub``, ``proxy/hub``).
        mirrors: Asked before the registry itself, in this order; their own mirrors and caps do not count.
        mirror_tags: Whether mirrors may say what a tag points to. They may be behind. If not, they are asked
            by digest alone.
        caps: None means no limits of our own.
        reserve: Which part of the registry's own rate limit, from 0 to 1, this client leaves to others.
        connect_timeout: Seconds for name look-up, connection and TLS handshake, each.
        stall_timeout: Seconds without a single byte after which an answer counts as stalled.
    """

    host: str
    insecure: bool = False
    credentials: Credentials | None = None
    docker_config: Path | None = None
    ca_file: Path | None = None
    ca: str = ""
    client_certificate: ClientCertificate | None = None
    proxy: Proxy | None = None
    prefix: str = ""
    mirrors: tuple[Endpoint, ...] = ()
    mirror_tags: bool = True
    caps: Caps | None = None
    reserve: float = 0.0
    connect_timeout: float = 10.0
    stall_timeout: float = 60.0

    @property
    def api_host(self) -> str:
        """Host and port that answer the API."""
        return _API_HOSTS.get(self.host, self.host)
