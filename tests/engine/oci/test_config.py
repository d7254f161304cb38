"""Image configs and their history."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from samples.images import image, layer
from worker.engine.errors import InvalidManifest
from worker.engine.oci import Digest, ImageConfig, Platform, layer_commands

ONE, TWO = Digest.of(b"1"), Digest.of(b"2")


def config(run: dict[str, Any] | None = None, **fields: Any) -> ImageConfig:
    body = {
        "os": "linux",
        "architecture": "amd64",
        "rootfs": {"type": "layers", "diff_ids": [str(ONE), str(TWO)]},
        "config": run or {},
        **fields,
    }
    return ImageConfig.parse(json.dumps(body).encode())


def test_reads_what_a_container_needs() -> None:
    found = config(
        {
            "Entrypoint": ["/entry"],
            "Cmd": ["a", "b"],
            "Env": ["A=1"],
            "User": "app:app",
            "WorkingDir": "/srv",
            "Labels": {"x": "y"},
            "ExposedPorts": {"80/tcp": {}, "443/tcp": {}},
            "Volumes": {"/data": {}},
            "StopSignal": "SIGINT",
        },
        variant="v3",
    )
    assert found.platform == Platform("linux", "amd64", "v3")
    assert found.diff_ids == (ONE, TWO)
    assert (found.entrypoint, found.cmd, found.env) == (("/entry",), ("a", "b"), ("A=1",))
    assert (found.user, found.working_dir, found.stop_signal) == ("app:app", "/srv", "SIGINT")
    assert found.labels == {"x": "y"}
    assert found.exposed_ports == ("443/tcp", "80/tcp")
    assert found.volumes == ("/data",)
    assert found.digest == Digest.of(found.raw)
    assert found.raw_json["variant"] == "v3"


def test_nulls_are_absent() -> None:
    """Docker writes null for what is empty."""
    found = config(
        {"Entrypoint": None, "Cmd": None, "Env": None, "Labels": None, "Volumes": None}, history=None
    )
    assert found.entrypoint == found.cmd == found.env == found.volumes == found.history == ()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05.123456789Z", datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=UTC)),
        ("2026-01-02T03:04:05.5+02:00", datetime(2026, 1, 2, 1, 4, 5, 500000, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+05:00", None),
        ("9999-12-31T23:59:59-05:00", None),
        ("2026-13-01T00:00:00Z", None),
        ("yesterday", None),
        (17, None),
        (None, None),
    ],
)
def test_times_inform_but_never_refuse(text: object, moment: datetime | None) -> None:
    assert config(created=text).created == moment


@pytest.mark.parametrize(
    "fields",
    [
        {"os": None},
        {"architecture": 5},
        {"rootfs": None},
        {"rootfs": {"type": "other", "diff_ids": []}},
        {"rootfs": {"type": "layers", "diff_ids": ["sha256:x"]}},
        {"rootfs": {"type": "layers", "diff_ids": "x"}},
        {"history": {}},
        {"history": [1]},
        {"run": {"Cmd": "sh"}},
        {"run": {"Env": [1]}},
        {"run": {"ExposedPorts": ["80"]}},
        {"run": {"User": 0}},
    ],
)
def test_refuses_malformed_fields_by_name(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidManifest) as caught:
        config(**fields)
    assert "config" in caught.value.message


@pytest.mark.parametrize("raw", [b"", b"null", b"[]", b'"x"', b"\x00"])
def test_refuses_what_is_no_object(raw: bytes) -> None:
    with pytest.raises(InvalidManifest):
        ImageConfig.parse(raw)


def test_commands_skip_steps_without_a_layer() -> None:
    found = config(
        history=[
            {"created_by": "ADD rootfs"},
            {"created_by": "ENV A=1", "empty_layer": True},
            {"created_by": "", "comment": "imported"},
        ]
    )
    assert layer_commands(found) == ("ADD rootfs", "imported")
    assert [step.empty_layer for step in found.history] == [False, True, False]


@pytest.mark.parametrize(
    "history", [None, [], [{"created_by": "one"}], [{"created_by": str(x)} for x in range(3)]]
)
def test_a_history_that_does_not_fit_says_nothing(history: list[dict[str, str]] | None) -> None:
    assert layer_commands(config(history=history)) == ("", "")


def test_agrees_with_the_sample_builder() -> None:
    base = image([layer({"a": b"1"})], history=["ADD a /"], run={"Env": ["A=1"], "Cmd": ["sh"]})
    child = image([layer({"b": b"2"})], base=base, history=["RUN b"], run={"Cmd": ["b"]})
    assert child.config.diff_ids == child.diff_ids
    assert layer_commands(child.config) == ("ADD a /", "RUN b")
    assert (child.config.env, child.config.cmd) == (("A=1",), ("b",))


@pytest.mark.parametrize("part", ["os", "architecture", "variant"])
@pytest.mark.parametrize("value", ["x" * 51, "a/b", "a\0", "\ud800", "a b"])
def test_a_platform_that_cannot_be_is_refused(part: str, value: str) -> None:
    with pytest.raises(InvalidManifest, match="platform"):
        config(**{part: value})
