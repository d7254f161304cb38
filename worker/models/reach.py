"""How a project reaches a registry host: its Registry row, or anonymously over TLS."""

from __future__ import annotations

from worker.engine.errors import NotAllowed
from worker.engine.registry import Credentials, Endpoint
from worker.models.project import Project
from worker.models.registry import Registry
from worker.models.secret import decrypt


def endpoint_for(project: Project, host: str, insecure: bool | None = None) -> Endpoint:
    """Return the endpoint of ``host`` for ``project``; ``insecure`` overrules the row unless it is None.

    Raises:
        NotAllowed: ``insecure`` would send stored credentials over a connection that the row does not trust.
        Conflict: the stored password cannot be decrypted.
    """
    registry = Registry.objects.filter(project=project, host=host).first()
    if registry is None:
        return Endpoint(host, insecure=bool(insecure))
    return endpoint_of(registry, insecure)


def endpoint_of(registry: Registry, insecure: bool | None = None) -> Endpoint:
    """Return the endpoint that the row describes; raises as :func:`endpoint_for`."""
    credentials = None
    if registry.username:
        if insecure and not registry.insecure:
            raise NotAllowed(
                f"The credentials for {registry.host} are not sent over an insecure connection.",
                hint="Pull without the insecure option; or an admin marks the registry itself as insecure.",
            )
        credentials = Credentials(registry.username, decrypt(registry.password_encrypted))
    return Endpoint(
        registry.host,
        insecure=registry.insecure if insecure is None else insecure,
        credentials=credentials,
    )
