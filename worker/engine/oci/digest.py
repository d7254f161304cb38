"""Digests: the names of content (OCI image spec, descriptor.md, "Digests")."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Self

from worker.engine.errors import InvalidDigest

_GRAMMAR = re.compile(r"([a-z0-9]+(?:[.+_-][a-z0-9]+)*):([A-Za-z0-9=_-]+)")
_SHA256_HEX = re.compile(r"[a-f0-9]{64}")


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """The SHA-256 of some bytes, which is also their name.

    Attributes:
        algorithm: Always ``sha256``: what every registry and tool uses in practice.
        hex: 64 lower-case hexadecimal digits.
    """

    algorithm: str
    hex: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``sha256:<64 hex digits>``.

        Raises:
            InvalidDigest: it is not a digest, or of an algorithm that is not supported.
        """
        match = _GRAMMAR.fullmatch(text)
        if match is None:
            raise InvalidDigest(f"{_shown(text)} is not a digest.")
        algorithm, encoded = match.groups()
        if algorithm != "sha256":
            raise InvalidDigest(
                f"Digests of the algorithm {_shown(algorithm)} are unsupported: only sha256 is supported."
            )
        if _SHA256_HEX.fullmatch(encoded) is None:
            raise InvalidDigest(
                f"{_shown(text)} is not a sha256 digest: 64 lower-case hexadecimal digits are needed."
            )
        return cls(algorithm, encoded)

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Compute the digest of ``content``."""
        return cls("sha256", hashlib.sha256(content).hexdigest())

    @property
    def short(self) -> str:
        """The first 12 hexadecimal digits, for people."""
        return self.hex[:12]

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"


def _shown(text: str) -> str:
    """Quote ``text`` for a message, at a bearable length."""
    return repr(text if len(text) <= 100 else text[:100] + "…")
