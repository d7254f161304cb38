"""The directories of a tree being written: reached safely, and given their attributes at the end.

A path is walked one component at a time, each opened relative to the one before and never through a link.
Links that the layer itself planted are resolved here, by their text, inside the tree; so no path reaches a
place outside of it, however it is made, even without the jail around this process.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from worker.engine.errors import CorruptLayer
from worker.engine.layers.names import split
from worker.engine.layers.xattrs import ACCESS_CONTROL, clear_xattrs, set_xattrs

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_KEPT_OPEN = 64
_MAX_LINKS = 40  # as many as the kernel follows
_MAX_STEPS = 1 << 14  # of one walk: links may lead through deep directories again and again
_MAX_NAMES = 20
_IMPOSSIBLE = frozenset(
    {
        errno.E2BIG,
        errno.EFBIG,
        errno.EINVAL,
        errno.ELOOP,
        errno.EMLINK,
        errno.ENAMETOOLONG,
        errno.ERANGE,
    }
)
_PLAIN_BITS = 0o1777  # what mkdir(2) sets; a set-group-ID bit would also be inherited by what is made inside


@dataclass(slots=True)
class Attributes:
    """What a directory gets when all its entries are written; writing them would change its time.

    Attributes:
        implied: The tar has entries in it, but none for it, and the layers below may have it too.
        opaque: What the layers below have in it is deleted. The mark itself is set by who started this
            process: it needs rights that this one has given up.
        settled: All is as it should be already, but for the time.
    """

    mode: int = 0o755
    uid: int = 0
    gid: int = 0
    mtime_ns: int = 0
    xattrs: dict[bytes, bytes] = field(default_factory=dict)
    implied: bool = True
    opaque: bool = False
    settled: bool = False

    def renew(self) -> None:
        """The directory of this path in the layers below is deleted: it shares nothing with this one."""
        self.opaque = True
        self.implied = False

    @property
    def plain(self) -> bool:
        """Whether mkdir(2) alone, with this mode, gives everything but the time."""
        return not (self.uid or self.gid or self.xattrs or self.mode & ~_PLAIN_BITS)


def refuse_impossible(path: bytes, error: OSError) -> None:
    """Raise :class:`CorruptLayer` if what the kernel refused can be on no system, or on none like this."""
    if error.errno in _IMPOSSIBLE:
        raise CorruptLayer(f"The layer has an impossible entry: {path!r} ({error.strerror}).") from error


class Directories:
    """All directories of one tree.

    Attributes:
        root: The open tree.
        made: Attributes by path, of every directory of the tree.
        whiteouts: Paths of the deletion marks that were written.
        left_out: Names of extended attributes that are not in the tree, though the tar has them; not all of
            them if they are many.
    """

    def __init__(self, root: int) -> None:
        self.root = root
        self.whiteouts: set[bytes] = set()
        self.made: dict[bytes, Attributes] = {b"": Attributes()}
        self.left_out: set[bytes] = set()
        self._inside: dict[bytes, set[bytes]] = {}  # directories and whiteouts, by the directory they are in
        # What it has from the directory that it was made in would be passed on to everything in it.
        os.fchown(root, 0, 0)
        os.fchmod(root, self.made[b""].mode)
        clear_xattrs(root)
        self._open: OrderedDict[bytes, tuple[int, bytes]] = OrderedDict()

    def reach(self, path: bytes, create: bool = True) -> tuple[int, bytes]:
        """Open a directory, making what is missing on the way; keep it open for a while.

        What it returned before stays open until :meth:`forget`, or until many others have been reached.

        Returns:
            The open directory, and its path after all links: where it really is.

        Raises:
            CorruptLayer: something on the way is neither directory nor link to one.
            FileNotFoundError: something is missing, and is not to be made.
        """
        found = self._open.get(path)
        if found is not None:
            self._open.move_to_end(path)  # what was reached last may be in use
            return found
        if not path:
            return self.root, b""
        found = self._walk(path, create)
        self._open[path] = found
        if len(self._open) > _KEPT_OPEN:
            os.close(self._open.popitem(last=False)[1][0])
        return found

    def make(self, parent: int, name: bytes, path: bytes, attributes: Attributes) -> None:
        """Make a directory, and remember what it is to become.

        Raises:
            FileExistsError: something is there.
        """
        os.mkdir(name, attributes.mode & _PLAIN_BITS, dir_fd=parent)
        attributes.settled = attributes.plain
        self.made[path] = attributes
        self._inside.setdefault(split(path)[0], set()).add(path)

    def hide(self, parent: int, name: bytes, path: bytes) -> None:
        """Write a deletion mark.

        Raises:
            FileExistsError: something is there.
        """
        os.mknod(name, stat.S_IFCHR, os.makedev(0, 0), dir_fd=parent)
        self.whiteouts.add(path)
        self._inside.setdefault(split(path)[0], set()).add(path)

    def revive(self, parent: int, name: bytes, path: bytes, attributes: Attributes) -> None:
        """Put a directory where the layer also has a whiteout: it hides what is below, and is new itself."""
        os.unlink(name, dir_fd=parent)
        self.whiteouts.discard(path)
        attributes.renew()
        self.make(parent, name, path, attributes)

    def forget(self, path: bytes) -> None:
        """What was at ``path`` has been removed, and everything below it.

        What is kept open may lead through it, if it was a directory or a link: see :meth:`close`.
        """
        self._inside.get(split(path)[0], set()).discard(path)
        gone = [path]
        while gone:
            path = gone.pop()
            self.made.pop(path, None)
            self.whiteouts.discard(path)
            gone += self._inside.pop(path, ())

    def leave_out(self, xattrs: Iterable[bytes]) -> None:
        """Remember the names of extended attributes that are not in the tree; the first of them will do."""
        if len(self.left_out) < _MAX_NAMES:
            self.left_out.update(name[:255] for name in xattrs)

    def close(self) -> None:
        """Close what is kept open, but for the root."""
        for fd, _ in self._open.values():
            os.close(fd)
        self._open.clear()

    def finish(self) -> Iterator[tuple[bytes, Attributes]]:
        """Give every directory its attributes, and yield it."""
        paths = sorted(self.made)
        self._drop_whiteouts(paths)
        for path in paths:
            attributes = self.made[path]
            directory, name = split(path) if path else (b"", b".")
            parent, _ = self.reach(directory)
            if not attributes.settled:
                try:
                    self._settle(parent, name, attributes)
                except OSError as error:
                    refuse_impossible(path, error)
                    raise
            times = (attributes.mtime_ns, attributes.mtime_ns)
            os.utime(name, ns=times, dir_fd=parent, follow_symlinks=False)
            yield path, attributes

    def _drop_whiteouts(self, paths: list[bytes]) -> None:
        """Remove the deletion marks where nothing from below is seen anyway.

        In a directory that it does not merge OverlayFS shows them, as names that nothing can be done with.
        """
        if not self.whiteouts:
            return
        unmerged: set[bytes] = set()
        for path in paths:  # each after the directory that it is in
            if self.made[path].opaque or (path and split(path)[0] in unmerged):
                unmerged.add(path)
        for path in [path for path in self.whiteouts if split(path)[0] in unmerged]:
            directory, name = split(path)
            os.unlink(name, dir_fd=self.reach(directory)[0])
            self.forget(path)

    def _settle(self, parent: int, name: bytes, attributes: Attributes) -> None:
        fd = os.open(name, _OPEN, dir_fd=parent)
        try:
            os.fchown(fd, attributes.uid, attributes.gid)
            os.fchmod(fd, attributes.mode)
            if attributes.xattrs:
                wanted, attributes.xattrs = attributes.xattrs, set_xattrs(fd, attributes.xattrs)
                self.leave_out(wanted.keys() - attributes.xattrs.keys())
                if ACCESS_CONTROL in wanted:
                    attributes.mode = stat.S_IMODE(os.fstat(fd).st_mode)
        finally:
            os.close(fd)

    def _walk(self, path: bytes, create: bool) -> tuple[int, bytes]:
        directory, name = split(path)
        start, here = self._open.get(directory, (self.root, b""))
        pending = [name] if here or not directory else path.split(b"/")[::-1]
        fd = os.dup(start)
        links = steps = 0
        try:
            while pending:
                name = pending.pop()
                steps += 1
                if steps > _MAX_STEPS:
                    raise CorruptLayer(f"The layer has an entry too far behind links: {path!r}.")
                if name == b"..":  # only links have these; the root is its own parent
                    here, _, _ = here.rpartition(b"/")
                    pending += here.split(b"/")[::-1] if here else []
                    here, fd = b"", self._replace(fd, os.dup(self.root))
                elif name not in (b"", b"."):
                    there = here + b"/" + name if here else name
                    target = self._target(fd, name, there, create)
                    if target is None:
                        here, fd = there, self._replace(fd, os.open(name, _OPEN, dir_fd=fd))
                        continue
                    links += 1
                    if links > _MAX_LINKS:
                        raise CorruptLayer(f"The layer has an entry behind a loop of links: {path!r}.")
                    pending += target.split(b"/")[::-1]
                    if target.startswith(b"/"):
                        here, fd = b"", self._replace(fd, os.dup(self.root))
        except BaseException:
            os.close(fd)
            raise
        return fd, here

    def _target(self, parent: int, name: bytes, path: bytes, create: bool) -> bytes | None:
        """The target of the link ``name``; None if it is a directory, which it is made to be if missing."""
        if path in self.made:
            return None
        try:
            if not create:
                os.stat(name, dir_fd=parent, follow_symlinks=False)
                raise FileExistsError
            self.make(parent, name, path, Attributes())
        except FileExistsError:
            found = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
            if stat.S_ISLNK(found):
                return os.readlink(name, dir_fd=parent)
            if path in self.whiteouts:
                self.revive(parent, name, path, Attributes())
                return None
            raise CorruptLayer(f"The layer has an entry inside of what is no directory: {path!r}.") from None
        return None

    @staticmethod
    def _replace(old: int, new: int) -> int:
        os.close(old)
        return new
