"""The parts that streams are made of: the wire, mailboxes, tickets."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from django.core import signing

from dashboard import tickets
from dashboard.live import wire
from dashboard.live.feeds import entry_id
from dashboard.live.mailbox import Mailbox


def test_a_message_of_several_lines_stays_one_message() -> None:
    """An empty line would end it early, so each line gets its own ``data:``."""
    assert (
        wire.message("<p>\r\n\rx", event="e", id="1-0")
        == b"event: e\nid: 1-0\ndata: <p>\ndata: \ndata: x\n\n"
    )


def test_only_the_three_line_ends_of_the_specification_split() -> None:
    """A name may hold other separators; cut there, the rest would be lost."""
    assert wire.message("a\u2028b\x0bc") == "data: a\u2028b\x0bc\n\n".encode()


def test_a_mailbox_keeps_the_newest_of_each_slot_in_the_order_of_their_making() -> None:
    mailbox = Mailbox()
    for number in range(10_000):
        mailbox.put("state", b"s%d " % number)
    mailbox.put("notice", b"n ")
    mailbox.put("state", b"last ")
    mailbox.put("done", b"d")
    assert mailbox.take() == b"n last d"
    assert mailbox.take() == b""


def test_a_closed_mailbox_gives_what_it_holds_and_takes_nothing_more() -> None:
    async def story() -> None:
        mailbox = Mailbox()
        mailbox.put("state", b"x")
        mailbox.close()
        mailbox.put("state", b"y")
        await mailbox.wait()
        assert mailbox.take() == b"x"
        await asyncio.wait_for(mailbox.wait(), 5)
        assert mailbox.closed

    asyncio.run(story())


def test_a_ticket_says_what_it_was_issued_for() -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    redeemed = tickets.redeem(tickets.issue("job", 7, 3), "job", 7)
    assert (redeemed.kind, redeemed.id, redeemed.user_id) == ("job", 7, 3)
    assert before <= redeemed.issued_at <= datetime.now(UTC)


@pytest.mark.parametrize(("kind", "id"), [("job", 8), ("project", 7)])
def test_a_ticket_opens_nothing_else(kind: tickets.Kind, id: int) -> None:
    with pytest.raises(tickets.TicketRefused):
        tickets.redeem(tickets.issue("job", 7, 3), kind, id)


def test_a_ticket_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = tickets.issue("job", 7, 3)
    monkeypatch.setattr(tickets, "MAX_AGE", timedelta(seconds=-1))
    with pytest.raises(tickets.TicketRefused):
        tickets.redeem(ticket, "job", 7)


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "x",
        "a:b:c",
        tickets.issue("job", 7, 3)[:-1] + "_",
        signing.TimestampSigner(salt="other").sign_object(["job", 7, 3]),
        signing.TimestampSigner(salt="strata.live.ticket").sign_object("job"),
    ],
)
def test_a_forged_ticket_is_refused(forged: str) -> None:
    with pytest.raises(tickets.TicketRefused):
        tickets.redeem(forged, "job", 7)


def test_an_entry_id_lies_a_little_before_its_moment() -> None:
    """Clocks differ; telling something twice is harmless, missing it is not."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert entry_id(at) == f"{int(at.timestamp()) * 1000 - 3000}-0"
