"""OverlayFS mounts, as values (Linux documentation, filesystems/overlayfs).

A mount's options must fit in one page. Sixty layers named by digest do not, and the kernel cuts what is too
long: cut at a colon, that is a valid mount of *fewer* layers. So the options name short symbolic links,
relative to a directory which is the working directory of the one thread that mounts; and what the kernel
then says it mounted is counted.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from worker.engine.containers import kernel
from worker.engine.containers.mounts import mounted_at
from worker.engine.errors import MountFailed

MAX_LOWERS = 500
"""The kernel's own limit on the lower directories of one mount."""

_UPPER, _WORK = "u", "w"

# The upper must stand for itself: it is shown as "what this container changed" and can become a layer. So
# no renames by redirection and no copies of metadata alone; and none of either is believed in a lower.
_SELF_CONTAINED = "index=off,redirect_dir=nofollow,metacopy=off"

_MEANINGS: dict[int, tuple[str, str]] = {
    errno.EPERM: ("this process may not mount", "Run the worker as root, or give it CAP_SYS_ADMIN."),
    errno.EACCES: ("this process may not reach the directories", "Run the worker as root."),
    errno.EINVAL: (
        "the kernel does not accept the store's file system under OverlayFS",
        "Put STRATA_DATA on ext4, xfs, btrfs or tmpfs; not on NFS or another overlay (dmesg says more).",
    ),
    errno.ENODEV: ("this kernel has no OverlayFS", "Load it: modprobe overlay."),
    errno.ENOENT: ("a directory is missing", "Extract the image again."),
    errno.ELOOP: ("two of the directories lie inside each other", "Check for links inside of the store."),
    errno.EBUSY: (
        "the upper directory is in use by another mount",
        "Another worker uses this container; stop that worker.",
    ),
    errno.ENOSPC: (
        "the disk, or the kernel's number of mounts, is full",
        "Free space on the disk that holds STRATA_DATA, or raise fs.mount-max.",
    ),
    errno.EROFS: ("the store is read-only", "Mount the disk that holds STRATA_DATA writable."),
}


@dataclass(frozen=True, slots=True)
class Overlay:
    """A writable directory over read-only ones.

    Attributes:
        lowers: Read-only directories, the base first; no two the same.
        upper: Receives every change.
        work: Empty, for the kernel's own use, on the file system of ``upper``.
        target: Where the merged tree appears.
    """

    lowers: tuple[Path, ...]
    upper: Path
    work: Path
    target: Path

    def options(self) -> str:
        """The options for mount(2), with each directory under the name that :meth:`links` gives it.

        Raises:
            MountFailed: no lowers, or more than the kernel takes.
        """
        if not 1 <= len(self.lowers) <= MAX_LOWERS:
            raise MountFailed(
                f"An overlay needs 1 to {MAX_LOWERS} layers; this one has {len(self.lowers)}.",
                hint="Build the image with fewer layers.",
            )
        # The kernel wants the topmost first.
        names = ":".join(str(position) for position in reversed(range(len(self.lowers))))
        options = f"lowerdir={names},upperdir={_UPPER},workdir={_WORK},{_SELF_CONTAINED}"
        if len(options) >= os.sysconf("SC_PAGE_SIZE"):
            raise MountFailed(f"The options of an overlay of {len(self.lowers)} layers are too long.")
        return options

    def links(self) -> dict[str, Path]:
        """The short names that stand for the directories in :meth:`options`."""
        named = {str(position): lower for position, lower in enumerate(self.lowers)}
        return {**named, _UPPER: self.upper, _WORK: self.work}

    def mount(self) -> None:
        """Mount it, and verify that the kernel took every layer.

        Raises:
            MountFailed: with what the kernel's error means; nothing is mounted then.
            OSError: there is no room for the links, next to the target.
        """
        options = self.options()
        links = Path(tempfile.mkdtemp(prefix=".links-", dir=self.target.parent))
        try:
            for name, directory in self.links().items():
                (links / name).symlink_to(directory.absolute())
            try:
                _mount_from(links, self.target.absolute(), options)
            except OSError as error:
                raise self._failed(error) from error
        finally:
            shutil.rmtree(links, ignore_errors=True)
        self._verify()

    def unmount(self) -> None:
        """See :func:`unmount`."""
        unmount(self.target)

    def _verify(self) -> None:
        mounted = mounted_at(self.target)
        count = count_lowers(mounted.options) if mounted is not None and mounted.fstype == "overlay" else 0
        if count != len(self.lowers):
            self.unmount()
            raise MountFailed(
                f"The kernel mounted {count} of {len(self.lowers)} layers; the mount was undone."
            )

    def _failed(self, error: OSError) -> MountFailed:
        meaning, hint = _meaning(error)
        missing = next((path for path in self.links().values() if not path.is_dir()), None)
        if error.errno == errno.ENOENT and missing is not None:
            meaning = f"the directory {missing} is missing"
        return MountFailed(f"The layers could not be mounted at {self.target}: {meaning}.", hint=hint)


def count_lowers(options: str) -> int:
    """Count the lower directories in the options of a mounted overlay, as /proc/self/mountinfo shows them."""
    count = 0
    for option in options.split(","):
        key, _, value = option.partition("=")
        if key == "lowerdir":
            count += value.replace("\\:", "").count(":") + 1
        elif key == "lowerdir+":
            count += 1
    return count


def unmount(target: Path) -> None:
    """Unmount whatever is mounted at ``target``; nothing there is no error.

    A busy mount disappears from view at once, and for good when its last user ends.

    Raises:
        MountFailed: this process may not.
    """
    while True:
        try:
            kernel.umount(target, 0)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOENT):  # not a mount (any more)
                return
            if error.errno != errno.EBUSY:
                meaning, hint = _meaning(error)
                raise MountFailed(f"{target} could not be unmounted: {meaning}.", hint=hint) from error
            kernel.umount(target, kernel.MNT_DETACH)


def _meaning(error: OSError) -> tuple[str, str | None]:
    """What the kernel's answer means, and what to do about it."""
    return _MEANINGS.get(error.errno or 0, (error.strerror or "unknown error", None))


def _mount_from(directory: Path, target: Path, options: str) -> None:
    """Mount with ``directory`` as working directory, without moving the rest of the process there."""
    failures: list[OSError] = []

    def run() -> None:
        try:
            kernel.own_working_directory()
            os.chdir(directory)
            # Device nodes of an image have no business outside of the container's own /dev.
            kernel.mount("overlay", target, "overlay", kernel.MS_NODEV, options)
        except OSError as error:
            failures.append(error)

    thread = threading.Thread(target=run, name="mount")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
