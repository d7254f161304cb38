"""What a disk answers, in the words of this program; and removing what a hostile layer piled up."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from worker.engine.disk import disk_errors, explain, remove_tree
from worker.engine.durable import write_atomically
from worker.engine.errors import DiskFull, StoreError, StoreNotWritable

NOBODY = 65534


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (errno.ENOSPC, DiskFull),
        (errno.EDQUOT, DiskFull),
        (errno.EROFS, StoreNotWritable),
        (errno.EACCES, StoreNotWritable),
        (errno.EPERM, StoreNotWritable),
        (errno.EIO, StoreError),
        (errno.ENOTDIR, StoreError),
    ],
)
def test_each_answer_has_its_error(code: int, expected: type[StoreError]) -> None:
    error = explain(OSError(code, os.strerror(code), "/a/path"), "write the blob")
    assert type(error) is expected
    assert error.message.startswith("Could not write the blob: ")


def test_errors_of_a_block_are_translated_and_keep_their_cause() -> None:
    with pytest.raises(DiskFull) as raised, disk_errors("do it"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert isinstance(raised.value.__cause__, OSError)


def test_writing_atomically_replaces_and_leaves_no_scratch(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    for content in (b"one", b"two"):
        write_atomically(tmp_path / "file", content, tmp_path / "scratch")
        assert (tmp_path / "file").read_bytes() == content
    assert list((tmp_path / "scratch").iterdir()) == []


def test_what_a_killed_writer_left_is_taken_over(tmp_path: Path) -> None:
    """SIGKILL leaves the half-written file; the next writer of the same name leaves nothing of it."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    _killed_while_writing(tmp_path / "file", scratch, b"half of something long")
    assert len(list(scratch.iterdir())) == 1
    write_atomically(tmp_path / "file", b"whole", scratch)
    assert (tmp_path / "file").read_bytes() == b"whole"
    assert list(scratch.iterdir()) == []


def test_writers_of_one_name_take_turns(tmp_path: Path) -> None:
    """Each reader sees one of them whole, and nothing stays behind."""
    (tmp_path / "scratch").mkdir()
    _write_at_once(tmp_path)


@pytest.mark.root
def test_writers_without_privileges_take_turns_too(tmp_path: Path) -> None:
    """Root may write to any file; others may not to one that is read-only, as this one is in the end."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    for directory in (tmp_path, scratch):
        os.chown(directory, NOBODY, NOBODY)
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os.chdir(tmp_path)  # which others cannot reach by its path
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            _write_at_once(Path())
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _write_at_once(directory: Path) -> None:
    path, scratch = directory / "file", directory / "scratch"
    contents = [bytes([65 + at]) * (1 << 16) for at in range(8)]

    def write(content: bytes) -> None:
        write_atomically(path, content, scratch)
        assert path.read_bytes() in contents

    with ThreadPoolExecutor(len(contents)) as pool:
        list(pool.map(write, contents * 5))
    assert path.read_bytes() in contents
    assert path.stat().st_mode & 0o777 == 0o444
    assert list(scratch.iterdir()) == []


def _killed_while_writing(path: Path, scratch: Path, content: bytes) -> None:
    child = os.fork()
    if child == 0:
        os.fsync = lambda _fd: os.kill(os.getpid(), signal.SIGKILL)
        write_atomically(path, content, scratch)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def test_a_tree_deeper_than_any_path_may_be_is_removed(tmp_path: Path) -> None:
    """Five thousand levels exceed PATH_MAX, Python's recursion limit and most limits on open files."""
    top = tmp_path / "top"
    top.mkdir()
    here = os.open(top, os.O_RDONLY)
    for _ in range(5000):
        os.mkdir("d", dir_fd=here)
        deeper = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)
    remove_tree(top)
    assert not top.exists()


def test_removing_follows_no_links(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("!")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link").symlink_to(outside)
    remove_tree(inside)
    assert (outside / "precious").exists()
    assert not inside.exists()


def test_removing_what_is_gone_is_no_error(tmp_path: Path) -> None:
    remove_tree(tmp_path / "nothing")
    remove_tree(tmp_path / "no" / "where")
