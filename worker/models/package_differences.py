"""What packages two images have otherwise."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from worker.engine.packages import Ecosystem, Package
from worker.models.image import Image
from worker.models.package_names import search_name
from worker.models.packages import ImagePackages, PackageState, packages_of


@dataclass(frozen=True, slots=True)
class VersionChange:
    """A package that two images have in different versions.

    Attributes:
        before, after: What the first and the second image have; usually one each.
    """

    ecosystem: Ecosystem
    name: str
    architecture: str
    before: tuple[Package, ...]
    after: tuple[Package, ...]


@dataclass(frozen=True, slots=True)
class PackageDifferences:
    """What two images differ in, by ecosystem, name and architecture.

    Attributes:
        before, after: State of the first and the second image; unless both are read, nothing is known.
        added, removed: Packages that only the second, only the first has.
        changed: Those that both have, in other versions.
        same: How many packages are alike.
    """

    before: PackageState
    after: PackageState
    added: tuple[Package, ...] = ()
    removed: tuple[Package, ...] = ()
    changed: tuple[VersionChange, ...] = ()
    same: int = 0

    @property
    def is_known(self) -> bool:
        return self.before is PackageState.READ and self.after is PackageState.READ


def package_differences(a: Image, b: Image) -> PackageDifferences:
    """Return what packages ``b`` has otherwise than ``a``. Where they are recorded does not matter."""
    first, second = packages_of(a), packages_of(b)
    if first.state is not PackageState.READ or second.state is not PackageState.READ:
        return PackageDifferences(first.state, second.state)
    before, after = _by_name(first), _by_name(second)
    added: list[Package] = []
    removed: list[Package] = []
    changed: list[VersionChange] = []
    same = 0
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key, ()), after.get(key, ())
        if {one.version for one in old} == {one.version for one in new}:
            same += len(new)
        elif not old:
            added += new
        elif not new:
            removed += old
        else:
            changed.append(VersionChange(Ecosystem(key[0]), new[0].name, new[0].architecture, old, new))
    return PackageDifferences(first.state, second.state, tuple(added), tuple(removed), tuple(changed), same)


def _by_name(found: ImagePackages) -> dict[tuple[str, str, str], tuple[Package, ...]]:
    """Packages by what identifies them, each version once."""
    grouped: dict[tuple[str, str, str], dict[str, Package]] = defaultdict(dict)
    for one in found.packages:
        package = one.package
        key = package.ecosystem.value, search_name(package.ecosystem, package.name), package.architecture
        grouped[key].setdefault(package.version, package)
    return {key: tuple(versions.values()) for key, versions in grouped.items()}
