"""Two images, or a container and its image, compared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from ninja import Field, Schema

from dashboard.api.schemas.common import Bytes, Digest
from dashboard.queries.compare import Pair, Side
from worker.engine.compare import (
    Comparison,
    ConfigComparison,
    Count,
    Difference,
    DirectoryGrowth,
    Entry,
    LayersInCommon,
)
from worker.engine.files import to_text
from worker.models.package_differences import PackageDifferences


class ComparedSideOut(Schema):
    """One side. ``container`` is its id, if that is what is compared with its image."""

    image: int
    container: int | None
    name: str
    digest: Digest
    platform: str
    diff_ids: list[Digest]

    @classmethod
    def of(cls, side: Side) -> ComparedSideOut:
        return cls(
            image=side.image.pk,
            container=side.container.pk if side.container else None,
            name=str(side),
            digest=side.image.digest,
            platform=side.image.platform,
            diff_ids=list(side.diff_ids),
        )


class ComparedEntryOut(Schema):
    """What one side has at a path. ``mode`` is octal; ``mtime`` in nanoseconds since the epoch; ``layer`` the
    position of the layer that it comes from, null for what a container wrote. ``link`` and ``linked`` are in
    the text form of paths; ``linked`` is the first name of a file that has several, empty for others."""

    type: str
    size: Bytes
    mode: str = Field(examples=["4755"])
    uid: int
    gid: int
    mtime: int
    link: str
    linked: str
    sha256: Digest | None
    layer: int | None

    @classmethod
    def of(cls, entry: Entry) -> ComparedEntryOut:
        return cls(
            type=str(entry.type),
            size=entry.size,
            mode=f"{entry.mode:04o}",
            uid=entry.uid,
            gid=entry.gid,
            mtime=entry.mtime_ns,
            link=to_text(entry.link),
            linked=f"/{to_text(entry.linked)}" if entry.linked else "",
            sha256=f"sha256:{entry.sha256.hex()}" if entry.sha256 else None,
            layer=entry.layer if entry.layer >= 0 else None,
        )


class DifferenceOut(Schema):
    """A path that is not the same. ``kind`` is added, removed, changed or time (nothing but the time);
    ``aspects`` say in what it changed. ``growth`` is in bytes; the names of a hard link weigh once."""

    path: str
    kind: Literal["added", "removed", "changed", "time"]
    aspects: list[str]
    growth: int
    before: ComparedEntryOut | None
    after: ComparedEntryOut | None

    @classmethod
    def of(cls, comparison: Comparison, one: Difference) -> DifferenceOut:
        before, after = comparison.entries(one)
        return cls(
            path=f"/{to_text(one.path)}",
            kind=one.kind.value,
            aspects=list(one.aspects.names),
            growth=one.growth,
            before=ComparedEntryOut.of(before) if before else None,
            after=ComparedEntryOut.of(after) if after else None,
        )


class DifferenceCountOut(Schema):
    """So many paths, ``files`` of them regular files, and bytes that they take more and less."""

    entries: int
    files: int
    grown: Bytes
    shrunk: Bytes

    @classmethod
    def of(cls, count: Count) -> DifferenceCountOut:
        return cls(entries=count.entries, files=count.files, grown=count.grown, shrunk=count.shrunk)


class DirectoryGrowthOut(Schema):
    """A directory with all that differs in it, time alone not counted."""

    path: str
    grown: Bytes
    shrunk: Bytes
    differences: int

    @classmethod
    def of(cls, one: DirectoryGrowth) -> DirectoryGrowthOut:
        path = f"/{to_text(one.path)}"
        return cls(path=path, grown=one.grown, shrunk=one.shrunk, differences=one.differences)


class ComparedFilesOut(Schema):
    """What differs in the files. ``before`` and ``after``: bytes of content. ``items`` is one page of what
    the filters let through (``found``); ``directories`` are those directly in ``under``."""

    before: Bytes
    after: Bytes
    same: int
    counts: dict[str, DifferenceCountOut]
    aspects: dict[str, int]
    directories: list[DirectoryGrowthOut]
    found: int
    items: list[DifferenceOut]
    next: str | None


class SettingOut(Schema):
    """A setting that differs; null on the side that has not got it."""

    group: str
    name: str
    before: str | None
    after: str | None


class BuildStepOut(Schema):
    """A step of the build: in both (same), only in the first (removed), or only in the second (added)."""

    change: str
    command: str


class ComparedConfigOut(Schema):
    """What differs in the configuration, and the history of both."""

    settings: list[SettingOut]
    history: list[BuildStepOut]

    @classmethod
    def of(cls, config: ConfigComparison) -> ComparedConfigOut:
        return cls(
            settings=[
                SettingOut(group=one.group, name=one.name, before=one.before, after=one.after)
                for one in config.settings
            ],
            history=[BuildStepOut(change=step.change, command=step.command) for step in config.history],
        )


class MovedLayerOut(Schema):
    """A layer's positions in both."""

    before: int
    after: int


class CommonLayersOut(Schema):
    """Layers in common: ``base`` from the base up; ``moved``: others that both have."""

    base: int
    moved: list[MovedLayerOut]

    @classmethod
    def of(cls, common: LayersInCommon) -> CommonLayersOut:
        return cls(
            base=common.base, moved=[MovedLayerOut(before=here, after=there) for here, there in common.moved]
        )


class PackageDifferenceOut(Schema):
    """A package that differs: no version on the side that has not got it."""

    ecosystem: str
    name: str
    architecture: str
    before: list[str]
    after: list[str]


class ComparedPackagesOut(Schema):
    """Packages that differ. ``known`` is false until both images' packages were read."""

    known: bool
    same: int
    items: list[PackageDifferenceOut]

    @classmethod
    def of(cls, found: PackageDifferences) -> ComparedPackagesOut:
        triples = [(one, one.before, one.after) for one in found.changed]
        changed = [
            _package(one, [each.version for each in before], [each.version for each in after])
            for one, before, after in triples
        ]
        added = [_package(one, [], [one.version]) for one in found.added]
        removed = [_package(one, [one.version], []) for one in found.removed]
        return cls(known=found.is_known, same=found.same, items=[*changed, *added, *removed])


class ComparisonOut(Schema):
    """Two sides compared. ``config`` is null if one is no image that runs, ``packages`` for a container."""

    a: ComparedSideOut
    b: ComparedSideOut
    files: ComparedFilesOut
    config: ComparedConfigOut | None
    layers: CommonLayersOut
    packages: ComparedPackagesOut | None


class MarkdownOut(Schema):
    """The comparison as Markdown."""

    text: str


def sides_of(pair: Pair) -> dict[str, ComparedSideOut]:
    return {"a": ComparedSideOut.of(pair.a), "b": ComparedSideOut.of(pair.b)}


def entries_of(comparison: Comparison, differences: Iterable[Difference]) -> list[DifferenceOut]:
    return [DifferenceOut.of(comparison, one) for one in differences]


def _package(one: object, before: list[str], after: list[str]) -> PackageDifferenceOut:
    return PackageDifferenceOut(
        ecosystem=str(getattr(one, "ecosystem", "")),
        name=str(getattr(one, "name", "")),
        architecture=str(getattr(one, "architecture", "")),
        before=before,
        after=after,
    )
