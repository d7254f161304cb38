"""Layers made of this machine's own programs, so that containers can really run."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

from worker.engine.oci import Digest, ImageConfig, Platform
from worker.engine.store import LayerInfo, Store

PROGRAMS = ("sh", "cat", "chmod", "env", "id", "ln", "ls", "mkdir", "mv", "rm", "sleep", "touch", "uname")

PASSWD = "root:x:0:0:root:/root:/bin/sh\nwww:x:33:34:www:/var/www:/bin/sh\n"
GROUP = "root:x:0:\nwww:x:34:\ntape:x:26:www,other\n"


def add_layer(
    store: Store, name: str, fill: Callable[[Path], None], implied: tuple[bytes, ...] = ()
) -> Digest:
    """Put a tree into the store as a layer; the diff ID is made up from ``name``."""
    diff_id = Digest.of(name.encode())
    with store.layers.stage(diff_id) as staged:
        fill(staged.tree)
        staged.index_path.touch()
        staged.commit(LayerInfo(diff_id, unpacked_size=0, content_size=0, entries=0, implied=implied))
    return diff_id


def base_layer(tree: Path) -> None:
    """A small system: a shell, some programs and their libraries."""
    for directory in ("bin", "etc", "root", "tmp", "var/www/html", "data", "replaced"):
        (tree / directory).mkdir(parents=True)
    (tree / "root").chmod(0o700)
    (tree / "tmp").chmod(0o1777)
    for program in PROGRAMS:
        copy_program(program, tree)
    (tree / "etc/passwd").write_text(PASSWD)
    (tree / "etc/group").write_text(GROUP)
    (tree / "data/kept").write_text("kept")
    (tree / "data/gone").write_text("gone")
    (tree / "replaced/old").write_text("old")


def middle_layer(tree: Path) -> None:
    """Removes /data/gone by a whiteout, and replaces /replaced by an opaque directory."""
    (tree / "data").mkdir()
    whiteout(tree / "data/gone")
    (tree / "replaced").mkdir()
    os.setxattr(tree / "replaced", "trusted.overlay.opaque", b"y")
    (tree / "replaced/new").write_text("new")


def top_layer(tree: Path) -> None:
    (tree / "var/www/html").mkdir(parents=True)
    (tree / "var/www/html/index.html").write_text("<h1>It works</h1>")


def whiteout(path: Path) -> None:
    os.mknod(path, stat.S_IFCHR, os.makedev(0, 0))


def image_config(diff_ids: tuple[Digest, ...], **changes: object) -> ImageConfig:
    """A config for these layers that runs /bin/sh unless ``changes`` say otherwise."""
    fields: dict[str, object] = {"platform": Platform.host(), "diff_ids": diff_ids, "cmd": ("/bin/sh",)}
    return ImageConfig(**{**fields, **changes})  # type: ignore[arg-type]


def fingerprint(tree: Path) -> str:
    """A hash over everything that a tree is: names, types, modes, owners, times, content, links."""
    digest = hashlib.sha256()
    for directory, _, names in sorted(os.walk(tree)):
        for name in [".", *sorted(names)]:
            path = Path(directory, name)
            status = path.lstat()
            known = (
                str(path),
                status.st_mode,
                status.st_uid,
                status.st_gid,
                status.st_mtime_ns,
                status.st_rdev,
            )
            digest.update(repr(known).encode())
            if path.is_file() and not path.is_symlink():
                digest.update(path.read_bytes())
    return digest.hexdigest()


def copy_program(program: str, tree: Path) -> None:
    source = shutil.which(program, path="/bin:/usr/bin")
    assert source is not None, f"these tests need {program}"
    shutil.copy(source, tree / "bin" / program)
    # Lines of ldd are "name => /path (address)", or "/path (address)" for the loader.
    for library in re.findall(
        r"(/\S+) \(0x", subprocess.run(["ldd", source], capture_output=True, text=True).stdout
    ):
        target = tree / library.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            shutil.copy(library, target)
