"""The packages of images, read from what each of their layers changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from worker.engine.files import from_text
from worker.engine.packages import READER, UNKNOWN, Contents, Distribution, Ecosystem, Package, Record
from worker.models.image import Image, ImageLayer
from worker.models.package import PackageChange, PackageReading


class PackageState(StrEnum):
    """What is known of an image's packages."""

    READ = "read"
    PENDING = "pending"
    """They are read soon: its layers are extracted, and it is a matter of moments."""
    NOT_EXTRACTED = "not_extracted"
    """Its layers have to be extracted first."""


@dataclass(frozen=True, slots=True)
class InstalledPackage:
    """A package of an image.

    Attributes:
        id: Of its ``PackageVersion``.
        package: What it is.
        path: The file that records it, in text form.
        layer: Position of the layer that brought this version.
    """

    id: int
    package: Package
    path: str
    layer: int


@dataclass(frozen=True, slots=True)
class ImagePackages:
    """All packages of an image.

    Attributes:
        state: Whether they are known; if not, there are none here.
        distribution: Whose packages deb, apk and rpm ones are.
        packages: By ecosystem, name and version.
        notes: What could not be read: a path in text form and a sentence each.
        read_at: When they were read; None if they were not.
    """

    state: PackageState
    distribution: Distribution = UNKNOWN
    packages: tuple[InstalledPackage, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    read_at: datetime | None = None


def packages_of(image: Image) -> ImagePackages:
    """Return what is installed in an image, in three queries."""
    chains = _chains(image)
    readings = _readings(chains.values())
    if len(readings) < len(set(chains.values())):
        state = PackageState.PENDING if image.extracted else PackageState.NOT_EXTRACTED
        return ImagePackages(state)
    if not chains:
        return ImagePackages(PackageState.READ, read_at=image.pulled_at)
    position_of = {readings[chain].pk: position for position, chain in sorted(chains.items(), reverse=True)}
    top = readings[image.chain_id]
    return ImagePackages(
        PackageState.READ,
        _distribution(top),
        tuple(sorted(_fold(position_of), key=_order)),
        tuple((path, text) for path, text in top.notes),
        top.read_at,
    )


def contents_below(image: Image, position: int) -> Contents:
    """Return what is known as of the layer below ``position``, in the form that readers continue from."""
    chains = {place: chain for place, chain in _chains(image).items() if place < position}
    if not chains:
        return Contents()
    readings = _readings(chains.values())
    packages: dict[bytes, set[Package]] = defaultdict(set)
    notes: dict[bytes, list[str]] = defaultdict(list)
    for one in _fold({readings[chain].pk: place for place, chain in chains.items()}):
        packages[from_text(one.path)].add(one.package)
    top = readings[chains[position - 1]]
    for path, text in top.notes:
        notes[from_text(path)].append(text)
    records = {path: Record(frozenset(packages[path]), tuple(notes[path])) for path in {*packages, *notes}}
    return Contents(records, _distribution(top))


def _chains(image: Image) -> dict[int, str]:
    return dict(ImageLayer.objects.filter(image=image).order_by().values_list("position", "chain_id"))


def _readings(chains: Iterable[str]) -> dict[str, PackageReading]:
    rows = PackageReading.objects.filter(chain_id__in=set(chains), reader=READER)
    return {row.chain_id: row for row in rows}


def _distribution(reading: PackageReading) -> Distribution:
    return Distribution(reading.distribution_id, reading.distribution_version, reading.distribution_name)


def _fold(position_of: dict[int, int]) -> list[InstalledPackage]:
    """Apply what layers changed, base first. Takes readings and their positions."""
    rows: Iterable[tuple[Any, ...]] = (
        PackageChange.objects.filter(reading__in=position_of)
        .order_by()
        .values_list(
            "reading_id", "added", "path", "package_id",
            "package__ecosystem", "package__name", "package__version", "package__architecture",
            "package__source", "package__source_version", "package__license", "package__size",
        )
    )  # fmt: skip
    standing: dict[tuple[int, str], InstalledPackage] = {}
    for reading, added, path, package_id, *about in sorted(rows, key=lambda row: position_of[row[0]]):
        if added:
            package = _package(*about)
            standing[package_id, path] = InstalledPackage(package_id, package, path, position_of[reading])
        else:
            standing.pop((package_id, path), None)
    return list(standing.values())


def _package(ecosystem: str, *about: Any) -> Package:
    return Package(Ecosystem(ecosystem), *about)


def _order(one: InstalledPackage) -> tuple[str, str, str, str, str]:
    package = one.package
    return package.ecosystem, package.name.lower(), package.version, package.architecture, one.path
