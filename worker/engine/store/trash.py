"""The trash: what is cleared away goes out of sight at once, by a rename, and is deleted after that.

Deleting takes long and may be killed; a rename does not. What a killed process left in the trash, the next
one deletes.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Collection, Iterator
from pathlib import Path

from worker.engine.cancel import CancelToken
from worker.engine.disk import disk_errors, remove_tree
from worker.engine.store.locks import abandoned

_POLL = 0.1  # seconds
_MARK = 6  # random bytes that tell things of one name apart


class Trash:
    """A directory on the store's file system, which is always there: a full disk needs no room for it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def take(self, path: Path) -> bool:
        """Move a file or directory out of sight; False if it is gone already.

        Raises:
            StoreError: the disk refuses.
        """
        with disk_errors("clear away"):
            try:
                path.rename(self.path / f"{path.name}-{secrets.token_hex(_MARK)}")
            except FileNotFoundError:
                return False
        return True

    def left(self) -> list[Path]:
        """What is in it, if nobody is emptying it: of a process that was killed.

        Raises:
            StoreError: the disk refuses.
        """
        with disk_errors("look into the trash"), abandoned(self.path) as dead:
            return sorted(self.path.iterdir()) if dead else []

    def empty(self, cancel: CancelToken | None = None, *, of: Collection[str] | None = None) -> None:
        """Delete all that is in it, also what others put there; one at a time empties it.

        Args:
            of: Only what had one of these names when it was taken, by whomever; None: everything.

        Raises:
            Cancelled: the rest stays, out of sight, for the next time.
            StoreError: the disk refuses.
        """
        with disk_errors("clear away"), self._alone(cancel):
            while found := sorted(path for path in self.path.iterdir() if _is_of(path, of)):
                for path in found:
                    if cancel is not None:
                        cancel.check()
                    remove_tree(path)

    @contextlib.contextmanager
    def _alone(self, cancel: CancelToken | None) -> Iterator[None]:
        fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            waiting = cancel or CancelToken()
            while True:
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    waiting.wait(_POLL)
            yield
        finally:
            os.close(fd)


def _is_of(path: Path, names: Collection[str] | None) -> bool:
    return names is None or path.name[: -2 * _MARK - 1] in names
