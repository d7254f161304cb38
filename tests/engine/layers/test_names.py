"""Names and marks: where an entry goes, and what it deletes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.engine.errors import CorruptLayer, StrataError, UnsafeLayer
from worker.engine.layers.names import Mark, normalise, read_mark


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (b"usr/bin/env", b"usr/bin/env"),
        (b"./usr/bin/env", b"usr/bin/env"),
        (b"/usr/bin/env", b"usr/bin/env"),
        (b"usr/bin/", b"usr/bin"),
        (b"usr//bin/./env", b"usr/bin/env"),
        (b"a/../b", b"b"),
        (b".", b""),
        (b"./", b""),
        (b"/", b""),
        (b"", b""),
        (b".dockerenv", b".dockerenv"),
        (b"./.dockerenv", b".dockerenv"),
        (b"..data/x", b"..data/x"),
        (b".wh.x", b".wh.x"),
        (b"./.wh..wh..opq", b".wh..wh..opq"),
        (b"caf\xe9/\xff", b"caf\xe9/\xff"),
    ],
)
def test_names_become_paths_from_the_root(name: bytes, path: bytes) -> None:
    assert normalise(name) == path


@pytest.mark.parametrize("name", [b"..", b"../x", b"a/../../x", b"/../x", b"./../x", b"a/b/../../../c"])
def test_names_that_lead_out_are_refused(name: bytes) -> None:
    with pytest.raises(UnsafeLayer):
        normalise(name)


@pytest.mark.parametrize("name", [b"a\0b", b"x" * 5000, b"a/" * 3000])
def test_impossible_names_are_refused(name: bytes) -> None:
    with pytest.raises(CorruptLayer):
        normalise(name)


@given(st.lists(st.sampled_from([b"..", b".", b"", b"a", b".wh.a", b"\xff"]), max_size=8))
def test_a_path_never_holds_dots_or_leads_out(parts: list[bytes]) -> None:
    try:
        path = normalise(b"/".join(parts))
    except StrataError:
        return
    assert not path.startswith(b"/")
    assert not {b"", b".", b".."} & set(path.split(b"/") if path else [])


@pytest.mark.parametrize(
    ("path", "mark", "target"),
    [
        (b"etc/passwd", Mark.NONE, b"etc/passwd"),
        (b"etc/.wh.passwd", Mark.WHITEOUT, b"etc/passwd"),
        (b".wh.etc", Mark.WHITEOUT, b"etc"),
        (b"etc/.wh..hidden", Mark.WHITEOUT, b"etc/.hidden"),
        (b"etc/.wh..wh..opq", Mark.OPAQUE, b"etc"),
        (b".wh..wh..opq", Mark.OPAQUE, b""),
        (b".wh..wh.plnk", Mark.IGNORED, b".wh..wh.plnk"),
        (b".wh..wh.plnk/1.2", Mark.LINKED, b".wh..wh.plnk/1.2"),
        (b".wh..wh.aufs", Mark.IGNORED, b".wh..wh.aufs"),
        (b".wh..wh.orph/1", Mark.IGNORED, b".wh..wh.orph/1"),
        (b"a/.wh..wh.plnk/1.2", Mark.IGNORED, b"a/.wh..wh.plnk/1.2"),
        (b"a.wh.b", Mark.NONE, b"a.wh.b"),
    ],
)
def test_marks(path: bytes, mark: Mark, target: bytes) -> None:
    assert read_mark(path) == (mark, target)


@pytest.mark.parametrize("path", [b".wh...", b"a/.wh...", b".wh.."])
def test_whiteouts_of_a_directory_itself_or_its_parent_are_refused(path: bytes) -> None:
    with pytest.raises(UnsafeLayer):
        read_mark(path)


@pytest.mark.parametrize("path", [b".wh.", b"a/.wh.", b".wh.a/b", b"x/.wh.a/b/c"])
def test_whiteouts_of_nothing_and_entries_inside_of_one_are_refused(path: bytes) -> None:
    with pytest.raises(CorruptLayer):
        read_mark(path)
