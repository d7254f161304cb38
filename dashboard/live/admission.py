"""Who may watch what. Asked when a stream opens, and again every few minutes while it lasts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal

from django.contrib.auth.models import User

from dashboard import tickets
from dashboard.live.channel import Form
from dashboard.live.feeds import entry_id
from worker.models import Project
from worker.services import role_of, user_of_token

_PAGE = re.compile(r"/live/(?P<kind>job|project)s/(?P<id>[0-9]{1,18})")
_PROGRAM = re.compile(r"/api/v1/jobs/(?P<id>[0-9]{1,18})/events")
_ANY = re.compile(r"/live/|/api/v1/jobs/[^/]+/events/?$")


@dataclass(eq=False)
class Refused(Exception):
    """Why not, as an HTTP answer: a code for programs, a sentence and a next step for people."""

    status: HTTPStatus
    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Admission:
    """Somebody may watch this.

    Attributes:
        since: the entry up to which the page shows the truth already.
        token: by which a program was let in; empty for a page.
    """

    kind: Literal["job", "project"]
    id: int
    user_id: int
    form: Form
    since: str
    token: str = field(default="", repr=False)

    def check(self) -> None:
        """Raise :class:`Refused` if the user may no longer watch it."""
        user = User.objects.filter(pk=self.user_id, is_active=True).first()
        if user is None:
            raise _unauthorized("This account is switched off.")
        if self.token and user_of_token(self.token) != user:
            raise _unauthorized("This token is revoked.")
        _require_membership(user, self.kind, self.id, self.form)


def is_stream(path: str) -> bool:
    """Whether ``path`` belongs here, and not to Django."""
    return _ANY.match(path) is not None


def admit_page(path: str, ticket: str) -> Admission:
    """Let a page in that carries a ticket. Raises Refused."""
    match = _PAGE.fullmatch(path)
    if match is None:
        raise _not_found("There is no such stream.")
    kind: Literal["job", "project"] = "job" if match["kind"] == "job" else "project"
    if not ticket:
        raise _unauthorized("This address needs a ticket, which the page that shows it carries.")
    try:
        redeemed = tickets.redeem(ticket, kind, int(match["id"]))
    except tickets.TicketRefused:
        raise _unauthorized("The ticket is not valid, or no longer.") from None
    admission = Admission(kind, redeemed.id, redeemed.user_id, Form.HTML, entry_id(redeemed.issued_at))
    admission.check()
    return admission


def admit_program(path: str, authorization: str) -> Admission:
    """Let a program in that carries a bearer token. Raises Refused."""
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    user = user_of_token(token) if scheme.lower() == "bearer" else None
    if user is None:
        raise _unauthorized("This needs a valid API token.", "Send it as: Authorization: Bearer TOKEN.")
    match = _PROGRAM.fullmatch(path)
    if match is None:
        raise _not_found("There is no such job.")
    admission = Admission("job", int(match["id"]), user.pk, Form.JSON, "0-0", token)
    admission.check()
    return admission


def _require_membership(user: User, kind: str, id: int, form: Form) -> None:
    if kind == "job":
        project = Project.objects.filter(jobs=id).first()
    else:
        project = Project.objects.filter(pk=id).first()
    if project is None:
        raise _not_found(f"There is no such {kind}.")
    if role_of(user, project) is None:
        # A page's ticket proves that its user saw the page; to a program, what it may not see is not there.
        if form is Form.JSON:
            raise _not_found(f"There is no such {kind}.")
        raise Refused(
            HTTPStatus.FORBIDDEN,
            "not_allowed",
            "You are not a member of this project.",
            "Ask one of its admins to add you.",
        )


def _not_found(message: str) -> Refused:
    return Refused(HTTPStatus.NOT_FOUND, "not_found", message, "Check the address; it may have been removed.")


def _unauthorized(message: str, hint: str = "Reload the page.") -> Refused:
    return Refused(HTTPStatus.UNAUTHORIZED, "unauthorized", message, hint)
