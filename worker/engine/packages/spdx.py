"""An SBOM in SPDX 2.3 JSON."""

from __future__ import annotations

import io
import uuid

from spdx_tools.spdx.model.actor import Actor, ActorType
from spdx_tools.spdx.model.document import CreationInfo, Document
from spdx_tools.spdx.model.package import (
    ExternalPackageRef,
    ExternalPackageRefCategory,
    Package,
    PackagePurpose,
)
from spdx_tools.spdx.model.relationship import Relationship, RelationshipType
from spdx_tools.spdx.model.spdx_no_assertion import SpdxNoAssertion
from spdx_tools.spdx.writer.json.json_writer import write_document_to_stream

from worker.engine.packages.purl import purl_of
from worker.engine.packages.sbom import TOOL, URL, Item, Subject, spdx_expression
from worker.engine.packages.values import Distribution

MEDIA_TYPE = "application/spdx+json"

_IMAGE = "SPDXRef-Image"
_DOCUMENT = "SPDXRef-DOCUMENT"


def spdx_document(subject: Subject) -> Document:
    """Return the SBOM as the library's value, which its own validator can judge."""
    unique = uuid.uuid5(uuid.NAMESPACE_URL, f"{subject.digest}/{subject.created.isoformat()}")
    packages = [
        _package(number, item, subject.distribution) for number, item in enumerate(subject.items, start=1)
    ]
    return Document(
        CreationInfo(
            spdx_version="SPDX-2.3",
            spdx_id=_DOCUMENT,
            name=subject.name,
            document_namespace=f"{URL}/{subject.digest.replace(':', '-')}/{unique}",
            creators=[Actor(ActorType.TOOL, TOOL)],
            # SPDX knows no fractions of seconds.
            created=subject.created.replace(microsecond=0, tzinfo=None),
            document_comment="\n".join(f"Not read: /{path}: {text}" for path, text in subject.notes) or None,
        ),
        packages=[_image(subject), *packages],
        relationships=[
            Relationship(_DOCUMENT, RelationshipType.DESCRIBES, _IMAGE),
            *(Relationship(_IMAGE, RelationshipType.CONTAINS, package.spdx_id) for package in packages),
        ],
    )


def to_spdx(subject: Subject) -> str:
    """Write the SBOM. The same packages, read at the same time, give the same text."""
    stream = io.StringIO()
    # Validating thousands of packages takes seconds; that what is written is valid, the tests prove.
    write_document_to_stream(spdx_document(subject), stream, validate=False)
    return stream.getvalue()


def _image(subject: Subject) -> Package:
    return Package(
        spdx_id=_IMAGE,
        name=subject.name,
        version=subject.digest,
        download_location=SpdxNoAssertion(),
        files_analyzed=False,
        license_concluded=SpdxNoAssertion(),
        license_declared=SpdxNoAssertion(),
        copyright_text=SpdxNoAssertion(),
        primary_package_purpose=PackagePurpose.CONTAINER,
        external_references=[_reference(subject.purl.to_string())],
    )


def _package(number: int, item: Item, distribution: Distribution) -> Package:
    package = item.package
    declared = spdx_expression(package.license) if package.license else None
    source = " ".join((package.source, package.source_version)).strip()
    return Package(
        spdx_id=f"SPDXRef-Package-{number}",
        name=package.name,
        version=package.version,
        download_location=SpdxNoAssertion(),
        files_analyzed=False,
        source_info=f"recorded in /{item.path}, by layer {item.position} ({item.layer})"
        + (f"; built from the source package {source}" if source else ""),
        license_concluded=SpdxNoAssertion(),
        license_declared=declared if declared is not None else SpdxNoAssertion(),
        license_comment=package.license if package.license and declared is None else None,
        copyright_text=SpdxNoAssertion(),
        external_references=[_reference(purl_of(package, distribution).to_string())],
    )


def _reference(purl: str) -> ExternalPackageRef:
    return ExternalPackageRef(ExternalPackageRefCategory.PACKAGE_MANAGER, "purl", purl)
