"""Packages, as the API writes them."""

from __future__ import annotations

from typing import Literal

from ninja import Field, Schema

from dashboard.api.schemas.images import ImageOut
from dashboard.queries.package_hits import Hit, ImageHit
from worker.engine.packages import Ecosystem, Package
from worker.models import ImageLayer
from worker.models.packages import ImagePackages, InstalledPackage, PackageState


class PackageOut(Schema):
    ecosystem: Ecosystem = Field(description="Type of its package URL.")
    name: str
    version: str
    architecture: str | None
    source: str | None = Field(description="Source package that it was built from, if the database says.")
    source_version: str | None = Field(description="Its version, if that is another one.")
    license: str | None = Field(description="As the database says; not always an SPDX expression.")
    size: int | None = Field(description="Installed bytes, as the database says.")

    @classmethod
    def fields(cls, package: Package) -> dict[str, object]:
        return {
            "ecosystem": package.ecosystem,
            "name": package.name,
            "version": package.version,
            "architecture": package.architecture or None,
            "source": package.source or None,
            "source_version": package.source_version or None,
            "license": package.license or None,
            "size": package.size,
        }


class InstalledOut(PackageOut):
    path: str = Field(description="File that records it, in text form (`\\xNN` for what is no text).")
    layer: int = Field(description="Position of the layer that brought this version; 0 is the base.")
    diff_id: str = Field(description="That layer.")

    @classmethod
    def of(cls, one: InstalledPackage, diff_id: str) -> InstalledOut:
        about = {"path": one.path, "layer": one.layer, "diff_id": diff_id}
        return cls.model_validate(cls.fields(one.package) | about)


class DistributionOut(Schema):
    id: str = Field(description="`ID` of os-release: `debian`, `alpine`, ...")
    version: str = Field(description="`VERSION_ID`.")
    name: str = Field(description="`PRETTY_NAME`.")


class UnreadOut(Schema):
    path: str
    text: str


class ImagePackagesOut(Schema):
    state: PackageState = Field(description="Unless it is `read`, nothing is known of the packages.")
    distribution: DistributionOut | None
    total: int = Field(description="How many match.")
    notes: list[UnreadOut] = Field(description="What could not be read: the list may be incomplete.")
    items: list[InstalledOut]
    next: str | None = Field(description="`cursor` of the next page.")

    @classmethod
    def of(
        cls, found: ImagePackages, total: int, items: list[InstalledOut], following: str | None
    ) -> ImagePackagesOut:
        about = found.distribution
        known = DistributionOut(id=about.id, version=about.version, name=about.name) if about.id else None
        return cls(
            state=found.state,
            distribution=known,
            total=total,
            notes=[UnreadOut(path=path, text=text) for path, text in found.notes],
            items=items,
            next=following,
        )


class FoundPackageOut(Schema):
    ecosystem: Ecosystem
    name: str
    version: str
    architecture: str | None
    source: str | None
    path: str
    layer: int = Field(description="Position of the layer that brought it; 0 is the base.")
    diff_id: str

    @classmethod
    def of(cls, hit: Hit, layer: ImageLayer) -> FoundPackageOut:
        return cls(
            ecosystem=Ecosystem(hit.package.ecosystem),
            name=hit.package.name,
            version=hit.package.version,
            architecture=hit.package.architecture or None,
            source=hit.package.source or None,
            path=hit.path,
            layer=hit.layer,
            diff_id=layer.layer.diff_id,
        )


class ImageWithPackagesOut(Schema):
    image: ImageOut
    packages: list[FoundPackageOut]

    @classmethod
    def of(cls, image: ImageOut, row: ImageHit) -> ImageWithPackagesOut:
        return cls(image=image, packages=[FoundPackageOut.of(hit, layer) for hit, layer in row.hits])


class FoundVersionOut(Schema):
    ecosystem: Ecosystem
    name: str
    version: str
    architecture: str | None
    images: int = Field(description="How many images have it.")


class PackageSearchOut(Schema):
    total: int = Field(description="How many images have such a package.")
    unread: int = Field(description="Images that are not told of: their packages are not known.")
    versions: list[FoundVersionOut] = Field(description="What was found, in most images first; at most 200.")
    incomparable: list[str] = Field(
        description="Versions that their ecosystem cannot compare with the bounds; at most 200."
    )
    items: list[ImageWithPackagesOut]
    next: str | None = Field(description="`cursor` of the next page.")


SbomFormat = Literal["cyclonedx", "spdx"]
