"""Where one container stands on disk: ``store/containers/<id>/``."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from worker.engine.containers import defaults
from worker.engine.containers.mounts import mounts_below
from worker.engine.containers.overlay import unmount
from worker.engine.disk import remove_tree
from worker.engine.durable import write_atomically
from worker.engine.errors import StoreDamaged


@dataclass(frozen=True, slots=True)
class Home:
    """The places of one container.

    ``container.json`` is written last: a directory without it is half-made, and nobody's.
    """

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def upper(self) -> Path:
        """What the container changed."""
        return self.path / "upper"

    @property
    def work(self) -> Path:
        return self.path / "work"

    @property
    def rootfs(self) -> Path:
        """The merged tree, while mounted."""
        return self.path / "rootfs"

    @property
    def skeleton(self) -> Path:
        """A lower directory below the image's base, with the places that the runtime mounts on.

        The runtime creates a place that is missing, and would do so in the upper, as if the container had.
        At the very bottom, the skeleton shows only where the image has nothing.
        """
        return self.path / "skeleton"

    @property
    def inherited(self) -> Path:
        """A lower directory above the image's layers, if they need one (``worker.engine.merged``)."""
        return self.path / "inherited"

    @property
    def bundle(self) -> Path:
        """The runtime's bundle: config.json, and the generated files."""
        return self.path / "bundle"

    @property
    def generated(self) -> Path:
        return self.bundle / "files"

    @property
    def runtime_state(self) -> Path:
        """What runc or crun remembers about it."""
        return self.path / "state"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def log(self) -> Path:
        """Standard output and error, in conmon's ``k8s-file`` format."""
        return self.logs / "container.log"

    @property
    def exits(self) -> Path:
        """Where conmon writes the exit code, into a file named by the id."""
        return self.path / "exit"

    @property
    def exit_file(self) -> Path:
        return self.exits / self.id

    @property
    def about(self) -> Path:
        """What it was created from."""
        return self.path / "container.json"

    @property
    def run(self) -> Path:
        """The last run: processes and time."""
        return self.path / "run.json"

    @property
    def exists(self) -> bool:
        """Whether it was created, and completely."""
        return self.about.exists()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other process and thread from changing this container.

        The lock is the directory's own: it goes with its holder's death, and with the directory.

        Raises:
            FileNotFoundError: there is no such directory, or it was removed meanwhile.
        """
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if not os.path.samestat(os.fstat(descriptor), self.path.stat()):
                raise FileNotFoundError(self.path)
            yield
        finally:
            os.close(descriptor)

    def make(self) -> None:
        """Make the directories, all but the container's own.

        Modes do not depend on the umask: some of this shows in the container, and whoever may enter the
        container's directory may read the log.
        """
        for path in (
            self.upper,
            self.work,
            self.rootfs,
            self.bundle,
            self.runtime_state,
            self.logs,
            self.exits,
        ):
            path.mkdir()
            path.chmod(0o755)
        self.log.touch()
        self.log.chmod(0o644)
        for directory in ("", *defaults.SKELETON):
            (self.skeleton / directory).mkdir(parents=True, exist_ok=True)
        for name in defaults.GENERATED_FILES:
            (self.skeleton / name).touch()
        for path in (self.skeleton, *self.skeleton.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)

    def clear(self) -> None:
        """Unmount everything, and delete all but the directory itself.

        Raises:
            MountFailed: this process may not unmount.
            OSError: the disk refuses.
        """
        for mount in reversed(mounts_below(self.path)):
            unmount(mount.point)
        for child in list(self.path.iterdir()):
            remove_tree(child)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Replace a file by a JSON object, at once: a reader sees the old one or the new one."""
    write_atomically(path, json.dumps(value).encode(), scratch=path.parent, mode=0o644)


def read_json(path: Path) -> dict[str, Any] | None:
    """Read what :func:`write_json` wrote; None if there is no such file.

    Raises:
        StoreDamaged: it is something else.
    """
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise damaged(path) from error
    if not isinstance(value, dict):
        raise damaged(path)
    return value


def damaged(path: Path) -> StoreDamaged:
    """The error for a container's record that holds something else than it should."""
    return StoreDamaged(f"{path} is damaged.", hint="Remove the container.")
