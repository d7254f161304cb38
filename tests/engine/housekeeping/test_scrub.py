"""Scrubbing: every kind of damage is found, nothing else is; and a repair mends it."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from samples.images import Entry, hardlink, image, index, layer
from samples.registry import SampleRegistry
from tests.engine.pull.helpers import damage, left, pull_it, random_layer
from tests.engine.pull.machine import machine_image
from worker.engine.cancel import CancelToken
from worker.engine.errors import Cancelled
from worker.engine.events import Event, Keeping
from worker.engine.extract import extract
from worker.engine.housekeeping import Finding, scrub
from worker.engine.registry import Endpoint
from worker.engine.store import Store

pytestmark = pytest.mark.root

RICH = layer(
    {"etc/os": b"sample", "etc/empty": b"", "bin/sh": b"#!" * 5000},
    dirs=["etc", "bin", "gone"],
    symlinks={"etc/link": "os"},
    whiteouts=["removed"],
    opaque=["gone"],
    entries=[
        hardlink("bin/bash", "bin/sh"),
        Entry("tmp/pipe", type=tarfile.FIFOTYPE),
        Entry("null", type=tarfile.CHRTYPE, device=(1, 3), mode=0o666),
        Entry("tagged", b"x", xattrs={"security.capability": bytes.fromhex("0100000200200000" + "00" * 12)}),
    ],
)
TOP = random_layer("top", 200_000)
IMAGE = image([RICH, TOP])
TWIN = image([RICH.recompressed("zstd"), TOP])
TREE = "the layer's tree"


def endpoint_of(host: str) -> Endpoint:
    return Endpoint(host, insecure=True)


def only(findings: tuple[Finding, ...]) -> Finding:
    (finding,) = findings
    return finding


@pytest.fixture
def pulled(store: Store, registry: SampleRegistry) -> Store:
    pull_it(store, registry.push("a", "1", IMAGE))
    return store


def repaired(store: Store) -> Finding:
    """Mend it, with the registry's help; all is well then, and nothing is left lying about."""
    found = scrub(store, repair=True, endpoint_of=endpoint_of)
    finding = only(found.findings)
    assert finding.repaired, finding.message
    assert found.sound
    assert scrub(store).findings == ()
    assert not [name for name in left(store) if name.startswith("ingest")]
    return finding


def test_a_sound_store_has_no_findings(pulled: Store) -> None:
    found = scrub(pulled)
    assert found.findings == ()
    assert (found.blobs, found.layers) == (4, 2)
    content = len(b"sample") + 10_000 + 1 + 200_000
    assert found.bytes_read == sum(map(len, (IMAGE.raw, *IMAGE.blobs))) + content


def test_real_files_with_everything_that_they_have_are_no_findings(
    store: Store, registry: SampleRegistry, tmp_path: Path
) -> None:
    pull_it(store, registry.push("machine", "1", machine_image(tmp_path / "scratch")))
    assert scrub(store).findings == ()


def test_platforms_and_dockers_form_are_no_findings(store: Store, registry: SampleRegistry) -> None:
    docker = image([RICH.recompressed("gzip", "docker")], flavour="docker")
    name = registry.push("a", "1", index([docker, image([TOP], platform="linux/arm64")]))
    for platform in ("linux/amd64", "linux/arm64"):
        pull_it(store, name, platform=platform)
    pull_it(store, registry.push("twin", "1", TWIN))
    assert scrub(store).findings == ()


@pytest.mark.parametrize("path", ["", "none"])
def test_an_empty_store_is_sound(store: Store, path: str) -> None:
    assert scrub(Store(store.root / path) if path else store).findings == ()


def _tree(store: Store) -> Path:
    return store.layers.tree(RICH.diff_id)


def _other_content(tree: Path) -> None:
    status = (tree / "etc/os").stat()
    (tree / "etc/os").write_bytes(b"SAMPLE")
    os.utime(tree / "etc/os", ns=(status.st_atime_ns, status.st_mtime_ns))


def _replace_by(make: Callable[[Path], None], name: str) -> Callable[[Path], None]:
    def do(tree: Path) -> None:
        path = tree / name
        keep = path.parent.stat()
        path.unlink()
        make(path)
        os.utime(path.parent, ns=(keep.st_atime_ns, keep.st_mtime_ns))

    return do


