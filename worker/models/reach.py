"""How a project reaches a registry host: its Registry row, or anonymously over TLS."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from django.conf import settings

from worker.engine.errors import Conflict, NotAllowed
from worker.engine.registry import DIRECT, Caps, ClientCertificate, Credentials, Endpoint, Proxy
from worker.models.limits import require_allowed
from worker.models.project import Project
from worker.models.registry import ProxyChoice, Registry
from worker.models.secret import decrypt


def endpoint_for(
    project: Project, host: str, insecure: bool | None = None, *, reserve: float = 0.0
) -> Endpoint:
    """Return the endpoint of ``host`` for ``project``; ``insecure`` overrules the row unless it is None.

    Args:
        reserve: the part of the registry's own rate limit, from 0 to 1, that is left to others.

    Raises:
        NotAllowed: ``insecure`` would send stored credentials over a connection that the row does not trust;
            or a mirror is not on the allow-list.
        Conflict: a stored secret cannot be decrypted, or Docker's config.json is wanted and none is named.
    """
    registry = Registry.objects.filter(project=project, host=host).first()
    if registry is None:
        return Endpoint(host, insecure=bool(insecure), reserve=reserve)
    return replace(endpoint_of(registry, insecure), reserve=reserve)


def endpoint_of(registry: Registry, insecure: bool | None = None) -> Endpoint:
    """Return the endpoint that the row describes, with its mirrors; raises as :func:`endpoint_for`."""
    if insecure and not registry.insecure and _has_secrets(registry):
        raise NotAllowed(
            f"The credentials for {registry.host} are not sent over an insecure connection.",
            hint="Pull without the insecure option; or an admin marks the registry itself as insecure.",
        )
    own = _alone(registry)
    return replace(
        own,
        insecure=registry.insecure if insecure is None else insecure,
        mirrors=_mirrors(registry),
        mirror_tags=registry.mirror_tags,
    )


def split_mirror(mirror: str) -> tuple[str, str]:
    """Return host and prefix of a mirror as it is stored."""
    host, _, prefix = mirror.partition("/")
    return host, prefix


def _alone(registry: Registry) -> Endpoint:
    """The row's endpoint without its mirrors: those of a mirror do not count."""
    credentials = None
    if registry.username and not registry.uses_docker_config:
        credentials = Credentials(registry.username, decrypt(registry.password_encrypted))
    return Endpoint(
        registry.host,
        insecure=registry.insecure,
        credentials=credentials,
        docker_config=_docker_config(registry) if registry.uses_docker_config else None,
        ca=registry.ca,
        client_certificate=_client_certificate(registry),
        proxy=_proxy(registry),
        caps=_caps(registry),
    )


def _mirrors(registry: Registry) -> tuple[Endpoint, ...]:
    if not registry.mirrors:
        return ()
    parts = [split_mirror(mirror) for mirror in registry.mirrors]
    hosts = {host for host, _ in parts}
    rows = {row.host: row for row in Registry.objects.filter(project_id=registry.project_id, host__in=hosts)}
    found = []
    for host, prefix in parts:
        require_allowed(host)
        row = rows.get(host)
        found.append(replace(_alone(row) if row is not None else Endpoint(host), prefix=prefix))
    return tuple(found)


def _has_secrets(registry: Registry) -> bool:
    return bool(registry.username) or registry.uses_docker_config


def _docker_config(registry: Registry) -> Path:
    if not settings.DOCKER_CONFIG:
        raise Conflict(
            f"The credentials for {registry.host} are in a Docker config.json, and none is named here.",
            hint="Set STRATA_DOCKER_CONFIG to its path, or enter the user name and password instead.",
        )
    return Path(settings.DOCKER_CONFIG)


def _client_certificate(registry: Registry) -> ClientCertificate | None:
    if not registry.client_certificate:
        return None
    key = decrypt(registry.client_key_encrypted, "private key")
    return ClientCertificate(registry.client_certificate, key)


def _proxy(registry: Registry) -> Proxy | None:
    if registry.proxy == ProxyChoice.NONE:
        return DIRECT
    if registry.proxy != ProxyChoice.OWN:
        return None
    credentials = None
    if registry.proxy_username:
        password = decrypt(registry.proxy_password_encrypted, "password of a proxy")
        credentials = Credentials(registry.proxy_username, password)
    return Proxy(registry.proxy_url, credentials)


def _caps(registry: Registry) -> Caps | None:
    if registry.max_downloads is None and registry.max_bandwidth is None:
        return None
    # Among the store's locks: like them it belongs to the machine, and to no run.
    folder = settings.STORE_DIR / "ingest" / "locks" / f"registry-{registry.pk}"
    return Caps(folder, registry.max_downloads, registry.max_bandwidth)
