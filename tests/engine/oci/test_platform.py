"""Platforms."""

from __future__ import annotations

import platform as host_platform

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.engine.errors import InvalidPlatform
from worker.engine.oci import Platform


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("linux/amd64", "linux/amd64"),
        ("linux/x86_64", "linux/amd64"),
        ("Linux/AMD64", "linux/amd64"),
        ("linux/amd64/v1", "linux/amd64"),
        ("linux/amd64/v3", "linux/amd64/v3"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm64/8", "linux/arm64"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/6", "linux/arm/v6"),
        ("linux/armhf", "linux/arm/v7"),
        ("linux/armel", "linux/arm/v6"),
        ("linux/i686", "linux/386"),
        ("macos/arm64", "darwin/arm64"),
        ("linux/riscv64", "linux/riscv64"),
    ],
)
def test_has_one_spelling(text: str, normal: str) -> None:
    assert str(Platform.parse(text)) == normal


@pytest.mark.parametrize(
    "text", ["", "linux", "linux/", "/amd64", "a/b/c/d", "linux/amd 64", "linux//v7", "*/x"]
)
def test_refuses_with_a_sentence(text: str) -> None:
    with pytest.raises(InvalidPlatform, match="is not a platform"):
        Platform.parse(text)


@given(
    st.builds(
        Platform,
        st.sampled_from(["linux", "windows", "Darwin"]),
        st.sampled_from(["amd64", "x86_64", "arm", "armel", "arm64", "aarch64", "386", "s390x"]),
        st.sampled_from(["", "v1", "v2", "v6", "v7", "v8", "8", "5"]),
    )
)
def test_normal_is_a_fixed_point_and_survives_parsing(platform: Platform) -> None:
    assert platform.normal.normal == platform.normal
    assert Platform.parse(str(platform)) == platform.normal
    assert platform.matches(platform.normal)
    assert platform.distance(platform) == 0


def test_arm64_is_arm64_v8() -> None:
    assert Platform("linux", "arm64", "v8").matches(Platform("linux", "arm64"))
    assert not Platform("linux", "arm", "v6").matches(Platform("linux", "arm"))


@pytest.mark.parametrize(
    ("image", "machine", "distance"),
    [
        ("linux/arm/v6", "linux/arm/v7", 1),
        ("linux/arm/v5", "linux/arm/v7", 2),
        ("linux/arm/v7", "linux/arm/v6", None),
        ("linux/amd64", "linux/amd64/v3", 2),
        ("linux/amd64/v3", "linux/amd64", None),
        ("linux/amd64", "linux/arm64", None),
        ("windows/amd64", "linux/amd64", None),
    ],
)
def test_higher_variants_run_lower_ones(image: str, machine: str, distance: int | None) -> None:
    assert Platform.parse(image).distance(Platform.parse(machine)) == distance


def test_host_is_this_machine() -> None:
    host = Platform.host()
    assert host.os == host_platform.system().lower()
    assert host.known
    assert not Platform("unknown", "unknown").known
