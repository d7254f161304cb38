"""Writing down what layers did to the packages of the ones below, and forgetting it again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict
from typing import TypeVar

from django.db import transaction
from django.db.models import Exists, OuterRef

from worker.engine.files import to_text
from worker.engine.packages import READER, Contents, Package
from worker.models.image import ImageLayer
from worker.models.package import PackageChange, PackageReading, PackageVersion
from worker.models.package_names import search_name

_T = TypeVar("_T")

MAX_NOTES = 200
"""So many notes of a tree are kept."""
_AT_ONCE = 500  # rows of a statement


def record_packages(chain_id: str, contents: Contents, below: Contents) -> PackageReading:
    """Write down the packages as of a chain ID, replacing what is known of it.

    Args:
        below: As of the layer below; empty for the base.
    """
    before, after = below.installed(), contents.installed()
    changes = [(package, path, True) for package, path in after - before]
    changes += [(package, path, False) for package, path in before - after]
    notes = [[to_text(path), text] for path, text in contents.notes()]
    distribution = contents.distribution
    with transaction.atomic():
        PackageReading.objects.filter(chain_id=chain_id).delete()
        reading = PackageReading.objects.create(
            chain_id=chain_id,
            reader=READER,
            total=len(after),
            distribution_id=distribution.id,
            distribution_version=distribution.version,
            distribution_name=distribution.name,
            notes=notes[:MAX_NOTES],
        )
        ids = _ids_of({package for package, _, _ in changes})
        PackageChange.objects.bulk_create(
            (
                PackageChange(reading=reading, package_id=ids[package], path=to_text(path), added=added)
                for package, path, added in changes
            ),
            batch_size=_AT_ONCE,
        )
    return reading


def forget_packages() -> int:
    """Drop what is known of chain IDs that no image has any more; return of how many."""
    standing = ImageLayer.objects.filter(chain_id=OuterRef("chain_id"))
    forgotten = 0
    for ids in _pieces(list(PackageReading.objects.exclude(Exists(standing)).values_list("pk", flat=True))):
        # Piece by piece, so that nobody waits long for the database.
        with transaction.atomic():
            PackageChange.objects.filter(reading__in=ids).delete()
            PackageReading.objects.filter(pk__in=ids).delete()
        forgotten += len(ids)
    if forgotten:
        needed = PackageChange.objects.filter(package=OuterRef("pk"))
        for ids in _pieces(list(PackageVersion.objects.exclude(Exists(needed)).values_list("pk", flat=True))):
            PackageVersion.objects.filter(pk__in=ids).exclude(Exists(needed)).delete()
    return forgotten


def _ids_of(packages: Collection[Package]) -> dict[Package, int]:
    """The rows of packages, made where there are none."""
    by_fingerprint = {_fingerprint(package): package for package in packages}
    PackageVersion.objects.bulk_create(
        (
            PackageVersion(
                fingerprint=fingerprint,
                **asdict(package),
                search_name=search_name(package.ecosystem, package.name),
                search_source=search_name(package.ecosystem, package.source),
            )
            for fingerprint, package in by_fingerprint.items()
        ),
        batch_size=_AT_ONCE,
        ignore_conflicts=True,
    )
    ids: dict[Package, int] = {}
    for piece in _pieces(list(by_fingerprint)):
        rows = PackageVersion.objects.filter(fingerprint__in=piece).values_list("fingerprint", "pk")
        ids.update((by_fingerprint[fingerprint], pk) for fingerprint, pk in rows)
    return ids


def _fingerprint(package: Package) -> str:
    return hashlib.sha256(json.dumps(asdict(package), sort_keys=True).encode()).hexdigest()


def _pieces(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]
