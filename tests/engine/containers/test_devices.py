"""A container's root may make device nodes, and reach this machine by none of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.containers.conftest import Lab
from tests.engine.containers.layers import add_layer, copy_program

pytestmark = pytest.mark.root


def tools(tree: Path) -> None:
    (tree / "bin").mkdir()
    for program in ("mknod", "head"):
        copy_program(program, tree)


def disk() -> tuple[str, str]:
    """Major and minor number of this machine's first disk."""
    for line in Path("/proc/partitions").read_text().splitlines()[2:]:
        major, minor, *_ = line.split()
        return major, minor
    pytest.skip("this machine shows no disk")


@pytest.mark.parametrize("place", ["/dev/disk", "/root/disk"])
def test_a_device_node_of_a_disk_cannot_be_opened(lab: Lab, place: str) -> None:
    """In the overlay by the mount, in /dev by the control group."""
    lab.diff_ids = (*lab.diff_ids, add_layer(lab.store, "tools", tools))
    major, minor = disk()
    container_id, status = lab.sh(f"mknod {place} b {major} {minor} && head -c 1 {place}")
    said = " ".join(lab.output(container_id, "stderr")).lower()
    assert status.exit_code == 1
    assert "mknod" not in said
    assert "permission denied" in said or "not permitted" in said
