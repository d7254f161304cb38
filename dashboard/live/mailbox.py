"""What one viewer has yet to be sent."""

from __future__ import annotations

import asyncio


class Mailbox:
    """Holds at most one message per slot: the newest. So it stays small, however slow its viewer is.

    A slot is a topic ("jobs") or a role ("state", "done"). A newer message takes the place of the older
    one in its slot and moves to the end of the line: what is taken is always in the order of its making.
    """

    def __init__(self) -> None:
        self._slots: dict[str, bytes] = {}
        self._ready = asyncio.Event()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether nothing more will come; what is inside may still be taken."""
        return self._closed

    def put(self, slot: str, message: bytes) -> None:
        if self._closed:
            return
        self._slots.pop(slot, None)
        self._slots[slot] = message
        self._ready.set()

    def close(self) -> None:
        """Let the viewer take what is inside, and then end."""
        self._closed = True
        self._ready.set()

    async def wait(self) -> None:
        """Return when there is something to take, or the mailbox is closed."""
        await self._ready.wait()

    def take(self) -> bytes:
        """Return everything inside as one piece, and forget it."""
        taken = b"".join(self._slots.values())
        self._slots.clear()
        if not self._closed:
            self._ready.clear()
        return taken
