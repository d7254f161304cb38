"""Which images of a project have a package, in versions within bounds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import QueryDict

from worker.engine.errors import InvalidInput
from worker.engine.packages import READER, Ecosystem
from worker.engine.packages.versions import Constraint, parse_constraints
from worker.models import Image, ImageLayer, PackageChange, PackageReading, PackageVersion, Project
from worker.models.package_names import search_name

MAX_VERSIONS = 2000
"""Of more different packages a search says that it is too wide."""
MAX_STARS = 2
_SIMILAR = 12

_QUESTION = re.compile(r"\s*([^\s<>=!]+)\s*(.*?)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class PackageQuery:
    """What is searched for.

    Attributes:
        name: of a package, exactly; ``*`` stands for any characters. Case does not matter.
        bounds: which an installed version must be within, all of them.
        ecosystem: None for any.
        source: also find what was built from a source package of that name.
    """

    name: str
    bounds: tuple[Constraint, ...] = ()
    ecosystem: Ecosystem | None = None
    source: bool = False

    @classmethod
    def parse(cls, text: str, ecosystem: str = "", source: bool = False) -> PackageQuery:
        """Read ``openssl < 3.0.11``.

        Raises:
            InvalidInput: it is no question of that form, or the ecosystem is unknown.
        """
        match = _QUESTION.fullmatch(text)
        if match is None or len(text) > 600:
            raise InvalidInput(
                "Begin with the name of a package.", hint="For example: openssl, or openssl < 3.0.11."
            )
        name, bounds = match.groups()
        if name.count("*") > MAX_STARS or not name.strip("*"):
            raise InvalidInput(
                "A name has some letters, and at most two stars.", hint="For example: lib*, or *ssl*."
            )
        if ecosystem not in ("", *Ecosystem):
            raise InvalidInput(f"“{ecosystem[:40]}” is no ecosystem.", hint=f"One of {', '.join(Ecosystem)}.")
        return cls(name, parse_constraints(bounds), Ecosystem(ecosystem) if ecosystem else None, source)

    @classmethod
    def read(cls, query: QueryDict) -> PackageQuery | None:
        """Read a query string; None if it asks for nothing. Raises InvalidInput."""
        text = query.get("q", "").strip()
        return cls.parse(text, query.get("ecosystem", ""), bool(query.get("source"))) if text else None

    def matches(self) -> Q:
        """The condition for rows of ``PackageVersion``, without the bounds."""
        if self.ecosystem:
            return self._matches(self.ecosystem) & Q(ecosystem=self.ecosystem)
        python = self._matches(Ecosystem.PYPI) & Q(ecosystem=Ecosystem.PYPI)
        # The others all compare names alike.
        return python | (self._matches(Ecosystem.DEB) & ~Q(ecosystem=Ecosystem.PYPI))

    def _matches(self, ecosystem: Ecosystem) -> Q:
        name = search_name(ecosystem, self.name)
        either = _named("search_name", name)
        return either | _named("search_source", name) if self.source else either


Standing = dict[tuple[int, str], int]
"""What an image has: by package and path of its record, the position of the layer that brought it."""


@dataclass(frozen=True, slots=True)
class FoundVersion:
    """A package that was found, and in how many images."""

    package: PackageVersion
    images: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a search found.

    Attributes:
        hits: by image, those pulled first at the end.
        packages: what was found, by id.
        versions: what was found, in most images first.
        outside: what has the name, and a version outside of the bounds.
        incomparable: what has the name, and a version that its ecosystem cannot compare with the bounds.
        unread: how many images of the project are not told of, because their packages are not read.
    """

    hits: dict[int, Standing]
    packages: dict[int, PackageVersion]
    versions: list[FoundVersion]
    outside: list[PackageVersion]
    incomparable: list[PackageVersion]
    unread: int


