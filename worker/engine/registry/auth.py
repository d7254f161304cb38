"""Authentication: basic, and bearer tokens (distribution project, "Token Authentication Specification")."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from worker.engine.errors import RegistryError, RegistryMisbehaved, Unauthorized
from worker.engine.registry.answers import failure, read_complaint, unauthorized
from worker.engine.registry.challenge import Challenge
from worker.engine.registry.endpoint import Credentials
from worker.engine.registry.transport import Transport, web_address

_TOKEN_MAX = 1 << 20
_LIFETIME = 60.0  # seconds; what the specification says when the server does not
_MARGIN = 5.0  # seconds before its end at which a token is no longer used


@dataclass(frozen=True, slots=True)
class _Pass:
    """What opens one repository, until it expires (on the monotonic clock)."""

    authorization: str
    expires: float = float("inf")

    @property
    def valid(self) -> bool:
        return time.monotonic() < self.expires


class Authenticator:
    """Knows what to send as ``Authorization``, per repository; may be used from several threads.

    Attributes:
        uses_tokens: Whether the registry asked for bearer tokens so far.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._host = transport.endpoint.api_host
        self._credentials = transport.endpoint.credentials
        self._passes: dict[str, _Pass] = {}
        self._lock = threading.Lock()
        self.uses_tokens = False

    @property
    def known_user(self) -> bool:
        """Whether there are credentials at all."""
        return self._credentials is not None

    def authorization(self, repository: str) -> str | None:
        """What to send for a repository (empty: for the API as such) as far as is known by now."""
        found = self._passes.get(repository)
        return found.authorization if found is not None and found.valid else None

    def renew(self, repository: str, challenges: Sequence[Challenge], refused: str | None) -> str:
        """Answer a 401: get what to send instead of ``refused``.

        Raises:
            Unauthorized: there are no credentials where some are needed, or they were refused.
            RegistryMisbehaved: the challenge, or the token server, makes no sense.
            RegistryError: the token server cannot be reached.
        """
        with self._lock:
            known = self.authorization(repository)
            if known is not None and known != refused:
                return known  # another thread was faster
            found = self._answer(repository, challenges)
            self._passes[repository] = found
            return found.authorization

    def _answer(self, repository: str, challenges: Sequence[Challenge]) -> _Pass:
        by_scheme = {challenge.scheme: challenge for challenge in challenges}
        if "bearer" in by_scheme:
            self.uses_tokens = True
            return self._fetch_token(repository, by_scheme["bearer"])
        if "basic" in by_scheme:
            if self._credentials is None:
                raise unauthorized(self._host, repository, known_user=False)
            return _Pass(_basic(self._credentials))
        offered = ", ".join(sorted(by_scheme)) or "none"
        raise RegistryMisbehaved(
            f"{self._host} wants a kind of authentication that is not supported (it offers: {offered})."
        )

    def _fetch_token(self, repository: str, challenge: Challenge) -> _Pass:
        asked = time.monotonic()
        with self._transport.send(
            "GET",
            self._token_url(repository, challenge),
            {"Accept": "application/json"},
            authorization=_basic(self._credentials) if self._credentials is not None else None,
            subject=repository,
        ) as response:
            if response.status != 200:
                complaint = read_complaint(response)
                if response.status in (400, 401, 403, 404) and not response.redirected:
                    # Token servers answer so to wrong credentials, and to what nobody may see anonymously.
                    raise self._refused(response.host, repository, complaint.quoted)
                raise failure(response, complaint, known_user=self.known_user)
            body = response.read_all(_TOKEN_MAX, "token")
        token, lifetime = _read_token(body, response.host)
        return _Pass(f"Bearer {token}", asked + max(lifetime, 2 * _MARGIN) - _MARGIN)

    def _refused(self, token_server: str, repository: str, says: str) -> Unauthorized:
        via = "" if token_server == self._host else f" (asked at {token_server})"
        return unauthorized(self._host, repository, via + says, known_user=self.known_user)

    def _token_url(self, repository: str, challenge: Challenge) -> str:
        url = web_address(challenge.parameters.get("realm", ""))
        if url is None:
            raise RegistryMisbehaved(f"{self._host} names no usable token server.")
        if url.scheme == "http" and not self._transport.endpoint.insecure:
            raise RegistryMisbehaved(
                f"{self._host} names a token server without TLS, at {url.netloc}; nothing was sent to it.",
                hint="Mark the registry as insecure if this is intended.",
            )
        scope = challenge.parameters.get("scope") or (f"repository:{repository}:pull" if repository else "")
        query = parse_qsl(url.query, keep_blank_values=True)
        if service := challenge.parameters.get("service"):
            query.append(("service", service))
        query += [("scope", part) for part in scope.split(" ") if part]
        return url._replace(query=urlencode(query), fragment="").geturl()


def _basic(credentials: Credentials) -> str:
    pair = f"{credentials.username}:{credentials.password}".encode()
    return f"Basic {base64.b64encode(pair).decode('ascii')}"


def _read_token(body: bytes, host: str) -> tuple[str, float]:
    """Read a token and its lifetime in seconds from a token server's answer."""
    broken: RegistryError = RegistryMisbehaved(f"The token server {host} sent no usable token.")
    try:
        answer = json.loads(body)
        token = answer.get("token") or answer.get("access_token")
        lifetime = answer.get("expires_in")
    except (ValueError, AttributeError, RecursionError):
        raise broken from None
    # It becomes a header: nothing may be in it that could end the line.
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or " " in token:
        raise broken
    seconds = float(lifetime) if isinstance(lifetime, int | float) and lifetime > 0 else _LIFETIME
    return token, seconds
