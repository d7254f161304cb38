"""Where the blocking parts of a live stream run: Django's database layer and its templates."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connections

T = TypeVar("T")

# Few, and apart from the threads that serve pages: a thousand viewers that come back at once shall neither
# open a thousand database connections nor hold up a page.
_THREADS = ThreadPoolExecutor(max_workers=4, thread_name_prefix="live")


async def in_thread(function: Callable[[], T]) -> T:
    """Run ``function`` in a thread; whatever database connection it opened is closed again.

    It runs seldom (a stream opens, a job changes its state), so an open connection would mostly idle.
    """

    def run() -> T:
        try:
            return function()
        finally:
            connections.close_all()

    return await asyncio.get_running_loop().run_in_executor(_THREADS, run)
