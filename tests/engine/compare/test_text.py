"""Two texts side by side."""

from __future__ import annotations

import difflib
import random
import time

from hypothesis import given
from hypothesis import strategies as st

from worker.engine.compare.text import CONTEXT, MAX_LINES, MAX_ROWS, Row, compare_texts, compare_words


def rows_of(a: str, b: str) -> list[Row]:
    found = compare_texts(a, b)
    assert found is not None
    return [row for hunk in found.hunks for row in hunk.rows]


def written(rows: list[Row]) -> list[tuple[str, str | None, str | None]]:
    """Each row with its lines, what changed in brackets."""

    def side(row: Row, name: str) -> str | None:
        line = getattr(row, name)
        return line and "".join(f"[{one.text}]" if one.changed else one.text for one in line.pieces)

    return [(row.kind, side(row, "before"), side(row, "after")) for row in rows]


def test_a_line_that_changed_stands_beside_what_it_was_with_the_words_marked() -> None:
    assert written(rows_of("a\nport = 80\nz\n", "a\nport = 8080\nz\n")) == [
        ("same", "a", "a"),
        ("changed", "port = [80]", "port = [8080]"),
        ("same", "z", "z"),
    ]


def test_lines_that_are_not_alike_stand_alone_and_like_ones_find_each_other() -> None:
    """A line in front of the changed one does not shift it."""
    assert written(rows_of("listen on port 80\n", "quite another thing\nlisten on port 443\n")) == [
        ("added", None, "quite another thing"),
        ("changed", "listen on port [80]", "listen on port [443]"),
    ]


def test_equal_lines_far_from_any_change_are_left_out_and_counted() -> None:
    lines = [f"line {number}" for number in range(100)]
    other = [*lines]
    other[10], other[60] = "first", "second"
    found = compare_texts("\n".join(lines), "\n".join(other))
    assert found is not None
    assert [hunk.skipped for hunk in found.hunks] == [10 - CONTEXT, 49 - 2 * CONTEXT]
    assert found.left == 39 - CONTEXT
    assert (found.added, found.removed) == (2, 2)
    shown = sum(row.before is not None for hunk in found.hunks for row in hunk.rows)
    assert shown + sum(hunk.skipped for hunk in found.hunks) + found.left == 100


def test_ends_of_lines_and_of_the_file_are_differences() -> None:
    assert written(rows_of("a\r\n", "a\n")) != []
    found = compare_texts("a", "a\n")
    assert found is not None
    assert not found.hunks
    assert found.open_ended == (True, False)


def test_equal_and_empty_texts() -> None:
    same = compare_texts("a\nb\n", "a\nb\n")
    assert same is not None
    assert (same.hunks, same.added, same.removed, same.left) == ((), 0, 0, 2)
    assert written(rows_of("", "new\n")) == [("added", None, "new")]


LINES = st.lists(st.sampled_from(["", "a", "b", "a b", "a b c", "x y"]), max_size=30)


@given(LINES, LINES)
def test_both_texts_can_be_read_from_the_rows(a: list[str], b: list[str]) -> None:
    """Nothing is lost, doubled or out of order, and no fewer lines are equal than difflib finds."""
    found = compare_texts("".join(f"{line}\n" for line in a), "".join(f"{line}\n" for line in b))
    assert found is not None
    before = [row.before for hunk in found.hunks for row in hunk.rows if row.before]
    after = [row.after for hunk in found.hunks for row in hunk.rows if row.after]
    for lines, text in ((before, a), (after, b)):
        numbers = [line.number for line in lines]
        assert numbers == sorted(set(numbers))
        for line in lines:
            assert "".join(piece.text for piece in line.pieces) == text[line.number - 1]
    matches = difflib.SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks()
    assert len(a) - found.removed == len(b) - found.added >= sum(block.size for block in matches)


def test_the_worst_texts_take_bounded_time_and_room() -> None:
    """As many lines as are compared at all, of a few words each, in no common order."""
    chance = random.Random(5)
    texts = ["\n".join("".join(chance.choices("ab .", k=40)) for _ in range(MAX_LINES)) for _ in range(2)]
    started = time.monotonic()
    found = compare_texts(*texts)
    assert time.monotonic() - started < 20
    assert found is not None
    assert found.cut > 0
    assert sum(row.kind != "same" for hunk in found.hunks for row in hunk.rows) <= MAX_ROWS


def test_too_many_lines_are_not_compared() -> None:
    assert compare_texts("\n" * (MAX_LINES + 1), "") is None


def test_a_line_of_a_megabyte_is_cut() -> None:
    (row,) = [row for row in rows_of("x" * 1_000_000, "") if row.before]
    assert row.before is not None
    assert len(row.before.pieces[0].text) + row.before.more == 1_000_000
    assert row.before.more


def test_words() -> None:
    left, right = compare_words("PATH=/bin:/sbin", "PATH=/bin:/opt:/sbin")
    assert "".join(piece.text for piece in left) == "PATH=/bin:/sbin"
    assert [piece.text for piece in right if piece.changed] == ["opt:/"]
