"""Which registry to talk to, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from worker.engine.oci import DEFAULT_REGISTRY

# Docker Hub's API does not live at the name that its references carry.
_API_HOSTS = {DEFAULT_REGISTRY: "registry-1.docker.io"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user name and a password or access token; never shown by ``repr``."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One registry.

    Attributes:
        host: As references name it, with its port if it has one: ``docker.io``, ``localhost:5000``.
        insecure: Allow TLS without a trusted certificate, and plain HTTP where there is no TLS at all.
        credentials: None means anonymous.
        ca_file: A file of certificates (PEM) to trust besides the system's.
        connect_timeout: Seconds for name look-up, connection and TLS handshake, each.
        stall_timeout: Seconds without a single byte after which an answer counts as stalled.
    """

    host: str
    insecure: bool = False
    credentials: Credentials | None = None
    ca_file: Path | None = None
    connect_timeout: float = 10.0
    stall_timeout: float = 60.0

    @property
    def api_host(self) -> str:
        """Host and port that answer the API."""
        return _API_HOSTS.get(self.host, self.host)
