"""Rules read from text: what is taken, and what is refused in one clear line."""

from __future__ import annotations

import pytest

from worker.engine.errors import InvalidInput
from worker.engine.weight import Rules, parse_size
from worker.engine.weight.globs import PathGlob


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("4096", 4096),
        ("20MB", 20_000_000),
        ("20Mb", 20_000_000),
        ("20 mb", 20_000_000),
        ("20M", 20_000_000),
        ("20MiB", 20 * 2**20),
        ("20Mi", 20 * 2**20),
        ("1.5 GiB", 3 * 2**29),
        ("1,000 kB", 1_000_000),
        (".5k", 500),
        ("1B", 1),
        ("9007199254740993", 9007199254740993),
    ],
)
def test_sizes_are_read_as_dive_reads_them(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    [
        "",
        "MB",
        "-1",
        "20 quux",
        "1..2MB",
        "\N{ARABIC-INDIC DIGIT ONE}MB",
        "inf",
        "0x10",
        "9EB5",
        "10EiB",
        "1" * 60,
        "\n",
    ],
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_size(text)


def test_all_rules_are_read() -> None:
    rules = Rules.parse(
        lowest_efficiency="0.95",
        highest_wasted_bytes="20MB",
        highest_user_wasted_percent="0.1",
        forbid_setuid_added=True,
        forbid_path=["*.pem", "/root/**"],
    )

    assert rules.lowest_efficiency == 0.95
    assert rules.highest_wasted_bytes == 20_000_000
    assert rules.highest_user_wasted_percent == 0.1
    assert rules.forbid_setuid_added
    assert [glob.text for glob in rules.forbid_paths] == ["*.pem", "/root/**"]


def test_without_any_rule_those_of_dive_are_checked() -> None:
    assert Rules.parse() == Rules(lowest_efficiency=0.9, highest_user_wasted_percent=0.1)


def test_one_rule_alone_is_checked_alone() -> None:
    assert Rules.parse(forbid_setuid_added=True) == Rules(forbid_setuid_added=True)


@pytest.mark.parametrize("off", ["disabled", "off", "false", " OFF "])
def test_a_rule_can_be_switched_off_as_in_dive(off: str) -> None:
    rules = Rules.parse(lowest_efficiency=off, highest_wasted_bytes=off, highest_user_wasted_percent=off)

    assert rules == Rules()


@pytest.mark.parametrize("ratio", ["1.1", "-0.1", "nan", "inf", "95%", "many", "0_1", "\N{SUPERSCRIPT TWO}"])
@pytest.mark.parametrize("field", ["lowest_efficiency", "highest_user_wasted_percent"])
def test_what_is_no_ratio_is_refused_by_its_name(field: str, ratio: str) -> None:
    with pytest.raises(InvalidInput, match=field.replace("_", "-")) as caught:
        Rules.parse(**{field: ratio})  # type: ignore[arg-type]
    assert caught.value.field == field


@pytest.mark.parametrize("glob", ["", "/", "//.", "../etc", "a\0b", "\udfff\ud800", "x" * 1001, "[z-a]"])
def test_what_is_no_pattern_is_refused(glob: str) -> None:
    with pytest.raises(InvalidInput, match="forbid-path"):
        Rules.parse(forbid_path=[glob])


def test_too_many_patterns_are_refused() -> None:
    with pytest.raises(InvalidInput, match="100"):
        Rules.parse(forbid_path=["a"] * 101)


@pytest.mark.parametrize(
    ("glob", "matching", "other"),
    [
        ("*.pem", ["a.pem", "etc/ssl/a.pem"], ["a.pemx", "a.pem/b"]),
        ("/root/.ssh/*", ["root/.ssh/id"], ["root/.ssh", "root/.ssh/a/b", "x/root/.ssh/id"]),
        ("root/.ssh", ["root/.ssh"], ["home/root/.ssh"]),
        ("/root/**", ["root/a", "root/a/b"], ["root", "rooter/a"]),
        ("**/node_modules/**/x*y.js", ["node_modules/x1y.js", "a/node_modules/b/c/xy.js"], ["a/xy.js"]),
        ("/a/**/b/**/c", ["a/b/c", "a/x/b/y/c", "a/b/b/c/c"], ["a/c", "a/b/cc"]),
        ("/a/**/b", ["a/b", "a/x/y/b"], ["ab", "a/xb"]),
        ("**", ["a", "a/b"], []),
        ("[!a-c]x", ["dx", "q/dx"], ["ax", "/x"]),
        ("[]]", ["]"], ["["]),
        ("/etc/pass?d", ["etc/passwd"], ["etc/pass/d"]),
        ("a*b*a*c", ["aXbYaZc", "abac"], ["ab/ac", "abc"]),
        (r"\*", ["*"], ["x"]),
        ("a.b", ["a.b"], ["aXb"]),
        ("né*", ["né", "x/née"], ["ne"]),
        ("a[", ["a["], ["a"]),
    ],
)
def test_patterns_match(glob: str, matching: list[str], other: list[str]) -> None:
    read = PathGlob.parse(glob)

    assert [path for path in matching if not read.matches(path.encode())] == []
    assert [path for path in other if read.matches(path.encode())] == []


@pytest.mark.parametrize("glob", ["*a" * 200 + "*b", "/" + "**/*a*a*a*/" * 60 + "*b"])
def test_no_pattern_explodes(glob: str) -> None:
    """Tried in every way, these would take longer than the test may."""
    read = PathGlob.parse(glob)

    for path in (b"a" * 255, (b"a" * 250 + b"/") * 15 + b"c"):
        assert not read.matches(path)


def test_a_name_that_is_no_text_is_matched_by_a_wildcard() -> None:
    assert PathGlob.parse("caf*").matches(b"x/caf\xe9")
