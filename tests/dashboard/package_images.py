"""Images whose packages are known, for the tests of pages that tell of them."""

from __future__ import annotations

from collections.abc import Sequence

from worker.engine.packages import Contents, Distribution, Ecosystem, Package, Record
from worker.models import Image, ImageLayer
from worker.models.package_recording import record_packages

STATUS = b"var/lib/dpkg/status"
DEBIAN = Distribution("debian", "12", "Debian GNU/Linux 12 (bookworm)")


def deb(name: str, version: str, **fields: object) -> Package:
    return Package(Ecosystem.DEB, name, version, "amd64", **fields)  # type: ignore[arg-type]


def npm(name: str, version: str) -> Package:
    return Package(Ecosystem.NPM, name, version, license="MIT")


def contents(*packages: Package, notes: Sequence[str] = (), distribution: Distribution = DEBIAN) -> Contents:
    records = {}
    if debs := frozenset(one for one in packages if one.ecosystem is Ecosystem.DEB):
        records[STATUS] = Record(debs)
    for one in packages:
        if one.ecosystem is not Ecosystem.DEB:
            records[f"node_modules/{one.name}/package.json".encode()] = Record(frozenset({one}))
    if notes:
        records[b"a\nb"] = Record(notes=tuple(notes))
    return Contents(records, distribution)


def read(image: Image, *by_layer: Contents) -> Image:
    """Write down what is installed as of each layer of an image."""
    below = Contents()
    chains = ImageLayer.objects.filter(image=image).order_by("position").values_list("chain_id", flat=True)
    for chain, one in zip(chains, by_layer, strict=True):
        record_packages(chain, one, below)
        below = one
    return image


OLD, NEW = deb("openssl", "3.0.9-1", size=2 << 20), deb("openssl", "3.0.13-1~deb12u1", size=2 << 20)
LIB = deb("libssl3", "3.0.9-1", source="openssl")
BASH = deb("bash", "5.2-1")
