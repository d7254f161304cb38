"""Writing the entries of a layer as a tree in OverlayFS form.

A whiteout becomes a character device 0:0; an opaque directory is reported, for the parent process to mark.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Callable, Iterator

from worker.engine.disk import remove_at
from worker.engine.errors import CorruptLayer, UnsafeLayer
from worker.engine.layers.directories import Attributes, Directories, refuse_impossible
from worker.engine.layers.header import TarEntry, TarType, check_numbers
from worker.engine.layers.index import FILE_NUMBER, EntryType, FileEntry, IndexWriter
from worker.engine.layers.names import AUFS_LINKS, Mark, normalise, read_mark, split
from worker.engine.layers.outcome import BoundedList, Finished
from worker.engine.layers.sparse import write_sparse
from worker.engine.layers.xattrs import ACCESS_CONTROL, accepted, set_xattrs, set_xattrs_at

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_SET_ID_BITS = stat.S_ISUID | stat.S_ISGID

_NODES = {
    TarType.CHAR: (stat.S_IFCHR, EntryType.CHAR),
    TarType.BLOCK: (stat.S_IFBLK, EntryType.BLOCK),
    TarType.FIFO: (stat.S_IFIFO, EntryType.FIFO),
}


class TreeWriter:
    """One layer's tree and its file index, being written.

    Later entries take the place of earlier ones of the same path; a directory stays, with new attributes.
    The process's umask must be 0.
    """

    def __init__(self, root: int, index: IndexWriter) -> None:
        self._directories = Directories(root)
        self._index = index

    def add(self, entry: TarEntry, content: Iterator[memoryview]) -> None:
        """Write one entry; ``content`` is a regular file's.

        Raises:
            UnsafeLayer: it would lie outside of the tree, or mimics OverlayFS's own marks.
            CorruptLayer: it cannot exist.
            OSError: the disk is full or refuses.
        """
        mark, path = read_mark(normalise(entry.name))
        if mark is Mark.IGNORED or (mark is Mark.LINKED and entry.type is not TarType.FILE):
            return
        try:
            if mark is Mark.OPAQUE:
                self._directories.made[self._directories.reach(path)[1]].opaque = True
                return
            if not path:
                self._root(entry)
                return
            directory, name = split(path)
            parent, where = self._directories.reach(directory)
            path = where + b"/" + name if where else name
            if mark is Mark.WHITEOUT:
                self._whiteout(parent, name, path)
            else:
                self._write(entry, parent, name, path, content)
        except OSError as error:
            refuse_impossible(path, error)
            raise

    def finish(self) -> Finished:
        """Give the directories their attributes, and complete the index."""
        if AUFS_LINKS in self._directories.made:
            self._clear(self._directories.root, AUFS_LINKS, AUFS_LINKS)
        opaque, implied = BoundedList(), BoundedList()
        for path, found in self._directories.finish():
            kind = EntryType.IMPLIED if found.implied else EntryType.DIRECTORY
            record = FileEntry(
                path, kind, 0, found.mode, found.uid, found.gid, found.mtime_ns, xattrs=found.xattrs
            )
            self._index.add(record.pack())
            if found.opaque:
                self._index.add(FileEntry(path, EntryType.OPAQUE).pack())
                opaque.add(path)
            if found.implied:
                implied.add(path)
        for path in sorted(self._directories.whiteouts):
            self._index.add(FileEntry(path, EntryType.WHITEOUT).pack())
        self._index.close()
        return Finished(opaque.paths, implied.paths, sorted(self._directories.left_out))

    def close(self) -> None:
        """Close what is open; the tree is as it is."""
        self._directories.close()

    def _write(
        self, entry: TarEntry, parent: int, name: bytes, path: bytes, content: Iterator[memoryview]
    ) -> None:
        check_numbers(entry)
        kind = entry.type
        if kind is TarType.FILE:
            self._file(entry, parent, name, path, content)
        elif kind is TarType.DIRECTORY:
            self._directory(entry, parent, name, path)
        elif kind is TarType.SYMLINK:
            self._symlink(entry, parent, name, path)
        elif kind is TarType.HARDLINK:
            self._hardlink(entry, parent, name, path)
        else:
            self._node(entry, parent, name, path)

    def _root(self, entry: TarEntry) -> None:
        if entry.type is not TarType.DIRECTORY:
            raise UnsafeLayer("The layer would replace the root of its tree by something else.")
        check_numbers(entry)
        self._redo_directory(b"", entry)

    def _directory(self, entry: TarEntry, parent: int, name: bytes, path: bytes) -> None:
        if path in self._directories.made:
            self._redo_directory(path, entry)
            return
        attributes = self._attributes(entry)
        try:
            self._directories.make(parent, name, path, attributes)
        except FileExistsError:
            # It takes the place of a whiteout or a file, and either hides what is below.
            parent = self._clear(parent, name, path)
            attributes.opaque = True
            self._directories.make(parent, name, path, attributes)

    def _redo_directory(self, path: bytes, entry: TarEntry) -> None:
        attributes = self._attributes(entry)
        attributes.opaque = self._directories.made[path].opaque
        self._directories.made[path] = attributes

    def _file(
        self, entry: TarEntry, parent: int, name: bytes, path: bytes, content: Iterator[memoryview]
    ) -> None:
        mode, uid, gid, mtime_ns = entry.mode, entry.uid, entry.gid, entry.mtime_ns
        try:
            fd = os.open(name, _CREATE, mode, dir_fd=parent)
        except FileExistsError:
            parent = self._clear(parent, name, path)
            fd = os.open(name, _CREATE, mode, dir_fd=parent)
        try:
            digest = hashlib.sha256()
            if entry.extents is not None:
                write_sparse(fd, entry.size, entry.extents, content, digest)
            for piece in content:
                digest.update(piece)
                written = os.write(fd, piece)
                while written < len(piece):
                    written += os.write(fd, piece[written:])
            # New files belong to root, and have their mode; only what differs needs a call.
            if uid or gid:
                os.fchown(fd, uid, gid)
                if mode & _SET_ID_BITS:
                    os.fchmod(fd, mode)  # which fchown has cleared
            xattrs = entry.xattrs
            if xattrs:
                wanted = self._accept(xattrs)
                xattrs = self._left_out(wanted, set_xattrs(fd, wanted))
                if ACCESS_CONTROL in wanted:
                    mode = stat.S_IMODE(os.fstat(fd).st_mode)
            os.utime(fd, ns=(mtime_ns, mtime_ns))
        finally:
            os.close(fd)
        # As FileEntry.pack() would: this is the record of nearly every entry.
        self._index.add(
            [path, FILE_NUMBER, entry.size, mode, uid, gid, mtime_ns, b"", xattrs or None, digest.digest()]
        )

    def _symlink(self, entry: TarEntry, parent: int, name: bytes, path: bytes) -> None:
        if not entry.link or b"\0" in entry.link:
            raise CorruptLayer(f"The layer has a link without a valid target: {path!r}.")
        parent = self._put(lambda at: os.symlink(entry.link, name, dir_fd=at), parent, name, path)
        if entry.uid or entry.gid:
            os.chown(name, entry.uid, entry.gid, dir_fd=parent, follow_symlinks=False)
        os.utime(name, ns=(entry.mtime_ns, entry.mtime_ns), dir_fd=parent, follow_symlinks=False)
        self._record(entry, parent, name, path, EntryType.SYMLINK)

    def _hardlink(self, entry: TarEntry, parent: int, name: bytes, path: bytes) -> None:
        target = normalise(entry.link)
        try:
            target = self._link_target(target)
            if target != path:
                self._put(lambda at: self._link(target, at, name), parent, name, path)
        except FileNotFoundError as error:
            raise CorruptLayer(
                f"The layer has a hard link to what it does not hold: {path!r} to {entry.link!r}."
            ) from error
        if target != path:
            self._index.add(FileEntry(path, EntryType.HARDLINK, link=target).pack())

    def _link_target(self, target: bytes) -> bytes:
        """Where a hard link's target really is; FileNotFoundError if it is nothing that can be linked."""
        directory, name = split(target)
        source, where = self._directories.reach(directory, create=False)
        found = os.stat(name or b".", dir_fd=source, follow_symlinks=False)
        target = where + b"/" + name if where else name
        if stat.S_ISDIR(found.st_mode) or target in self._directories.whiteouts:
            raise FileNotFoundError
        return target

    def _link(self, target: bytes, parent: int, name: bytes) -> None:
        directory, target_name = split(target)
        source, _ = self._directories.reach(directory, create=False)
        os.link(target_name, name, src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False)

    def _node(self, entry: TarEntry, parent: int, name: bytes, path: bytes) -> None:
        format_bits, kind = _NODES[entry.type]
        if entry.type is TarType.CHAR and entry.device == (0, 0):
            raise UnsafeLayer(f"The layer has a device 0:0, OverlayFS's own deletion mark: {path!r}.")
        device = os.makedev(*entry.device) if entry.type is not TarType.FIFO else 0
        mode = format_bits | entry.mode
        parent = self._put(lambda at: os.mknod(name, mode, device, dir_fd=at), parent, name, path)
        if entry.uid or entry.gid:
            os.chown(name, entry.uid, entry.gid, dir_fd=parent, follow_symlinks=False)
            os.chmod(name, entry.mode, dir_fd=parent)  # no link: it has just been made
        os.utime(name, ns=(entry.mtime_ns, entry.mtime_ns), dir_fd=parent, follow_symlinks=False)
        self._record(entry, parent, name, path, kind)

    def _whiteout(self, parent: int, name: bytes, path: bytes) -> None:
        """Hide what is below. What this layer itself has at ``path``, before or after, is not touched."""
        made = self._directories.made.get(path)
        if made is not None:
            made.renew()
            return
        with contextlib.suppress(FileExistsError):
            self._directories.hide(parent, name, path)

    def _put(self, make: Callable[[int], None], parent: int, name: bytes, path: bytes) -> int:
        """Make an entry in an open directory, in the place of what is there; return the directory."""
        try:
            make(parent)
        except FileExistsError:
            parent = self._clear(parent, name, path)
            make(parent)
        return parent

    def _clear(self, parent: int, name: bytes, path: bytes) -> int:
        """Remove what is in the way; return the directory, opened anew if need be."""
        kind = stat.S_IFMT(os.lstat(name, dir_fd=parent).st_mode)
        remove_at(parent, name)
        if path not in self._directories.whiteouts:
            self._index.forget(path)
        self._directories.forget(path)
        if kind not in (stat.S_IFDIR, stat.S_IFLNK):
            return parent
        self._directories.close()
        return self._directories.reach(split(path)[0])[0]

    def _accept(self, xattrs: dict[bytes, bytes]) -> dict[bytes, bytes]:
        return self._left_out(xattrs, accepted(xattrs)) if xattrs else xattrs

    def _left_out(self, wanted: dict[bytes, bytes], kept: dict[bytes, bytes]) -> dict[bytes, bytes]:
        self._directories.leave_out(wanted.keys() - kept.keys())
        return kept

    def _attributes(self, entry: TarEntry) -> Attributes:
        xattrs = self._accept(entry.xattrs)
        return Attributes(entry.mode, entry.uid, entry.gid, entry.mtime_ns, xattrs, implied=False)

    def _record(self, entry: TarEntry, parent: int, name: bytes, path: bytes, kind: EntryType) -> None:
        """Give what is no file and no directory its extended attributes, and enter it in the index."""
        link = kind is EntryType.SYMLINK
        mode, xattrs = 0o777 if link else entry.mode, {}
        if entry.xattrs:
            wanted = self._accept(entry.xattrs)
            xattrs = self._left_out(wanted, set_xattrs_at(parent, name, wanted))
            if ACCESS_CONTROL in wanted:
                mode = stat.S_IMODE(os.lstat(name, dir_fd=parent).st_mode)
        record = FileEntry(
            path,
            kind,
            mode=mode,
            uid=entry.uid,
            gid=entry.gid,
            mtime_ns=entry.mtime_ns,
            link=entry.link if link else b"",
            xattrs=xattrs,
            device=entry.device if kind in (EntryType.CHAR, EntryType.BLOCK) else None,
        )
        self._index.add(record.pack())
