"""Everything the engine can say went wrong, in one hierarchy.

StrataError
├── InvalidInput                 what was asked for cannot be meant
│   ├── InvalidReference
│   ├── InvalidPlatform
│   └── InvalidDigest
├── RegistryError                talking to a registry failed
│   ├── UnknownHost
│   ├── ConnectionRefused        (temporary)
│   │   └── ProxyFailed          (temporary)
│   │       └── ProxyRefused     it wants other credentials, or does not lead there
│   ├── ConnectionLost           (temporary)
│   ├── RegistryTimeout          (temporary)
│   ├── PlainHttpRegistry        TLS was tried, the other side speaks plain HTTP
│   ├── TlsRegistry              plain HTTP was tried, the other side speaks TLS
│   ├── CertificateRejected
│   ├── ClientCertificateUnusable  ours is not PEM, or not with its key
│   ├── ClientCertificateRejected  the registry wants one, or another one
│   ├── CredentialsUnavailable   Docker's config.json or its helper does not give them
│   ├── Unauthorized             no or wrong credentials (401)
│   ├── Forbidden                credentials that may not do this (403)
│   ├── NotInRegistry            404
│   │   ├── RepositoryNotFound
│   │   ├── TagNotFound          (or manifest digest)
│   │   └── BlobNotFound
│   ├── RateLimited              (temporary) 429
│   ├── RegistryUnavailable      (temporary) 5xx
│   └── RegistryMisbehaved       an answer outside the distribution spec
├── ContentError                 what the registry sent is not what it promised
│   ├── DigestMismatch
│   ├── SizeMismatch             truncated or too long
│   ├── DiffIdMismatch
│   ├── InvalidManifest          not parseable, or inconsistent with its config
│   ├── NotAnImage               a manifest of something else; says of what
│   ├── PlatformNotFound         names the platforms that exist
│   ├── UnsupportedMediaType
│   ├── CorruptLayer             not a valid tar, gzip or zstd stream
│   └── UnsafeLayer              an entry that would leave its tree
├── StoreError                   this machine's disk
│   ├── DiskFull
│   ├── StoreNotWritable
│   ├── StoreDamaged
│   │   └── BeingMended          (temporary) a layer's file index
│   │   └── SearchDamaged        the search database, which is made again by itself
│   ├── ContentUnreadable        a file of a layer that this process may not read
│   ├── TooManyFiles             the files of an image take more memory than this process may use for them
│   └── LayerMissing             a tree that is needed is not (or no longer) extracted
├── SandboxError                 the jail for extraction cannot be built here
├── RuntimeFailure               containers
│   ├── RuntimeMissing
│   ├── RuntimeUnsupported
│   ├── MountFailed
│   ├── CommandNotFound          the image has no such program
│   └── ContainerStateError      e.g. starting what runs already
├── NotAllowed                   the person may not do this
├── NotFound                     no such image, job, ... in this project
│   └── LinkLoop                 too many symbolic links lead to each other
├── Conflict                     it clashes with what is there
└── Cancelled                    somebody asked for it

Each class has a stable ``code`` (part of the API), a ``hint`` (what to do next) and ``temporary``: whether
the same call may succeed later with nothing changed. The message says what happened, in one sentence.
"""

from __future__ import annotations

from typing import ClassVar


class StrataError(Exception):
    """The base of all errors that a user may see.

    Attributes:
        message: One sentence that a person understands.
        code: Stable, machine-readable name of the kind of failure.
        hint: What to do next; one sentence.
        temporary: Whether trying again unchanged may help.
        field: The name of the argument that it is about; empty if that goes without saying.
    """

    code: ClassVar[str] = "internal_error"
    default_hint: ClassVar[str] = "Look at the worker's log; if it happens again, report it."
    temporary: ClassVar[bool] = False
    field: str = ""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint if hint is not None else self.default_hint


class InvalidInput(StrataError):
    code = "invalid_input"
    default_hint = "Correct the input and try again."


class InvalidReference(InvalidInput):
    code = "invalid_reference"
    default_hint = "Write it as Docker does: name, name:tag, host:port/name:tag or name@sha256:…"