def _copy(tree: Path) -> None:
    shutil.copy2(tree / "bin/sh", tree / "copy")
    (tree / "copy").replace(tree / "bin/bash")
    os.utime(tree / "bin", ns=(0, 1767225600 * 10**9))
    os.utime(tree, ns=(0, 0))


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_other_content, "'etc/os' has other content"),
        (lambda tree: (tree / "etc/os").write_bytes(b"longer content"), "'etc/os' has 14 bytes, not 6"),
        (lambda tree: (tree / "etc/os").chmod(0o4755), "'etc/os' has the mode 4755, not 644"),
        (lambda tree: (tree / "etc").chmod(0o700), "'etc' has the mode 700, not 755"),
        (lambda tree: os.chown(tree / "etc/link", 5, 6, follow_symlinks=False), "belongs to 5:6, not to 0:0"),
        (lambda tree: os.utime(tree / "etc/os", (5, 5)), "'etc/os' has another time"),
        (lambda tree: os.utime(tree, (5, 5)), "the root has another time"),
        (lambda tree: os.removexattr(tree / "tagged", "security.capability"), "other extended attributes"),
        (
            lambda tree: os.removexattr(tree / "gone", "trusted.overlay.opaque"),
            "'gone' is not marked as opaque",
        ),
        (lambda tree: os.setxattr(tree / "bin", "trusted.overlay.opaque", b"y"), "'bin' is marked as opaque"),
        (lambda tree: os.setxattr(tree / "bin", "trusted.overlay.redirect", b"/"), "no layer has"),
        (_replace_by(lambda path: path.symlink_to("elsewhere"), "etc/link"), "'etc/link' leads elsewhere"),
        (_replace_by(lambda path: path.write_bytes(b""), "tmp/pipe"), "'tmp/pipe' is no fifo"),
        (_replace_by(lambda path: os.mknod(path, 0o20666, os.makedev(1, 5)), "null"), "is another device"),
        (_replace_by(lambda path: os.mknod(path, 0o20666, os.makedev(1, 5)), "removed"), "a deletion mark"),
        (_replace_by(lambda path: None, "removed"), "'removed' is missing"),
        (_replace_by(lambda path: None, "etc/empty"), "'etc/empty' is missing"),
        (lambda tree: (tree / "etc/stranger").touch(), "'etc/stranger' is not in the index"),
        (_copy, "'bin/bash' is not the same file as 'bin/sh'"),
        (lambda tree: shutil.rmtree(tree), "No such file"),
        (lambda tree: (tree.parent / "files.msgpack.zst").unlink(), "no file index"),
        (lambda tree: damage(tree.parent / "files.msgpack.zst"), "file index"),
        (lambda tree: (tree.parent / "layer.json").unlink(), "is not extracted"),
        (lambda tree: damage(tree.parent / "layer.json"), "record"),
        (lambda tree: (tree.parent / "more").touch(), "'more' is unknown"),
    ],
)
def test_each_damage_of_a_layer_is_found_and_mended(
    pulled: Store, registry: SampleRegistry, harm: Callable[[Path], None], said: str
) -> None:
    """From the blob that is here: nothing is fetched."""
    harm(_tree(pulled))
    finding = only(scrub(pulled).findings)
    assert (finding.kind, finding.subject, finding.code) == ("layer", str(RICH.diff_id), "damaged")
    assert said in finding.message
    assert not finding.repaired
    registry.requests.clear()
    repaired(pulled)
    assert registry.requests == []


def test_a_layer_with_a_half_of_it_is_found_and_mended(pulled: Store) -> None:
    """What no kill can leave, but somebody's hand."""
    shutil.rmtree(pulled.layers.home(TOP.diff_id))
    pulled.layers.home(TOP.diff_id).mkdir()
    assert repaired(pulled).kind == "layer"


@pytest.mark.parametrize("which", ["layer", "manifest", "config"])
@pytest.mark.parametrize("gone", [False, True])
def test_a_damaged_or_missing_blob_is_found_and_fetched_again(pulled: Store, which: str, gone: bool) -> None:
    digest = {"layer": TOP.digest, "manifest": IMAGE.digest, "config": IMAGE.config_digest}[which]
    path = pulled.blobs.path(digest)
    path.unlink() if gone else damage(path)
    finding = only(scrub(pulled).findings)
    assert (finding.kind, finding.subject) == ("blob", str(digest))
    assert finding.code == ("missing" if gone else "damaged")
    unmended = only(scrub(pulled, repair=True).findings)
    assert not unmended.repaired
    assert "could not be repaired" in unmended.message
    repaired(pulled)


