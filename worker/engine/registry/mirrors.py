"""Where to ask: a registry's mirrors in order, and at last the registry itself.

A mirror helps or is passed over: whatever it answers that is not what was asked for (nothing, an error, a
page, content with another digest), the next one is asked, and finally the registry, whose answer counts. All
content is verified by its digest, whoever sent it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from worker.engine.cancel import CancelToken
from worker.engine.errors import (
    ConnectionLost,
    ConnectionRefused,
    ContentError,
    NotInRegistry,
    RateLimited,
    RegistryError,
    RegistryTimeout,
    RegistryUnavailable,
    StrataError,
    UnknownHost,
)
from worker.engine.oci import Digest
from worker.engine.registry.endpoint import Endpoint
from worker.engine.registry.rate_limit import OnRateLimit
from worker.engine.registry.session import Session

_Result = TypeVar("_Result")
_REST = 60.0  # seconds for which a mirror that failed is left alone, while others do the work
# What says nothing about whether the registry has it.
_ABSENT = (
    ConnectionLost,
    ConnectionRefused,
    RateLimited,
    RegistryTimeout,
    RegistryUnavailable,
    UnknownHost,
)


class Source:
    """One place to ask.

    Attributes:
        session: With it.
        trusted: Not any more, once it sent wrong bytes.
    """

    def __init__(self, endpoint: Endpoint, cancel: CancelToken, told: OnRateLimit) -> None:
        self.session = Session(endpoint, cancel, told)
        self.trusted = True
        self._rests_until = 0.0

    @property
    def awake(self) -> bool:
        return time.monotonic() >= self._rests_until

    def rest(self) -> None:
        """Pass it over for a while."""
        self._rests_until = time.monotonic() + _REST


class Sources:
    """A registry and its mirrors; may be used from several threads.

    Attributes:
        origin: The session with the registry itself.
    """

    def __init__(self, endpoint: Endpoint, cancel: CancelToken, told: OnRateLimit) -> None:
        self._endpoint = endpoint
        self._own = Source(endpoint, cancel, told)
        self._mirrors = [Source(mirror, cancel, told) for mirror in endpoint.mirrors]
        self._senders: dict[Digest, set[Source]] = {}
        self._lock = threading.Lock()
        self.origin = self._own.session

    def close(self) -> None:
        for source in (*self._mirrors, self._own):
            source.session.close()

    def answered(self) -> bool:
        """Whether any of them has ever answered."""
        return any(source.session.answered for source in (self._own, *self._mirrors))

    def ask(self, call: Callable[[Source], _Result], *, by_digest: bool = True) -> _Result:
        """Call with one source after another until one has it.

        Mirrors that failed rest for a while, if another source did better: so each is waited for once.

        Args:
            by_digest: What is asked for cannot be outdated.

        Raises:
            RegistryError, ContentError: what the registry itself says, and in short what the mirrors said.
            Cancelled.
        """
        if not self._mirrors:
            return call(self._own)
        may_answer = by_digest or self._endpoint.mirror_tags
        usable = [mirror for mirror in self._mirrors if mirror.trusted and may_answer]
        order = [*(mirror for mirror in usable if mirror.awake), self._own]
        # If the registry cannot be had, even a mirror that failed a moment ago is a hope.
        order += [mirror for mirror in usable if mirror not in order]
        failures: dict[Source, RegistryError | ContentError] = {}
        for source in order:
            own = failures.get(self._own)
            if own is not None and not isinstance(own, _ABSENT):
                break
            try:
                found = call(source)
            except (RegistryError, ContentError) as error:
                failures[source] = error
            else:
                for failed, why in failures.items():
                    if failed is not self._own and not isinstance(why, NotInRegistry):
                        failed.rest()
                return found
        raise self._summed_up(failures)

    def sends(self, source: Source, digest: Digest) -> None:
        """Remember who sends the bytes of a blob; they are verified only at its end."""
        if source is not self._own:
            with self._lock:
                self._senders.setdefault(digest, set()).add(source)

    def blame(self, digest: Digest) -> bool:
        """A blob's bytes were wrong: never again ask the mirrors that sent some of them.

        Tells whether there were any, so that another attempt makes sense.
        """
        with self._lock:
            guilty = self._senders.pop(digest, set())
        for source in guilty:
            source.trusted = False
        return bool(guilty)

    def _summed_up(self, failures: dict[Source, RegistryError | ContentError]) -> StrataError:
        own = failures.pop(self._own)
        if not failures:
            return own
        said = " ".join(f"Its mirror {_name(mirror)}: {error.message}" for mirror, error in failures.items())
        hopeful = next((error for error in failures.values() if error.temporary), None)
        if isinstance(own, _ABSENT) and not own.temporary and hopeful is not None:
            # Where only the mirror can be reached, it is the mirror that is worth another attempt.
            return _reworded(hopeful, f"{own.message} {said}")
        return _reworded(own, f"{own.message} {said}")


def _name(source: Source) -> str:
    endpoint = source.session.endpoint
    return f"{endpoint.host}/{endpoint.prefix}" if endpoint.prefix else endpoint.host


def _reworded(error: RegistryError | ContentError, message: str) -> StrataError:
    error.message = message
    error.args = (message,)
    return error
