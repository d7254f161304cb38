"""Package URLs: one name for a package that scanners and registries understand (purl specification)."""

from __future__ import annotations

from packageurl import PackageURL

from worker.engine.packages.values import Distribution, Ecosystem, Package

_OF_DISTRIBUTIONS = frozenset({Ecosystem.DEB, Ecosystem.APK, Ecosystem.RPM})


def purl_of(package: Package, distribution: Distribution) -> PackageURL:
    """Name a package of an image that is ``distribution``."""
    if package.ecosystem in _OF_DISTRIBUTIONS:
        return _of_distribution(package, distribution)
    namespace, _, name = package.name.rpartition("/")
    return PackageURL(package.ecosystem.value, namespace or None, name, package.version)


def _of_distribution(package: Package, distribution: Distribution) -> PackageURL:
    version, qualifiers = package.version, {}
    if package.architecture:
        qualifiers["arch"] = package.architecture
    if distribution.id:
        qualifiers["distro"] = "-".join(part for part in (distribution.id, distribution.version) if part)
    if package.source:
        upstream = package.source
        qualifiers["upstream"] = (
            f"{upstream}@{package.source_version}" if package.source_version else upstream
        )
    if package.ecosystem is Ecosystem.RPM and ":" in version:
        # Of rpm, and of it alone, the epoch is no part of a purl's version.
        qualifiers["epoch"], _, version = version.partition(":")
    return PackageURL(package.ecosystem.value, distribution.id or None, package.name, version, qualifiers)
