"""What differs between two trees, and how it is told apart, counted and summed."""

from __future__ import annotations

import pytest

from tests.engine.compare.entries import directory, entry
from worker.engine.compare import Aspect, Comparison, Count, Entry, Kind, compare_entries


def compared(before: Entry, after: Entry) -> tuple[Kind, tuple[str, ...]] | None:
    """Kind and aspects of what differs between two entries of one path."""
    found = compare_entries([before], [after]).differences
    return (found[0].kind, found[0].aspects.names) if found else None


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (entry("f", b"a"), entry("f", b"b"), ("content",)),
        (entry("f", b"a"), entry("f", b"aa"), ("content",)),
        (entry("f"), entry("f", mode=0o4755), ("mode",)),
        (entry("f"), entry("f", uid=1), ("owner",)),
        (entry("f"), entry("f", gid=1), ("owner",)),
        (entry("f"), entry("f", xattrs={b"user.a": b"1"}), ("xattrs",)),
        (entry("f"), entry("f", type="symlink", link=b"x"), ("type",)),
        (entry("l", type="symlink", link=b"a"), entry("l", type="symlink", link=b"b"), ("link",)),
        (entry("c", type="char", device=(1, 3)), entry("c", type="char", device=(1, 5)), ("device",)),
        (
            entry("f", b"a"),
            entry("f", b"b", mode=0o600, uid=5, mtime_ns=9),
            ("content", "mode", "owner", "time"),
        ),
    ],
)
def test_each_aspect_is_told_apart(before: Entry, after: Entry, told: tuple[str, ...]) -> None:
    assert compared(before, after) == (Kind.CHANGED, told)


def test_what_differs_in_its_time_alone_is_a_kind_of_its_own() -> None:
    assert compared(entry("f"), entry("f", mtime_ns=1)) == (Kind.TIME, ("time",))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (entry("f", b"a"), entry("f", b"a", layer=7)),
        (entry("l", type="symlink", mode=0o777), entry("l", type="symlink", mode=0o755)),
    ],
)
def test_the_layer_and_the_mode_of_a_symlink_are_no_difference(before: Entry, after: Entry) -> None:
    assert compared(before, after) is None


def tree() -> Comparison:
    return compare_entries(
        [
            directory("etc"),
            entry("etc/gone", b"1234"),
            entry("etc/same", b"s"),
            entry("etc/grown", b"1"),
            entry("t"),
        ],
        [
            directory("etc"),
            entry("etc/same", b"s"),
            entry("etc/grown", b"123"),
            directory("new"),
            entry("new/file", b"12345678"),
            entry("new-er", b""),
            entry("t", mtime_ns=5),
        ],
    )


def test_every_path_is_there_once_each_directory_before_what_is_in_it() -> None:
    found = tree()
    assert [(one.path, one.kind.value, one.growth) for one in found.differences] == [
        (b"etc/gone", "removed", -4),
        (b"etc/grown", "changed", 2),
        (b"new", "added", 0),
        (b"new/file", "added", 8),
        (b"new-er", "added", 0),
        (b"t", "time", 0),
    ]
    assert found.same == 2
    assert found.differing == 5


def test_counts_and_bytes_add_up() -> None:
    found = tree()
    assert found.counts == {
        Kind.ADDED: Count(3, 2, 8, 0),
        Kind.REMOVED: Count(1, 1, 0, 4),
        Kind.CHANGED: Count(1, 1, 2, 0),
        Kind.TIME: Count(1, 1, 0, 0),
    }
    assert (found.before, found.after) == (6, 12)
    assert found.after - found.before == sum(one.growth for one in found.differences)
    assert found.aspects[Aspect.CONTENT] == 1
    assert found.aspects[Aspect.TIME] == 0


def test_two_equal_trees_are_identical() -> None:
    one = [directory("etc"), entry("etc/a", b"x")]
    found = compare_entries(one, reversed(one))
    assert found.identical
    assert found.same == 2


def test_a_file_with_several_names_weighs_once_and_other_names_are_a_difference() -> None:
    """What was two names of one file and is two files now has grown by one of them."""
    linked = [entry("a", b"1234", linked=b"a"), entry("b", b"1234", linked=b"a")]
    alone = [entry("a", b"1234"), entry("b", b"1234")]
    found = compare_entries(linked, alone)
    assert (found.before, found.after) == (4, 8)
    assert [(one.path, one.aspects.names, one.growth) for one in found.differences] == [
        (b"a", ("link",), 0),
        (b"b", ("link",), 4),
    ]


def test_directories_sum_up_what_is_in_them_however_deep() -> None:
    found = compare_entries(
        [entry("usr/lib/old", b"123"), entry("var/log", b"1")],
        [entry("usr/lib/a/b/new", b"12345"), entry("usr/bin/x", b"1"), entry("var/log", b"1", mtime_ns=3)],
    ).directories
    assert [(one.path, one.grown, one.shrunk, one.differences) for one in found.children()] == [
        (b"usr", 6, 3, 3)
    ]
    assert [(one.path, one.growth, one.has_more) for one in found.children(b"usr")] == [
        (b"usr/lib", 2, True),
        (b"usr/bin", 1, False),
    ]
    assert [one.path for one in found.children(b"usr/lib")] == [b"usr/lib/a"]
    assert found.of(b"").growth == 3
    assert found.children(b"nothing") == []
    assert found.of(b"nothing").differences == 0


def test_a_difference_is_found_by_its_path() -> None:
    found = tree()
    assert (one := found.get(b"etc/grown"))
    assert one.kind is Kind.CHANGED
    assert found.get(b"etc/same") is None
