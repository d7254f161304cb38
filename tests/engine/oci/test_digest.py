"""Digests."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.engine.errors import InvalidDigest
from worker.engine.oci import Digest


@given(st.binary())
def test_of_is_sha256_and_survives_parsing(content: bytes) -> None:
    digest = Digest.of(content)
    assert str(digest) == "sha256:" + hashlib.sha256(content).hexdigest()
    assert Digest.parse(str(digest)) == digest


def test_short_is_what_people_compare() -> None:
    assert Digest.of(b"").short == "e3b0c44298fc"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256",
        "sha256:",
        "sha256:" + "a" * 63,
        "sha256:" + "a" * 65,
        "sha256:" + "A" * 64,
        "sha256:" + "g" * 64,
        "SHA256:" + "a" * 64,
        "sha256:" + "a" * 64 + "\n",
        "a" * 64,
        "sha256:../../../../etc/passwd",
    ],
)
def test_refuses_what_is_no_digest(text: str) -> None:
    with pytest.raises(InvalidDigest):
        Digest.parse(text)


def test_says_that_another_algorithm_is_unsupported() -> None:
    with pytest.raises(InvalidDigest, match="unsupported"):
        Digest.parse("sha512:" + "a" * 128)


@given(st.text())
def test_text_is_a_digest_or_an_error_of_ours(text: str) -> None:
    try:
        digest = Digest.parse(text)
    except InvalidDigest:
        return
    assert str(digest) == text


def test_a_message_quotes_at_a_bearable_length() -> None:
    with pytest.raises(InvalidDigest) as caught:
        Digest.parse("x" * 100_000)
    assert len(caught.value.message) < 250


def test_order_is_that_of_the_text() -> None:
    digests = [Digest.of(bytes([number])) for number in range(20)]
    assert [str(digest) for digest in sorted(digests)] == sorted(str(digest) for digest in digests)
