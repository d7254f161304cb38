"""An SBOM in CycloneDX 1.6 JSON."""

from __future__ import annotations

import json
import uuid
from collections import Counter

from cyclonedx.model import Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.dependency import Dependency
from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
from cyclonedx.model.tool import ToolRepository
from cyclonedx.schema.schema import SchemaVersion1Dot6
from cyclonedx.spdx import fixup_id

from worker.engine.packages.purl import purl_of
from worker.engine.packages.sbom import TOOL, URL, Item, Subject, spdx_expression
from worker.engine.packages.values import Distribution

MEDIA_TYPE = "application/vnd.cyclonedx+json"
# What the library's writer of whole documents puts in front. It also looks for each component among all
# dependencies, which takes time that grows by the square; here each has one from the start.
_HEAD = {
    "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
}


def to_cyclonedx(subject: Subject) -> str:
    """Write the SBOM. The same packages, read at the same time, give the same text."""
    image = Component(
        name=subject.name,
        version=subject.digest,
        type=ComponentType.CONTAINER,
        bom_ref=f"image:{subject.digest}",
        purl=subject.purl,
    )
    refs: Counter[str] = Counter()
    components = [_component(item, subject.distribution, refs) for item in subject.items]
    if subject.distribution.id:
        components.append(_operating_system(subject.distribution))
    leaves = [Dependency(component.bom_ref) for component in components]
    bom = Bom(
        components=components,
        dependencies=[Dependency(image.bom_ref, leaves), *leaves],
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"{URL}/{subject.digest}/{subject.created.isoformat()}"),
        metadata=BomMetaData(
            component=image,
            timestamp=subject.created,
            tools=ToolRepository(components=[Component(name=TOOL, type=ComponentType.APPLICATION)]),
            properties=[
                Property(name="strata:not-read", value=f"/{path}: {text}") for path, text in subject.notes
            ],
        ),
    )
    return json.dumps(_HEAD | json.loads(bom.as_json(view_=SchemaVersion1Dot6)), indent=2)  # type: ignore[attr-defined]


def _component(item: Item, distribution: Distribution, refs: Counter[str]) -> Component:
    package = item.package
    purl = purl_of(package, distribution)
    ref = purl.to_string()
    refs[ref] += 1
    group, _, name = package.name.rpartition("/")
    about = {
        "strata:layer:diff-id": item.layer,
        "strata:layer:position": str(item.position),
        "strata:path": f"/{item.path}",
        "strata:installed-size": "" if package.size is None else str(package.size),
        "strata:source": " ".join((package.source, package.source_version)).strip(),
    }
    return Component(
        name=name,
        group=group or None,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=ref if refs[ref] == 1 else f"{ref}#{refs[ref]}",
        purl=purl,
        licenses=_licenses(package.license),
        properties=[Property(name=key, value=value) for key, value in about.items() if value],
    )


def _licenses(text: str) -> list[LicenseExpression | DisjunctiveLicense]:
    if not text:
        return []
    if (identifier := fixup_id(text)) is not None:
        return [DisjunctiveLicense(id=identifier)]
    expression = spdx_expression(text)
    return [LicenseExpression(str(expression)) if expression is not None else DisjunctiveLicense(name=text)]


def _operating_system(distribution: Distribution) -> Component:
    return Component(
        name=distribution.id,
        version=distribution.version or None,
        description=distribution.name or None,
        type=ComponentType.OPERATING_SYSTEM,
        bom_ref="operating-system",
    )
