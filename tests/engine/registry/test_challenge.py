"""``WWW-Authenticate`` in the forms that registries send."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.engine.registry.challenge import Challenge, parse_challenges

HUB = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/alpine:pull"'


def test_docker_hub() -> None:
    (challenge,) = parse_challenges([HUB])
    assert challenge.scheme == "bearer"
    assert challenge.parameters == {
        "realm": "https://auth.docker.io/token",
        "service": "registry.docker.io",
        "scope": "repository:library/alpine:pull",
    }


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (["Basic"], [("basic", {})]),
        (['Basic realm="a b, c"'], [("basic", {"realm": "a b, c"})]),
        (["bearer Realm=x , Service = y"], [("bearer", {"realm": "x", "service": "y"})]),
        ([r'Basic realm="say \"hi\""'], [("basic", {"realm": 'say "hi"'})]),
        (
            ['Basic realm="a", Bearer realm="b",scope="c"'],
            [("basic", {"realm": "a"}), ("bearer", {"realm": "b", "scope": "c"})],
        ),
        (['Basic realm="a"', 'Bearer realm="b"'], [("basic", {"realm": "a"}), ("bearer", {"realm": "b"})]),
        (["Negotiate, Basic"], [("negotiate", {}), ("basic", {})]),
        (["", "  ", "="], []),
        (['Bearer realm="never closed'], [("bearer", {})]),
        ([], []),
    ],
)
def test_forms(headers: list[str], expected: list[tuple[str, dict[str, str]]]) -> None:
    assert parse_challenges(headers) == tuple(
        Challenge(scheme, parameters) for scheme, parameters in expected
    )


def test_a_stranger_s_long_headers_do_not_keep_the_process_busy() -> None:
    """As many and as long as HTTP lets through; with an expression that goes back and forth: a minute."""
    before = time.monotonic()
    assert len(parse_challenges(["Bearer" + " " * 60_000 + '"'] * 100)) == 100
    assert time.monotonic() - before < 15


_word = st.from_regex(r"[a-z]{1,8}", fullmatch=True)


@given(
    _word,
    st.dictionaries(_word, st.text(st.characters(codec="ascii", exclude_characters="\r\n"), max_size=20)),
)
def test_quoted_values_survive(scheme: str, parameters: dict[str, str]) -> None:
    quoted = ", ".join(
        '{}="{}"'.format(name, value.replace("\\", "\\\\").replace('"', '\\"'))
        for name, value in parameters.items()
    )
    assert parse_challenges([f"{scheme} {quoted}"]) == (Challenge(scheme, parameters),)


@given(st.text())
def test_nonsense_never_raises(header: str) -> None:
    parse_challenges([header, header * 1000])
