"""Which files are pictures that a browser can show safely: raster formats, told by their first bytes.

SVG is none of them: it is a document that may hold scripts. It is text here.
"""

from __future__ import annotations

#: So many first bytes tell.
MAGIC_BYTES = 32

_PREFIXES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\x00\x00\x01\x00", "image/vnd.microsoft.icon"),
)
_BITMAP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})  # sizes that the second header of a BMP may have
_AVIF_BRANDS = frozenset({b"avif", b"avis"})


def raster_type(head: bytes) -> str | None:
    """Return the media type of the picture that ``head`` begins; None if it is none that is shown."""
    for prefix, media_type in _PREFIXES:
        if head.startswith(prefix):
            return media_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp" and head[8:12] in _AVIF_BRANDS:
        return "image/avif"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BITMAP_HEADERS:
        return "image/bmp"
    return None
