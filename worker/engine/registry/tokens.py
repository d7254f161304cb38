"""Bearer tokens: how to ask a token server for one, and what it answers.

(Distribution project, "Token Authentication Specification" and "OAuth2 Token Authentication".)
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, urlencode

from worker.engine.errors import RegistryError, RegistryMisbehaved
from worker.engine.registry.challenge import Challenge
from worker.engine.registry.endpoint import Credentials

LIFETIME = 60.0  # seconds; what the specification says when the server does not
_LIFETIME_MAX = 86_400.0  # seconds; nobody holds on to a token for longer than a day
_CLIENT = "strata"


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What to send to a token server; secrets in it are not shown by ``repr``.

    Attributes:
        body: A form to be posted; None for a GET.
        authorization: The header's value; None for none.
    """

    url: str
    body: bytes | None = field(default=None, repr=False)
    authorization: str | None = field(default=None, repr=False)

    @property
    def method(self) -> str:
        return "GET" if self.body is None else "POST"

    @property
    def headers(self) -> Mapping[str, str]:
        form = {} if self.body is None else {"Content-Type": "application/x-www-form-urlencoded"}
        return {"Accept": "application/json", **form}


@dataclass(frozen=True, slots=True)
class Token:
    """What a token server gave.

    Attributes:
        lifetime: Seconds from when it was asked for. When it says that it was issued does not matter: clocks
            differ.
        identity_token: Replaces the one that was sent; empty if that one goes on being valid.
    """

    value: str = field(repr=False)
    lifetime: float
    identity_token: str = field(default="", repr=False)


def token_request(
    server: SplitResult,
    challenge: Challenge,
    repository: str,
    credentials: Credentials | None,
    identity_token: str = "",
) -> TokenRequest:
    """Ask as the kind of credentials wants it: an identity token is posted, a password is not."""
    service = challenge.parameters.get("service", "")
    scope = challenge.parameters.get("scope") or (f"repository:{repository}:pull" if repository else "")
    if identity_token:
        form = {
            "grant_type": "refresh_token",
            "service": service,
            "client_id": _CLIENT,
            "scope": scope,
            "refresh_token": identity_token,
        }
        url = server._replace(fragment="").geturl()
        return TokenRequest(url, body=urlencode(form).encode())
    query = parse_qsl(server.query, keep_blank_values=True)
    if service:
        query.append(("service", service))
    query += [("scope", part) for part in scope.split(" ") if part]
    url = server._replace(query=urlencode(query), fragment="").geturl()
    return TokenRequest(url, authorization=basic(credentials) if credentials is not None else None)


def basic(credentials: Credentials) -> str:
    """The value of ``Authorization`` that carries a user name and a password (RFC 7617)."""
    pair = f"{credentials.username}:{credentials.password}".encode()
    return f"Basic {base64.b64encode(pair).decode('ascii')}"


def read_token(body: bytes, host: str) -> Token:
    """Read a token server's answer.

    Raises:
        RegistryMisbehaved: there is no usable token in it.
    """
    broken: RegistryError = RegistryMisbehaved(f"The token server {host} sent no usable token.")
    try:
        answer = json.loads(body)
        token = answer.get("token") or answer.get("access_token")
        lifetime, renewed = answer.get("expires_in"), answer.get("refresh_token")
    except (ValueError, AttributeError, RecursionError):
        raise broken from None
    # It becomes a header: nothing may be in it that could end the line.
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or " " in token:
        raise broken
    known = isinstance(lifetime, int | float) and lifetime > 0
    return Token(
        token,
        float(min(lifetime, _LIFETIME_MAX)) if known else LIFETIME,
        renewed if isinstance(renewed, str) else "",
    )
