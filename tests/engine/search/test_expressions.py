"""Expressions, globs and queries that cannot be meant, and those that others explode on."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.engine.search.layers import file, layer, make
from worker.engine.errors import InvalidInput
from worker.engine.search import FileQuery, Kind, Mode, SearchIndex
from worker.engine.search.blocks import from_line, to_line
from worker.engine.search.globs import to_regex
from worker.engine.search.matching import matcher_of

A = layer("a")


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("(", "missing"),
        ("[z-a]", "range"),
        ("a{5000}", "too large"),
        ("((((a{99}){99}){99}){99})", "too large"),
        (r"(a)\1", "cannot be used"),
        ("(?=a)b", "cannot be used"),
        ("*a", "repetition"),
    ],
)
def test_an_expression_that_cannot_be_used_is_refused_in_words(expression: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as refused:
        matcher_of(FileQuery(expression, Mode.REGEX), b"")
    assert refused.value.hint


@pytest.mark.parametrize(
    "expression", ["(a+)+b", "(a|aa)+$x", "(.*.*.*.*.*)*z", "(a?){40}a{40}c", r"^(\w+\s?)*$|q"]
)
def test_an_expression_on_which_others_explode_takes_no_time(tmp_path: Path, expression: str) -> None:
    make(tmp_path, {A: [file("a" * 200 + f"/{'a' * 50}{number}", str(number)) for number in range(2000)]})
    begun = time.monotonic()
    SearchIndex(tmp_path).search(FileQuery(expression, Mode.REGEX), {A})
    assert time.monotonic() - begun < 20  # Python's own would need longer than the universe has had


@pytest.mark.parametrize(
    ("glob", "path", "matches"),
    [
        ("*.so", "/usr/lib/a.so", True),
        ("*.so", "/usr/lib/a.so.1", False),
        ("a", "/a", True),
        ("a", "/a/b", False),
        ("/a/*", "/a/b", True),
        ("/a/*", "/a/b/c", False),
        ("a/*", "/x/a/b", False),
        ("/a/**", "/a/b/c", True),
        ("**/b/c", "/b/c", True),
        ("**/b/c", "/a/x/b/c", True),
        ("/a/**/c", "/a/c", True),
        ("/a/**/c", "/a/b/d/c", True),
        ("?.py", "/x/a.py", True),
        ("?.py", "/x/ab.py", False),
        ("[ab].c", "/b.c", True),
        ("[!ab].c", "/b.c", False),
        ("[]x].c", "/].c", True),
        ("[a-c^].c", "/^.c", True),
        ("a+b(c).txt", "/a+b(c).txt", True),
        ("ä?.txt", "/äö.txt", True),
    ],
)
def test_globs_match_names_or_whole_paths(glob: str, path: str, matches: bool) -> None:
    matcher = matcher_of(FileQuery(glob, Mode.GLOB), b"")
    assert matcher is not None
    assert matcher.matches(path.encode()) is matches
    assert list(matcher.lines(f"/nothing-else\n{path}\n".encode())) == ([1] if matches else [])


def test_a_glob_without_the_end_of_a_set_is_refused() -> None:
    with pytest.raises(InvalidInput, match="without its"):
        to_regex("a[bc")


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"text": "x" * 1001},
        {"min_size": 1, "kind": Kind.DIRECTORY},
        {"min_size": 2, "max_size": 1},
        {"text": "abc", "mode": Mode.SHA256},
        {"text": "g" * 64, "mode": Mode.SHA256},
    ],
)
def test_a_query_that_cannot_be_meant_is_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        FileQuery(**arguments)  # type: ignore[arg-type]


def test_a_text_of_bytes_that_are_no_text_is_found(tmp_path: Path) -> None:
    make(tmp_path, {A: [file(b"x\xffY\xfe", "1"), file(b"other", "2")]})
    index = SearchIndex(tmp_path)
    for query, text in (
        (FileQuery("?"), b"\xffY"),
        (FileQuery("?", ignore_case=True), b"\xffy\xfe"),
        (FileQuery("x?Y?", Mode.GLOB), None),
        (FileQuery("^/x.Y.$", Mode.REGEX), None),
    ):
        (one,) = index.search(query, {A}, text=text).items
        assert one.places[0].path == b"x\xffY\xfe"


@pytest.mark.parametrize(
    "path", [b"", b"a\nb", b"\xff\n", "ä".encode(), "\U0010ff80\U0010ffff".encode(), b"\xf4\x8f"]
)
def test_a_path_of_any_bytes_becomes_a_line_of_text_and_back(path: bytes) -> None:
    line = to_line(path)
    assert from_line(line) == path
    assert line.decode().startswith("/")
    assert b"\n" not in line
