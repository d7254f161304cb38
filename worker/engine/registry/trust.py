"""Whom TLS trusts, and as whom it presents itself."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from worker.engine.errors import CertificateRejected, ClientCertificateUnusable
from worker.engine.registry.endpoint import ClientCertificate, Endpoint

_NO_PASSPHRASE = b""  # else OpenSSL asks for one at the terminal


def tls_context(endpoint: Endpoint, *, verify: bool, own_host: bool) -> ssl.SSLContext:
    """How to do TLS on behalf of an endpoint.

    Args:
        verify: Check whose certificate the other side shows.
        own_host: The other side is the registry itself: the client certificate is for nobody else, not for a
            token server nor for the storage that blobs are redirected to.

    Raises:
        CertificateRejected: the certificates to trust cannot be used.
        ClientCertificateUnusable: the client certificate or its key cannot be.
    """
    context = ssl.create_default_context() if verify else _trusting()
    if endpoint.ca_file is not None:
        _trust_file(context, endpoint.ca_file)
    if endpoint.ca:
        _trust(context, endpoint.ca)
    if endpoint.client_certificate is not None and own_host:
        present(context, endpoint.client_certificate)
    return context


def _trusting() -> ssl.SSLContext:
    """A context that believes everybody, and so need not read the authorities, which takes 20 ms."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def present(context: ssl.SSLContext, client: ClientCertificate) -> None:
    """Let ``context`` show a client certificate.

    OpenSSL reads it from files alone: here from anonymous ones in memory, which have no name that others
    could open, and are gone when this returns.

    Raises:
        ClientCertificateUnusable: it is not PEM, has a passphrase, or the key belongs to another certificate.
    """
    certificate, key = _in_memory("certificate", client.certificate), -1
    try:
        key = _in_memory("key", client.key)
        context.load_cert_chain(_path(certificate), _path(key), password=_NO_PASSPHRASE)
    except ssl.SSLError as error:
        raise ClientCertificateUnusable(_what_is_wrong(error, client)) from error
    finally:
        os.close(certificate)
        if key >= 0:
            os.close(key)


def _what_is_wrong(error: ssl.SSLError, client: ClientCertificate) -> str:
    reason = error.reason or ""
    if reason == "KEY_VALUES_MISMATCH":
        return "The private key does not belong to the client certificate."
    if "ENCRYPTED" in client.key:  # OpenSSL does not tell
        return "The private key of the client certificate has a passphrase."
    words = f": {reason.replace('_', ' ').lower()}" if reason else ""
    return f"The client certificate and its private key cannot be used{words}."


def _trust_file(context: ssl.SSLContext, path: Path) -> None:
    try:
        context.load_verify_locations(cafile=path)
    except OSError as error:  # ssl.SSLError is one too
        raise CertificateRejected(
            f"The file of certificates {path} cannot be used: {error.strerror or error}.",
            hint="Give a readable file of certificates in PEM form.",
        ) from error


def _trust(context: ssl.SSLContext, certificates: str) -> None:
    try:
        context.load_verify_locations(cadata=certificates)
    except (ssl.SSLError, ValueError) as error:  # ValueError: not ASCII
        raise CertificateRejected(
            "The certificates of the registry's own authority cannot be used: they are not in PEM form.",
            hint="Enter them again on the Registries page, beginning with -----BEGIN CERTIFICATE-----.",
        ) from error


def _in_memory(name: str, content: str) -> int:
    fd = os.memfd_create(name, os.MFD_CLOEXEC)
    try:
        os.fchmod(fd, 0o600)
        with os.fdopen(os.dup(fd), "wb") as file:
            file.write(content.encode())
    except BaseException:
        os.close(fd)
        raise
    return fd


def _path(fd: int) -> str:
    return f"/proc/self/fd/{fd}"