def test_of_a_name_that_moved_on_it_is_known_where_it_came_from(
    pulled: Store, registry: SampleRegistry
) -> None:
    pull_it(pulled, registry.push("a", "1", image([TOP])))
    damage(pulled.blobs.path(RICH.digest))
    repaired(pulled)


def test_the_forms_that_were_made_for_other_tools_are_mended_without_a_registry(
    store: Store, registry: SampleRegistry
) -> None:
    docker = image([RICH.recompressed("gzip", "docker")], flavour="docker")
    name = registry.push("a", "1", index([docker, image([TOP], platform="linux/arm64")]))
    for platform in ("linux/amd64", "linux/arm64"):
        pull_it(store, name, platform=platform)
    (made,) = store.images.made()
    listed = next(each.descriptor.digest for each in store.images.all() if each.digest == docker.digest)
    for digest in (made, listed):
        damage(store.blobs.path(digest))
        found = scrub(store, repair=True)
        assert only(found.findings).subject == str(digest)
        assert found.sound
    damage(store.root / "oci-layout")
    assert scrub(store, repair=True).sound
    assert scrub(store).findings == ()


def test_a_damaged_blob_and_its_damaged_layer_are_mended_together(pulled: Store) -> None:
    damage(pulled.blobs.path(RICH.digest))
    (_tree(pulled) / "etc/os").write_bytes(b"harmed")
    found = scrub(pulled, repair=True, endpoint_of=endpoint_of)
    assert [finding.kind for finding in found.findings] == ["blob", "layer"]
    assert found.sound
    assert scrub(pulled).findings == ()


def test_a_layer_that_is_here_from_another_form_is_mended_by_any(
    pulled: Store, registry: SampleRegistry
) -> None:
    """The twin's own blob was never fetched, and the other form's is gone with its image."""
    pull_it(pulled, registry.push("twin", "1", TWIN))
    pulled.images.forget(IMAGE.digest)
    pulled.blobs.remove(RICH.digest)
    (_tree(pulled) / "etc/os").write_bytes(b"harmed")
    found = scrub(pulled, repair=True, endpoint_of=endpoint_of)
    assert found.sound
    assert extract(pulled, TWIN.digest).unchanged


def test_what_is_damaged_and_not_needed_is_cleared_away(pulled: Store) -> None:
    digest = pulled.blobs.put(b"nobody's")
    damage(pulled.blobs.path(digest))
    pulled.images.forget(IMAGE.digest)
    pulled.shallow_images.forget(IMAGE.digest)
    (_tree(pulled) / "etc/os").write_bytes(b"harmed")
    assert scrub(pulled, repair=True).sound
    assert not pulled.blobs.has(digest)
    assert not pulled.layers.has(RICH.diff_id)


def test_strays_are_named_and_left(pulled: Store) -> None:
    """Nothing half-made stands outside of ingest/; who put something else there will know."""
    for name in ("blobs/sha256/half", "layers/sha256/half", "blobs/md5"):
        (pulled.root / name).touch()
    found = scrub(pulled, repair=True)
    assert {(finding.kind, finding.subject) for finding in found.findings} == {
        ("stray", "blobs/sha256/half"), ("stray", "layers/sha256/half"), ("stray", "blobs/md5")
    }  # fmt: skip
    assert not found.sound


def test_a_damaged_list_is_a_finding_and_costs_nobody_anything(pulled: Store) -> None:
    before = left(pulled)
    damage(pulled.blobs.path(TOP.digest))
    (pulled.root / "index.json").write_text("{")
    found = scrub(pulled, repair=True, endpoint_of=endpoint_of)
    assert ("list", "index.json") in {(finding.kind, finding.subject) for finding in found.findings}
    assert not found.sound
    assert left(pulled) == before


def test_progress_and_cancelling(pulled: Store) -> None:
    events: list[Event] = []
    scrub(pulled, listener=events.append)
    keeping = [event for event in events if isinstance(event, Keeping)]
    assert list(dict.fromkeys(event.step for event in keeping)) == [
        "reading images",
        "reading blobs",
        "comparing layers",
    ]
    assert (keeping[-1].done, keeping[-1].total) == (2, 2)
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        scrub(pulled, cancel=cancel)
