"""Authentication: basic, and bearer tokens (distribution project, "Token Authentication Specification")."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult

from worker.engine.errors import RegistryError, RegistryMisbehaved, Unauthorized
from worker.engine.registry.answers import failure, read_complaint, unauthorized
from worker.engine.registry.challenge import Challenge
from worker.engine.registry.docker_config import find_credentials
from worker.engine.registry.response import Response
from worker.engine.registry.tokens import basic, read_token, token_request
from worker.engine.registry.transport import Transport, web_address

_TOKEN_MAX = 1 << 20
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
        self._identity_token = self._credentials.identity_token if self._credentials is not None else ""
        self._looked_up = False
        self._passes: dict[str, _Pass] = {}
        self._lock = threading.Lock()
        self.uses_tokens = False

    @property
    def known_user(self) -> bool:
        """Whether there are credentials at all, as far as is known by now."""
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
            CredentialsUnavailable: Docker's configuration, or the helper that it names, does not give them.
            RegistryError: the token server cannot be reached.
        """
        with self._lock:
            known = self.authorization(repository)
            if known is not None and known != refused:
                return known  # another thread was faster
            self._look_up()
            found = self._answer(repository, challenges)
            self._passes[repository] = found
            return found.authorization

    def _look_up(self) -> None:
        """Find out who we are at Docker's places; not before somebody asks, for a helper takes its time."""
        endpoint = self._transport.endpoint
        if self._looked_up or self._credentials is not None or endpoint.docker_config is None:
            return
        self._credentials = find_credentials(endpoint.docker_config, endpoint.host, self._transport.cancel)
        self._identity_token = self._credentials.identity_token if self._credentials is not None else ""
        self._looked_up = True

    def _answer(self, repository: str, challenges: Sequence[Challenge]) -> _Pass:
        by_scheme = {challenge.scheme: challenge for challenge in challenges}
        if "bearer" in by_scheme:
            self.uses_tokens = True
            return self._fetch_token(repository, by_scheme["bearer"])
        if "basic" in by_scheme:
            if self._credentials is None:
                raise unauthorized(self._host, repository, known_user=False)
            if self._identity_token:
                raise Unauthorized(
                    f"{self._host} takes no identity token, but a user name and a password.",
                    hint="Enter a user name and a password for this registry on the Registries page.",
                )
            return _Pass(basic(self._credentials))
        offered = ", ".join(sorted(by_scheme)) or "none"
        raise RegistryMisbehaved(
            f"{self._host} wants a kind of authentication that is not supported (it offers: {offered})."
        )

    def _fetch_token(self, repository: str, challenge: Challenge) -> _Pass:
        asked = time.monotonic()
        wanted = token_request(
            self._token_server(challenge), challenge, repository, self._credentials, self._identity_token
        )
        with self._transport.send(
            wanted.method,
            wanted.url,
            wanted.headers,
            authorization=wanted.authorization,
            body=wanted.body,
            subject=repository,
        ) as response:
            if response.status != 200:
                raise self._no_token(response, repository)
            token = read_token(response.read_all(_TOKEN_MAX, "token"), response.host)
        if self._identity_token and token.identity_token:
            self._identity_token = token.identity_token
        return _Pass(f"Bearer {token.value}", asked + max(token.lifetime, 2 * _MARGIN) - _MARGIN)

    def _no_token(self, response: Response, repository: str) -> RegistryError:
        """Why a token server gave none."""
        complaint = read_complaint(response)
        if self._identity_token and response.status in (404, 405):
            return Unauthorized(
                f"The token server {response.host} takes no identity tokens.",
                hint="Enter a user name and a password for this registry on the Registries page.",
            )
        if response.status in (400, 401, 403, 404) and not response.redirected:
            # Token servers answer so to wrong credentials, and to what nobody may see anonymously.
            via = "" if response.host == self._host else f" (asked at {response.host})"
            return unauthorized(self._host, repository, via + complaint.quoted, known_user=self.known_user)
        return failure(response, complaint, known_user=self.known_user)

    def _token_server(self, challenge: Challenge) -> SplitResult:
        url = web_address(challenge.parameters.get("realm", ""))
        if url is None:
            raise RegistryMisbehaved(f"{self._host} names no usable token server.")
        if url.scheme == "http" and not self._transport.endpoint.insecure:
            raise RegistryMisbehaved(
                f"{self._host} names a token server without TLS, at {url.netloc}; nothing was sent to it.",
                hint="Mark the registry as insecure if this is intended.",
            )
        return url
