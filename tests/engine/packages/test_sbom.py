"""SBOMs are valid, by the validators of the formats' own libraries, and say what is known."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from spdx_tools.spdx.parser.json.json_parser import parse_from_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from worker.engine.packages import UNKNOWN, Distribution, Ecosystem, Package
from worker.engine.packages.cyclonedx import to_cyclonedx
from worker.engine.packages.purl import purl_of
from worker.engine.packages.sbom import Item, Subject, spdx_expression
from worker.engine.packages.spdx import to_spdx

LAYERS = ("sha256:" + "a" * 64, "sha256:" + "b" * 64)
DEBIAN = Distribution("debian", "12", "Debian GNU/Linux 12 (bookworm)")
OPENSSL = Package(Ecosystem.DEB, "libssl3", "3.0.11-1~deb12u2", "amd64", "openssl", size=6_000_000)
ODD = (
    OPENSSL,
    Package(Ecosystem.DEB, "libc++1", "1:16.0-1+b1", "amd64"),
    Package(Ecosystem.APK, "musl", "1.2.5-r0", "x86_64", license="MIT"),
    Package(Ecosystem.RPM, "openssl-libs", "1:3.0.7-27.el9", "x86_64", "openssl", license="ASL 2.0"),
    Package(Ecosystem.PYPI, "Some_Thing", "1.0+local", license="MIT OR Apache-2.0"),
    Package(Ecosystem.PYPI, "weird", "2004d", license="LicenseRef-mine"),
    Package(Ecosystem.NPM, "@babel/core", "7.0.0-beta.1", license="(MIT AND"),
    Package(Ecosystem.NPM, "日本語", "1.0.0", license='<b>"&\ufffd'),
    Package(Ecosystem.NPM, "gpl", "1.0.0", license="GPL-2.0"),
)


def subject(*packages: Package, distribution: Distribution = DEBIAN, notes: Any = ()) -> Subject:
    return Subject(
        registry="docker.io",
        repository="library/php",
        tag="8",
        digest="sha256:" + "c" * 64,
        os="linux",
        architecture="amd64",
        created=datetime(2026, 11, 24, 12, 0, 0, 123456, UTC),
        distribution=distribution,
        items=[Item(one, f"a/{at}", LAYERS[at % 2], at % 2) for at, one in enumerate(packages)],
        notes=notes,
    )


SUBJECTS = {
    "odd": subject(*ODD, notes=[("a\\x0ab", "Not read: it is not JSON.")]),
    "the same twice": subject(OPENSSL, OPENSSL, OPENSSL),
    "none": subject(distribution=UNKNOWN),
}


@pytest.mark.parametrize("name", SUBJECTS)
def test_cyclonedx_is_valid(name: str) -> None:
    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(to_cyclonedx(SUBJECTS[name]))
    assert problem is None, problem


@pytest.mark.parametrize("name", SUBJECTS)
def test_spdx_is_valid(name: str, tmp_path: Any) -> None:
    """What is written is read back, and judged then."""
    path = tmp_path / "x.spdx.json"
    path.write_text(to_spdx(SUBJECTS[name]))
    document = parse_from_file(str(path))
    assert validate_full_spdx_document(document) == []
    assert len(document.packages) == len(SUBJECTS[name].items) + 1


def test_cyclonedx_says_which_layer_brought_a_package() -> None:
    bom = json.loads(to_cyclonedx(SUBJECTS["odd"]))
    found = {one["name"]: one for one in bom["components"]}
    openssl = found["libssl3"]
    about = {one["name"]: one["value"] for one in openssl["properties"]}
    assert about == {
        "strata:layer:diff-id": LAYERS[0],
        "strata:layer:position": "0",
        "strata:path": "/a/0",
        "strata:installed-size": "6000000",
        "strata:source": "openssl",
    }
    assert openssl["purl"].startswith("pkg:deb/debian/libssl3@3.0.11-1~deb12u2?")
    assert (found["core"]["group"], found["core"]["name"]) == ("@babel", "core")
    assert found["debian"]["type"] == "operating-system"
    assert bom["metadata"]["component"]["name"] == "docker.io/library/php:8"
    assert "not JSON" in bom["metadata"]["properties"][0]["value"]
    (image,) = [one for one in bom["dependencies"] if one["ref"].startswith("image:")]
    assert len(image["dependsOn"]) == len(ODD) + 1


def test_licenses_are_expressions_where_they_are_some_and_names_elsewhere() -> None:
    found = {
        one["name"]: one.get("licenses") for one in json.loads(to_cyclonedx(SUBJECTS["odd"]))["components"]
    }
    assert found["musl"] == [{"license": {"id": "MIT"}}]
    assert found["Some_Thing"] == [{"expression": "MIT OR Apache-2.0"}]
    assert found["openssl-libs"] == [{"license": {"name": "ASL 2.0"}}]
    assert found["libssl3"] is None
    packages = {one["name"]: one for one in json.loads(to_spdx(SUBJECTS["odd"]))["packages"]}
    assert packages["Some_Thing"]["licenseDeclared"] == "MIT OR Apache-2.0"
    assert packages["openssl-libs"]["licenseDeclared"] == "NOASSERTION"
    assert packages["openssl-libs"]["licenseComments"] == "ASL 2.0"
    assert LAYERS[0] in packages["libssl3"]["sourceInfo"]


@pytest.mark.parametrize(
    "text", ["", "(", "MIT OR", "LicenseRef-x", "Public domain, mostly", "a" * 1000, "( " * 400]
)
def test_what_is_no_spdx_expression_is_none(text: str) -> None:
    assert spdx_expression(text) is None


def test_the_same_packages_give_the_same_document() -> None:
    assert to_cyclonedx(SUBJECTS["odd"]) == to_cyclonedx(SUBJECTS["odd"])
    assert to_spdx(SUBJECTS["odd"]) == to_spdx(SUBJECTS["odd"])


@pytest.mark.parametrize(
    ("package", "distribution", "purl"),
    [
        (
            OPENSSL,
            DEBIAN,
            "pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12&upstream=openssl",
        ),
        (OPENSSL, UNKNOWN, "pkg:deb/libssl3@3.0.11-1~deb12u2?arch=amd64&upstream=openssl"),
        (
            ODD[3],
            Distribution("fedora", "41"),
            "pkg:rpm/fedora/openssl-libs@3.0.7-27.el9?arch=x86_64&distro=fedora-41&epoch=1&upstream=openssl",
        ),
        (ODD[4], DEBIAN, "pkg:pypi/some-thing@1.0%2Blocal"),
        (ODD[6], DEBIAN, "pkg:npm/%40babel/core@7.0.0-beta.1"),
    ],
)
def test_package_urls(package: Package, distribution: Distribution, purl: str) -> None:
    made = purl_of(package, distribution).to_string()
    assert made == purl
    assert PackageURL.from_string(made).to_string() == made