def search(project: Project, query: PackageQuery) -> Answer:
    """Answer a question, in few queries however many images there are.

    Raises:
        InvalidInput: more than ``MAX_VERSIONS`` packages have such a name.
    """
    rows = list(_visible(project).filter(query.matches())[: MAX_VERSIONS + 1])
    if len(rows) > MAX_VERSIONS:
        raise InvalidInput(
            f"More than {MAX_VERSIONS:,} different packages have such a name.",
            hint="Write more of the name, or choose an ecosystem.",
        )
    wanted: dict[int, PackageVersion] = {}
    outside, incomparable = list[PackageVersion](), list[PackageVersion]()
    for row in rows:
        held = [bound.holds(Ecosystem(row.ecosystem), row.version) for bound in query.bounds]
        if None in held:
            incomparable.append(row)
        elif all(held):
            wanted[row.pk] = row
        else:
            outside.append(row)
    hits = _hits(project, wanted)
    counts = Counter(pk for found in hits.values() for pk in {package for package, _ in found})
    return Answer(
        hits=hits,
        packages=wanted,
        versions=[FoundVersion(wanted[pk], count) for pk, count in counts.most_common()],
        outside=outside,
        incomparable=incomparable,
        unread=count_unread(project),
    )


def similar(project: Project, query: PackageQuery) -> list[str]:
    """Return some names of the project's packages that contain the one asked for."""
    part = query.name.strip("*").lower()
    names = _visible(project).filter(Q(search_name__contains=part) | Q(search_source=part))
    if query.ecosystem:
        names = names.filter(ecosystem=query.ecosystem)
    return list(names.order_by("name").values_list("name", flat=True).distinct()[:_SIMILAR])


def count_unread(project: Project) -> int:
    """Count the images of a project whose packages are not known (yet)."""
    known = PackageReading.objects.filter(chain_id=OuterRef("chain_id"), reader=READER)
    return Image.objects.filter(project=project).exclude(chain_id="").exclude(Exists(known)).count()


def _visible(project: Project) -> QuerySet[PackageVersion]:
    """The packages that a layer of a project's images brought."""
    brought = PackageReading.objects.filter(
        changes__package=OuterRef("pk"),
        chain_id__in=ImageLayer.objects.filter(image__project=project).values("chain_id"),
    )
    return PackageVersion.objects.filter(Exists(brought))


def _named(field: str, name: str) -> Q:
    first, *others = name.split("*")
    if not others:
        return Q(**{field: name})
    *middle, last = others
    # What SQL finds by itself; what may overlap is looked at once more.
    ends = {f"{field}__startswith": first, f"{field}__endswith": last}
    condition = Q(**{lookup: part for lookup, part in ends.items() if part})
    for part in middle:
        condition &= Q(**{f"{field}__contains": part}) if part else Q()
    if sum(map(bool, (first, *others))) > 1:
        condition &= Q(**{f"{field}__regex": "^" + ".*".join(map(re.escape, (first, *others))) + "$"})
    return condition


def _hits(project: Project, wanted: Collection[int]) -> dict[int, Standing]:
    """Where packages are installed: what a layer brought, unless a later one of the same image removed it."""
    changes: dict[str, list[tuple[tuple[int, str], bool]]] = {}
    for package, path, added, chain in PackageChange.objects.filter(package__in=wanted).values_list(
        "package_id", "path", "added", "reading__chain_id"
    ):
        changes.setdefault(chain, []).append(((package, path), added))
    standing: dict[int, Standing] = {}
    for image, position, chain in _places(project, wanted):
        installed = standing.setdefault(image, {})
        for key, added in changes.get(chain, ()):
            if added:
                installed[key] = position
            else:
                installed.pop(key, None)
    return {image: installed for image, installed in sorted(standing.items(), reverse=True) if installed}


def _places(project: Project, packages: Collection[int]) -> QuerySet[ImageLayer, Any]:
    """Where layers that brought or removed packages are in a project's images, each image's base first."""
    chains = PackageReading.objects.filter(changes__package__in=packages).values("chain_id")
    rows = ImageLayer.objects.filter(image__project=project, chain_id__in=chains)
    return rows.order_by("image", "position").values_list("image_id", "position", "chain_id")
