"""Capabilities of files are written as getcap(8) writes them."""

from __future__ import annotations

import struct

import pytest

from worker.engine.content.capabilities import capability_text

NET_RAW, NET_ADMIN, BPF = 1 << 13, 1 << 12, 1 << 39


def packed(permitted: int, inheritable: int = 0, *, effective: bool = True, revision: int = 2) -> bytes:
    low, high = 0xFFFFFFFF, 32
    magic = revision << 24 | effective
    return struct.pack(
        "<5I", magic, permitted & low, inheritable & low, permitted >> high, inheritable >> high
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (bytes.fromhex("0100000200200000000000000000000000000000"), "cap_net_raw=ep"),  # ping of Debian
        (packed(NET_ADMIN | NET_RAW, effective=False), "cap_net_admin,cap_net_raw=p"),
        (packed(NET_RAW | BPF, NET_RAW), "cap_net_raw=eip cap_bpf=ep"),
        (
            packed(NET_RAW, revision=3) + struct.pack("<I", 1000),
            "cap_net_raw=ep (in the user namespace of 1000)",
        ),
        (packed(1 << 63), "63=ep"),
        (packed(0), "none"),
        (struct.pack("<3I", 1 << 24 | 1, NET_RAW, 0), "cap_net_raw=ep"),
        (b"", None),
        (b"\0" * 20, None),
        (packed(NET_RAW)[:-1], None),
    ],
)
def test_capabilities_are_told(value: bytes, text: str | None) -> None:
    assert capability_text(value) == text
