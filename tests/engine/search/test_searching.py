"""What a search finds, and in which order it says so."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.engine.search.layers import file, layer, link, make, mark, paths
from worker.engine.errors import InvalidInput
from worker.engine.layers import EntryType, FileEntry
from worker.engine.oci import Digest
from worker.engine.search import FileQuery, Found, Kind, Mode, SearchIndex

A, B, C = layer("a"), layer("b"), layer("c")


@pytest.fixture
def index(tmp_path: Path) -> SearchIndex:
    make(
        tmp_path,
        {
            A: [
                file("etc/passwd", "root"),
                file("etc/shadow", "secret"),
                file("usr/lib/libssl.so.3", "ssl three", 700_000),
                link("usr/lib/libssl.so", "libssl.so.3"),
                FileEntry(b"usr/lib/copy.so", EntryType.HARDLINK, link=b"usr/lib/libssl.so.3"),
                mark("usr/lib", EntryType.DIRECTORY),
                mark("dev/null", EntryType.CHAR),
                mark("run/pipe", EntryType.FIFO),
                mark("usr", EntryType.IMPLIED),
            ],
            B: [file("etc/passwd", "root and more"), file("opt/LibSSL.txt", "ssl three", 700_000)],
            C: [mark("etc/shadow"), file(b"odd/new\nline\xff", "odd")],
        },
    )
    return SearchIndex(tmp_path)


ALL = {A, B, C}


def found(index: SearchIndex, query: FileQuery, within: set[Digest] = ALL) -> list[list[str]]:
    """The paths of each group."""
    return [[repr(place.path)[2:-1] for place in one.places] for one in index.search(query, within).items]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (FileQuery("passwd"), [["etc/passwd"], ["etc/passwd"]]),
        (FileQuery("/etc/p"), [["etc/passwd"], ["etc/passwd"]]),
        (FileQuery("libssl.so.3"), [["usr/lib/libssl.so.3"]]),
        (FileQuery("LIBSSL.T", ignore_case=True), [["opt/LibSSL.txt"]]),
        (FileQuery("libssl*", Mode.GLOB), [["usr/lib/libssl.so"], ["usr/lib/libssl.so.3"]]),
        (FileQuery("/etc/*", Mode.GLOB, Kind.FILE), [["etc/passwd"], ["etc/shadow"], ["etc/passwd"]]),
        (FileQuery("**/lib/*.so", Mode.GLOB, Kind.SYMLINK), [["usr/lib/libssl.so"]]),
        (FileQuery(r"^/etc/(pass|sha).*w\b?", Mode.REGEX, Kind.DELETED), [["etc/shadow"]]),
        (FileQuery(r"\.so(\.[0-9])?$", Mode.REGEX, Kind.SYMLINK), [["usr/lib/libssl.so"]]),
        (FileQuery(kind=Kind.DEVICE), [["dev/null"]]),
        (FileQuery(kind=Kind.FIFO), [["run/pipe"]]),
        (FileQuery(kind=Kind.DELETED), [["etc/shadow"]]),
        (FileQuery("usr", kind=Kind.DIRECTORY), [["usr/lib"]]),
        (FileQuery("odd/new\nline"), [["odd/new\\nline\\xff"]]),
        (FileQuery("^/odd/[^/]*$", Mode.REGEX), [["odd/new\\nline\\xff"]]),
        (FileQuery("nothing of that name"), []),
    ],
)
def test_paths_are_found_by_text_glob_and_expression(
    index: SearchIndex, query: FileQuery, expected: list[list[str]]
) -> None:
    assert sorted(found(index, query)) == sorted(expected)


def test_one_content_is_one_answer_with_all_of_its_places_also_hard_links(index: SearchIndex) -> None:
    (one,) = index.search(FileQuery(min_size=1000), ALL).items
    assert (one.kind, one.size, one.more) == (Kind.FILE, 700_000, False)
    assert [(place.layer, place.path) for place in one.places] == [
        (A, b"usr/lib/copy.so"),
        (A, b"usr/lib/libssl.so.3"),
        (B, b"opt/LibSSL.txt"),
    ]


def test_a_symbolic_link_is_found_with_its_target(index: SearchIndex) -> None:
    (one,) = index.search(FileQuery("libssl", kind=Kind.SYMLINK), ALL).items
    assert (one.target, one.sha256, one.size) == (b"libssl.so.3", None, 0)


def test_a_content_is_found_by_its_sha256(index: SearchIndex) -> None:
    sha256 = file("x", "ssl three").sha256 or b""
    assert index.same_content(sha256, {B}) == [(B, b"opt/LibSSL.txt", 700_000)]
    assert len(index.same_content(sha256, ALL)) == 3
    assert len(index.same_content(sha256, ALL, limit=2)) == 2
    assert found(index, FileQuery(f"sha256:{sha256.hex().upper()}", Mode.SHA256, Kind.DIRECTORY)) == []
    assert index.same_content(b"\0" * 32, ALL) == []


def test_layers_that_may_not_be_seen_are_not_there(index: SearchIndex) -> None:
    assert found(index, FileQuery("etc"), set()) == []
    assert found(index, FileQuery("passwd"), {B}) == [["etc/passwd"]]
    assert found(index, FileQuery(min_size=1000), {B, layer("unknown")}) == [["opt/LibSSL.txt"]]
    assert found(index, FileQuery(kind=Kind.DELETED), {A, B}) == []


def test_sizes_are_in_the_range_and_the_largest_come_first(tmp_path: Path) -> None:
    make(tmp_path, {A: [file(f"f{size}", f"content {size}", size) for size in (5, 1, 4, 2, 3, 3000)]})
    index = SearchIndex(tmp_path)
    assert found(index, FileQuery(min_size=2, max_size=4)) == [["f4"], ["f3"], ["f2"]]
    assert found(index, FileQuery("3", max_size=4)) == [["f3"]]
    assert found(index, FileQuery(min_size=3001)) == []


@pytest.mark.parametrize(
    "query",
    [
        FileQuery("e"),
        FileQuery("a", kind=Kind.FILE),
        FileQuery("*[ab]*", Mode.GLOB),
        FileQuery(min_size=3),
        FileQuery("b", min_size=1, max_size=4),
        FileQuery(kind=Kind.DELETED),
        FileQuery(kind=Kind.FILE),
    ],
)
def test_pages_neither_overlap_nor_leave_out_whatever_their_size(tmp_path: Path, query: FileQuery) -> None:
    """Every content stands on one page, and the pages together are what one large page is."""
    chance = random.Random(7)
    layers: dict[Digest, list[FileEntry]] = {}
    for number in range(12):
        entries: dict[str, FileEntry] = {}
        for _ in range(60):
            path = "/".join(chance.choices(["aa", "be", "c", "de"], k=chance.randrange(1, 4)))
            content = "x" * chance.randrange(7)
            entries[path] = mark(path) if chance.random() < 0.2 else file(path, content)
        layers[layer(str(number))] = list(entries.values())
    make(tmp_path, layers)
    index = SearchIndex(tmp_path)

    def identity(one: Found) -> tuple[object, ...]:
        return (one.sha256,) if one.sha256 else (one.kind, one.places[0].path)

    whole = index.search(query, set(layers), limit=10_000)
    assert whole.after is None
    for limit in (1, 3):
        after, pages = "", []
        while True:
            page = index.search(query, set(layers), after, limit)
            pages += page.items
            if page.after is None:
                break
            after = page.after
        assert [identity(one) for one in pages] == [identity(one) for one in whole.items]
    assert len({identity(one) for one in whole.items}) == len(whole.items)


def test_a_page_goes_on_where_it_ended_though_layers_came_meanwhile(tmp_path: Path) -> None:
    make(tmp_path, {A: [file(f"m{number}", f"{number}") for number in range(6)]})
    index = SearchIndex(tmp_path)
    first = index.search(FileQuery("/m"), {A}, limit=3)
    make(tmp_path, {B: [file(f"m{number}x", f"new {number}") for number in range(3)]})
    second = index.search(FileQuery("/m"), {A, B}, first.after or "", limit=3)
    assert paths(one.places[0] for one in [*first.items, *second.items]) == [f"m{n}" for n in range(6)]


def test_a_search_whose_time_is_over_says_so_and_goes_on(tmp_path: Path) -> None:
    make(tmp_path, {A: [file(f"m{number}", f"{number}") for number in range(3000)]})
    index = SearchIndex(tmp_path)
    page = index.search(FileQuery("/m2999"), {A}, seconds=0)
    assert not page.in_time
    assert page.after is not None
    assert page.searched == 0
    last = index.search(FileQuery("/m2999"), {A}, page.after)
    assert (len(last.items), last.in_time, last.after) == (1, True, None)


@pytest.mark.parametrize(
    "cursor", ["x", "p.1", "q.1.2", "s.1.2", "p.1.two", "p." + "9" * 30 + ".1", "p.1.2.3"]
)
def test_a_cursor_that_is_none_or_of_another_search_is_refused(index: SearchIndex, cursor: str) -> None:
    with pytest.raises(InvalidInput):
        index.search(FileQuery("etc"), ALL, cursor)


@pytest.mark.parametrize(
    "cursor", ["p.9223372036854775808.0", "p.-9999999999999999999.0", "p.0.9999999999999999999", "p.1_0.0"]
)
@pytest.mark.parametrize("kind", [Kind.DELETED, Kind.FILE])
def test_a_cursor_that_was_tampered_with_is_refused(index: SearchIndex, cursor: str, kind: Kind) -> None:
    with pytest.raises(InvalidInput):
        index.search(FileQuery(kind=kind), ALL, cursor)


def test_without_a_database_nothing_is_found(tmp_path: Path) -> None:
    index = SearchIndex(tmp_path / "nowhere")
    assert index.layers() == set()
    assert index.search(FileQuery("x"), {A}).items == ()
    assert index.covers(b"x", {A}) == {}
