"""Registries that a project knows: how to reach them, and as whom."""

from __future__ import annotations

from django.db import models

from worker.models.project import Project


class CredentialSource(models.TextChoices):
    """Where the credentials of a registry come from."""

    TYPED = "typed", "Typed in here"
    DOCKER = "docker", "Docker's config.json"


class ProxyChoice(models.TextChoices):
    """Which HTTP proxy leads to a registry."""

    ENVIRONMENT = "environment", "As the worker's environment says"
    NONE = "none", "None: connect directly"
    OWN = "own", "This one"


class Registry(models.Model):
    """How one project reaches one registry host.

    A registry without a row is reached anonymously over TLS.

    Attributes:
        host: as in a reference: ``docker.io``, ``localhost:5000``.
        insecure: plain HTTP, or TLS whose certificate is not checked.
        credential_source: whether user name and password are those below, or in the ``config.json`` that
            STRATA_DOCKER_CONFIG names.
        password_encrypted: the password, encrypted with a key derived from the secret key; never shown.
        ca: certificates (PEM) of authorities to trust for this registry besides the system's.
        client_certificate: what shows the registry who we are: the certificate and those between it and its
            authority (PEM).
        client_key_encrypted: its private key, as the password; never shown.
        proxy: which proxy leads there; ``proxy_url`` and what follows count for its own alone.
        mirrors: asked first, in this order: ``host[:port][/prefix]``. How each is reached says the project's
            row for that host, if it has one.
        mirror_tags: whether mirrors may say what a tag points to; if not, only the registry may.
        max_downloads: blobs at the same time, of all workers of a machine together; None for any number.
        max_bandwidth: bytes a second, of all workers of a machine together; None for as much as there is.
        check_error: why the last test of the connection failed; empty if it worked.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="registries")
    host = models.CharField(max_length=255)
    insecure = models.BooleanField(default=False)
    credential_source = models.CharField(
        max_length=10, choices=CredentialSource.choices, default=CredentialSource.TYPED
    )
    username = models.CharField(max_length=255, blank=True, default="")
    password_encrypted = models.TextField(blank=True, default="")
    ca = models.TextField(blank=True, default="")
    client_certificate = models.TextField(blank=True, default="")
    client_key_encrypted = models.TextField(blank=True, default="")
    proxy = models.CharField(max_length=12, choices=ProxyChoice.choices, default=ProxyChoice.ENVIRONMENT)
    proxy_url = models.CharField(max_length=300, blank=True, default="")
    proxy_username = models.CharField(max_length=255, blank=True, default="")
    proxy_password_encrypted = models.TextField(blank=True, default="")
    mirrors = models.JSONField(default=list, blank=True)
    mirror_tags = models.BooleanField(default=True)
    max_downloads = models.PositiveIntegerField(null=True, blank=True)
    max_bandwidth = models.PositiveBigIntegerField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    check_error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["host", "id"]
        constraints = [models.UniqueConstraint(fields=["project", "host"], name="registry_once_per_project")]

    def __str__(self) -> str:
        return self.host

    @property
    def uses_docker_config(self) -> bool:
        """Whether Docker's ``config.json`` says who we are there."""
        return self.credential_source == CredentialSource.DOCKER
