"""Tickets: what a page hands its live stream, so that the stream needs no session.

A stream is answered in front of Django (see :mod:`dashboard.asgi`), where there are neither sessions nor
middleware. The page that the viewer was allowed to see carries a signed ticket; the stream accepts it for an
hour, and then the page fetches itself anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from django.core import signing

MAX_AGE = timedelta(hours=1)
_SALT = "strata.live.ticket"

Kind = Literal["job", "project"]


class TicketRefused(Exception):
    """The ticket is forged, of another stream, or older than :data:`MAX_AGE`."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right of one user to watch one stream.

    Attributes:
        kind: ``job`` or ``project``.
        id: primary key of that job or project.
        user_id: whose right it is; checked again against the memberships when the stream opens.
        issued_at: when the page was made. What happened since then is what the page does not show.
    """

    kind: Kind
    id: int
    user_id: int
    issued_at: datetime


def issue(kind: Kind, id: int, user_id: int) -> str:
    """Return a ticket for the stream of ``kind`` and ``id``, safe to stand in an address."""
    return signing.TimestampSigner(salt=_SALT).sign_object([kind, id, user_id])


def redeem(token: str, kind: Kind, id: int) -> Ticket:
    """Return what ``token`` says.

    Raises:
        TicketRefused: it does not open the stream of ``kind`` and ``id``, or no longer.
    """
    signer = signing.TimestampSigner(salt=_SALT)
    try:
        stated_kind, stated_id, user_id = signer.unsign_object(token, max_age=MAX_AGE)
        seconds = signing.b62_decode(token.rsplit(signer.sep, 2)[1])
    except (signing.BadSignature, ValueError) as error:
        raise TicketRefused from error
    if (stated_kind, stated_id) != (kind, id):
        raise TicketRefused
    return Ticket(kind, id, user_id, datetime.fromtimestamp(seconds, UTC))
