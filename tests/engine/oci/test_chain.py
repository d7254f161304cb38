"""Chain IDs."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from worker.engine.oci import Digest, chain_ids

_digests = st.lists(st.binary(max_size=8).map(Digest.of), max_size=8)


def test_known_values() -> None:
    """By the spec's formula, computed with coreutils: ``printf '%s %s' A B | sha256sum``, and so on."""
    a, b, c = (Digest("sha256", letter * 64) for letter in "abc")
    assert [str(digest) for digest in chain_ids([a, b, c])] == [
        f"sha256:{'a' * 64}",
        "sha256:ccd722928bd92476ba1745586fed6e45a102504185ad88cd89e01ff116fd146c",
        "sha256:c1377126441fb2f5ec2c21ae2a60255331d639e830f0ee1b40a36e52d4c40588",
    ]


@given(_digests)
def test_each_is_made_of_the_one_below(diff_ids: list[Digest]) -> None:
    chain = chain_ids(diff_ids)
    assert len(chain) == len(diff_ids)
    for position, digest in enumerate(chain):
        if position == 0:
            assert digest == diff_ids[0]
        else:
            text = f"{chain[position - 1]} {diff_ids[position]}"
            assert digest.hex == hashlib.sha256(text.encode("ascii")).hexdigest()


@given(_digests, _digests)
def test_a_prefix_has_the_same_chain(base: list[Digest], more: list[Digest]) -> None:
    """So a child's chain begins with its parent's: lineage can be found by comparing chain IDs."""
    assert chain_ids([*base, *more])[: len(base)] == chain_ids(base)
