"""Live pages: progress out of Redis Streams to any number of browsers, as server-sent events.

Redis Stream -> feed (reads) -> channel (one per stream and process, renders once) -> mailbox (one per
viewer, holds only the newest) -> the wire. A plain ASGI application, in front of Django: a streaming view of
Django keeps a thread and a database connection for as long as its viewer looks.
"""

from dashboard.live.app import Live

__all__ = ["Live"]
