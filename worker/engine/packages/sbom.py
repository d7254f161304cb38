"""An image's packages as an SBOM: what both formats say, however they write it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from boolean.boolean import Expression
from license_expression import ExpressionError, get_spdx_licensing
from packageurl import PackageURL

from worker.engine.packages.values import Distribution, Package

TOOL = "strata"
URL = "https://strata.invalid"
"""A namespace for identifiers, not an address: RFC 2606 keeps it from ever being one."""


@dataclass(frozen=True, slots=True)
class Item:
    """An installed package.

    Attributes:
        package: What it is.
        path: The file that records it, in text form.
        layer: diff ID of the layer that brought it.
        position: That layer's place; 0 is the base.
    """

    package: Package
    path: str
    layer: str
    position: int


@dataclass(frozen=True, slots=True)
class Subject:
    """The image, and what is known of its packages.

    Attributes:
        registry, repository: Where it comes from.
        tag: A tag that points at it; empty if none does.
        digest: Of its manifest.
        os, architecture: Its platform.
        created: When the packages were read, in UTC.
        items: The packages.
        notes: What could not be read: a path in text form and a sentence each.
    """

    registry: str
    repository: str
    tag: str
    digest: str
    os: str
    architecture: str
    created: datetime
    distribution: Distribution
    items: Sequence[Item]
    notes: Sequence[tuple[str, str]] = field(default_factory=tuple)

    @property
    def name(self) -> str:
        """``host/repository:tag``, or with the digest if there is no tag."""
        where = f"{self.registry}/{self.repository}"
        return f"{where}:{self.tag}" if self.tag else f"{where}@{self.digest}"

    @property
    def purl(self) -> PackageURL:
        """The image's own package URL (purl specification, "oci")."""
        qualifiers = {
            "arch": self.architecture,
            "os": self.os,
            "repository_url": f"{self.registry}/{self.repository}",
            "tag": self.tag,
        }
        name = self.repository.rpartition("/")[2]
        return PackageURL(
            "oci", None, name, self.digest, {key: value for key, value in qualifiers.items() if value}
        )


@lru_cache(maxsize=4096)
def spdx_expression(text: str) -> Expression | None:
    """Read what a database says of a license as an SPDX expression; None if it is none.

    References to licenses outside of SPDX's list count as none: nothing here could say what they refer to.
    """
    licensing = get_spdx_licensing()
    try:
        expression = licensing.parse(text)
        keys = licensing.license_keys(expression)
        unknown = licensing.unknown_license_keys(expression)
    except (ExpressionError, AttributeError, RecursionError):
        return None
    if expression is None or unknown or any(key.lower().startswith("licenseref") for key in keys):
        return None
    return expression
