from __future__ import annotations

import io

import pytest

from supervisor.logs import Lines, Printer


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_are_put_together_from_pieces() -> None:
    lines = Lines()
    assert lines.feed(b"one\ntw") == ["one"]
    assert lines.feed("ö\nthr".encode()) == ["twö"]
    assert lines.end() == ["thr"]
    assert lines.end() == []


def test_a_line_without_end_is_cut_rather_than_kept_in_memory() -> None:
    lines = Lines(limit=10)
    assert lines.feed(b"x" * 25) == ["x" * 10, "x" * 10]


def test_what_could_steer_the_terminal_is_dropped() -> None:
    """A registry's answer that ends up in a log line cannot retitle or clear the terminal."""
    assert Lines().feed(b"\x1b]0;owned\x07 \x1b[2Jtext\r\n") == ["]0;owned [2Jtext"]


def test_names_are_aligned_and_plain_where_nobody_watches() -> None:
    out = io.StringIO()
    printer = Printer(out, ("web", "control"))
    printer.line("web", "hello")
    printer.say("done")
    assert out.getvalue() == "web     | hello\nstrata  | done\n"


def test_names_are_coloured_on_a_terminal_unless_told_not_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Terminal()
    Printer(out, ("web",)).line("web", "hello")
    assert out.getvalue() == "\x1b[36mweb    |\x1b[0m hello\n"
    monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal()
    Printer(out, ("web",)).line("web", "hello")
    assert out.getvalue() == "web    | hello\n"


def test_a_terminal_that_is_gone_does_not_end_the_supervisor() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(5, "Input/output error")

    printer = Printer(Gone(), ())
    printer.say("one")
    printer.say("two")
