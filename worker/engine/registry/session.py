"""Requests to one registry's API: the right scheme, the right authorization, and 401 answered once."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping, Sequence

from worker.engine.cancel import CancelToken
from worker.engine.errors import PlainHttpRegistry, RegistryError, TlsRegistry, UnknownHost
from worker.engine.registry.answers import failure, read_complaint
from worker.engine.registry.auth import Authenticator
from worker.engine.registry.challenge import Challenge, parse_challenges
from worker.engine.registry.endpoint import Endpoint
from worker.engine.registry.rate_limit import Allowance, OnRateLimit, ignore_rate_limit
from worker.engine.registry.response import Response
from worker.engine.registry.transport import Transport


class Session:
    """What a client knows of its registry while it works; may be used from several threads.

    Attributes:
        allowance: What the registry's own rate limit leaves.
        answered: Whether it has answered at all, ever.
    """

    def __init__(
        self, endpoint: Endpoint, cancel: CancelToken, told: OnRateLimit = ignore_rate_limit
    ) -> None:
        """``told`` is called with what the registry says of its rate limit, whenever that changes."""
        self.endpoint = endpoint
        self.transport = Transport(endpoint, cancel)
        self.auth = Authenticator(self.transport)
        self.allowance = Allowance(endpoint.host, endpoint.reserve, told)
        self.answered = False
        self._lock = threading.Lock()
        self._scheme = None if endpoint.insecure else "https"

    def close(self) -> None:
        self.transport.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        repository: str = "",
        subject: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Ask for ``/v2/<path>``; the answer has any status but 401.

        ``repository`` decides the token's scope, ``subject`` (by default the same) stands in messages.

        Raises:
            Unauthorized: no credentials, or wrong ones.
            RegistryError, Cancelled: what :meth:`Transport.send` raises.
        """
        subject = subject or repository
        if repository and self.endpoint.prefix:
            path, repository = f"{self.endpoint.prefix}/{path}", f"{self.endpoint.prefix}/{repository}"
        send = functools.partial(self._send, method, path, headers or {}, subject=subject)
        authorization = self.auth.authorization(repository)
        response = self._in_its_scheme(functools.partial(send, authorization=authorization))
        refusals = 0
        while response.status == 401 and not response.redirected:
            refusals += 1
            with response:
                challenges = parse_challenges(response.header_values("WWW-Authenticate"))
                complaint = read_complaint(response)
                if not challenges or not (refusals == 1 or (refusals == 2 and _has_expired(challenges))):
                    raise failure(response, complaint, known_user=self.auth.known_user)
            authorization = self.auth.renew(repository, challenges, authorization)
            response = send(self.scheme(), authorization=authorization)
        return response

    def _send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        scheme: str,
        *,
        authorization: str | None,
        subject: str,
    ) -> Response:
        url = self._url(scheme, path)
        response = self.transport.send(method, url, headers, authorization=authorization, subject=subject)
        self.answered = True
        self.allowance.note(response.headers)
        return response

    def ask_anonymously(self) -> Response:
        """Ask for ``/v2/`` without any authorization; the answer has any status, 401 too."""
        return self._in_its_scheme(self._ask_in)

    def scheme(self) -> str:
        """``https``; or for an insecure endpoint what it speaks, with TLS preferred, as Docker does.

        Raises:
            RegistryError: an insecure endpoint answers to neither.
        """
        if self._scheme is None:
            self.ask_anonymously().discard()
        return self._scheme or "https"

    def _in_its_scheme(self, send: Callable[[str], Response]) -> Response:
        """Send by the scheme that is known; as long as none is, the answer to what is sent tells it.

        What is sent then carries no authorization, since that comes from an answer.
        """
        with self._lock:
            scheme = self._scheme
            if scheme is None:
                return self._find_scheme(send)
        return send(scheme)

    def _find_scheme(self, send: Callable[[str], Response]) -> Response:
        try:
            response = send("https")
        except UnknownHost:
            raise
        except PlainHttpRegistry:
            self._scheme, self.answered = "http", True
            return send("http")
        except RegistryError as tls_error:
            if not tls_error.temporary:
                raise
            try:
                response = send("http")
            except TlsRegistry:
                raise tls_error from None
            self._scheme, self.answered = "http", True
        else:
            self._scheme, self.answered = "https", True
        return response

    def _ask_in(self, scheme: str) -> Response:
        return self.transport.send("GET", self._url(scheme, ""), {})

    def _url(self, scheme: str, path: str) -> str:
        return f"{scheme}://{self.endpoint.api_host}/v2/{path}"


def _has_expired(challenges: Sequence[Challenge]) -> bool:
    """Whether a token that was refused is out of date, and not one that opens too little (RFC 6750, 3.1).

    Even one that has just come may be: from another thread, or by clocks that differ.
    """
    return any(challenge.parameters.get("error") == "invalid_token" for challenge in challenges)