class InvalidPlatform(InvalidInput):
    code = "invalid_platform"
    default_hint = "Write a platform as os/arch or os/arch/variant, for example linux/arm64/v8."


class InvalidDigest(InvalidInput):
    code = "invalid_digest"
    default_hint = "A digest is sha256: and 64 hexadecimal digits."


class RegistryError(StrataError):
    """
    Attributes:
        retry_after: Seconds that the registry asked to wait before trying again; None if it did not say.
    """

    code = "registry_error"
    default_hint = "Test the registry's connection on the Registries page."
    retry_after: float | None = None


class UnknownHost(RegistryError):
    code = "unknown_host"
    default_hint = "Check the registry's name for a typing error, and this machine's DNS."


class ConnectionRefused(RegistryError):
    code = "connection_refused"
    default_hint = "Check that the registry runs, and its port."
    temporary = True


class ProxyFailed(ConnectionRefused):
    code = "proxy_failed"
    default_hint = (
        "Check the registry's proxy on the Registries page; or, if it has none of its own, HTTP_PROXY, "
        "HTTPS_PROXY and NO_PROXY in the environment of the worker."
    )


class ProxyRefused(ProxyFailed):
    code = "proxy_refused"
    temporary = False


class ConnectionLost(RegistryError):
    code = "connection_lost"
    default_hint = "Try again; finished parts are kept."
    temporary = True


class RegistryTimeout(RegistryError):
    code = "registry_timeout"
    default_hint = "Try again later; finished parts are kept."
    temporary = True


class PlainHttpRegistry(RegistryError):
    code = "registry_speaks_http"
    default_hint = (
        "If that is meant, mark the registry as insecure, or allow plain HTTP for this pull (--insecure)."
    )


class TlsRegistry(RegistryError):
    code = "registry_speaks_tls"
    default_hint = "Do not mark this registry as insecure: it speaks TLS."


class CertificateRejected(RegistryError):
    code = "certificate_rejected"
    default_hint = "Enter its authority's certificate on the Registries page, or renew the registry's own."


class ClientCertificateUnusable(RegistryError):
    code = "client_certificate_unusable"
    default_hint = "Enter the client certificate and its key again on the Registries page, both in PEM form."


class ClientCertificateRejected(RegistryError):
    code = "client_certificate_rejected"
    default_hint = (
        "Enter a client certificate that this registry accepts, and its key, on the Registries page."
    )


class CredentialsUnavailable(RegistryError):
    code = "credentials_unavailable"
    default_hint = (
        "Mend the Docker config.json that STRATA_DOCKER_CONFIG names, or enter the password instead."
    )


class Unauthorized(RegistryError):
    code = "unauthorized"
    default_hint = (
        "Enter credentials for this registry on the Registries page; or the name is wrong: "
        "some registries answer so for what does not exist."
    )


class Forbidden(RegistryError):
    code = "forbidden"
    default_hint = "Ask the registry's owner for the right to pull this repository."


class NotInRegistry(RegistryError):
    code = "not_in_registry"
    default_hint = "Check the name."


class RepositoryNotFound(NotInRegistry):
    code = "repository_not_found"
    default_hint = "Check the repository's name."


class TagNotFound(NotInRegistry):
    code = "tag_not_found"
    default_hint = "Check the tag or digest."


class BlobNotFound(NotInRegistry):
    code = "blob_not_found"
    default_hint = "The registry has lost a part of this image; push the image again."


class RateLimited(RegistryError):
    code = "rate_limited"
    default_hint = "Wait, or enter credentials for this registry to get a higher limit."
    temporary = True


class RegistryUnavailable(RegistryError):
    code = "registry_unavailable"
    default_hint = "The registry has a problem of its own; try again later."
    temporary = True


class RegistryMisbehaved(RegistryError):
    code = "registry_misbehaved"
    default_hint = "Check that this address is a container registry, with no proxy or login page in between."


class ContentError(StrataError):
    code = "content_error"
    default_hint = "Push the image again."


class DigestMismatch(ContentError):
    code = "digest_mismatch"
    default_hint = (
        "The registry, or something on the way, altered the content; nothing of it was kept. "
        "Push the image again."
    )


class SizeMismatch(ContentError):
    code = "size_mismatch"
    default_hint = "The registry's copy is truncated or damaged; push the image again."


