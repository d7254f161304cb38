"""A client for the OCI distribution API: pulling only, every failure named, nothing secret sent elsewhere."""

from __future__ import annotations

from worker.engine.registry.blobs import BlobStream
from worker.engine.registry.client import RegistryClient
from worker.engine.registry.connection import ConnectionReport, Step, test_connection
from worker.engine.registry.endpoint import Credentials, Endpoint
from worker.engine.registry.manifests import MANIFEST_MAX, FetchedManifest
from worker.engine.registry.retry import OnRetry, RetryPolicy
from worker.engine.registry.tags import TagList, TagPage

__all__ = [
    "MANIFEST_MAX",
    "BlobStream",
    "ConnectionReport",
    "Credentials",
    "Endpoint",
    "FetchedManifest",
    "OnRetry",
    "RegistryClient",
    "RetryPolicy",
    "Step",
    "TagList",
    "TagPage",
    "test_connection",
]
