"""What an answer that is no success means (OCI distribution spec, "Error Codes")."""

from __future__ import annotations

import email.utils
import json
import time
from dataclasses import dataclass

from worker.engine.errors import (
    Forbidden,
    RegistryError,
    RegistryMisbehaved,
    RegistryUnavailable,
    Unauthorized,
)
from worker.engine.registry.rate_limit import parse_rate_limit, refused
from worker.engine.registry.response import Response

_BODY_MAX = 1 << 16
_WORDS_MAX = 200
_PAGES = {"text/html", "application/xhtml+xml"}


@dataclass(frozen=True, slots=True)
class Complaint:
    """The first error in a registry's error body; empty strings when there is none.

    Attributes:
        code: ``MANIFEST_UNKNOWN``, ``NAME_UNKNOWN``, ``DENIED``, ...
        message: In the registry's words, short and on one line.
    """

    code: str = ""
    message: str = ""

    @property
    def quoted(self) -> str:
        """The message as a part of a sentence, with what leads to it; empty without a message."""
        return f" (it says: {self.message})" if self.message else ""


def read_complaint(response: Response) -> Complaint:
    """Read the error body of an answer; whatever is wrong with it, it is just no explanation."""
    try:
        body = json.loads(response.read_all(_BODY_MAX))
        first = body["errors"][0]
        code, message = first.get("code"), first.get("message")
    except (RegistryError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return Complaint()
    return Complaint(_words(code).upper(), _words(message).rstrip("."))


def failure(response: Response, complaint: Complaint, *, known_user: bool = False) -> RegistryError:
    """Name the failure that a status means, when nothing more special is known about the request.

    ``known_user``: credentials were sent, so that 401 means that they are wrong.
    """
    host, status = response.host, response.status
    for_it = f" for {response.subject}" if response.subject else ""
    says = complaint.quoted
    retry_after = _retry_after(response.headers.get("Retry-After", ""))
    error: RegistryError
    if response.redirected and status in (400, 401, 403, 404, 410):
        # The link to the storage behind the registry has expired; the next attempt gets a new one.
        error = RegistryUnavailable(f"The storage {host} answered with status {status}{for_it}.")
    elif status == 401:
        error = unauthorized(host, response.subject, says, known_user=known_user)
    elif status == 403:
        error = Forbidden(f"{host} does not allow access{_to(response.subject)}{says}.")
    elif status == 429:
        words = f"{host} limits how often it may be asked{for_it}{says}."
        return refused(words, parse_rate_limit(response.headers), retry_after)
    elif status >= 500:
        error = RegistryUnavailable(f"{host} has a problem of its own: status {status}{for_it}{says}.")
    else:
        error = RegistryMisbehaved(f"{host} answered with status {status}{for_it}{says}.")
    error.retry_after = retry_after
    return error


def expect(response: Response, *statuses: int) -> None:
    """Raise what any other status means."""
    if response.status not in statuses:
        raise failure(response, read_complaint(response))


def expect_api(response: Response) -> None:
    """Raise unless this is how a registry answers to ``/v2/``."""
    if response.status == 404:
        raise RegistryMisbehaved(f"{response.host} has no registry API: it answers 404 to /v2/.")
    expect(response, 200)
    refuse_page(response)


def is_page(response: Response) -> bool:
    """Whether it is a web page, as proxies and login forms send them."""
    return response.content_type in _PAGES


def refuse_page(response: Response) -> None:
    """Refuse the web page of a proxy or a login form, which often comes with status 200.

    Raises:
        RegistryMisbehaved: it is one.
    """
    if is_page(response):
        where = f" for {response.subject}" if response.subject else ""
        raise RegistryMisbehaved(f"{response.host} answered with a web page{where}, not as a registry does.")


def refuse_encoded(response: Response) -> None:
    """Refuse what was compressed on the way, which nobody asked for: its digest would be another one.

    Never unpacked, so that nobody can send a megabyte that becomes a terabyte.

    Raises:
        RegistryMisbehaved: it is.
    """
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        where = f" for {response.subject}" if response.subject else ""
        raise RegistryMisbehaved(
            f"{response.host} sent its answer{where} as {encoding[:50]!r}, though nobody asked for that."
        )


def unauthorized(host: str, subject: str, says: str = "", *, known_user: bool) -> Unauthorized:
    """Tell wrong credentials from missing ones."""
    if known_user:
        return Unauthorized(
            f"{host} does not accept the credentials{_to(subject)}{says}.",
            hint="Correct the user name and password of this registry on the Registries page.",
        )
    return Unauthorized(f"{host} wants credentials for access{_to(subject)}{says}.")


def _to(subject: str) -> str:
    return f" to {subject}" if subject else ""


def _words(value: object) -> str:
    """A stranger's words, made fit for one line of a message."""
    text = " ".join(value.split()) if isinstance(value, str) else ""
    return "".join(character for character in text if character.isprintable())[:_WORDS_MAX]


def _retry_after(value: str) -> float | None:
    """Read ``Retry-After``: seconds, or a date (RFC 9110, section 10.2.3)."""
    if value.isascii() and value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
