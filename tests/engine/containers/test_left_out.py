"""Containers on layers that leave directories out: with a file in /tmp, and no entry for /tmp itself."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from tests.engine.containers.conftest import SLEEP, Lab
from tests.engine.containers.layers import add_layer, fingerprint
from worker.engine.containers import MAX_LOWERS
from worker.engine.errors import MountFailed
from worker.engine.oci import Digest

pytestmark = pytest.mark.root


def fill(tree: Path) -> None:
    for name in ("tmp/x", "root/.bashrc"):
        (tree / name).parent.mkdir(mode=0o755)
        (tree / name).touch()


@pytest.fixture
def leaves_out(lab: Lab) -> Digest:
    """A layer on top whose tar has no entry for /tmp (1777 in the base) and /root (0700)."""
    diff_id = add_layer(lab.store, "leaves out", fill, implied=(b"", b"root", b"tmp"))
    lab.diff_ids = (*lab.diff_ids, diff_id)
    return diff_id


def modes(lab: Lab, container_id: str) -> list[int]:
    rootfs = lab.home(container_id) / "rootfs"
    return [stat.S_IMODE((rootfs / name).stat().st_mode) for name in ("", "tmp", "root")]


def test_they_are_as_the_layers_below_have_them(lab: Lab, leaves_out: Digest) -> None:
    """Also to the program: whoever it is can write to /tmp, and only root sees /root."""
    container_id, _ = lab.sh("echo > /tmp/mine && ls /root 2>/dev/null || echo closed", user="33")
    assert modes(lab, container_id) == [0o755, 0o1777, 0o700]
    assert lab.output(container_id) == ["closed"]
    assert [(change.path, change.kind) for change in lab.containers.changes(container_id)] == [
        ("/tmp/mine", "added")
    ]


def test_no_directory_counts_as_changed_and_no_layer_is(lab: Lab, leaves_out: Digest) -> None:
    before = fingerprint(lab.store.layers.tree(leaves_out))
    container_id = lab.create(*SLEEP)
    assert lab.containers.changes(container_id) == []
    rootfs = lab.home(container_id) / "rootfs"
    (rootfs / "tmp").chmod(0o755)
    assert [change.path for change in lab.containers.changes(container_id)] == ["/tmp"]
    assert fingerprint(lab.store.layers.tree(leaves_out)) == before


def test_they_are_so_after_a_restart_of_the_machine(lab: Lab, leaves_out: Digest) -> None:
    container_id = lab.create(*SLEEP)
    subprocess.run(["umount", lab.home(container_id) / "rootfs"], check=True)
    lab.containers.start(container_id)
    assert modes(lab, container_id) == [0o755, 0o1777, 0o700]


def test_an_image_without_such_directories_costs_nothing(lab: Lab) -> None:
    """Nor one that leaves out only the root, as most do."""
    lab.diff_ids = (*lab.diff_ids, add_layer(lab.store, "no root", lambda tree: None, implied=(b"",)))
    container_id = lab.create(*SLEEP)
    assert not (lab.home(container_id) / "inherited").exists()


def test_the_root_directory_is_inherited_too(lab: Lab) -> None:
    described = add_layer(lab.store, "root", lambda tree: tree.chmod(0o711))
    left_out = add_layer(lab.store, "no root", lambda tree: None, implied=(b"",))
    lab.diff_ids = (*lab.diff_ids, described, left_out)
    assert modes(lab, lab.create(*SLEEP))[0] == 0o711


def test_what_lies_on_top_counts_as_one_of_the_lowers(lab: Lab, leaves_out: Digest) -> None:
    base, leaving_out = lab.diff_ids[0], lab.diff_ids[-1]
    more = [add_layer(lab.store, f"layer {n}", lambda tree: None) for n in range(MAX_LOWERS - 2)]
    lab.diff_ids = (base, *more[1:], leaving_out)
    assert modes(lab, lab.create(*SLEEP)) == [0o755, 0o1777, 0o700]
    lab.diff_ids = (base, *more, leaving_out)
    with pytest.raises(MountFailed, match=str(MAX_LOWERS + 1)):
        lab.create(*SLEEP)
