"""Registries. Passwords and private keys go in and never come out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, cast

from ninja import Field, Schema

from dashboard.api.schemas.common import Input, ProjectSlug
from worker.engine.registry import ConnectionReport
from worker.models import RateLimit, Registry
from worker.services import RegistryOptions

Pem = Annotated[str | None, Field(max_length=200_000)]
Source = Literal["typed", "docker"]
Proxy = Literal["environment", "none", "own"]


class OptionsIn(Input):
    """How else to reach a registry; an absent field stays as it is."""

    credential_source: Source | None = Field(
        None, description="`docker`: the config.json that the install names; install administrators only."
    )
    ca: Pem = Field(None, description="Certificates (PEM) to trust besides the system's; empty: none.")
    client_certificate: Pem = Field(None, description="PEM; empty removes it and its key.")
    client_key: Pem = Field(None, description="Write-only. PEM, without a passphrase.")
    proxy: Proxy | None = Field(None, description="`environment`: as HTTPS_PROXY and NO_PROXY say.")
    proxy_url: str | None = Field(None, max_length=300, examples=["http://proxy.example.org:3128"])
    proxy_username: str | None = Field(None, max_length=255)
    proxy_password: str | None = Field(None, max_length=4096, description="Write-only.")
    mirrors: list[Annotated[str, Field(max_length=400)]] | None = Field(
        None, max_length=100, description="`host[:port][/prefix]`, the first to be asked first."
    )
    mirror_tags: bool | None = Field(None, description="Whether mirrors may say what a tag points to.")
    max_downloads: int | None = Field(None, description="At the same time, per machine; 0: no cap.")
    max_bandwidth: int | None = Field(None, description="Bytes a second, per machine; 0: no cap.")

    def options(self) -> RegistryOptions:
        """Return what the services take."""
        return RegistryOptions(**{name: getattr(self, name) for name in OptionsIn.model_fields})


class RegistryIn(OptionsIn):
    """How to reach a registry. ``insecure``: plain HTTP, or TLS whose certificate is not checked."""

    host: str = Field(min_length=1, max_length=255, examples=["localhost:5000"])
    insecure: bool = False
    username: str = Field("", max_length=255)
    password: str = Field("", description="Write-only.")
    project: ProjectSlug = None


class RegistryChange(OptionsIn):
    """What to change; an absent field stays, and so does the password if it is empty.

    An empty ``username`` removes both.
    """

    host: str | None = Field(None, min_length=1, max_length=255)
    insecure: bool | None = None
    username: str | None = Field(None, max_length=255)
    password: str | None = Field(None, description="Write-only.")


class RateLimitOut(Schema):
    """What a registry said of its own rate limit.

    ``window`` is in seconds; ``source`` says who is counted; ``full_at`` is when all are there again at the
    latest, null if that is not known.
    """

    host: str
    limit: int
    remaining: int
    window: int
    source: str
    seen_at: datetime
    full_at: datetime | None

    @classmethod
    def of(cls, row: RateLimit) -> RateLimitOut:
        """Return ``row``."""
        return cls(
            host=row.host,
            limit=row.limit,
            remaining=row.remaining,
            window=row.window,
            source=row.source,
            seen_at=row.seen_at,
            full_at=row.full_at,
        )


class RegistryOut(Schema):
    """A registry. ``check_error`` says why the last test failed; empty if it worked or there was none."""

    id: int
    project: str
    host: str
    insecure: bool
    credential_source: Source
    username: str
    has_password: bool
    ca: str
    client_certificate: str
    has_client_key: bool
    proxy: Proxy
    proxy_url: str
    proxy_username: str
    has_proxy_password: bool
    mirrors: list[str]
    mirror_tags: bool
    max_downloads: int | None
    max_bandwidth: int | None
    checked_at: datetime | None
    check_error: str
    created_at: datetime

    @classmethod
    def of(cls, registry: Registry) -> RegistryOut:
        """Return ``registry``; its project should be loaded already."""
        return cls(
            id=registry.pk,
            project=registry.project.slug,
            host=registry.host,
            insecure=registry.insecure,
            username=registry.username,
            has_password=bool(registry.password_encrypted),
            credential_source=cast("Source", registry.credential_source),
            ca=registry.ca,
            client_certificate=registry.client_certificate,
            has_client_key=bool(registry.client_key_encrypted),
            proxy=cast("Proxy", registry.proxy),
            proxy_url=registry.proxy_url,
            proxy_username=registry.proxy_username,
            has_proxy_password=bool(registry.proxy_password_encrypted),
            mirrors=registry.mirrors,
            mirror_tags=registry.mirror_tags,
            max_downloads=registry.max_downloads,
            max_bandwidth=registry.max_bandwidth,
            checked_at=registry.checked_at,
            check_error=registry.check_error,
            created_at=registry.created_at,
        )


class StepOut(Schema):
    """One step of the test, in order: DNS, TCP (or Proxy), TLS, API, Authentication."""

    name: str
    ok: bool
    detail: str


class TestedOut(Schema):
    """How far one host could be reached. ``skipped``: the names of the steps that were not tried."""

    host: str
    ok: bool
    steps: list[StepOut]
    skipped: list[str]

    @classmethod
    def of(cls, report: ConnectionReport) -> TestedOut:
        """Return ``report`` without its mirrors."""
        steps = [StepOut(name=step.name, ok=step.ok, detail=step.detail) for step in report.steps]
        return cls(host=report.host, ok=report.ok, steps=steps, skipped=list(report.skipped))


class ConnectionOut(TestedOut):
    """What a test of the connection found, for the registry and for each of its mirrors."""

    mirrors: list[TestedOut]
