"""A client for the OCI distribution API: pulling only, every failure named, nothing secret sent elsewhere."""

from __future__ import annotations

from worker.engine.registry.blobs import BlobStream
from worker.engine.registry.client import RegistryClient
from worker.engine.registry.connection import ConnectionReport, Step, test_connection
from worker.engine.registry.endpoint import (
    DIRECT,
    IDENTITY_TOKEN_USER,
    Caps,
    ClientCertificate,
    Credentials,
    Endpoint,
    Proxy,
)
from worker.engine.registry.manifests import MANIFEST_MAX, FetchedManifest
from worker.engine.registry.rate_limit import OnRateLimit, RateLimit
from worker.engine.registry.retry import OnRetry, RetryPolicy
from worker.engine.registry.tags import TagList, TagPage

__all__ = [
    "DIRECT",
    "IDENTITY_TOKEN_USER",
    "MANIFEST_MAX",
    "BlobStream",
    "Caps",
    "ClientCertificate",
    "ConnectionReport",
    "Credentials",
    "Endpoint",
    "FetchedManifest",
    "OnRateLimit",
    "OnRetry",
    "Proxy",
    "RateLimit",
    "RegistryClient",
    "RetryPolicy",
    "Step",
    "TagList",
    "TagPage",
    "test_connection",
]
