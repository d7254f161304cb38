"""Making what a container needs on disk, from a plan."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from worker.engine.containers.about import About
from worker.engine.containers.home import Home, write_json
from worker.engine.containers.overlay import MAX_LOWERS, Overlay
from worker.engine.containers.plan import ContainerPlan
from worker.engine.containers.rootfs import check_program
from worker.engine.containers.spec import (
    HostFeatures,
    generated_files,
    hostname_of,
    process_of,
    runtime_spec,
)
from worker.engine.containers.users import resolve_user
from worker.engine.errors import LayerMissing
from worker.engine.oci import Digest
from worker.engine.store import LayerStore


def trees_of(layers: LayerStore, diff_ids: Iterable[Digest]) -> tuple[Path, ...]:
    """The trees to mount for an image's layers, base first.

    A layer that comes twice counts where it is topmost: applied again it changes nothing below that, and the
    kernel refuses to mount one directory twice.

    Raises:
        LayerMissing: a layer is not extracted.
    """
    topmost_first = dict.fromkeys(reversed(tuple(diff_ids)))
    distinct = tuple(reversed(topmost_first))
    missing = [diff_id for diff_id in distinct if not layers.has(diff_id)]
    if missing:
        raise LayerMissing(
            f"{len(missing)} of {len(distinct)} layers are not extracted; the first of them is {missing[0]}."
        )
    return tuple(layers.tree(diff_id) for diff_id in distinct)


def overlay_of(home: Home, trees: tuple[Path, ...]) -> Overlay:
    """The container's mount.

    An image that uses up all lowers does without the skeleton; the runtime then makes what it needs.
    """
    lowers = trees if len(trees) >= MAX_LOWERS else (home.skeleton, *trees)
    return Overlay(lowers, home.upper, home.work, home.rootfs)


def build(home: Home, plan: ContainerPlan, trees: tuple[Path, ...], features: HostFeatures) -> None:
    """Fill an empty home, mount it, and write the bundle; the container exists when this returns.

    Raises:
        MountFailed: the layers can not be mounted.
        CommandNotFound: the program is not in the image.
        RuntimeFailure: the image's user or working directory can not be.
    """
    home.make()
    if trees:
        _copy_attributes(trees[-1], home.upper)
    overlay_of(home, trees).mount()
    process = process_of(plan, resolve_user(home.rootfs, plan.config.user))
    check_program(home.rootfs, process.args[0], process.search_path, process.cwd)
    for name, content in generated_files(hostname_of(plan)).items():
        path = home.generated / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(0o644)
    spec = runtime_spec(
        plan, process, rootfs=home.rootfs.resolve(), generated=home.generated.resolve(), features=features
    )
    write_json(home.bundle / "config.json", spec)
    About.of_plan(plan).save(home)


def _copy_attributes(tree: Path, upper: Path) -> None:
    """Give the upper the mode and owner of the topmost layer's root: in the merged tree the upper's count."""
    status = tree.stat()
    os.chown(upper, status.st_uid, status.st_gid)
    upper.chmod(status.st_mode & 0o7777)
