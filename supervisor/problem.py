"""What keeps Strata from starting, said in one line."""

from __future__ import annotations


class Problem(Exception):
    """Strata cannot start; the message is one line that says why and what to do."""
