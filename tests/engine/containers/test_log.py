from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from worker.engine.containers.log import LogLine, parse, tail

AT = datetime(2026, 11, 1, 10, 0, 0, 123456, UTC)
T = b"2026-11-01T10:00:00.123456789+00:00"


def test_a_line_has_time_stream_and_text() -> None:
    assert parse([T + b" stderr F hello  world "]) == [LogLine(AT, "stderr", "hello  world ")]


def test_times_become_utc() -> None:
    (line,) = parse([b"2026-11-01T12:00:00.5+02:00 stdout F x"])
    assert line.at == datetime(2026, 11, 1, 10, 0, 0, 500_000, UTC)


def test_parts_are_joined_within_their_own_stream() -> None:
    """A long line of one stream, with a line of the other stream in the middle."""
    lines = parse(
        [T + b" stdout P one ", T + b" stderr F other", T + b" stdout P two ", T + b" stdout F three"]
    )
    assert [(line.stream, line.text) for line in lines] == [("stderr", "other"), ("stdout", "one two three")]


def test_a_line_without_end_is_shown_as_far_as_it_goes() -> None:
    assert [line.text for line in parse([T + b" stdout F done", T + b" stdout P password: "])] == [
        "done",
        "password: ",
    ]


def test_empty_lines_are_lines() -> None:
    assert [line.text for line in parse([T + b" stdout F ", T + b" stdout F"])] == ["", ""]


def test_what_is_no_log_line_is_skipped() -> None:
    """A half-written line, an impossible date, rubbish."""
    broken = [b"", b"x", T + b" stdin F x", T[:20], b"2026-13-41T10:00:00.1+00:00 stdout F x", b"\0\0\0"]
    assert parse([*broken, T + b" stdout F ok"]) == [LogLine(AT, "stdout", "ok")]


def test_text_that_is_not_utf8_is_still_text() -> None:
    (line,) = parse([T + b" stdout F caf\xe9\r"])
    assert line.text == "caf\ufffd\r"


def test_the_tail_of_a_large_log_is_read_alone(tmp_path: Path) -> None:
    """Whole lines only, the last ones, whatever the size of the file."""
    log = tmp_path / "log"
    log.write_bytes(b"".join(T + b" stdout F %d\n" % number for number in range(5000)))
    lines = tail(log, limit=1000)
    assert [line.text for line in lines] == [str(number) for number in range(5000 - len(lines), 5000)]
    assert 10 < len(lines) < 1000 / len(T)
    assert len(tail(log, limit=10**9)) == 5000


def test_a_container_that_never_ran_has_no_log(tmp_path: Path) -> None:
    assert tail(tmp_path / "none") == []
