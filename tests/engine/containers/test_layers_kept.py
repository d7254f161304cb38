"""Containers and housekeeping: layers stay as long as a container needs them, also while it is being made."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from tests.engine.containers.conftest import SLEEP, Lab
from worker.engine.containers import containers as module
from worker.engine.containers.mounts import mounted_at
from worker.engine.errors import Conflict
from worker.engine.housekeeping import collect
from worker.engine.housekeeping.unused import unused

pytestmark = pytest.mark.root


def test_a_collect_while_a_container_is_being_made_leaves_its_layers(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No image is listed that has them."""
    build = module.build

    def collecting(*arguments: object) -> None:
        assert not any(item.kind == "layer" for item in collect(lab.store).items)
        build(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "build", collecting)
    container_id, status = lab.sh("exit 3")
    assert status.exit_code == 3
    assert collect(lab.store).items == ()
    lab.containers.remove(container_id)
    collected = collect(lab.store)
    assert {item.name for item in collected.items if item.kind == "layer"} == set(map(str, lab.diff_ids))


def test_a_tree_under_a_running_container_is_not_replaced(lab: Lab) -> None:
    """Under one that does not run it is; it is mounted again when it starts."""
    container_id = lab.start(*SLEEP)
    with pytest.raises(Conflict, match=container_id), unused(lab.store, lab.diff_ids[0], None):
        pass
    assert lab.containers.status(container_id).state == "running"
    lab.containers.kill(container_id)
    with unused(lab.store, lab.diff_ids[0], None):
        assert mounted_at(lab.home(container_id) / "rootfs") is None
    lab.containers.start(container_id)
    assert lab.containers.status(container_id).state == "running"


def test_a_container_on_a_tree_that_was_replaced_meanwhile_is_refused(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have mounted the old one, which is gone."""
    build = module.build

    def replacing(*arguments: object) -> None:
        build(*arguments)  # type: ignore[arg-type]
        home = lab.store.layers.home(lab.diff_ids[0])
        (home / "tree").rename(home / "old")
        (home / "tree").mkdir()

    monkeypatch.setattr(module, "build", replacing)
    plan = lab.plan(*SLEEP)
    with pytest.raises(Conflict, match="repaired"):
        lab.containers.create(plan)
    assert lab.containers.status(plan.id).state == "missing"
    assert not lab.home(plan.id).exists()


def test_a_tree_under_a_container_that_runs_out_of_sight_is_not_replaced(lab: Lab) -> None:
    """With Compose a repair runs in a PID and a mount namespace that are not those of the containers."""
    container_id = lab.start(*SLEEP)
    assert _unused_elsewhere(lab) == f"The container {container_id} stands on it, and nobody has seen it end."
    lab.containers.kill(container_id)
    assert _unused_elsewhere(lab) == "nobody uses it"


def test_what_goes_wrong_with_the_tree_is_not_blamed_on_the_containers(lab: Lab) -> None:
    with pytest.raises(OSError, match="the tree"), unused(lab.store, lab.diff_ids[0], None):
        raise OSError("the tree")


def test_a_container_that_starts_stands_on_a_tree_that_was_replaced_out_of_sight(lab: Lab) -> None:
    """It was mounted when it was made, and still is."""
    container_id = lab.create("/bin/sh", "-c", "exit 3")
    for diff_id in lab.diff_ids:
        tree = lab.store.layers.tree(diff_id)
        subprocess.run(["cp", "-a", tree, tree.with_name("new")], check=True)
        tree.rename(tree.with_name("old"))
        tree.with_name("new").rename(tree)
        shutil.rmtree(tree.with_name("old"))
    lab.containers.start(container_id)
    assert lab.ended(container_id).exit_code == 3


def _unused_elsewhere(lab: Lab) -> str:
    """What somebody says who asks for the base's tree, and sees neither our processes nor our mounts."""
    program = """
import sys
from pathlib import Path
from worker.engine.errors import Conflict
from worker.engine.housekeeping.unused import unused
from worker.engine.oci import Digest
from worker.engine.store import Store
try:
    with unused(Store(Path(sys.argv[1])), Digest.parse(sys.argv[2]), None):
        print("nobody uses it")
except Conflict as error:
    print(error.message)
"""
    elsewhere = ["unshare", "--pid", "--fork", "--mount", "--mount-proc", sys.executable, "-c", program]
    asked = [*elsewhere, str(lab.store.root), str(lab.diff_ids[0])]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
