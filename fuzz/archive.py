"""Archives from a fuzzer's bytes: every field within its reach, and checksums that are right."""

from __future__ import annotations

from tests.engine.layers.archives import END, gnu_long, header, padded, pax

KINDS = (b"0", b"5", b"2", b"1", b"3", b"4", b"6", b"7", b"S", b"x", b"g", b"L", b"K", b"\0", b"?")
PARTS = (
    b"a",
    b"b",
    b"c",
    b"outside",
    b"..",
    b".",
    b"",
    b".wh.a",
    b".wh.b",
    b".wh..wh..opq",
    b".wh..wh.plnk",
    b".wh.",
    b"\xff",
    b"n" * 90,
)
KEYS = (
    b"path",
    b"linkpath",
    b"size",
    b"uid",
    b"mtime",
    b"SCHILY.xattr.user.a",
    b"SCHILY.xattr.security.capability",
    b"SCHILY.xattr.system.posix_acl_access",
    b"SCHILY.xattr.trusted.overlay.opaque",
    b"GNU.sparse.major",
    b"GNU.sparse.minor",
    b"GNU.sparse.map",
    b"GNU.sparse.size",
    b"GNU.sparse.realsize",
    b"GNU.sparse.numblocks",
    b"GNU.sparse.name",
    b"GNU.sparse.offset",
    b"GNU.sparse.numbytes",
)


class _Bytes:
    """A fuzzer's bytes, taken one after the other; zeros after the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def number(self) -> int:
        return self.some(1)[0]

    def some(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        self._at += count
        return taken.ljust(count, b"\0")

    def name(self) -> bytes:
        lead = (b"", b"/", b"./", b"../")[self.number() & 3]
        return lead + b"/".join(PARTS[self.number() % len(PARTS)] for _ in range(1 + self.number() % 4))


def archive(data: bytes) -> bytes:
    """A tar that the bytes describe, entry by entry."""
    source = _Bytes(data)
    blocks: list[bytes] = []
    while source and len(blocks) < 60:
        blocks.append(_entry(source))
    return b"".join(blocks) + END


def _entry(source: _Bytes) -> bytes:
    kind, name = KINDS[source.number() % len(KINDS)], source.name()
    choice = source.number()
    if kind in b"xg":
        keys = [KEYS[source.number() % len(KEYS)] for _ in range(choice % 4)]
        return pax({key: source.some(source.number() % 24) for key in keys}, kind)
    if kind in b"LK":
        return gnu_long(kind, name * (1 + choice % 4))
    content = source.some(source.number() % 64) * (1 + (choice & 15))
    fields = {}
    if choice & 16:
        fields = {"mode": b"%07o\0" % (int.from_bytes(source.some(2), "big") & 0o7777), "uid": source.some(8)}
    if choice & 32:
        fields |= {"mtime": source.some(12), "magic": b"ustar  \0"}
    link = source.name()[:100] if kind in b"12" else b""
    block = header(name[:100], kind, len(content), link=link, **fields)  # type: ignore[arg-type]
    if kind == b"S":
        block = with_right_checksum(_with_map(block, source))
    return block + (padded(content) if kind in b"07S\0" else b"")


def _with_map(block: bytes, source: _Bytes) -> bytes:
    numbers = [
        b"%011o\0" % int.from_bytes(source.some(2), "big") for _ in range(2 + 2 * (source.number() % 4))
    ]
    pairs = b"".join(numbers)[:96].ljust(96, b"\0")
    more = bytes([source.number() & 1])
    return block[:257] + b"ustar  \0" + block[265:386] + pairs + more + numbers[0] + block[495:]


def with_right_checksums(tar: bytes) -> bytes:
    """The same, with the checksum of whatever looks like a header mended, so that damage gets past it."""
    blocks = (tar[at : at + 512] for at in range(0, len(tar), 512))
    return b"".join(with_right_checksum(block) if block[257:262] == b"ustar" else block for block in blocks)


def with_right_checksum(block: bytes) -> bytes:
    """A header with its checksum mended."""
    return block[:148] + b"%06o\0 " % (sum(block[:148]) + 8 * 32 + sum(block[156:])) + block[156:]
