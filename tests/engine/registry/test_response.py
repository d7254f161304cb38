"""What an answer's head says of its body."""

from __future__ import annotations

import pytest
from urllib3 import HTTPResponse

from worker.engine.cancel import CancelToken
from worker.engine.registry.deadlines import Deadlines
from worker.engine.registry.response import Response


@pytest.mark.parametrize(
    ("header", "length"),
    [
        ("0", 0),
        ("9223372036854775807", 2**63 - 1),
        ("", None),
        ("-1", None),
        ("many", None),
        # Python itself refuses to read a number of more than 4300 digits.
        ("9" * 5000, None),
    ],
)
def test_a_length_that_makes_no_sense_is_none(header: str, length: int | None) -> None:
    raw = HTTPResponse(body=b"", headers={"Content-Length": header}, preload_content=False)
    with Response(
        raw,
        host="r.example",
        subject="",
        redirected=False,
        cancel=CancelToken(),
        deadlines=Deadlines(),
        stall_timeout=1.0,
    ) as response:
        assert response.content_length == length
