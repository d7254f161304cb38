"""Images and commands that cannot be run, hostile ones, and very many layers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.containers.conftest import SLEEP, Lab
from tests.engine.containers.layers import add_layer, fingerprint, top_layer
from worker.engine.containers import ContainerPlan
from worker.engine.containers.mounts import mounts_below
from worker.engine.errors import (
    CommandNotFound,
    LayerMissing,
    MountFailed,
    RuntimeFailure,
)
from worker.engine.oci import Digest

pytestmark = pytest.mark.root


def test_a_command_that_does_not_exist_is_named_and_nothing_stays(lab: Lab) -> None:
    for command in (("nonesuch",), ("/bin/nonesuch", "-x"), ("/etc/passwd",)):
        with pytest.raises(CommandNotFound, match=command[0]):
            lab.create(*command)
    assert list(lab.store.containers.iterdir()) == []
    assert mounts_below(lab.store.root) == ()


def test_a_program_that_cannot_be_executed_fails_with_the_reason(lab: Lab, store_script: Digest) -> None:
    """A script whose interpreter is missing is found, but the kernel refuses it."""
    lab.diff_ids = (*lab.diff_ids, store_script)
    container_id = lab.create("/bin/broken")
    # Depending on the runtime, the start fails, or the program ends at once.
    try:
        lab.containers.start(container_id)
        lab.ended(container_id)
        reason = "".join(lab.output(container_id, "stderr"))
    except RuntimeFailure as error:
        reason = error.message
    assert "no such file" in reason.lower()
    assert lab.containers.status(container_id).state in ("created", "stopped")
    assert lab.containers.status(container_id).exit_code != 0


@pytest.fixture
def store_script(lab: Lab) -> Digest:
    def fill(tree: Path) -> None:
        (tree / "bin").mkdir()
        (tree / "bin/broken").write_text("#!/no/such/interpreter\n")
        (tree / "bin/broken").chmod(0o755)

    return add_layer(lab.store, "script", fill)


def test_hostile_links_lead_nowhere(lab: Lab, tmp_path: Path) -> None:
    """Links of the image that point out of it end inside: for users, working directory and mount points."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "passwd").write_text("evil:x:0:0::/:/bin/sh\n")

    def fill(tree: Path) -> None:
        (tree / "etc").mkdir()
        (tree / "etc/passwd").symlink_to(outside / "passwd")
        (tree / "etc/hosts").symlink_to(f"../../../../../../../..{outside}/hosts")
        (tree / "etc/resolv.conf").symlink_to(outside / "deep/resolv.conf")
        (tree / "out").symlink_to("/")
        (tree / "work").symlink_to(outside)

    lab.diff_ids = (*lab.diff_ids, add_layer(lab.store, "hostile", fill))
    before = fingerprint(outside)
    with pytest.raises(RuntimeFailure, match="evil"):
        lab.create("/bin/sh", user="evil")
    assert list(lab.store.containers.iterdir()) == []
    container_id, status = lab.sh("pwd -P; cat /etc/hosts", working_dir="/out/../out/tmp", hostname="box")
    assert status.exit_code == 0
    assert lab.output(container_id)[0] == "/tmp"
    assert "127.0.0.1\tbox" in lab.output(container_id)
    refused = lab.create("/bin/sh", "-c", "pwd -P", working_dir="/work/new")
    try:
        lab.containers.start(refused)
        lab.ended(refused)
    except RuntimeFailure:
        assert lab.containers.status(refused).state == "created"
    assert fingerprint(outside) == before


def test_a_layer_that_is_not_extracted_is_named(lab: Lab) -> None:
    missing = Digest.of(b"missing")
    plan = lab.plan(*SLEEP)
    with pytest.raises(LayerMissing, match=str(missing)):
        lab.containers.create(ContainerPlan(plan.id, plan.config, (*lab.diff_ids, missing)))
    assert not lab.home(plan.id).exists()
    container_id = lab.create(*SLEEP)
    lab.store.layers.remove(lab.diff_ids[-1])
    with pytest.raises(LayerMissing):
        lab.containers.start(container_id)


def test_a_layer_may_come_twice(lab: Lab) -> None:
    """The kernel refuses one directory twice; the topmost occurrence is the one that counts."""
    base, middle, top = lab.diff_ids
    lab.diff_ids = (base, top, middle, top)
    container_id, _ = lab.sh("ls /var/www/html /data")
    assert lab.output(container_id) == ["/data:", "kept", "", "/var/www/html:", "index.html"]


def test_hundreds_of_layers(lab: Lab) -> None:
    """As many as the kernel takes; one more is refused, with nothing left."""
    more = [
        add_layer(lab.store, f"layer {n}", lambda tree, n=n: (tree / f"f{n}").touch()) for n in range(498)
    ]  # type: ignore[misc]
    base = lab.diff_ids[0]
    lab.diff_ids = (base, *more[:300])
    container_id, _ = lab.sh("set -- /f*; echo $#")
    assert lab.output(container_id) == ["300"]
    lab.diff_ids = (base, *more, add_layer(lab.store, "last", top_layer))
    container_id, _ = lab.sh("set -- /f*; echo $#")
    assert lab.output(container_id) == ["498"]
    lab.diff_ids = (*lab.diff_ids, add_layer(lab.store, "one more", top_layer))
    with pytest.raises(MountFailed, match="501"):
        lab.create(*SLEEP)