class DiffIdMismatch(ContentError):
    code = "diff_id_mismatch"
    default_hint = "The image was built or pushed wrongly; build it again."


class InvalidManifest(ContentError):
    code = "invalid_manifest"
    default_hint = "The image was built or pushed wrongly; build it again."


class NotAnImage(ContentError):
    code = "not_an_image"
    default_hint = "Choose a reference to a container image."


class PlatformNotFound(ContentError):
    code = "platform_not_found"
    default_hint = "Choose one of the platforms that exist."


class UnsupportedMediaType(ContentError):
    code = "unsupported_media_type"
    default_hint = "Push the image again with a current tool, as an OCI or Docker schema 2 image."


class CorruptLayer(ContentError):
    code = "corrupt_layer"
    default_hint = "The layer is damaged; build and push the image again."


class UnsafeLayer(ContentError):
    code = "unsafe_layer"
    default_hint = "Do not trust this image: a layer tries to write outside of its tree."


class StoreError(StrataError):
    code = "store_error"
    default_hint = "Check the disk that holds STRATA_DATA."


class DiskFull(StoreError):
    code = "disk_full"
    default_hint = "Free space on the disk that holds STRATA_DATA, and try again; finished parts are kept."


class StoreNotWritable(StoreError):
    code = "store_not_writable"
    default_hint = "Let this program's user write to STRATA_DATA."


class StoreDamaged(StoreError):
    """
    Attributes:
        diff_id: Of the layer whose record or file index it is, as text; empty if it is something else.
        manifest: Of the listed image that cannot be read, the digest as text; empty if it is something else.
    """

    diff_id: str = ""
    manifest: str = ""
    code = "store_damaged"
    default_hint = "Pull the image again."


class SearchDamaged(StoreDamaged):
    code = "search_damaged"
    default_hint = "It is made again by itself from the layers; search again in a few minutes."


class ContentUnreadable(StoreError):
    code = "content_unreadable"
    default_hint = (
        "A layer's files keep the owner and mode that they have in the image; "
        "a web service that runs as root may read all of them (see docs/security.md)."
    )


class TooManyFiles(StoreError):
    code = "too_many_files"
    default_hint = "Let an administrator give them more memory (STRATA_FILES_CACHE, see docs/operations.md)."


class BeingMended(StoreDamaged):
    code = "being_mended"
    default_hint = "Try again in a moment."
    temporary = True


class LayerMissing(StoreError):
    """
    Attributes:
        diff_id: Of the layer, as text; empty if it is not known, or several.
    """

    diff_id: str = ""
    code = "layer_missing"
    default_hint = "Extract the image first."


class SandboxError(StrataError):
    code = "sandbox_error"
    default_hint = "Run the worker as root with CAP_SYS_ADMIN (see docs/operations.md)."


class RuntimeFailure(StrataError):
    code = "runtime_failure"
    default_hint = "Look at the container's log."


class RuntimeMissing(RuntimeFailure):
    code = "runtime_missing"
    default_hint = "Install runc (or crun) and conmon on the worker's machine."


class RuntimeUnsupported(RuntimeFailure):
    code = "runtime_unsupported"
    default_hint = "See docs/operations.md for what containers need."


class MountFailed(RuntimeFailure):
    code = "mount_failed"
    default_hint = "The worker needs CAP_SYS_ADMIN and a file system that OverlayFS accepts as upper."


class CommandNotFound(RuntimeFailure):
    code = "command_not_found"
    default_hint = "Give a command that exists in the image."


class ContainerStateError(RuntimeFailure):
    code = "container_state"
    default_hint = "Reload the page to see the container's state."


class NotAllowed(StrataError):
    code = "not_allowed"
    default_hint = "Ask an admin of the project for a higher role."


class NotFound(StrataError):
    code = "not_found"
    default_hint = "Check the address; it may have been removed."


class LinkLoop(NotFound):
    code = "link_loop"
    default_hint = "Look at the links themselves: they lead to each other."


class Conflict(StrataError):
    code = "conflict"
    default_hint = "Reload the page and try again."


class Cancelled(StrataError):
    code = "cancelled"
    default_hint = "Start it again when you like; finished parts are kept."
