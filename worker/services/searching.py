"""Have the search database mended."""

from __future__ import annotations

from django.core.cache import cache

from worker.tasks.dispatch import ask_to_index

_ASKED = "search-looked-through"
_AGAIN_AFTER = 60  # seconds


def mend_search() -> bool:
    """Ask a worker to look through the search database, and to make it anew if it is damaged.

    It holds nothing that the store does not, and whoever may search may ask. False if no worker can be asked.
    """
    if cache.get(_ASKED):
        return True
    asked = ask_to_index(suspicious=True)
    if asked:
        cache.set(_ASKED, True, _AGAIN_AFTER)
    return asked
