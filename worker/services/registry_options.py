"""Whether what somebody enters about a registry can be meant: certificates, proxy, mirrors, caps."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from worker.engine.errors import ClientCertificateUnusable, InvalidInput, InvalidReference, StrataError
from worker.engine.oci import Reference
from worker.engine.registry import ClientCertificate
from worker.engine.registry.trust import present
from worker.models.limits import require_allowed

_Result = TypeVar("_Result")
PEM_MAX = 200_000  # characters; a bundle of all public authorities has as many
MIRRORS_MAX = 10
DOWNLOADS_MAX = 256
BANDWIDTH_MAX = 1 << 40  # bytes a second
BANDWIDTH_MIN = 1 << 10  # bytes a second; with less nothing arrives before somebody gives up
_PREFIX = re.compile(r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*")
_PROXY_LENGTH_MAX = 300


def at(field: str, check: Callable[[], _Result]) -> _Result:
    """Run a check; what it finds wrong is about ``field``."""
    try:
        return check()
    except StrataError as error:
        error.field = error.field or field
        raise


def registry_host(text: str) -> str:
    """Return a registry's host as references name it. Raises InvalidInput."""
    host = text.strip().removeprefix("https://").removeprefix("http://").rstrip("/")
    try:
        parsed = Reference.parse(f"{host}/x/y")
    except InvalidReference as error:
        raise InvalidInput(
            f"{text.strip()!r} is not a registry's host.", hint="Write host or host:port, as in a reference."
        ) from error
    # By Docker's rules a first word without a dot or port is no host, but part of docker.io's repository.
    if parsed.repository != "x/y":
        raise InvalidInput(
            f"{text.strip()!r} is not a registry's host.",
            hint="A host has a dot or a port, or is localhost; other names are Docker Hub's.",
        )
    return parsed.registry


def certificates(text: str) -> str:
    """Return certificates in PEM form, tidied; empty for none.

    Raises:
        InvalidInput: it is something else, or there is a private key in it: these are stored elsewhere.
    """
    pem = text.strip()
    if not pem:
        return ""
    if "PRIVATE KEY-----" in pem:
        raise InvalidInput("There is a private key in it.", hint="Enter only the certificates here.")
    try:
        if len(pem) > PEM_MAX:
            raise ValueError("it is too long")
        x509.load_pem_x509_certificates(pem.encode())
    except ValueError as error:
        raise InvalidInput(
            "This is no certificate in PEM form.",
            hint="It begins with -----BEGIN CERTIFICATE----- and ends with -----END CERTIFICATE-----.",
        ) from error
    return pem + "\n"


def private_key(text: str) -> str:
    """Return a private key in PEM form, tidied. Raises InvalidInput, which never quotes it."""
    pem = text.strip()
    try:
        serialization.load_pem_private_key(pem.encode(), password=None)
    except TypeError as error:
        raise InvalidInput(
            "This private key has a passphrase.", hint="Enter it without (openssl pkey -in key.pem)."
        ) from error
    except Exception as error:  # the library raises what it likes for unsupported kinds of keys
        raise InvalidInput(
            "This is no private key in PEM form.",
            hint="It begins with -----BEGIN PRIVATE KEY----- or -----BEGIN RSA PRIVATE KEY-----.",
        ) from error
    return pem + "\n"


def belong_together(certificate: str, key: str) -> None:
    """Raise InvalidInput unless TLS can present ``certificate`` with ``key``."""
    try:
        present(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ClientCertificate(certificate, key))
    except ClientCertificateUnusable as error:
        raise InvalidInput(error.message, hint="Enter the key that was made for this certificate.") from error


def proxy_url(text: str) -> str:
    """Return a proxy's address, tidied to ``http://host:port`` or ``https://...``. Raises InvalidInput."""
    shape = "Write http://host:port, or https://host:port if the proxy itself speaks TLS."
    given = text.strip()
    try:
        url = urlsplit(given)
        port = url.port
    except ValueError as error:
        raise InvalidInput("This is no address of a proxy.", hint=shape) from error
    if url.username is not None or url.password is not None:
        raise InvalidInput("There are credentials in the address.", hint="They have fields of their own.")
    odd = url.path.strip("/") or url.query or url.fragment or not given.isascii() or " " in given
    if url.scheme not in ("http", "https") or not url.hostname or odd or len(given) > _PROXY_LENGTH_MAX:
        raise InvalidInput("This is no address of an HTTP proxy.", hint=shape)
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    return f"{url.scheme}://{host}" + (f":{port}" if port else "")


def mirrors(given: Sequence[str], own_host: str) -> list[str]:
    """Return mirrors as they are stored: ``host[:port][/prefix]``, in order; blanks are dropped.

    Raises:
        InvalidInput: one of them is no host, the registry itself, or there twice.
        NotAllowed: one is not on the allow-list.
    """
    found: list[str] = []
    for text in filter(None, (line.strip() for line in given)):
        mirror = _mirror(text, own_host)
        if mirror in found:
            raise InvalidInput(f"{mirror} is there twice.", hint="Each mirror once, the best first.")
        found.append(mirror)
    if len(found) > MIRRORS_MAX:
        raise InvalidInput(f"More than {MIRRORS_MAX} mirrors.", hint="Keep those that are near.")
    return found


def _mirror(text: str, own_host: str) -> str:
    if text.startswith("http://"):
        raise InvalidInput(
            f"{text} has no TLS.", hint="Write its host alone, and add it as a registry that is insecure."
        )
    name, _, prefix = text.removeprefix("https://").rstrip("/").partition("/")
    host = registry_host(name)
    if host == own_host:
        raise InvalidInput(f"{host} is this registry itself.", hint="It is asked last in any case.")
    if prefix and not _PREFIX.fullmatch(prefix):
        raise InvalidInput(
            f"{prefix!r} cannot stand before a repository's name.",
            hint="Write a mirror as host, host:port, or host/project.",
        )
    require_allowed(host)
    return f"{host}/{prefix}" if prefix else host


def cap(value: int, least: int, most: int, unit: str) -> int | None:
    """Return a cap; None for 0, which means none. Raises InvalidInput."""
    if value == 0:
        return None
    if not least <= value <= most:
        raise InvalidInput(f"This must be from {least} to {most} {unit}.", hint="Leave it empty for no cap.")
    return value
