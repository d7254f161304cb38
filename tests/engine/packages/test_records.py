"""Records of single packages: which files are some, and what they say."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.engine.packages import Distribution, Ecosystem, Package, npm, python
from worker.engine.packages.os_release import read_os_release
from worker.engine.packages.places import Kind, kind_of
from worker.engine.packages.values import Unreadable

SITE = "usr/lib/python3/dist-packages"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (f"{SITE}/six-1.16.0.dist-info/METADATA", Kind.PYTHON),
        (f"{SITE}/six-1.16.0.egg-info/PKG-INFO", Kind.PYTHON),
        (f"{SITE}/six-1.16.0.egg-info", Kind.PYTHON),
        ("opt/app/six-1.16-py3.11.egg/EGG-INFO/PKG-INFO", Kind.PYTHON),
        (f"{SITE}/setuptools/_vendor/wheel-0.43.0.dist-info/METADATA", Kind.PYTHON),
        (f"{SITE}/~ix-1.16.0.dist-info/METADATA", None),
        (f"{SITE}/six/METADATA", None),
        (f"{SITE}/six-1.16.0.dist-info/RECORD", None),
        ("usr/src/six-1.16.0/PKG-INFO", None),
        ("app/node_modules/left-pad/package.json", Kind.NPM),
        ("app/node_modules/@babel/core/package.json", Kind.NPM),
        ("app/node_modules/a/node_modules/b/package.json", Kind.NPM),
        ("app/node_modules/@s/a/node_modules/@t/b/package.json", Kind.NPM),
        ("app/node_modules/.pnpm/a@1.0.0/node_modules/a/package.json", Kind.NPM),
        ("app/node_modules/.pnpm/a@1.0.0/node_modules/@s/b/package.json", Kind.NPM),
        ("app/package.json", None),
        ("node_modules/package.json", None),
        ("app/node_modules/@babel/package.json", None),
        ("app/node_modules/a/lib/package.json", None),
        ("app/node_modules/a/test/fixtures/node_modules/b/package.json", None),
        ("app/node_modules/.cache/a/package.json", None),
        ("app/node_modules/.pnpm/a@1.0.0/package.json", None),
        ("app/node_modules/a/package.json/x", None),
        ("var/lib/dpkg/status.d/base-files", Kind.DPKG),
        ("var/lib/dpkg/status.d/base-files.md5sums", None),
        ("var/lib/dpkg/status.d/a/b", None),
    ],
)
def test_which_files_are_records(path: str, kind: Kind | None) -> None:
    assert kind_of(path.encode()) is kind


@given(st.lists(st.sampled_from(["node_modules", ".pnpm", "@s", "a", "package.json", ""]), max_size=9))
def test_any_path_is_judged(parts: list[str]) -> None:
    kind_of("/".join(parts).encode())


METADATA = b"""Metadata-Version: 2.1
Name: Some.Thing
Version: 1.0.post1
License: MIT
Classifier: License :: OSI Approved :: Apache Software License

Name: not this
"""


def test_a_distribution() -> None:
    assert python.read_record(METADATA) == Package(Ecosystem.PYPI, "Some.Thing", "1.0.post1", license="MIT")


@pytest.mark.parametrize(
    ("lines", "license"),
    [
        ("License-Expression: MIT OR Apache-2.0\nLicense: MIT", "MIT OR Apache-2.0"),
        ("License: UNKNOWN\nClassifier: License :: OSI Approved :: BSD License", "BSD License"),
        (
            "License: " + "whole text " * 40 + "\nClassifier: License :: OSI Approved :: MIT License",
            "MIT License",
        ),
        ("License: a\n  b", "a b"),
        ("Summary: x", ""),
    ],
)
def test_the_license_of_a_distribution(lines: str, license: str) -> None:
    assert python.read_record(f"Name: a\nVersion: 1\n{lines}\n\n".encode()).license == license


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\0" * 100,
        b"Name: a\n",
        b"Version: 1\n",
        b"Name: UNKNOWN\nVersion: 1\n",
        b"Name: a b\nVersion: 1\n",
    ],
)
def test_a_record_without_a_name_or_version_gives_a_reason(head: bytes) -> None:
    with pytest.raises(Unreadable):
        python.read_record(head)


def test_bytes_that_are_no_utf8_are_marked() -> None:
    assert python.read_record(b"Name: a\nVersion: 1\nLicense: caf\xe9\n\n").license == "caf\ufffd"
    assert python.read_record("Name: a\nVersion: 1\nLicense: café\n\n".encode()).license == "café"


@given(st.binary(max_size=200))
def test_any_bytes_give_a_distribution_or_a_reason(head: bytes) -> None:
    with contextlib.suppress(Unreadable):
        python.read_record(head)


def test_it_agrees_with_importlib(tmp_path: Path) -> None:
    home = tmp_path / "a-1.0.dist-info"
    home.mkdir()
    (home / "METADATA").write_bytes(METADATA)
    (found,) = importlib.metadata.distributions(path=[str(tmp_path)])
    read = python.read_record(METADATA)
    assert (found.name, found.version) == (read.name, read.version)


@pytest.mark.parametrize(
    ("record", "license"),
    [
        ({"license": "MIT"}, "MIT"),
        ({"license": {"type": "ISC", "url": "x"}}, "ISC"),
        ({"licenses": [{"type": "MIT"}, {"type": "Apache-2.0"}]}, "MIT OR Apache-2.0"),
        ({"license": 7}, ""),
        ({"license": [None, [], "MIT"]}, "MIT"),
        ({}, ""),
    ],
)
def test_an_npm_package(record: dict[str, object], license: str) -> None:
    content = json.dumps({"name": "@s/a", "version": "1.0.0", **record}).encode()
    assert npm.read_record(content) == Package(Ecosystem.NPM, "@s/a", "1.0.0", license=license)


@pytest.mark.parametrize(
    "content", [b"{}", b'{"name": "a"}', b'{"type": "module"}', b"[]", b'{"name": 1, "version": {}}']
)
def test_a_package_json_that_names_no_package_is_none(content: bytes) -> None:
    assert npm.read_record(content) is None


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{" * 100_000, b"[" * 100_000, b'{"name": "a",}'])
def test_a_package_json_that_is_no_json_gives_a_reason(content: bytes) -> None:
    with pytest.raises(Unreadable):
        npm.read_record(content)


@pytest.mark.parametrize(
    ("text", "distribution"),
    [
        (
            'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n',
            Distribution("debian", "12", "Debian GNU/Linux 12 (bookworm)"),
        ),
        (
            "NAME='Alpine Linux'\nID=alpine\nVERSION_ID=3.20.1",
            Distribution("alpine", "3.20.1", "Alpine Linux"),
        ),
        ('ID="broken\n#VERSION_ID=1\nnonsense', Distribution("broken")),
        ("", Distribution()),
    ],
)
def test_os_release(text: str, distribution: Distribution) -> None:
    assert read_os_release(text.encode()) == distribution
