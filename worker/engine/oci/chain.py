"""Chain IDs: the identity of a layer on top of its parents (OCI image spec, config.md, "Layer ChainID")."""

from __future__ import annotations

from collections.abc import Iterable

from worker.engine.oci.digest import Digest


def chain_ids(diff_ids: Iterable[Digest]) -> tuple[Digest, ...]:
    """Compute the chain ID of every prefix of ``diff_ids`` (base first).

    The first is the base's diff ID itself; each next one is the digest of ``"<chain ID below> <diff ID>"``.
    """
    chain: list[Digest] = []
    for diff_id in diff_ids:
        chain.append(Digest.of(f"{chain[-1]} {diff_id}".encode()) if chain else diff_id)
    return tuple(chain)
