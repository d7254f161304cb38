"""The family for the demo."""

from __future__ import annotations

import io
import itertools
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from samples import host
from samples.family import Family, sample_family
from samples.images import Content, SampleImage, SampleIndex
from worker.engine.oci import Platform, layer_commands


@pytest.fixture(scope="module")
def family() -> Family:
    return sample_family()


@pytest.fixture(scope="module")
def images(family: Family) -> dict[str, SampleImage]:
    """By name; the index stands for its image for this machine."""
    return {f"{repository}:{tag}": _for_this_machine(content) for repository, tag, content in family}


def _for_this_machine(content: Content) -> SampleImage:
    if isinstance(content, SampleIndex):
        return next(member for member in content.images if member.config.platform.matches(Platform.host()))
    assert isinstance(content, SampleImage)
    return content


def _is_above(child: SampleImage, parent: SampleImage) -> bool:
    depth = len(parent.diff_ids)
    return len(child.diff_ids) > depth and child.diff_ids[:depth] == parent.diff_ids


def test_is_the_same_every_time(family: Family) -> None:
    again = sample_family()
    assert [(name, tag, item.digest) for name, tag, item in again] == [
        (name, tag, item.digest) for name, tag, item in family
    ]


def test_has_a_size_that_can_be_watched(family: Family) -> None:
    """Enough to see progress under a rate limit, little enough for a laptop."""
    blobs = {
        blob for _, _, item in family for image in getattr(item, "images", [item]) for blob in image.blobs
    }
    assert 10 <= len(family) <= 12
    assert 15e6 < sum(map(len, blobs)) < 120e6


def test_forks_deeply(images: dict[str, SampleImage]) -> None:
    line = ["base:12", "python:3", "api:1.0", "api:1.1", "api:1.1-debug"]
    for parent, child in itertools.pairwise(line):
        assert _is_above(images[child], images[parent])
    assert _is_above(images["worker:2.0"], images["python:3"])
    assert not _is_above(images["worker:2.0"], images["api:1.0"])
    assert _is_above(images["site:2"], images["site:1"])


@pytest.mark.parametrize(("twin", "original"), [("base:12-zstd", "base:12"), ("web:2.4-zstd", "web:2.4")])
def test_has_twins(images: dict[str, SampleImage], twin: str, original: str) -> None:
    assert images[twin].diff_ids == images[original].diff_ids
    assert not {part.digest for part in images[twin].layers} & {
        part.digest for part in images[original].layers
    }


def test_has_an_index_of_two_platforms(family: Family) -> None:
    (index,) = (item for _, _, item in family if isinstance(item, SampleIndex))
    platforms = {str(image.config.platform) for image in index.images}
    assert platforms == {"linux/amd64", "linux/arm64"}


def test_deletes_files_of_its_parent(images: dict[str, SampleImage]) -> None:
    below = {name for part in images["api:1.0"].layers for name in _names(part.tar)}
    patch = _names(images["api:1.1"].layers[-1].tar)
    assert "srv/app/api/.wh.legacy.py" in patch
    assert "srv/app/api/legacy.py" in below
    assert "srv/app/static/.wh..wh..opq" in patch


def test_every_layer_has_its_command(images: dict[str, SampleImage]) -> None:
    for image in images.values():
        assert all(layer_commands(image.config))
        assert image.config.created is not None
        assert image.config.labels["org.opencontainers.image.title"]
        assert any(entry.startswith("PATH=") for entry in image.config.env)


def test_a_parent_directory_comes_before_its_content(images: dict[str, SampleImage]) -> None:
    """In the order of its layers, so that every tool, strict or not, makes the same tree."""
    seen: set[str] = set()
    for part in images["api:1.1-debug"].layers:
        for name in _names(part.tar):
            parent = str(Path(name).parent)
            assert parent == "." or parent in seen, name
            seen.add(name)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="chroot needs root")
@pytest.mark.parametrize(
    ("name", "command", "output"),
    [
        ("base:12", ["sh", "-c", "cat /etc/hostname; id -u"], "sample\n0\n"),
        ("web:2.4", ["sh", "-c", "ls /var/www/html"], "index.html\n"),
        (
            "api:1.1",
            ["python3", "-c", "import ssl, ctypes, json; from api import VERSION; print(VERSION)"],
            "1.1\n",
        ),
    ],
)
def test_runs(
    images: dict[str, SampleImage], tmp_path: Path, name: str, command: list[str], output: str
) -> None:
    """Nothing but what is in the layers is needed to run it."""
    for part in images[name].layers:
        with tarfile.open(fileobj=io.BytesIO(part.tar)) as tar:
            # Python 3.11.4 and newer ask for a filter, older ones do not know the word.
            trusted = {"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}
            tar.extractall(tmp_path, **trusted)
    config = images[name].config
    env = dict(entry.split("=", 1) for entry in config.env)
    chroot = shutil.which("chroot", path="/usr/sbin:/sbin:/usr/bin:/bin") or "chroot"
    inside = ["sh", "-c", f'cd {config.working_dir or "/"} && exec "$@"', "sh", *command]
    done = subprocess.run(
        [chroot, str(tmp_path), *inside], env=env, capture_output=True, text=True, timeout=30
    )
    assert (done.stdout, done.returncode) == (output, 0), done.stderr


def test_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *given, **named: None)
    with pytest.raises(host.NothingToRun, match="/bin/sh"):
        sample_family()


def _names(tar: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        return opened.getnames()
