"""Two directory trees, compared entry by entry; and layers merged as a container sees them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

# What a mount shows of itself, and labels that the machine gives to every file.
_OF_THE_MACHINE = frozenset({"security.selinux", "trusted.overlay.origin", "trusted.overlay.impure"})


class Seen(NamedTuple):
    """All that can be told of one entry."""

    type: int
    mode: int
    uid: int
    gid: int
    size: int
    mtime_ns: int
    device: int
    link: str
    sha256: str
    xattrs: dict[str, bytes]
    same_as: str


def describe(root: Path) -> dict[str, Seen]:
    """Everything in a tree, by path; of hard links all but the first name the first."""
    names: dict[tuple[int, int], str] = {}
    found = {".": _see(root, ".", names)}
    for directory, directories, files in os.walk(root):
        directories.sort()
        for name in (*directories, *sorted(files)):
            path = Path(directory, name)
            relative = str(path.relative_to(root))
            found[relative] = _see(path, relative, names)
    return found


def _see(path: Path, relative: str, names: dict[tuple[int, int], str]) -> Seen:
    status = path.lstat()
    kind = stat.S_IFMT(status.st_mode)
    regular = kind == stat.S_IFREG
    first = names.setdefault((status.st_dev, status.st_ino), relative) if status.st_nlink > 1 else relative
    xattrs = {
        name: os.getxattr(path, name, follow_symlinks=False)
        for name in os.listxattr(path, follow_symlinks=False)
        if name not in _OF_THE_MACHINE
    }
    return Seen(
        type=kind,
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        size=status.st_size if regular else 0,
        mtime_ns=status.st_mtime_ns,
        device=status.st_rdev,
        link=str(path.readlink()) if kind == stat.S_IFLNK else "",
        sha256=_sha256(path) if regular else "",
        xattrs=xattrs,
        same_as="" if kind == stat.S_IFDIR or first == relative else first,
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def differences(ours: Path, theirs: Path) -> list[str]:
    """One line for each thing that is not the same."""
    left, right = describe(ours), describe(theirs)
    lines = [f"only ours: {path!r}" for path in sorted(left.keys() - right.keys())]
    lines += [f"only theirs: {path!r}" for path in sorted(right.keys() - left.keys())]
    for path in sorted(left.keys() & right.keys()):
        for field, mine, other in zip(Seen._fields, left[path], right[path], strict=True):
            if mine != other:
                lines.append(f"{path!r}: {field} is {mine!r}, theirs {other!r}")
    return lines


@contextlib.contextmanager
def merged(lowers: Sequence[Path], scratch: Path) -> Iterator[Path]:
    """Mount two or more directories, the base first, over each other, read-only."""
    target = scratch / "merged"
    target.mkdir()
    for position, lower in enumerate(lowers):
        (scratch / str(position)).symlink_to(lower)
    # Short names, because options end at a page.
    options = "ro,lowerdir=" + ":".join(str(position) for position in reversed(range(len(lowers))))
    subprocess.run(["mount", "-t", "overlay", "-o", options, "overlay", target], check=True, cwd=scratch)
    try:
        yield target
    finally:
        subprocess.run(["umount", "--lazy", target], check=True)
