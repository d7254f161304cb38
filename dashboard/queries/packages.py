"""The packages of one image: filtered, sorted and paged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.http import QueryDict

from dashboard.queries.numbers import whole_number
from worker.engine.packages import Ecosystem
from worker.models import ImageLayer
from worker.models.packages import ImagePackages, InstalledPackage

PER_PAGE = 100
SORTS = (
    ("name", "By name"),
    ("-size", "Largest first"),
    ("-layer", "Latest layers first"),
    ("layer", "Base first"),
)
DEFAULT_SORT = "name"
LABELS = {
    Ecosystem.DEB: "Debian",
    Ecosystem.APK: "Alpine",
    Ecosystem.RPM: "RPM",
    Ecosystem.PYPI: "Python",
    Ecosystem.NPM: "npm",
}


@dataclass(frozen=True, slots=True)
class PackageFilter:
    """What the query string asks for. Unknown values are the default; none is an error.

    Attributes:
        text: a part of the name of a package or its source package.
        layer: place of the layer that brought it, 1 being the base; 0 for any.
    """

    text: str = ""
    ecosystem: str = ""
    layer: int = 0
    sort: str = DEFAULT_SORT

    @classmethod
    def read(cls, query: QueryDict) -> PackageFilter:
        ecosystem, layer, sort = query.get("ecosystem", ""), query.get("layer", ""), query.get("sort", "")
        return cls(
            text=query.get("q", "").strip()[:255],
            ecosystem=ecosystem if ecosystem in set(Ecosystem) else "",
            layer=whole_number(layer, 5) or 0,
            sort=sort if sort in {value for value, _ in SORTS} else DEFAULT_SORT,
        )

    @property
    def narrows(self) -> bool:
        return bool(self.text or self.ecosystem or self.layer)

    def apply(self, packages: Sequence[InstalledPackage]) -> list[InstalledPackage]:
        """Return those that are asked for, in order."""
        part = self.text.lower()
        found = [
            one
            for one in packages
            if (not part or part in one.package.name.lower() or part in one.package.source.lower())
            and self.ecosystem in ("", one.package.ecosystem)
            and self.layer in (0, one.layer + 1)
        ]
        if self.sort == "-size":
            found.sort(key=lambda one: -1 if one.package.size is None else one.package.size, reverse=True)
        elif self.sort.endswith("layer"):
            found.sort(key=lambda one: one.layer, reverse=self.sort.startswith("-"))
        return found


@dataclass(frozen=True, slots=True)
class PackageRow:
    """One line: a package, and the layer that brought it."""

    one: InstalledPackage
    layer: ImageLayer

    @property
    def ecosystem(self) -> str:
        return LABELS[self.one.package.ecosystem]

    @property
    def place(self) -> int:
        return self.one.layer + 1

    @property
    def home(self) -> str:
        """The directory of its record, if it has one of its own; empty for a row in a database of many."""
        is_single = self.one.package.ecosystem in (Ecosystem.PYPI, Ecosystem.NPM)
        return self.one.path.rpartition("/")[0] if is_single else ""


@dataclass(frozen=True, slots=True)
class Part:
    """So many packages, of one ecosystem or of one layer.

    Attributes:
        size: installed bytes, as far as the database tells; None if it tells of none.
    """

    value: str
    label: str
    count: int
    size: int | None = None


def ecosystems(found: ImagePackages) -> list[Part]:
    """Return how many packages each ecosystem has here, most first."""
    counts = Counter(one.package.ecosystem for one in found.packages)
    sizes: dict[Ecosystem, int] = {}
    for one in found.packages:
        if one.package.size is not None:
            ecosystem = one.package.ecosystem
            sizes[ecosystem] = sizes.get(ecosystem, 0) + one.package.size
    return [
        Part(ecosystem.value, LABELS[ecosystem], count, sizes.get(ecosystem))
        for ecosystem, count in counts.most_common()
    ]


def layers_with(found: ImagePackages, stack: Sequence[ImageLayer]) -> list[Part]:
    """Return how many packages each layer brought that are still there, base first."""
    counts = Counter(one.layer for one in found.packages)
    return [
        Part(str(row.position + 1), row.created_by, counts[row.position])
        for row in stack
        if counts[row.position]
    ]


def page_of_packages(
    packages: Sequence[InstalledPackage], number: str | None, stack: Sequence[ImageLayer]
) -> tuple[Page[Any], list[PackageRow]]:
    """Return one page, and its lines; a number out of range gives the nearest page."""
    page = Paginator(packages, PER_PAGE).get_page(number)
    layer_at = {row.position: row for row in stack}
    return page, [PackageRow(one, layer_at[one.layer]) for one in page]
