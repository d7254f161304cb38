"""Slow down who guesses passwords.

Failures are counted in Django's cache for a quarter of an hour: few for one name from one address, more for
one name from anywhere and for one address with any name. The default cache lives in the web process, so with
n web processes a guesser has n times as many tries; still far too few for a password that passed our rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from django.core.cache import cache
from django.http import HttpRequest

WINDOW = 15 * 60
LIMITS = {"name and address": 8, "name": 50, "address": 100}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to sign in: who, from where. Proxies in between all count as one address."""

    username: str
    address: str

    @classmethod
    def of(cls, request: HttpRequest, username: str) -> Attempt:
        return cls(username, request.META.get("REMOTE_ADDR", ""))

    def is_blocked(self) -> bool:
        """Whether one of the counters is full; nothing is checked then, not even a right password."""
        counts = cache.get_many(self._keys().values())
        return any(counts.get(key, 0) >= LIMITS[what] for what, key in self._keys().items())

    def failed(self) -> None:
        for key in self._keys().values():
            # add() starts the window; incr() keeps its end, so that waiting always helps.
            if not cache.add(key, 1, WINDOW):
                try:
                    cache.incr(key)
                except ValueError:
                    cache.add(key, 1, WINDOW)

    def succeeded(self) -> None:
        """Forget the failures of this name from this address."""
        cache.delete(self._keys()["name and address"])

    def _keys(self) -> dict[str, str]:
        name = self.username.casefold()
        parts = {
            "name and address": f"{name}\n{self.address}",
            "name": name,
            "address": self.address,
        }
        return {
            what: f"sign-in:{what.replace(' ', '-')}:{sha256(value.encode()).hexdigest()}"
            for what, value in parts.items()
        }
