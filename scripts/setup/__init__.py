"""Set up a fresh checkout: virtual environment, system tools, stylesheets; what is done is skipped."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


class Problem(Exception):
    """The set-up cannot go on; the message is one line that says why and what to do."""


def say(text: str) -> None:
    print(f"setup | {text}", flush=True)
