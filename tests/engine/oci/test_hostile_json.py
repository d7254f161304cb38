"""Whatever a registry sends as manifest, index or config: it is read, or refused by an error of ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samples.images import image, index, layer
from worker.engine.errors import InvalidManifest, StrataError
from worker.engine.oci import Compression, Digest, ImageConfig, Index, MediaType, Platform, parse_manifest
from worker.engine.oci.json_values import NESTING_MAX

LAYER = layer({"a": b"1"})
IMAGE = image([LAYER])
INDEX = index([IMAGE], attestations=True)
SOUND = {
    "manifest": json.loads(IMAGE.raw),
    "index": json.loads(INDEX.raw),
    "config": json.loads(IMAGE.config_raw),
}


def read(raw: bytes, kind: str) -> object:
    """Parse, and look at everything that is computed later."""
    if kind == "config":
        config = ImageConfig.parse(raw)
        return str(config.platform), config.platform.normal, config.digest, str(config.history)
    found = parse_manifest(raw, "")
    if isinstance(found, Index):
        return found.select(Platform("linux", "arm", "v7")), found.platforms, found.digest
    return [layer.compression for layer in found.layers], found.compressed_size, found.digest


def survives(raw: bytes, kind: str) -> None:
    message = ""
    try:
        read(raw, kind)
    except StrataError as error:
        message = error.message
    assert len(message) < 3000
    assert "\n" not in message


def odd_values() -> st.SearchStrategy[Any]:
    texts = st.text() | st.sampled_from(
        ["", "\0", "\ud800", "sha256:", str(Digest.of(b"")), "linux", "v" + "9" * 5000, *MediaType]
    )
    numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    plain = st.none() | st.booleans() | numbers | st.just(10**400) | texts
    return st.recursive(
        plain, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4)
    )


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to everything in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, part in inner for place in places(part, (*at, key)))]


def replaced(document: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    copy = document.copy()
    copy[place[0]] = replaced(document[place[0]], place[1:], value)
    return copy


@pytest.mark.parametrize("kind", SOUND)
@given(data=st.data())
def test_any_value_anywhere(kind: str, data: st.DataObject) -> None:
    """A sound document in which one or several values are something else."""
    document = SOUND[kind]
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.sampled_from(places(document)))
        document = replaced(document, place, data.draw(odd_values()))
    survives(json.dumps(document).encode(), kind)


@pytest.mark.parametrize("kind", SOUND)
@given(value=odd_values())
def test_any_document(kind: str, value: object) -> None:
    survives(json.dumps(value).encode(), kind)


@pytest.mark.parametrize("kind", SOUND)
@given(raw=st.binary(max_size=200))
def test_any_bytes(kind: str, raw: bytes) -> None:
    survives(raw, kind)


@pytest.mark.parametrize("kind", SOUND)
@given(data=st.data())
def test_any_damage(kind: str, data: st.DataObject) -> None:
    """Bytes cut out of a sound document, or put into it."""
    raw = json.dumps(SOUND[kind]).encode()
    start, end = sorted(data.draw(st.tuples(st.integers(0, len(raw)), st.integers(0, len(raw)))))
    survives(raw[:start] + data.draw(st.binary(max_size=8)) + raw[end:], kind)


@pytest.mark.parametrize("kind", SOUND)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: raw[:-1] + b',"x":NaN}',
        lambda raw: raw[:-1] + b',"x":-Infinity}',
        lambda raw: raw[:-1] + b',"x":' + b"9" * 5000 + b"}",
        lambda raw: raw[:-1] + b',"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        lambda raw: raw[:-1] + b',"x":' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}",
        lambda raw: raw.decode().encode("utf-16"),
        lambda raw: b"\xef\xbb\xbf" + raw,
        lambda raw: raw + b"{}",
        lambda raw: raw[:-1] + b',"x":{"y":1,"y":2}}',
        lambda raw: raw[:-1] + b',"\\u0078":1,"x":2}',
    ],
)
def test_what_others_may_read_otherwise_is_refused(spoil: Callable[[bytes], bytes], kind: str) -> None:
    """NaN, numbers and depths beyond reason, other encodings, two documents, names that occur twice."""
    with pytest.raises(InvalidManifest):
        read(spoil(json.dumps(SOUND[kind]).encode()), kind)


def test_two_lists_of_layers_are_not_one() -> None:
    raw = IMAGE.raw[:-1] + b',"layers":[]}'
    with pytest.raises(InvalidManifest, match="names 'layers' twice"):
        parse_manifest(raw)


def test_a_bearable_depth_is_read() -> None:
    deep: object = 1
    for _ in range(NESTING_MAX - 1):
        deep = [deep]
    bearable = {**SOUND["config"], "deep": deep}
    assert ImageConfig.parse(json.dumps(bearable).encode()).diff_ids == (LAYER.diff_id,)
    with pytest.raises(InvalidManifest, match="nested"):
        ImageConfig.parse(json.dumps({**bearable, "deep": [deep]}).encode())


@pytest.mark.parametrize("variant", ["v" + "9" * 5000, "7" * 5000, "v\n8", "v/8", "\ud800", "x" * 51])
def test_an_impossible_platform_hides_only_its_own_entry(variant: str) -> None:
    body = json.loads(index([IMAGE]).raw)
    odd = json.loads(json.dumps(body["manifests"][0]))
    odd["platform"]["variant"] = variant
    body["manifests"].insert(0, odd)
    found = parse_manifest(json.dumps(body).encode())
    assert isinstance(found, Index)
    assert [str(platform) for platform in found.platforms] == ["linux/amd64"]
    assert found.select(Platform("linux", "amd64")).digest == IMAGE.digest


def test_messages_stay_short() -> None:
    long = "x" * 1_000_000
    for call in (lambda: Compression.of(long), lambda: Compression.of(long + "+encrypted")):
        with pytest.raises(StrataError) as refused:
            call()
        assert len(refused.value.message) < 500
