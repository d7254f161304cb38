"""The web server's entry: live streams first, Django for the rest.

What the server needs for the streams (any ASGI server does; these are granian's names):

- ``--interface asgi``, with lifespan: when it ends, every stream is let go.
- ``--workers-kill-timeout 3``: a server waits for open connections when it is told to end, and a stream never
  ends by itself. (uvicorn: ``--timeout-graceful-shutdown 3``.)
- ``--backpressure 8192 --backlog 8192``: a stream counts as a request in flight, and by default a worker of
  granian takes no more than 1024 at once, pages included.
- No compressing or buffering proxy on ``/live/`` and ``/api/v1/jobs/*/events``.
"""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
django = get_asgi_application()  # sets Django up; the imports below need that

from django.conf import settings  # noqa: E402

from dashboard.live import Live  # noqa: E402
from dashboard.live.admission import is_stream  # noqa: E402
from dashboard.live.app import Receive, Scope, Send  # noqa: E402

live = Live(settings.REDIS_URL)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one connection (ASGI 3)."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] == "http" and is_stream(scope["path"]):
        await live(scope, receive, send)
    else:
        await django(scope, receive, send)  # type: ignore[arg-type]


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await live.close()
            await send({"type": "lifespan.shutdown.complete"})
            return
