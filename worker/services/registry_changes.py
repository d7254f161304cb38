"""Changing how a registry is reached: each option checked, secrets kept where they were entered for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from worker.engine.errors import InvalidInput
from worker.models import CredentialSource, ProxyChoice, Registry
from worker.models.secret import decrypt, encrypt
from worker.services import registry_options as options


@dataclass(frozen=True, slots=True)
class RegistryOptions:
    """How else to reach a registry; None leaves an option as it is.

    Attributes:
        credential_source: a value of CredentialSource.
        ca: certificates in PEM form; empty for those of the system alone.
        client_certificate: in PEM form; empty for none, which forgets the key too.
        client_key: in PEM form; empty keeps the stored one. It is never shown.
        proxy: a value of ProxyChoice.
        proxy_url: ``http://host:port`` or ``https://host:port``.
        proxy_username: empty for none, which forgets the password too.
        proxy_password: empty keeps the stored one. It is never shown.
        mirrors: ``host[:port][/prefix]`` each, the first to be asked first.
        mirror_tags: whether mirrors may say what a tag points to.
        max_downloads: blobs at the same time; 0 for no cap.
        max_bandwidth: bytes a second; 0 for no cap.
    """

    credential_source: str | None = None
    ca: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    proxy: str | None = None
    proxy_url: str | None = None
    proxy_username: str | None = None
    proxy_password: str | None = None
    mirrors: Sequence[str] | None = None
    mirror_tags: bool | None = None
    max_downloads: int | None = None
    max_bandwidth: int | None = None


def way_of(row: Registry) -> tuple[str, str, str]:
    """Return whom all that is sent to a registry passes on its way: its host, and its proxy."""
    return row.host, row.proxy, row.proxy_url


def set_credentials(
    row: Registry, username: str, password: str | None, source: str | None, *, moved: bool
) -> None:
    """Set where credentials come from, and those that are typed.

    Args:
        moved: the row leads another way than before: or an edited row would carry a stored password to where
            it was not entered for.

    Raises:
        InvalidInput.
    """
    if source is not None:
        row.credential_source = options.at("credential_source", lambda: _source(source))
    row.username = username.strip()
    if row.uses_docker_config:
        if row.username or password:
            raise _refused("username", "Docker's config.json has the credentials.", "Leave these empty.")
        row.password_encrypted = ""
    elif not row.username:
        if password:
            raise _refused("username", "There is a password, but no user name.")
        row.password_encrypted = ""
    elif password:
        row.password_encrypted = encrypt(password)
    elif moved and row.password_encrypted:
        raise _refused("password", "Enter the password again: the host or the proxy has changed.", "")


def set_proxy(row: Registry, given: RegistryOptions) -> None:
    """Set which proxy leads there. Raises InvalidInput."""
    if given.proxy is not None:
        if given.proxy not in ProxyChoice.values:
            raise _refused("proxy", f"Which proxy is {given.proxy!r}?", f"One of {_any_of(ProxyChoice)}.")
        row.proxy = given.proxy
    if row.proxy != ProxyChoice.OWN:
        row.proxy_url = row.proxy_username = row.proxy_password_encrypted = ""
        return
    old_url = row.proxy_url
    if given.proxy_url is not None:
        row.proxy_url = options.at("proxy_url", lambda: options.proxy_url(given.proxy_url or ""))
    if not row.proxy_url:
        raise _refused("proxy_url", "The proxy has no address.")
    if given.proxy_username is not None:
        row.proxy_username = given.proxy_username.strip()
    if not row.proxy_username:
        if given.proxy_password:
            raise _refused("proxy_username", "There is a password, but no user name.")
        row.proxy_password_encrypted = ""
    elif given.proxy_password:
        row.proxy_password_encrypted = encrypt(given.proxy_password)
    elif row.proxy_password_encrypted and old_url != row.proxy_url:
        raise _refused("proxy_password", "Enter the password again: the proxy has changed.", "")


def set_trust(row: Registry, given: RegistryOptions, *, moved: bool) -> None:
    """Set whom to trust, and who to be.

    Raises:
        InvalidInput.
        Conflict: the stored key cannot be decrypted.
    """
    if given.ca is not None:
        row.ca = options.at("ca", lambda: options.certificates(given.ca or ""))
    if given.client_certificate is not None:
        row.client_certificate = options.at(
            "client_certificate", lambda: options.certificates(given.client_certificate or "")
        )
    if not row.client_certificate:
        if given.client_key:
            raise _refused("client_certificate", "There is a private key, but no certificate.")
        row.client_key_encrypted = ""
        return
    if given.client_key:
        key = options.at("client_key", lambda: options.private_key(given.client_key or ""))
        row.client_key_encrypted = encrypt(key)
    elif not row.client_key_encrypted:
        raise _refused("client_key", "There is a certificate, but no private key.")
    elif moved:
        raise _refused("client_key", "Enter the private key again: the host or the proxy has changed.", "")
    else:
        key = decrypt(row.client_key_encrypted, "private key")
    options.at("client_key", lambda: options.belong_together(row.client_certificate, key))


def set_mirrors_and_caps(row: Registry, given: RegistryOptions) -> None:
    """Set who is asked first, and how much of it all may be used.

    Raises:
        InvalidInput.
        NotAllowed: a mirror is not on the allow-list.
    """
    mirrors = row.mirrors if given.mirrors is None else given.mirrors
    row.mirrors = options.at("mirrors", lambda: options.mirrors(mirrors, row.host))
    if given.mirror_tags is not None:
        row.mirror_tags = given.mirror_tags
    downloads, bandwidth = given.max_downloads, given.max_bandwidth
    if downloads is not None:
        row.max_downloads = options.at(
            "max_downloads", lambda: options.cap(downloads, 1, options.DOWNLOADS_MAX, "downloads")
        )
    if bandwidth is not None:
        row.max_bandwidth = options.at(
            "max_bandwidth",
            lambda: options.cap(bandwidth, options.BANDWIDTH_MIN, options.BANDWIDTH_MAX, "bytes a second"),
        )


def _source(source: str) -> str:
    if source not in CredentialSource.values:
        raise InvalidInput(
            f"Credentials come from nowhere like {source!r}.", hint=f"One of {_any_of(CredentialSource)}."
        )
    if source == CredentialSource.DOCKER and not settings.DOCKER_CONFIG:
        raise InvalidInput(
            "No Docker config.json is named on this install.",
            hint="Set STRATA_DOCKER_CONFIG to its path on the worker, or type the credentials.",
        )
    return source


def _any_of(choices: type[CredentialSource] | type[ProxyChoice]) -> str:
    return ", ".join(choices.values)


def _refused(field: str, message: str, hint: str | None = None) -> InvalidInput:
    error = InvalidInput(message, hint=hint)
    error.field = field
    return error
