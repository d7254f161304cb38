"""What is mounted, as the kernel tells it (proc(5), /proc/pid/mountinfo)."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

_MOUNTINFO = Path("/proc/self/mountinfo")
_OCTAL = re.compile(rb"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """One mount.

    Attributes:
        point: Where it is mounted.
        fstype: Its file system, for example ``overlay``.
        options: Those of the file system itself, as the kernel shows them.
    """

    point: Path
    fstype: str
    options: str


def parse_mountinfo(content: bytes) -> tuple[Mount, ...]:
    """Read the content of a mountinfo file; the order is that of mounting."""
    mounts = []
    for line in content.splitlines():
        fields, _, rest = line.partition(b" - ")
        fstype, _, rest = rest.partition(b" ")
        _, _, options = rest.partition(b" ")
        point = _OCTAL.sub(lambda match: bytes([int(match[1], 8)]), fields.split(b" ")[4])
        mounts.append(Mount(Path(os.fsdecode(point)), fstype.decode(), os.fsdecode(options)))
    return tuple(mounts)


def mounts_below(directory: Path) -> tuple[Mount, ...]:
    """List the mounts at or below a directory, in the order in which they were mounted."""
    resolved = directory.resolve()
    mounts = parse_mountinfo(_MOUNTINFO.read_bytes())
    return tuple(mount for mount in mounts if mount.point.is_relative_to(resolved))


def mounted_at(target: Path) -> Mount | None:
    """The mount that is seen at exactly this place; None if nothing is mounted there."""
    resolved = target.resolve()
    here = [mount for mount in mounts_below(target) if mount.point == resolved]
    return here[-1] if here else None
