"""References: Docker's rules. The tables follow the tests of the ``distribution/reference`` library."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from worker.engine.errors import InvalidReference
from worker.engine.oci import Reference

SHA = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("alpine", "docker.io/library/alpine:latest"),
        ("alpine:3.20", "docker.io/library/alpine:3.20"),
        (" alpine\n", "docker.io/library/alpine:latest"),
        ("library/alpine", "docker.io/library/alpine:latest"),
        ("grafana/grafana", "docker.io/grafana/grafana:latest"),
        ("docker.io/alpine", "docker.io/library/alpine:latest"),
        ("index.docker.io/alpine", "docker.io/library/alpine:latest"),
        ("docker.io/a/b/c:x", "docker.io/a/b/c:x"),
        ("localhost/alpine", "localhost/alpine:latest"),
        ("localhost:5000/alpine", "localhost:5000/alpine:latest"),
        ("host:80/a/b:1", "host:80/a/b:1"),
        ("ghcr.io/Org/name", None),
        ("GHCR.IO/org/name", "ghcr.io/org/name:latest"),
        ("xn--n3h.com/my-app", "xn--n3h.com/my-app:latest"),
        ("192.168.1.1/repo", "192.168.1.1/repo:latest"),
        ("[2001:db8::1]:5000/repo:tag", "[2001:db8::1]:5000/repo:tag"),
        ("[::1]/repo", "[::1]/repo:latest"),
        (f"alpine@{SHA}", f"docker.io/library/alpine@{SHA}"),
        (f"alpine:3@{SHA}", f"docker.io/library/alpine:3@{SHA}"),
        (f"localhost:5000/a@{SHA}", f"localhost:5000/a@{SHA}"),
        ("a__b/c--d/e.f", "docker.io/a__b/c--d/e.f:latest"),
        ("test_com/foo", "docker.io/test_com/foo:latest"),
        ("lowercase:Uppercase", "docker.io/library/lowercase:Uppercase"),
        ("a:" + "t" * 128, "docker.io/library/a:" + "t" * 128),
        ("h.com/" + "a/" * 127 + "a", "h.com/" + "a/" * 127 + "a:latest"),
    ],
)
def test_reads_as_docker_does(text: str, full: str | None) -> None:
    if full is None:
        with pytest.raises(InvalidReference):
            Reference.parse(text)
    else:
        assert str(Reference.parse(text)) == full


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        ":latest",
        "@" + SHA,
        "/alpine",
        "alpine/",
        "a//b",
        "alpine:",
        "alpine:a:b",
        "alpine@",
        "alpine@sha256:abc",
        "alpine@md5:" + "a" * 32,
        f"alpine@{SHA}@{SHA}",
        "Alpine",
        "UPPER/case",  # in lower case, which hosts are kept in, it would be another reference
        "-foo/bar",
        "foo-/bar",
        "foo/.bar",
        "foo/bar.",
        "foo..bar/x",
        "a___b",
        "host:port/repo",
        "host:99999/repo",
        "host:0/repo",
        "-host.com/repo",
        "a b",
        "al pine:1",
        "alpine:-x",
        "alpine:é",
        "alpiné",
        "https://ghcr.io/a/b",
        "docker://alpine",
        "0123456789abcdef" * 4,
        "a:" + "t" * 129,
        "h.com/" + "a/" * 128 + "a",
        "x" * 5000,
        "../../etc/passwd",
        "alpine\x00",
        "[::1/repo",
    ],
)
def test_refuses_with_a_sentence(text: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        Reference.parse(text)
    assert caught.value.message.endswith(".")
    assert caught.value.hint


def test_says_to_drop_the_scheme() -> None:
    with pytest.raises(InvalidReference) as caught:
        Reference.parse("https://ghcr.io/a/b")
    assert "://" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "familiar"),
    [
        ("docker.io/library/alpine:3", "alpine:3"),
        ("docker.io/grafana/grafana", "grafana/grafana:latest"),
        ("localhost:5000/library/alpine", "localhost:5000/library/alpine:latest"),
        ("docker.io/localhost/x", "docker.io/localhost/x:latest"),
        (f"alpine@{SHA}", f"alpine@{SHA}"),
    ],
)
def test_familiar_is_the_shortest_that_means_the_same(text: str, familiar: str) -> None:
    reference = Reference.parse(text)
    assert reference.familiar == familiar
    assert Reference.parse(familiar) == reference


def test_the_digest_decides() -> None:
    assert Reference.parse(f"alpine:3@{SHA}").manifest_key == SHA
    assert Reference.parse("alpine:3").manifest_key == "3"
    assert Reference.parse(f"alpine@{SHA}").tag is None


_component = st.from_regex(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*", fullmatch=True).filter(
    lambda x: len(x) < 40
)
_label = st.from_regex(r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?", fullmatch=True).filter(
    lambda x: len(x) < 30
)
_host = st.lists(_label, min_size=2, max_size=4).map(".".join)
_port = st.one_of(st.just(""), st.integers(1, 65535).map(lambda port: f":{port}"))
_tag = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", fullmatch=True)
_digest = st.binary(min_size=32, max_size=32).map(lambda raw: f"sha256:{raw.hex()}")


@given(
    host=st.one_of(st.just(""), st.builds("{}{}/".format, _host, _port)),
    path=st.lists(_component, min_size=1, max_size=5).map("/".join),
    tag=st.one_of(st.just(""), _tag.map(lambda tag: f":{tag}")),
    digest=st.one_of(st.just(""), _digest.map(lambda digest: f"@{digest}")),
)
def test_both_spellings_survive_parsing(host: str, path: str, tag: str, digest: str) -> None:
    """For any reference by the grammar: parse(str(r)) == r and parse(r.familiar) == r."""
    # Without a host these are read as a registry, or as an image's ID.
    assume(host or not ("." in path.partition("/")[0] or path.startswith("localhost/") or len(path) == 64))
    reference = Reference.parse(host + path + tag + digest)
    assert Reference.parse(str(reference)) == reference
    assert Reference.parse(reference.familiar) == reference
    assert reference.registry == reference.registry.lower()


@given(st.text(max_size=300))
def test_any_text_is_a_reference_or_an_error_of_ours(text: str) -> None:
    try:
        reference = Reference.parse(text)
    except InvalidReference:
        return
    assert Reference.parse(str(reference)) == reference
