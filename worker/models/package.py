"""Installed packages: facts of layers in their order, so they belong to no project.

Who may see one is decided by the images whose layers brought it. A package is kept once, and for each chain
ID only what its layer changed: images share the rows of the base that they stand on, and "which layer brought
it" goes without saying.
"""

from __future__ import annotations

from typing import Any

from django.db import models


class PackageVersion(models.Model):
    """One version of a package, as its database describes it (``worker.engine.packages.Package``).

    Attributes:
        fingerprint: sha256 over all of it: what a row is known by.
        search_name, search_source: the names as searches compare them.
        size: installed bytes, as the database says; None if it does not.
    """

    fingerprint = models.CharField(max_length=64, unique=True)
    ecosystem = models.CharField(max_length=8)
    name = models.CharField(max_length=255)
    version = models.CharField(max_length=255)
    architecture = models.CharField(max_length=64, blank=True, default="")
    source = models.CharField(max_length=255, blank=True, default="")
    source_version = models.CharField(max_length=255, blank=True, default="")
    license = models.TextField(blank=True, default="")
    size = models.PositiveBigIntegerField(null=True, blank=True)
    search_name = models.CharField(max_length=255, db_index=True)
    search_source = models.CharField(max_length=255, blank=True, default="", db_index=True)

    def __str__(self) -> str:
        return f"{self.ecosystem}: {self.name} {self.version}"


class PackageReading(models.Model):
    """That the packages of the layers up to one chain ID were read, and how that went.

    Attributes:
        reader: which generation of the readers it was; others read differently.
        total: packages installed, as of this layer.
        distribution_id, distribution_version, distribution_name: of the os-release file, as of this layer.
        notes: what could not be read, as of this layer: pairs of a path in text form and a sentence.
    """

    chain_id = models.CharField(max_length=71, unique=True)
    reader = models.PositiveSmallIntegerField()
    total = models.PositiveIntegerField()
    distribution_id = models.CharField(max_length=64, blank=True, default="")
    distribution_version = models.CharField(max_length=64, blank=True, default="")
    distribution_name = models.CharField(max_length=120, blank=True, default="")
    notes: models.JSONField[Any, Any] = models.JSONField(default=list)
    read_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.chain_id


class PackageChange(models.Model):
    """A package that a layer, on top of the ones below, installed (``added``) or removed.

    Attributes:
        path: the file that records it, in text form (``worker.engine.files.to_text``).
    """

    reading = models.ForeignKey(PackageReading, on_delete=models.CASCADE, related_name="changes")
    package = models.ForeignKey(PackageVersion, on_delete=models.CASCADE, related_name="changes")
    path = models.TextField()
    added = models.BooleanField()

    def __str__(self) -> str:
        return f"{'+' if self.added else '-'}{self.package_id}"
