"""Commands that say what is wrong themselves."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quietly(verbosity: int) -> Iterator[None]:
    """Keep what the parts log to themselves: it would hide the one line on stderr that says what is wrong.

    Not from ``--verbosity 2`` on.
    """
    before = logging.root.manager.disable
    if verbosity < 2:
        logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
