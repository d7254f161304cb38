"""What the catalog keeps of the store as a whole: its measurement, and what is to leave its lists."""

from __future__ import annotations

from typing import Any

from django.db import models


class StoreSurvey(models.Model):
    """The last measurement of the store that all projects share: it walks over every file, so it is kept.

    There is one row.

    Attributes:
        kinds: bytes on disk by kind, as ``{kind: {"count": int, "bytes": int}}``; hard links count once.
        apart: bytes that the images would take if each kept what it has for itself (see ``shared``).
        shared: bytes of the same layers and blobs, each counted once. Both by the sizes in the catalog, so
            that their difference is what sharing saves, and nothing else.
        disk_total, disk_free: of the file system that holds the store, bytes.
        measured_at: None until the first measurement has ended.
        asked_at: when a measurement was last asked for.
    """

    kinds: models.JSONField[Any, Any] = models.JSONField(default=dict)
    apart = models.PositiveBigIntegerField(default=0)
    shared = models.PositiveBigIntegerField(default=0)
    disk_total = models.PositiveBigIntegerField(default=0)
    disk_free = models.PositiveBigIntegerField(default=0)
    measured_at = models.DateTimeField(null=True, blank=True)
    asked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"measured at {self.measured_at}"

    @property
    def bytes(self) -> int:
        """Of everything in the store."""
        return sum(int(kind["bytes"]) for kind in self.kinds.values())

    @property
    def saved(self) -> int:
        return max(0, self.apart - self.shared)


class RemovedManifest(models.Model):
    """An image that the last project removed, and that the store's lists still have: a worker takes it off.

    Only what was removed on purpose leaves the lists. What the catalog merely lacks stays there: a catalog
    that was lost must not take the store with it.
    """

    digest = models.CharField(max_length=71, unique=True)
    removed_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.digest
