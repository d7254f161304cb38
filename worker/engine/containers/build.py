"""Making what a container needs on disk, from a plan."""

from __future__ import annotations

import os
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
from worker.engine.merged import Stack


def lowers_of(home: Home, trees: tuple[Path, ...]) -> tuple[Path, ...]:
    """What the container stands on: its image's trees, and what was made for it on top of them."""
    return (*trees, home.inherited) if home.inherited.is_dir() else trees


def overlay_of(home: Home, lowers: tuple[Path, ...]) -> Overlay:
    """The container's mount.

    An image that uses up all lowers does without the skeleton; the runtime then makes what it needs.
    """
    if len(lowers) < MAX_LOWERS:
        lowers = (home.skeleton, *lowers)
    return Overlay(lowers, home.upper, home.work, home.rootfs)


def build(home: Home, plan: ContainerPlan, stack: Stack, features: HostFeatures) -> None:
    """Fill an empty home, mount it, and write the bundle; the container exists when this returns.

    Raises:
        MountFailed: the layers can not be mounted.
        StoreError: the disk is full or refuses.
        CommandNotFound: the program is not in the image.
        RuntimeFailure: the image's user or working directory can not be.
    """
    home.make()
    # In the merged tree the upper's own attributes count.
    os.chown(home.upper, stack.root.uid, stack.root.gid)
    home.upper.chmod(stack.root.mode)
    overlay_of(home, stack.lowers(home.inherited)).mount()
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
