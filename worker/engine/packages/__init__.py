"""Installed packages: what the databases and records in an image's merged tree say, layer by layer.

Light to import. What compares versions (``packages.versions``) and writes SBOMs (``packages.sbom``) loads
libraries of its own, and is imported from there by who needs it.
"""

from __future__ import annotations

from worker.engine.packages.stack import read_stack
from worker.engine.packages.values import UNKNOWN, Contents, Distribution, Ecosystem, Package, Record

READER = 1
"""Generation of the readers. Raised when they read differently, so that what is known is read again."""

__all__ = ["READER", "UNKNOWN", "Contents", "Distribution", "Ecosystem", "Package", "Record", "read_stack"]
