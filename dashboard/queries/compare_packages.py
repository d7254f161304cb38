"""Packages that differ between two images."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dashboard.queries.compare import Pair
from worker.engine.packages import Package
from worker.models.package_differences import PackageDifferences, VersionChange, package_differences

PER_PAGE = 200
_TONES = {"changed": "warn", "added": "good", "removed": "bad"}


def compared_packages(pair: Pair) -> PackageDifferences | None:
    """Compare the packages of two images; None for a container, whose own are not read."""
    return package_differences(pair.a.image, pair.b.image) if pair.container is None else None


@dataclass(frozen=True, slots=True)
class PackageRow:
    """A package that differs; versions are empty on the side that has not got it."""

    name: str
    architecture: str
    ecosystem: str
    change: str
    before: str
    after: str

    @property
    def tone(self) -> str:
        return _TONES[self.change]


def package_count(found: PackageDifferences | None) -> int:
    """Return how many packages differ."""
    return len(found.changed) + len(found.added) + len(found.removed) if found else 0


def package_rows(found: PackageDifferences) -> list[PackageRow]:
    """Return what differs: first other versions, then what came, then what went."""
    rows = [_row(one, "changed", _versions(one.before), _versions(one.after)) for one in found.changed]
    rows += [_row(one, "added", "", one.version) for one in found.added]
    rows += [_row(one, "removed", one.version, "") for one in found.removed]
    return rows


def _row(one: Package | VersionChange, change: str, before: str, after: str) -> PackageRow:
    return PackageRow(one.name, one.architecture, one.ecosystem.value, change, before, after)


def _versions(packages: Iterable[Package]) -> str:
    return ", ".join(one.version for one in packages)
