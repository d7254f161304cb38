"""One terminal for many programs: each line says whose it is."""

from __future__ import annotations

import os
from typing import TextIO

_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95)
_OWN = "strata"


class Printer:
    """Print lines behind aligned names; coloured only on a terminal (and not where NO_COLOR is set)."""

    def __init__(self, out: TextIO, names: tuple[str, ...] = ()) -> None:
        self._out = out
        self._width = max(len(name) for name in (*names, _OWN))
        self._colours = {name: _COLOURS[index % len(_COLOURS)] for index, name in enumerate(names)}
        self._coloured = out.isatty() and not os.environ.get("NO_COLOR")
        self._broken = False

    def line(self, name: str, text: str) -> None:
        """Print one line of the program ``name``."""
        head = f"{name:<{self._width}} |"
        if self._coloured:
            head = f"\x1b[{self._colours.get(name, 1)}m{head}\x1b[0m"
        self._write(f"{head} {text}\n")

    def say(self, text: str) -> None:
        """Print one line of the supervisor's own."""
        self.line(_OWN, text)

    def _write(self, text: str) -> None:
        if self._broken:
            return
        try:
            self._out.write(text)
            self._out.flush()
        except OSError:
            # The terminal is gone (a closed ssh session): go on in silence rather than die and leave orphans.
            self._broken = True


class Lines:
    """Cut a stream of bytes into lines; a line without end is cut at ``limit`` characters."""

    def __init__(self, limit: int = 8192) -> None:
        self._rest = b""
        self._limit = limit

    def feed(self, data: bytes) -> list[str]:
        """Return the lines that ``data`` completes."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        while len(self._rest) > self._limit:
            whole.append(self._rest[: self._limit])
            self._rest = self._rest[self._limit :]
        return [self._text(line) for line in whole]

    def end(self) -> list[str]:
        """Return what is left at the end of the stream."""
        rest, self._rest = self._rest, b""
        return [self._text(rest)] if rest else []

    @staticmethod
    def _text(line: bytes) -> str:
        """Decode one line; control characters could move the cursor or retitle the terminal, so they go."""
        text = line.decode(errors="replace").expandtabs().rstrip()
        return "".join(char for char in text if char.isprintable())
